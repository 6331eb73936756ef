/*  doctor_rpc -- asks the RPC provider for itself, and for the code of what everybody uses.  */
#include "../common/base/am_clock.h"
#include "../common/crypto/am_keccak.h"
#include "doctor_world.h"

#include <string.h>

#define LATER_MS 6000 /* how long an old head is given to move */
#define LATER_STEP_S 0.5
#define CODE_MAX 32768u

static int
ask_block(struct doctor_world *w, uint64_t *number, uint64_t *time_s, struct am_error *err)
{
    static const char method[] = "eth_getBlockByNumber";
    json_t *block;
    int r = cli_rpc_call(w->rpc, &block, method, json_pack("[s, b]", "latest", 0), err);

    if (r == AM_OK)
        r = eth_json_u64(number, json_object_get(block, "number"), "eth_getBlockByNumber number",
                         err);
    if (r == AM_OK)
        r = eth_json_u64(time_s, json_object_get(block, "timestamp"),
                         "eth_getBlockByNumber timestamp", err);
    json_decref(block);
    return r;
}

/* An old head says that the provider stands still, or that our clock runs ahead: which one it is
 * shows when it moves. */
static void
ask_later(struct doctor_world *w, struct doctor_seen_head *seen)
{
    int64_t until = am_mono_ms() + LATER_MS;
    uint64_t time_s;

    while (seen->err.code == AM_OK && seen->later_number == seen->number && am_mono_ms() < until) {
        ev_sleep(LATER_STEP_S);
        (void)ask_block(w, &seen->later_number, &time_s, &seen->err);
    }
}

static void
ask_head(struct doctor_world *w)
{
    struct doctor_seen_head seen = {0};

    (void)ask_block(w, &seen.number, &seen.time_s, &seen.err);
    seen.later_number = seen.number;
    seen.now_s = am_wall_ms() / 1000;
    if (seen.err.code == AM_OK && seen.time_s < (uint64_t)seen.now_s &&
        (uint64_t)seen.now_s - seen.time_s > DOCTOR_HEAD_AGE_S)
        ask_later(w, &seen);
    w->head = seen.later_number;
    doctor_judge_head(&w->report, &seen);
}

/* Logs of an address that has few of them: the range is what is tried, not the result. */
static int
ask_logs(struct doctor_world *w, uint64_t blocks, struct am_error *err)
{
    uint64_t from = w->head >= blocks ? w->head - blocks + 1 : 0;
    json_t *logs;
    int r = cli_rpc_call(w->rpc, &logs, "eth_getLogs",
                         json_pack("[{s:o, s:o, s:o}]", "address", eth_json_of_data(w->member, 20),
                                   "fromBlock", eth_json_of_u64(from), "toBlock",
                                   eth_json_of_u64(w->head)),
                         err);

    json_decref(logs);
    return r;
}

static bool
is_refusal(const struct am_error *err)
{
    return err->code == AM_FAILED_PRECONDITION || err->code == AM_INVALID_ARGUMENT ||
           err->code == AM_RESOURCE_EXHAUSTED || err->code == AM_OUT_OF_RANGE;
}

static void
ask_range(struct doctor_world *w)
{
    static const uint64_t less[] = {1000, 500, 100, 10, 1};
    struct doctor_seen_range seen = {.asked = w->s.batch_size};

    (void)ask_logs(w, seen.asked, &seen.err);
    for (size_t i = 0; is_refusal(&seen.err) && seen.took == 0 && i < 5; i++)
        if (less[i] < seen.asked && ask_logs(w, less[i], NULL) == AM_OK)
            seen.took = less[i];
    doctor_judge_range(&w->report, &seen);
}

static int
ask_code(struct doctor_world *w, struct doctor_seen_code *seen, const uint8_t address[static 20],
         const char *at)
{
    static uint8_t code[CODE_MAX];
    int r;

    memcpy(seen->address, address, 20);
    r = cli_rpc_bytes(w->rpc, code, sizeof code, &seen->len, "eth_getCode",
                      json_pack("[o, s]", eth_json_of_data(address, 20), at), &seen->err);
    am_keccak256(seen->hash, code, seen->len);
    return r;
}

static int
ask_old(struct doctor_world *w, uint64_t block, struct am_error *err)
{
    struct doctor_seen_code seen = {0};
    char text[ETH_QUANTITY_TEXT];
    int r;

    eth_quantity_u64(text, block);
    r = ask_code(w, &seen, w->s.entry_point, text);
    if (r != AM_OK && err != NULL)
        *err = seen.err;
    return r;
}

static void
ask_archive(struct doctor_world *w)
{
    static const uint64_t back[] = {100000, 10000, 1000, 128, 16};
    uint64_t old = w->s.start_block > 0 ? w->s.start_block : 1;
    struct doctor_seen_archive seen = {.block = old < w->head ? old : w->head, .head = w->head};

    (void)ask_old(w, seen.block, &seen.err);
    for (size_t i = 0; is_refusal(&seen.err) && seen.reached == 0 && i < 5; i++)
        if (seen.head > back[i] && seen.head - back[i] > seen.block &&
            ask_old(w, seen.head - back[i], NULL) == AM_OK)
            seen.reached = seen.head - back[i];
    doctor_judge_archive(&w->report, &seen);
}

void
doctor_ask_rpc(struct doctor_world *w)
{
    struct doctor_report *r = &w->report;
    struct doctor_seen_code entry = {0}, multicall = {0};
    struct am_error err = {0};
    uint64_t id = 0;

    if (!doctor_may_ask(r, DOCTOR_RPC_CHAIN_ID))
        return;
    if (cli_rpc_u64(w->rpc, &id, "eth_chainId", json_array(), &err) != AM_OK)
        id = 0;
    doctor_judge_chain_id(r, &err, id, w->s.chain_id);
    if (!doctor_may_ask(r, DOCTOR_RPC_HEAD))
        return;
    ask_head(w);
    ask_range(w);
    ask_archive(w);
    (void)ask_code(w, &entry, w->s.entry_point, "latest");
    doctor_judge_entry_point(r, &entry);
    (void)ask_code(w, &multicall, w->s.multicall, "latest");
    doctor_judge_multicall(r, &multicall);
}
