/*  test_chain_op -- the operation machine cell by cell, nonce keys, and the judge of heads.  */
#include "../../services/chain/chain_effect.h"
#include "../../services/chain/chain_head.h"
#include "../../services/chain/chain_nonce.h"
#include "../../services/chain/chain_op.h"

#include "am_keccak.h"

#include <criterion/criterion.h>

/* Every cell that does something; all others must do nothing at all. */
static const struct {
    enum chain_state state;
    enum chain_event event;
    enum chain_state next;
    enum chain_action action;
    bool save;
    unsigned paid;
} cells[] = {
#define CELL(state, event, next, action, save, paid)                                               \
    {CHAIN_##state, CHAIN_EV_##event, CHAIN_##next, CHAIN_DO_##action, save, paid},
    /* clang-format off */
    CELL(ASKED, EFFECT, CONFIRMED, NOTHING, true, 0)
    CELL(ASKED, MISSING, NONCE, NONCE, false, 0)
    CELL(ASKED, GONE, FAILED, NOTHING, true, 0)
    CELL(NONCE, EFFECT, CONFIRMED, NOTHING, true, 0)
    CELL(NONCE, NONCE_FREE, PREPARE, PREPARE, false, 0)
    CELL(NONCE, NONCE_USED, FIND, FIND, false, 0)
    CELL(NONCE, ERROR, ASKED, NOTHING, false, 0)
    CELL(NONCE, GONE, FAILED, NOTHING, true, 0)
    CELL(PREPARE, EFFECT, CONFIRMED, NOTHING, true, 0)
    CELL(PREPARE, PREPARED, SPONSORED, SIGN, true, 0)
    CELL(PREPARE, STALE, ASKED, NOTHING, true, 1)
    CELL(PREPARE, LAPSED, ASKED, NOTHING, true, 1)
    CELL(PREPARE, NOT_YET, ASKED, NOTHING, false, 0)
    CELL(PREPARE, ERROR, ASKED, NOTHING, true, 1)
    CELL(PREPARE, GONE, FAILED, NOTHING, true, 0)
    CELL(SPONSORED, EFFECT, CONFIRMED, NOTHING, true, 0)
    CELL(SPONSORED, SIGNATURE, SIGNED, SEND, true, 0)
    CELL(SPONSORED, LAPSED, ASKED, NOTHING, true, 1)
    CELL(SPONSORED, ERROR, ASKED, NOTHING, true, 1)
    CELL(SPONSORED, GONE, FAILED, NOTHING, true, 0)
    CELL(SIGNED, ACCEPTED, SENT, POLL, true, 0)
    CELL(SIGNED, UNSURE, SENT, POLL, true, 0)
    CELL(SIGNED, STALE, ASKED, NOTHING, true, 1)
    CELL(SIGNED, LAPSED, ASKED, NOTHING, true, 1)
    CELL(SIGNED, ERROR, ASKED, NOTHING, true, 1)
    CELL(SENT, SUCCESS, INCLUDED, NOTHING, true, 0)
    CELL(SENT, REVERT, REVERTED, NOTHING, true, 0)
    CELL(SENT, EXPIRED, ASKED, NOTHING, true, 1)
    CELL(FIND, SUCCESS, INCLUDED, NOTHING, true, 0)
    CELL(FIND, REVERT, REVERTED, NOTHING, true, 1)
    CELL(FIND, NOT_FOUND, REVERTED, NOTHING, true, 1)
    CELL(FIND, ERROR, ASKED, NOTHING, false, 0)
    CELL(FIND, GONE, FAILED, NOTHING, true, 0)
    CELL(INCLUDED, EFFECT, CONFIRMED, NOTHING, true, 0)
    CELL(INCLUDED, VANISHED, SENT, POLL, true, 0)
    CELL(REVERTED, EFFECT, CONFIRMED, NOTHING, true, 0)
    CELL(REVERTED, MISSING, NONCE, NONCE, false, 0)
    CELL(REVERTED, GONE, FAILED, NOTHING, true, 0)
    CELL(CONFIRMED, MISSING, ASKED, NOTHING, true, 0)
    CELL(CONFIRMED, VANISHED, SENT, POLL, true, 0)
/* clang-format on */
#undef CELL
};

Test(chain_op, every_cell)
{
    size_t known = 0;

    for (int s = 0; s < CHAIN_STATE_COUNT; s++)
        for (int e = 0; e < CHAIN_EVENT_COUNT; e++) {
            struct chain_work w = {.state = (enum chain_state)s, .attempts = 2};
            const char *name = chain_state_name((enum chain_state)s);
            const char *event = chain_event_name((enum chain_event)e);
            size_t i = 0;
            struct chain_step step;

            while (i < sizeof cells / sizeof cells[0] &&
                   ((int)cells[i].state != s || (int)cells[i].event != e))
                i++;
            step = chain_op_step(&w, (enum chain_event)e);
            if (i == sizeof cells / sizeof cells[0]) {
                cr_assert(w.state == (enum chain_state)s && w.attempts == 2 && !step.changed &&
                              !step.save && step.action == CHAIN_DO_NOTHING,
                          "%s x %s must do nothing", name, event);
                continue;
            }
            known++;
            cr_assert(w.state == cells[i].next, "%s x %s", name, event);
            cr_assert(step.changed && step.action == cells[i].action, "%s x %s", name, event);
            cr_assert(step.save == cells[i].save, "%s x %s", name, event);
            cr_assert(w.attempts == (w.state == CHAIN_CONFIRMED ? 0 : 2 + cells[i].paid), "%s x %s",
                      name, event);
        }
    cr_assert(known == sizeof cells / sizeof cells[0]);
}

Test(chain_op, a_failed_getnonce_is_never_a_nonce)
{
    struct chain_work w = {.state = CHAIN_NONCE};
    struct chain_step step = chain_op_step(&w, CHAIN_EV_ERROR);

    cr_assert(w.state == CHAIN_ASKED && step.action == CHAIN_DO_NOTHING);
    cr_assert(step.wait == CHAIN_WAIT_READ, "it is asked again, after a wait");
}

Test(chain_op, sequence_is_what_getnonce_says)
{
    struct chain_work w = {0};

    cr_assert(chain_op_nonce(&w, 0, 10) == CHAIN_EV_NONCE_FREE);
    cr_assert(w.sequence == 0 && w.from_block == 10);
    cr_assert(chain_op_nonce(&w, 0, 20) == CHAIN_EV_NONCE_FREE);
    cr_assert(w.from_block == 10, "the same sequence: its event may be at 10 already");
    cr_assert(chain_op_nonce(&w, 1, 30) == CHAIN_EV_NONCE_USED);
    cr_assert(w.sequence == 0, "not bumped: what used it is not known");
    chain_op_spend(&w, 0);
    cr_assert(chain_op_nonce(&w, 1, 40) == CHAIN_EV_NONCE_FREE);
    cr_assert(w.sequence == 1 && w.from_block == 40 && !w.spent);
    cr_assert(chain_op_nonce(&w, 0, 50) == CHAIN_EV_NONCE_FREE);
    cr_assert(w.sequence == 0, "a reorg gave it back");
}

/* A receipt with success false may be a lie: the sequence stays until the event is seen. */
Test(chain_op, a_revert_that_only_the_bundler_knows_spends_nothing)
{
    struct chain_work w = {.state = CHAIN_SENT, .from_block = 10};

    (void)chain_op_step(&w, CHAIN_EV_REVERT);
    cr_assert(w.state == CHAIN_REVERTED && w.attempts == 0 && !w.spent);
    (void)chain_op_step(&w, CHAIN_EV_MISSING);
    cr_assert(chain_op_nonce(&w, 1, 30) == CHAIN_EV_NONCE_USED, "then it is looked for");
    cr_assert(chain_op_step(&w, CHAIN_EV_NONCE_USED).action == CHAIN_DO_FIND);
    (void)chain_op_step(&w, CHAIN_EV_SUCCESS);
    cr_assert(w.state == CHAIN_INCLUDED);
}

Test(chain_op, all_state_lost_and_sequence_used)
{
    struct chain_work w = {0};

    cr_assert(chain_op_nonce(&w, 3, 100) == CHAIN_EV_NONCE_USED);
    chain_op_spend(&w, 2);
    cr_assert(chain_op_nonce(&w, 3, 101) == CHAIN_EV_NONCE_FREE);
    cr_assert(w.sequence == 3);
}

Test(chain_op, resume)
{
    static const enum chain_state with_hash[CHAIN_STATE_COUNT] = {
        [CHAIN_ASKED] = CHAIN_ASKED,       [CHAIN_NONCE] = CHAIN_ASKED,
        [CHAIN_PREPARE] = CHAIN_ASKED,     [CHAIN_SPONSORED] = CHAIN_ASKED,
        [CHAIN_SIGNED] = CHAIN_SENT,       [CHAIN_SENT] = CHAIN_SENT,
        [CHAIN_FIND] = CHAIN_SENT,         [CHAIN_INCLUDED] = CHAIN_INCLUDED,
        [CHAIN_REVERTED] = CHAIN_REVERTED, [CHAIN_CONFIRMED] = CHAIN_CONFIRMED,
        [CHAIN_FAILED] = CHAIN_FAILED,
    };

    for (int s = 0; s < CHAIN_STATE_COUNT; s++) {
        struct chain_work w = {.state = (enum chain_state)s};

        if (s == CHAIN_SIGNED || s == CHAIN_SENT || s == CHAIN_FIND)
            cr_assert(chain_op_resume(&w) == CHAIN_ASKED, "without a hash nothing can be followed");
        w.user_op_hash[0] = 1;
        cr_assert(chain_op_resume(&w) == with_hash[s], "%s", chain_state_name(w.state));
    }
}

/* What a wait is at least and at most, over all chances. */
static void
wait_is(enum chain_wait wait, uint64_t attempts, int64_t min, int64_t max)
{
    cr_expect(chain_op_wait_ms(wait, attempts, 0) == min, "%d %llu", (int)wait,
              (unsigned long long)attempts);
    cr_expect(chain_op_wait_ms(wait, attempts, UINT32_MAX) == (max > 0 ? max - 1 : 0), "%d %llu",
              (int)wait, (unsigned long long)attempts);
}

Test(chain_op, waits_have_full_jitter_and_a_ceiling)
{
    wait_is(CHAIN_WAIT_NONE, 9, 0, 0);
    wait_is(CHAIN_WAIT_READ, 0, 0, 1000);
    wait_is(CHAIN_WAIT_READ, 100, 0, 10000); /* reads cost nobody */
    wait_is(CHAIN_WAIT_PAID, 1, 0, 1000);
    wait_is(CHAIN_WAIT_PAID, 2, 0, 2000);
    wait_is(CHAIN_WAIT_PAID, 3, 0, 4000);
    wait_is(CHAIN_WAIT_PAID, 4, 0, 8000);
}

Test(chain_op, after_some_attempts_a_long_wait_holds)
{
    wait_is(CHAIN_WAIT_PAID, CHAIN_ATTEMPTS, 60000, 120000);
    wait_is(CHAIN_WAIT_PAID, CHAIN_ATTEMPTS + 1, 120000, 240000);
    wait_is(CHAIN_WAIT_PAID, CHAIN_ATTEMPTS + 3, 480000, 960000);
    for (uint64_t n = CHAIN_ATTEMPTS + 4; n < 100; n++)
        wait_is(CHAIN_WAIT_PAID, n, 900000, 1800000);
    wait_is(CHAIN_WAIT_PAID, UINT64_MAX, 900000, 1800000);
}

Test(chain_op, a_sponsorship_that_waited_is_lapsed)
{
    cr_assert(chain_op_is_fresh(0) && chain_op_is_fresh(CHAIN_FRESH_MS));
    cr_assert(!chain_op_is_fresh(CHAIN_FRESH_MS + 1) && !chain_op_is_fresh(-1));
    cr_assert(CHAIN_FRESH_MS < 10 * 60000, "Pimlico's end after ten minutes");
}

Test(chain_op, a_receipt_from_before_the_reorg_is_stale)
{
    struct chain_work w = {.floor = 10};

    cr_assert(chain_op_is_stale(&w, 9) && chain_op_is_stale(&w, 10));
    cr_assert(!chain_op_is_stale(&w, 11));
}

Test(chain_nonce, keys)
{
    uint8_t a[CHAIN_KEY], b[CHAIN_KEY], value[32] = {1}, other[32] = {2}, both[64], hash[32];

    chain_nonce_register(a);
    chain_nonce_commit(b);
    cr_assert(memcmp(a, b, CHAIN_KEY) != 0);
    cr_assert(memcmp(a, "attestmesh.register\0\0\0\0\0", CHAIN_KEY) == 0);
    chain_nonce_publish(a, value);
    chain_nonce_publish(b, other);
    cr_assert(memcmp(a, b, CHAIN_KEY) != 0, "another value is another operation");
    memcpy(both, value, 32);
    memcpy(both + 32, other, 32);
    am_keccak256(hash, both, sizeof both);
    chain_nonce_message(a, value, other);
    cr_assert(memcmp(a, hash, CHAIN_KEY) == 0);
    chain_nonce_message(b, other, value);
    cr_assert(memcmp(a, b, CHAIN_KEY) != 0);
}

static void
push(struct chain_head *h, uint64_t number, uint8_t fork)
{
    uint8_t hash[32] = {fork, (uint8_t)number};

    chain_head_push(h, number, hash);
}

static enum chain_head_verdict
judge(const struct chain_head *h, uint64_t number, uint8_t fork, uint64_t *ask)
{
    uint8_t hash[32] = {fork, (uint8_t)number};

    return chain_head_judge(h, number, hash, ask);
}

Test(chain_head, behind_is_not_a_reorg)
{
    struct chain_head h = {0};
    uint64_t ask;
    uint8_t same[32] = {1, 8}, other[32] = {2, 8};

    cr_assert(judge(&h, 5, 1, &ask) == CHAIN_HEAD_NEW);
    push(&h, 5, 1);
    push(&h, 6, 1);
    push(&h, 8, 1);
    push(&h, 10, 1);
    cr_assert(judge(&h, 10, 1, &ask) == CHAIN_HEAD_SAME);
    cr_assert(judge(&h, 11, 1, &ask) == CHAIN_HEAD_NEW);
    cr_assert(judge(&h, 8, 1, &ask) == CHAIN_HEAD_BEHIND);
    cr_assert(judge(&h, 8, 2, &ask) == CHAIN_HEAD_REORG);
    cr_assert(judge(&h, 10, 2, &ask) == CHAIN_HEAD_REORG);
    cr_assert(judge(&h, 4, 1, &ask) == CHAIN_HEAD_BEHIND, "nothing speaks for a reorg");
    cr_assert(judge(&h, 9, 1, &ask) == CHAIN_HEAD_ASK && ask == 8);
    cr_assert(chain_head_answer(&h, 8, same) == CHAIN_HEAD_BEHIND);
    cr_assert(chain_head_answer(&h, 8, other) == CHAIN_HEAD_REORG);
    cr_assert(chain_head_answer(&h, 7, other) == CHAIN_HEAD_BEHIND, "never asked for");
    push(&h, 8, 2);
    cr_assert(h.count == 3 && judge(&h, 8, 2, &ask) == CHAIN_HEAD_SAME);
}

Test(chain_head, keeps_the_newest)
{
    struct chain_head h = {0};
    uint64_t ask;

    for (uint64_t n = 1; n <= 200; n++)
        push(&h, n, 1);
    cr_assert(h.count == CHAIN_HEAD_KEPT);
    cr_assert(judge(&h, 200, 1, &ask) == CHAIN_HEAD_SAME);
    cr_assert(judge(&h, 199, 1, &ask) == CHAIN_HEAD_BEHIND);
    cr_assert(judge(&h, 137, 9, &ask) == CHAIN_HEAD_REORG);
    cr_assert(judge(&h, 136, 9, &ask) == CHAIN_HEAD_BEHIND);
}

static struct chain_snapshot snapshot; /* two members, the own one first */
static struct chain_self self;

static void
start_effect(void)
{
    snapshot = (struct chain_snapshot){.registered = true,
                                       .ed25519_on_chain = true,
                                       .originator_confirmed = true,
                                       .count = 2,
                                       .member_id = {7}};
    snapshot.peers[0].id[0] = 7;
    snapshot.peers[1].id[0] = 8;
    snapshot.own.x_pub[0] = 1;
    snapshot.own.wg_pub[0] = 2;
    self = (struct chain_self){.ready = true,
                               .x_pub = {1},
                               .wg_pub = {2},
                               .ed25519_pub = {3},
                               .csk_held = true,
                               .commitment = {4}};
}

static enum chain_verdict
effect(const struct chain_work *w)
{
    char reason[CHAIN_REASON];
    enum chain_verdict v = chain_effect_judge(reason, w, &snapshot, &self);

    cr_assert((reason[0] != '\0') == (v == CHAIN_EFFECT_BLOCKED || v == CHAIN_EFFECT_NEVER));
    return v;
}

Test(chain_effect, registration, .init = start_effect)
{
    struct chain_work w = {.purpose = CHAIN_REGISTER};

    cr_assert(effect(&w) == CHAIN_EFFECT_DONE);
    self.ready = false;
    cr_assert(effect(&w) == CHAIN_EFFECT_BLOCKED);
    self.ready = true;
    snapshot.registered = false;
    cr_assert(effect(&w) == CHAIN_EFFECT_MISSING);
    snapshot.registered = true;
    snapshot.own.wg_pub[0] = 9;
    cr_assert(effect(&w) == CHAIN_EFFECT_NEVER, "other keys: not ours to register");
}

Test(chain_effect, commitment, .init = start_effect)
{
    struct chain_work w = {.purpose = CHAIN_COMMIT, .value = {4}};

    cr_assert(effect(&w) == CHAIN_EFFECT_MISSING);
    snapshot.originator_confirmed = false;
    cr_assert(effect(&w) == CHAIN_EFFECT_BLOCKED, "not deep enough");
    snapshot.originator_confirmed = true;
    snapshot.peers[0].id[0] = 8;
    cr_assert(effect(&w) == CHAIN_EFFECT_BLOCKED, "not the originator");
    snapshot.peers[0].id[0] = 7;
    self.csk_held = false;
    cr_assert(effect(&w) == CHAIN_EFFECT_BLOCKED);
    snapshot.commitment[0] = 4;
    cr_assert(effect(&w) == CHAIN_EFFECT_DONE);
    snapshot.commitment[0] = 5;
    cr_assert(effect(&w) == CHAIN_EFFECT_NEVER, "set once, and to another");
}

Test(chain_effect, publication, .init = start_effect)
{
    struct chain_work w = {.purpose = CHAIN_PUBLISH, .value = {3}};

    cr_assert(effect(&w) == CHAIN_EFFECT_MISSING);
    snapshot.ed25519_on_chain = false;
    cr_assert(effect(&w) == CHAIN_EFFECT_BLOCKED);
    snapshot.ed25519_on_chain = true;
    snapshot.peers[0].ed25519_pub[0] = 3;
    cr_assert(effect(&w) == CHAIN_EFFECT_DONE);
    snapshot.peers[0].ed25519_pub[0] = 9;
    cr_assert(effect(&w) == CHAIN_EFFECT_MISSING, "an older key is replaced");
    self.ed25519_pub[0] = 8;
    cr_assert(effect(&w) == CHAIN_EFFECT_NEVER);
}

Test(chain_effect, message, .init = start_effect)
{
    struct chain_work w = {.purpose = CHAIN_MESSAGE};

    cr_assert(effect(&w) == CHAIN_EFFECT_MISSING);
    w.state = CHAIN_INCLUDED;
    cr_assert(effect(&w) == CHAIN_EFFECT_DONE, "its inclusion is its effect");
    w.state = CHAIN_REVERTED;
    cr_assert(effect(&w) == CHAIN_EFFECT_MISSING);
    w.attempts = 10 * CHAIN_ATTEMPTS;
    cr_assert(effect(&w) == CHAIN_EFFECT_MISSING, "an outage of others is waited for");
    w.sequence = CHAIN_ATTEMPTS;
    cr_assert(effect(&w) == CHAIN_EFFECT_NEVER, "what reverts is not paid for without end");
    w.sequence = 0;
    snapshot.registered = false;
    cr_assert(effect(&w) == CHAIN_EFFECT_BLOCKED);
}
