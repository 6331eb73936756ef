/*  chain_fake -- a chain of the test's own making: what answers depend on, and the answers.  */
#include "chain_fake.h"

#include "am_member.h"
#include "eth_json.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define CALLS_MAX 256
#define DEPTH 2 /* aggregate3 in aggregate3 */

struct chain_fake chain;
const uint8_t fake_member[20] = {0x3e}, fake_cluster[20] = {0xc1}, fake_multicall[20] = {0xca};

void
fake_id(uint8_t out[static 32], size_t i)
{
    memset(out, 0, 32);
    if (i == 0) {
        am_member_id(out, fake_cluster, fake_member, am_attestor_dstack);
    } else {
        out[0] = (uint8_t)(i >> 8);
        out[1] = (uint8_t)i;
        out[31] = 1;
    }
}

static void
put_record(struct eth_enc *e, size_t i, bool there)
{
    uint8_t contract[20] = {0x77, (uint8_t)i};
    uint8_t word[32] = {0};

    eth_enc_word(e, there ? am_attestor_dstack : word);
    eth_enc_address(e, !there ? word : i == 0 ? fake_member : contract);
    word[0] = there ? (uint8_t)(i + 1) : 0;
    eth_enc_word(e, word);
    eth_enc_word(e, word);
    eth_enc_u64(e, there ? 1000 : 0);
}

static void
put_list(struct eth_enc *e, uint64_t number)
{
    size_t hole = eth_enc_hole(e), n = number >= chain.listed_at ? chain.count : 0;

    eth_enc_fill(e, hole);
    eth_enc_u64(e, n);
    for (size_t i = 0; i < n; i++) {
        uint8_t id[32];

        fake_id(id, i);
        eth_enc_word(e, id);
    }
}

static size_t
index_of(const uint8_t id[static 32])
{
    uint8_t one[32];

    for (size_t i = 0; i < chain.count; i++) {
        fake_id(one, i);
        if (memcmp(one, id, 32) == 0)
            return i;
    }
    return SIZE_MAX;
}

static void aggregate(struct eth_buf *out, struct am_bin data, uint64_t number, unsigned depth);
static void hash_of(uint8_t out[static 32], uint64_t number);
static void
put_removed(struct eth_enc *e)
{
    size_t hole = eth_enc_hole(e), n = chain.removed + chain.removed_stray;
    uint8_t id[32];

    eth_enc_fill(e, hole);
    eth_enc_u64(e, n);
    for (size_t i = 0; i < n; i++) {
        fake_id(id, i < chain.removed ? chain.count - 1 - i : chain.count + 7);
        eth_enc_word(e, id);
    }
}

/* facetAddress of the selector that the argument begins with */
static bool
has_facet(struct am_bin data)
{
    struct am_bin inner = am_bin_of(data.p + 4, 4);

    return !chain.no_removal || eth_fn_of(inner) != ETH_FN_removedMembers;
}

/* One call at one block; false: it reverts. */
static bool
call(struct eth_buf *out, struct am_bin data, uint64_t number, unsigned depth)
{
    static const uint8_t facet[20] = {0xfa}, none[20] = {0};
    bool listed = number >= chain.listed_at && chain.count > 0;
    struct eth_enc e;
    uint8_t hash[32];
    size_t i = data.len == 36 ? index_of(data.p + 4) : 0;

    eth_enc_start(&e, out);
    switch (eth_fn_of(data)) {
    case ETH_FN_cluster:
        eth_enc_address(&e, fake_cluster);
        return chain.member_code;
    case ETH_FN_meshCidr:
        eth_enc_u64(&e, 0x0a120000);
        eth_enc_u64(&e, 16);
        return !chain.cidr_reverts;
    case ETH_FN_listMembers:
        put_list(&e, number);
        return true;
    case ETH_FN_memberOf:
        put_record(&e, 0, listed && !chain.own_hidden);
        return true;
    case ETH_FN_memberById:
        put_record(&e, i, true);
        return true;
    case ETH_FN_cskCommitment:
        eth_enc_u64(&e, chain.commitment);
        return true;
    case ETH_FN_ed25519KeyOf:
        eth_enc_u64(&e, chain.ed25519);
        return true;
    case ETH_FN_getBlockNumber:
        eth_enc_u64(&e, number);
        return !chain.multicall_reverts;
    case ETH_FN_getLastBlockHash:
        hash_of(hash, number - 1);
        eth_enc_word(&e, hash);
        return true;
    case ETH_FN_aggregate3:
        aggregate(out, data, number, depth);
        return true;
    case ETH_FN_facetAddress:
        eth_enc_address(&e, has_facet(data) ? facet : none);
        return true;
    case ETH_FN_removedMembers:
        put_removed(&e);
        return !chain.no_removal && !chain.removal_fails;
    case ETH_FN_allowedKmsRoots:
        eth_enc_bool(&e, true);
        return true;
    case ETH_FN_meshIpOf:
        eth_enc_u64(&e, 0x0a120001 + i);
        return true;
    default:
        return false;
    }
}

static void
aggregate(struct eth_buf *out, struct am_bin data, uint64_t number, unsigned depth)
{
    static uint8_t each[DEPTH][1 << 17];
    struct eth_dec d, list, one;
    struct eth_enc e, results, result;
    size_t count, holes[CALLS_MAX], hole;

    cr_assert(depth < DEPTH);
    eth_dec_start(&d, am_bin_of(data.p + 4, data.len - 4), 1, "aggregate3", NULL);
    eth_dec_array(&list, &d, 1, CALLS_MAX, &count);
    eth_enc_start(&e, out);
    hole = eth_enc_hole(&e);
    eth_enc_fill(&e, hole);
    eth_enc_u64(&e, count);
    eth_enc_enter(&results, &e);
    for (size_t i = 0; i < count; i++)
        holes[i] = eth_enc_hole(&results);
    for (size_t i = 0; i < count; i++) {
        struct eth_buf answer = ETH_BUF(each[depth]);
        struct am_bin inner;
        uint8_t target[20];
        bool allow, ok;

        eth_dec_enter(&one, &list, 3);
        eth_dec_address(&one, target);
        eth_dec_bool(&one, &allow);
        eth_dec_bytes(&one, &inner);
        eth_dec_leave(&list, &one);
        ok = call(&answer, inner, number, depth + 1);
        eth_enc_fill(&results, holes[i]);
        eth_enc_enter(&result, &results);
        eth_enc_bool(&result, ok);
        hole = eth_enc_hole(&result);
        eth_enc_fill(&result, hole);
        eth_enc_bytes(&result, ok ? eth_bin(&answer) : am_bin_of(NULL, 0));
        eth_enc_leave(&results, &result);
    }
    eth_enc_leave(&e, &results);
}

static void
hash_of(uint8_t out[static 32], uint64_t number)
{
    memset(out, 0, 32);
    out[0] = chain.fork;
    am_be64(out + 24, number);
}

static json_t *
answer_call(const json_t *params)
{
    static uint8_t out[1 << 20];
    struct eth_buf answer = ETH_BUF(out);
    const json_t *tx = json_array_get(params, 0), *at = json_array_get(params, 1);
    uint8_t *data, to[20], hash[32];
    size_t len;
    uint64_t number = 0;
    struct am_error err = {0};
    json_t *reply;

    cr_assert(eth_json_fixed(to, 20, json_object_get(tx, "to"), "to", &err) == AM_OK);
    cr_assert(eth_json_data(&data, &len, json_object_get(tx, "data"), "data", &err) == AM_OK);
    if (json_is_object(at)) {
        cr_assert(eth_json_fixed(hash, 32, json_object_get(at, "blockHash"), "hash", &err) == AM_OK,
                  "%s", err.text);
        number = am_rd64(hash + 24);
        if (hash[0] != chain.fork || number > chain.number) {

            free(data);
            return json_pack("{s{siss}}", "error", "code", -32000, "message", "header not found");
        }
    } else if (json_is_string(at) && strcmp(json_string_value(at), "latest") == 0) {
        number = chain.number;
    } else {
        cr_assert(eth_json_u64(&number, at, "block", &err) == AM_OK);
    }
    if (memcmp(to, fake_multicall, 20) == 0)
        aggregate(&answer, am_bin_of(data, len), number, 0);
    else if (!call(&answer, am_bin_of(data, len), number, 0))
        answer.len = 0;
    free(data);
    reply = json_object();
    json_object_set_new(reply, "result", eth_json_of_data(out, answer.len));
    return reply;
}

static json_t *
answer_code(const json_t *params)
{
    uint8_t of[20];
    bool there = chain.code;
    struct am_error err = {0};

    cr_assert(eth_json_fixed(of, 20, json_array_get(params, 0), "address", &err) == AM_OK);
    if (memcmp(of, fake_member, 20) == 0)
        there = chain.member_code || chain.member_mute;
    if (chain.code_fails)
        return json_pack("{s{siss}}", "error", "code", -32000, "message", "no state");
    return json_pack("{ss}", "result", there ? "0x60" : "0x");
}

json_t *
fake_answer(void *arg, const char *method, const json_t *params)
{
    const char *tag = json_string_value(json_array_get(params, 0));
    uint64_t number = chain.number;
    uint8_t hash[32];

    (void)arg;
    if (strcmp(method, "eth_chainId") == 0)
        return json_pack("{so}", "result", eth_json_of_u64(chain.chain_id));
    if (strcmp(method, "eth_getCode") == 0)
        return answer_code(params);
    if (strcmp(method, "eth_call") == 0)
        return answer_call(params);
    if (tag != NULL && strcmp(tag, "latest") != 0)
        number = strtoull(tag, NULL, 16);
    hash_of(hash, number);
    return json_pack("{s{sososo}}", "result", "number", eth_json_of_u64(number), "hash",
                     eth_json_of_data(hash, 32), "timestamp", eth_json_of_u64(1700000000 + number));
}
