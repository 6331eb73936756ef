/*  eth_call -- build call data of the contracts.  */
#include "eth_call.h"

#include <string.h>

/* The selector first; offsets count from behind it. */
static size_t
open_call(struct eth_enc *e, struct eth_buf *out, enum eth_fn fn)
{
    size_t start = out->len;
    uint8_t selector[4];

    am_be32(selector, eth_selector(fn));
    eth_enc_start(e, out);
    eth_enc_bin(e, selector, sizeof selector);
    e->base = start + sizeof selector;
    return start;
}

int
eth_call_words(struct eth_buf *out, enum eth_fn fn, const uint8_t (*words)[32], size_t count,
               struct am_error *err)
{
    struct eth_enc e;
    size_t start = open_call(&e, out, fn);

    for (size_t i = 0; i < count; i++)
        eth_enc_word(&e, words[i]);
    return eth_enc_end(&e, start, eth_fn_name(fn), err);
}

int
eth_call_none(struct eth_buf *out, enum eth_fn fn, struct am_error *err)
{
    return eth_call_words(out, fn, NULL, 0, err);
}

int
eth_call_word(struct eth_buf *out, enum eth_fn fn, const uint8_t word[static 32],
              struct am_error *err)
{
    uint8_t words[1][32];

    memcpy(words[0], word, 32);
    return eth_call_words(out, fn, (const uint8_t(*)[32])words, 1, err);
}

int
eth_call_address(struct eth_buf *out, enum eth_fn fn, const uint8_t address[static 20],
                 struct am_error *err)
{
    uint8_t word[32];

    eth_word_address(word, address);
    return eth_call_word(out, fn, word, err);
}

int
eth_call_bool(struct eth_buf *out, enum eth_fn fn, bool v, struct am_error *err)
{
    uint8_t word[32];

    eth_word_u64(word, v ? 1 : 0);
    return eth_call_word(out, fn, word, err);
}

int
eth_call_set_csk_commitment(struct eth_buf *out, const uint8_t commitment[static 32],
                            struct am_error *err)
{
    return eth_call_word(out, ETH_FN_setCskCommitment, commitment, err);
}

int
eth_call_publish_ed25519(struct eth_buf *out, const uint8_t key[static 32], struct am_error *err)
{
    return eth_call_word(out, ETH_FN_publishEd25519Key, key, err);
}

int
eth_call_publish_wg(struct eth_buf *out, const uint8_t key[static 32], struct am_error *err)
{
    return eth_call_word(out, ETH_FN_publishWgKey, key, err);
}

int
eth_call_facet_address(struct eth_buf *out, enum eth_fn wanted, struct am_error *err)
{
    uint8_t word[32] = {0};

    am_be32(word, eth_selector(wanted));
    return eth_call_word(out, ETH_FN_facetAddress, word, err);
}

int
eth_call_send(struct eth_buf *out, const uint8_t recipient[static 32],
              const uint8_t envelope_id[static 32], struct am_bin ciphertext, struct am_error *err)
{
    struct eth_enc e;
    size_t start = open_call(&e, out, ETH_FN_send), hole;

    eth_enc_word(&e, recipient);
    eth_enc_word(&e, envelope_id);
    hole = eth_enc_hole(&e);
    eth_enc_fill(&e, hole);
    eth_enc_bytes(&e, ciphertext);
    return eth_enc_end(&e, start, "send", err);
}

int
eth_call_get_nonce(struct eth_buf *out, const uint8_t sender[static 20],
                   const uint8_t key[static 24], struct am_error *err)
{
    uint8_t words[2][32] = {{0}};

    eth_word_address(words[0], sender);
    memcpy(words[1] + 8, key, 24);
    return eth_call_words(out, ETH_FN_getNonce, (const uint8_t(*)[32])words, 2, err);
}

int
eth_call_execute(struct eth_buf *out, const uint8_t target[static 20], struct am_bin inner,
                 struct am_error *err)
{
    struct eth_enc e;
    size_t start = open_call(&e, out, ETH_FN_execute), hole;

    eth_enc_address(&e, target);
    eth_enc_u64(&e, 0);
    hole = eth_enc_hole(&e);
    eth_enc_fill(&e, hole);
    eth_enc_bytes(&e, inner);
    return eth_enc_end(&e, start, "execute", err);
}

static void
put_proof(struct eth_enc *e, const struct eth_proof *p)
{
    struct am_bin parts[] = {AM_BIN(p->message_sig), AM_BIN(p->app_sig),
                             AM_BIN(p->kms_sig),     AM_BIN(p->derived_pub),
                             AM_BIN(p->app_pub),     am_bin_of(p->purpose.p, p->purpose.len)};
    size_t holes[6];

    eth_enc_word(e, p->code_id);
    eth_enc_word(e, p->message_hash);
    for (size_t i = 0; i < 6; i++)
        holes[i] = eth_enc_hole(e);
    for (size_t i = 0; i < 6; i++) {
        eth_enc_fill(e, holes[i]);
        eth_enc_bytes(e, parts[i]);
    }
}

int
eth_call_register(struct eth_buf *out, const struct eth_register *r, struct am_error *err)
{
    struct eth_enc e, proof;
    size_t start = open_call(&e, out, ETH_FN_dstack_register), hole;

    hole = eth_enc_hole(&e);
    eth_enc_address(&e, r->member);
    eth_enc_word(&e, r->x_pub);
    eth_enc_word(&e, r->wg_pub);
    eth_enc_fill(&e, hole);
    eth_enc_enter(&proof, &e);
    put_proof(&proof, &r->proof);
    eth_enc_leave(&e, &proof);
    return eth_enc_end(&e, start, "dstack_register", err);
}

int
eth_call_aggregate3(struct eth_buf *out, const struct eth_call3 *calls, size_t count,
                    struct am_error *err)
{
    struct eth_enc e, list;
    size_t start = open_call(&e, out, ETH_FN_aggregate3), first;

    if (count > ETH_CALLS_MAX) {
        out->len = start;
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "aggregate3: expected at most %d calls, got %zu",
                       ETH_CALLS_MAX, count);
    }
    eth_enc_fill(&e, eth_enc_hole(&e));
    eth_enc_u64(&e, count);
    eth_enc_enter(&list, &e);
    first = out->len;
    for (size_t i = 0; i < count; i++)
        (void)eth_enc_hole(&list);
    for (size_t i = 0; i < count; i++) {
        struct eth_enc call;

        eth_enc_fill(&list, first + i * ETH_WORD);
        eth_enc_enter(&call, &list);
        eth_enc_address(&call, calls[i].target);
        eth_enc_bool(&call, calls[i].allow_failure);
        eth_enc_fill(&call, eth_enc_hole(&call));
        eth_enc_bytes(&call, calls[i].call_data);
        eth_enc_leave(&list, &call);
    }
    eth_enc_leave(&e, &list);
    return eth_enc_end(&e, start, "aggregate3", err);
}

static void
put_words(struct eth_enc *e, const uint8_t (*words)[32], size_t count)
{
    eth_enc_u64(e, count);
    for (size_t i = 0; i < count; i++)
        eth_enc_word(e, words[i]);
}

static void
put_init(struct eth_enc *e, const struct eth_cluster_init *init)
{
    size_t hashes, devices;

    eth_enc_address(e, init->owner);
    eth_enc_address(e, init->kms_root);
    hashes = eth_enc_hole(e);
    devices = eth_enc_hole(e);
    eth_enc_bool(e, init->allow_any_device);
    eth_enc_bool(e, init->require_tcb);
    eth_enc_u64(e, init->cidr_ip);
    eth_enc_u64(e, init->cidr_prefix);
    eth_enc_address(e, init->member_factory);
    eth_enc_fill(e, hashes);
    put_words(e, init->compose_hashes, init->compose_count);
    eth_enc_fill(e, devices);
    put_words(e, init->device_ids, init->device_count);
}

int
eth_call_cluster(struct eth_buf *out, enum eth_fn fn, const struct eth_cluster_init *init,
                 const uint8_t salt[static 32], struct am_error *err)
{
    struct eth_enc e, tuple;
    size_t start = open_call(&e, out, fn), hole = eth_enc_hole(&e);

    eth_enc_word(&e, salt);
    eth_enc_fill(&e, hole);
    eth_enc_enter(&tuple, &e);
    put_init(&tuple, init);
    eth_enc_leave(&e, &tuple);
    return eth_enc_end(&e, start, eth_fn_name(fn), err);
}

int
eth_call_diamond_init(struct eth_buf *out, const struct eth_cluster_init *init,
                      struct am_error *err)
{
    struct eth_enc e, tuple;
    size_t start = open_call(&e, out, ETH_FN_init);

    eth_enc_fill(&e, eth_enc_hole(&e));
    eth_enc_enter(&tuple, &e);
    put_init(&tuple, init);
    eth_enc_leave(&e, &tuple);
    return eth_enc_end(&e, start, "init", err);
}

int
eth_call_member(struct eth_buf *out, enum eth_fn fn, const uint8_t cluster[static 20],
                const uint8_t salt[static 32], struct am_error *err)
{
    uint8_t words[2][32];

    eth_word_address(words[0], cluster);
    memcpy(words[1], salt, 32);
    return eth_call_words(out, fn, (const uint8_t(*)[32])words, 2, err);
}

int
eth_call_upgrade(struct eth_buf *out, const uint8_t impl[static 20], struct am_bin data,
                 struct am_error *err)
{
    struct eth_enc e;
    size_t start = open_call(&e, out, ETH_FN_upgradeToAndCall);

    eth_enc_address(&e, impl);
    eth_enc_fill(&e, eth_enc_hole(&e));
    eth_enc_bytes(&e, data);
    return eth_enc_end(&e, start, "upgradeToAndCall", err);
}
