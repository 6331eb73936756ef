/*  vec_eth -- golden data of call data and transactions.  */
#include "../../common/eth/eth_call.h"
#include "../../common/eth/eth_rlp.h"
#include "../../common/eth/eth_tx.h"
#include "vec.h"

#include "../../common/crypto/am_keccak.h"
#include "../../common/crypto/am_secp.h"

#include <string.h>

static enum eth_fn
fn_by_name(const char *name)
{
    size_t len = strlen(name);

    for (unsigned i = 1; i < ETH_FN_count; i++) {
        const char *s = eth_fn_signature((enum eth_fn)i);

        if (strncmp(s, name, len) == 0 && s[len] == '(')
            return (enum eth_fn)i;
    }
    return ETH_FN_none;
}

/* One static argument as a word, by the type that the signature gives it. */
static void
to_word(const json_t *value, const char *type, uint8_t word[static 32])
{
    struct am_bin b;
    uint8_t address[20];

    memset(word, 0, 32);
    if (strncmp(type, "address", 7) == 0) {
        CHECK(eth_address_read(address, am_str_of(json_string_value(value)), "arg", NULL) == AM_OK);
        eth_word_address(word, address);
    } else if (strncmp(type, "uint", 4) == 0) {
        json_t *holder = json_pack("{s:O}", "v", value);

        vec_word(holder, "v", word);
        json_decref(holder);
    } else if (strncmp(type, "bool", 4) == 0)
        eth_word_u64(word, json_is_true(value) ? 1 : 0);
    else if (strncmp(type, "bytes", 5) == 0) {
        b = vec_hex(value);
        CHECK(b.len <= 32);
        memcpy(word, b.p, b.len <= 32 ? b.len : 32);
    } else
        vec_check(false, type);
}

static void
check_send(const json_t *args, struct eth_buf *out)
{
    struct am_bin to = vec_hex(json_array_get(args, 0)), id = vec_hex(json_array_get(args, 1));
    struct am_bin text = vec_hex(json_array_get(args, 2));
    struct eth_send s;
    uint8_t *bytes = out->p;

    CHECK(to.len == 32 && id.len == 32);
    CHECK(eth_call_send(out, to.p, id.p, text, NULL) == AM_OK);
    CHECK(eth_parse_send(&s, eth_bin(out), NULL) == AM_OK);
    CHECK(memcmp(s.recipient, to.p, 32) == 0 && memcmp(s.envelope_id, id.p, 32) == 0);
    CHECK(am_bin_eq(s.ciphertext, text));
    for (size_t cut = 0; cut < out->len; cut++)
        CHECK(eth_parse_send(&s, am_bin_of(bytes, cut), NULL) != AM_OK);
    bytes[out->len] = 0;
    CHECK(eth_parse_send(&s, am_bin_of(bytes, out->len + 1), NULL) == AM_INVALID_ARGUMENT);
}

void
vec_calldata(const json_t *c)
{
    static uint8_t bytes[VEC_MAX];
    struct eth_buf out = ETH_BUF(bytes);
    const json_t *args = vec_field(c, "args"), *a;
    enum eth_fn fn = fn_by_name(vec_text(c, "function"));
    const char *type = strchr(eth_fn_signature(fn), '(');
    uint8_t words[8][32] = {{0}}, got[32];
    size_t i, count = json_array_size(args);

    CHECK(fn != ETH_FN_none);
    CHECK(eth_fn_of(vec_bin(c, "calldata")) == fn);
    if (fn == ETH_FN_send)
        check_send(args, &out);
    else {
        CHECK(count <= 8);
        json_array_foreach(args, i, a)
        {
            if (i < 8 && type != NULL)
                to_word(a, type + 1, words[i]);
            type = type != NULL ? strchr(type + 1, ',') : NULL;
        }
        if (fn == ETH_FN_getNonce)
            CHECK(eth_call_get_nonce(&out, words[0] + 12, words[1] + 8, NULL) == AM_OK);
        else
            CHECK(eth_call_words(&out, fn, (const uint8_t(*)[32])words, count, NULL) == AM_OK);
        if (count == 1) {
            CHECK(eth_parse_word(got, fn, eth_bin(&out), NULL) == AM_OK);
            CHECK(memcmp(got, words[0], 32) == 0);
            for (size_t cut = 0; cut < out.len; cut++)
                CHECK(eth_parse_word(got, fn, am_bin_of(bytes, cut), NULL) != AM_OK);
        }
    }
    vec_same(c, "calldata", bytes, out.len);
}

/* The list inside a raw transaction: every truncation and a trailing byte are refused. */
static void
check_rlp(struct am_bin raw)
{
    struct am_bin rest = am_bin_of(raw.p + 1, raw.len - 1), body, item;
    size_t fields = 0;
    bool list;

    CHECK(raw.p[0] == 0x02);
    CHECK(eth_rlp_next(&body, &list, &rest, NULL) == AM_OK && list && rest.len == 0);
    while (body.len > 0 && fields < 13) {
        bool want_list = fields == 8;

        CHECK(eth_rlp_next(&item, &list, &body, NULL) == AM_OK && list == want_list);
        fields++;
    }
    CHECK(fields == 12);
    for (size_t cut = 1; cut < raw.len; cut++) {
        rest = am_bin_of(raw.p + 1, cut - 1);
        CHECK(eth_rlp_next(&body, &list, &rest, NULL) == AM_INVALID_ARGUMENT);
    }
}

static void
check_create2(const json_t *c)
{
    const json_t *d = vec_field(c, "create2");
    struct am_bin init = vec_bin(d, "init_code");
    uint8_t from[20], salt[32], hash[32], got[20];
    char text[ETH_ADDRESS_TEXT];

    CHECK(eth_address_read(from, am_str_of(vec_text(d, "from")), "from", NULL) == AM_OK);
    vec_fixed(d, "salt", salt, 32);
    am_keccak256(hash, init.p, init.len);
    eth_create2_address(got, from, salt, hash);
    eth_address_text(text, got);
    vec_same_text(d, "address", text);
}

void
vec_transaction(const json_t *c)
{
    static uint8_t bytes[VEC_MAX];
    struct eth_buf raw = ETH_BUF(bytes), tight = {bytes, 0, 0};
    const json_t *t = vec_field(c, "tx");
    struct eth_tx tx = {.chain_id = vec_u64(t, "chainId"),
                        .nonce = vec_u64(t, "nonce"),
                        .gas = vec_u64(t, "gas"),
                        .create = vec_null(t, "to"),
                        .data = vec_bin(t, "data")};
    uint8_t secret[32], hash[32], from[20], made[20];
    char text[ETH_ADDRESS_TEXT];

    vec_same_text(t, "type", "eip1559");
    vec_word(t, "maxPriorityFeePerGas", tx.max_priority_fee);
    vec_word(t, "maxFeePerGas", tx.max_fee);
    vec_word(t, "value", tx.value);
    if (!tx.create)
        CHECK(eth_address_read(tx.to, am_str_of(vec_text(t, "to")), "to", NULL) == AM_OK);
    vec_fixed(c, "private_key", secret, 32);
    CHECK(am_address_of_secret(from, secret, NULL) == AM_OK);
    eth_address_text(text, from);
    vec_same_text(c, "from", text);
    CHECK(eth_tx_sign(&raw, hash, &tx, secret, NULL) == AM_OK);
    vec_same(c, "raw", bytes, raw.len);
    vec_same(c, "hash", hash, 32);
    CHECK(raw.len <= eth_tx_size(&tx));
    check_rlp(eth_bin(&raw));
    CHECK(tx.create == !vec_null(c, "creates"));
    if (tx.create) {
        eth_create_address(made, from, tx.nonce);
        eth_address_text(text, made);
        vec_same_text(c, "creates", text);
    }
    check_create2(c);
    tight.cap = raw.len - 1;
    CHECK(eth_tx_sign(&tight, hash, &tx, secret, NULL) == AM_RESOURCE_EXHAUSTED && tight.len == 0);
}
