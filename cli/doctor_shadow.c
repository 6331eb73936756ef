/*  doctor_shadow -- asks a running v1 node how it is, and the chain what it should be.  */
#include "../common/eth/eth_call.h"
#include "../common/eth/eth_ret.h"
#include "doctor_world.h"

#include <string.h>

#define MEMBERS 256

static int
read_number(uint64_t *out, const json_t *o, const char *name, struct am_error *err)
{
    const json_t *value = json_object_get(o, name);

    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return am_fail(err, AM_INVALID_ARGUMENT, "/healthz: expected %s, a number", name);
    *out = (uint64_t)json_integer_value(value);
    return AM_OK;
}

static int
read_health(struct doctor_seen_shadow *seen, json_t *o)
{
    const json_t *phase = json_object_get(o, "phase"), *csk = json_object_get(o, "csk_acquired");
    json_t *transports = json_object_get(o, "transports"), *state;
    const char *id;
    int r;

    if (!json_is_string(phase) || !json_is_boolean(csk) || !json_is_object(transports) ||
        json_object_size(transports) > 64)
        return am_fail(&seen->err, AM_INVALID_ARGUMENT,
                       "/healthz: expected phase, csk_acquired and transports, as v1 has them");
    am_str_copy(seen->phase, sizeof seen->phase, am_str_of(json_string_value(phase)));
    seen->csk_acquired = json_is_true(csk);
    seen->indexer_connected = json_is_true(json_object_get(o, "indexer_connected"));
    if ((r = read_number(&seen->live_peers, o, "live_peers", &seen->err)) != AM_OK ||
        (r = read_number(&seen->cursor_block, o, "indexer_cursor_block", &seen->err)) != AM_OK)
        return r;
    json_object_foreach(transports, id, state)
    {
        if ((r = am_unhex(seen->transport_ids[seen->transports], 32, am_str_of(id),
                          "/healthz transports", &seen->err)) != AM_OK)
            return r;
        seen->transports++;
    }
    return AM_OK;
}

static int
ask_word(struct doctor_world *w, uint8_t out[static 32], enum eth_fn fn, const uint8_t *address,
         struct am_error *err)
{
    uint8_t data[64], ret[64];
    struct eth_buf buf = ETH_BUF(data);
    size_t len;
    int r =
        address != NULL ? eth_call_address(&buf, fn, address, err) : eth_call_none(&buf, fn, err);

    if (r == AM_OK)
        r = doctor_view(w, ret, sizeof ret, &len, w->cluster, eth_bin(&buf), err);
    return r != AM_OK ? r : eth_ret_word(out, am_bin_of(ret, len), eth_fn_name(fn), err);
}

static int
ask_chain(struct doctor_world *w, struct doctor_seen_shadow *seen)
{
    static uint8_t ret[64 + 32 * MEMBERS];
    uint8_t data[64], commitment[32];
    struct eth_buf buf = ETH_BUF(data);
    size_t len, count = 0;
    int r;

    seen->registered = w->registered;
    seen->head = w->head;
    if ((r = ask_word(w, seen->own_id, ETH_FN_memberIdOf, w->member, &seen->chain_err)) != AM_OK ||
        (r = ask_word(w, commitment, ETH_FN_cskCommitment, NULL, &seen->chain_err)) != AM_OK ||
        (r = eth_call_none(&buf, ETH_FN_listMembers, &seen->chain_err)) != AM_OK ||
        (r = doctor_view(w, ret, sizeof ret, &len, w->cluster, eth_bin(&buf), &seen->chain_err)) !=
            AM_OK ||
        (r = eth_ret_words(seen->member_ids, MEMBERS, &count, am_bin_of(ret, len), "listMembers()",
                           &seen->chain_err)) != AM_OK)
        return r;
    seen->committed = !am_is_zero(commitment, 32);
    seen->members = count;
    return AM_OK;
}

void
doctor_ask_shadow(struct doctor_world *w)
{
    static struct doctor_seen_shadow seen; /* one doctor a process */
    char host[DOCTOR_HOST];
    json_t *o;

    if (w->o->shadow == NULL) {
        doctor_skip(&w->report.lines[DOCTOR_SHADOW_HEALTH],
                    "give --shadow URL: /healthz of a running v1 node");
        return;
    }
    memset(&seen, 0, sizeof seen);
    if (doctor_get(w, &o, host, "shadow", w->o->shadow, "", true, &seen.err) == AM_OK)
        (void)read_health(&seen, o);
    json_decref(o);
    doctor_judge_shadow_health(&w->report, &seen);
    if (!doctor_may_ask(&w->report, DOCTOR_SHADOW_RECORD))
        return;
    (void)ask_chain(w, &seen);
    doctor_judge_shadow_record(&w->report, &seen);
}
