/*  eth_parse -- take call data apart: what keyagent checks before it signs.  */
#include "eth_call.h"

#include <string.h>

/* Start behind the selector, which must be fn's. */
static int
open_parse(struct eth_dec *d, enum eth_fn fn, struct am_bin call_data, size_t head_words,
           struct am_error *err)
{
    if (eth_fn_of(call_data) != fn)
        return am_fail(err, AM_NOT_FOUND, "call data: expected %s, got %s (%zu bytes)",
                       eth_fn_name(fn),
                       eth_fn_of(call_data) == ETH_FN_none ? "an unknown function"
                                                           : eth_fn_name(eth_fn_of(call_data)),
                       call_data.len);
    eth_dec_start(d, am_bin_of(call_data.p + 4, call_data.len - 4), head_words, eth_fn_name(fn),
                  err);
    return AM_OK;
}

int
eth_parse_execute(struct eth_execute *out, struct am_bin call_data, struct am_error *err)
{
    struct eth_dec d;
    int rc;

    memset(out, 0, sizeof *out);
    rc = open_parse(&d, ETH_FN_execute, call_data, 3, err);
    if (rc != AM_OK)
        return rc;
    eth_dec_address(&d, out->target);
    eth_dec_word(&d, out->value);
    eth_dec_bytes(&d, &out->inner);
    rc = eth_dec_end(&d);
    if (rc != AM_OK)
        memset(out, 0, sizeof *out);
    return rc;
}

/* A dynamic member of exactly len bytes. */
static void
dec_exact(struct eth_dec *d, uint8_t *out, size_t len)
{
    struct am_bin b;

    eth_dec_bytes(d, &b);
    memset(out, 0, len);
    if (d->rc == AM_OK && b.len != len)
        d->rc = am_fail(d->err, AM_INVALID_ARGUMENT, "%s: expected %zu bytes, got %zu", d->what,
                        len, b.len);
    if (d->rc == AM_OK)
        memcpy(out, b.p, len);
}

int
eth_parse_register(struct eth_register *out, struct am_bin call_data, struct am_error *err)
{
    struct eth_dec d, proof;
    struct am_bin purpose;
    int rc;

    memset(out, 0, sizeof *out);
    rc = open_parse(&d, ETH_FN_dstack_register, call_data, 4, err);
    if (rc != AM_OK)
        return rc;
    eth_dec_enter(&proof, &d, 8);
    eth_dec_word(&proof, out->proof.code_id);
    eth_dec_word(&proof, out->proof.message_hash);
    dec_exact(&proof, out->proof.message_sig, sizeof out->proof.message_sig);
    dec_exact(&proof, out->proof.app_sig, sizeof out->proof.app_sig);
    dec_exact(&proof, out->proof.kms_sig, sizeof out->proof.kms_sig);
    dec_exact(&proof, out->proof.derived_pub, sizeof out->proof.derived_pub);
    dec_exact(&proof, out->proof.app_pub, sizeof out->proof.app_pub);
    eth_dec_bytes(&proof, &purpose);
    out->proof.purpose = (struct am_str){(const char *)purpose.p, purpose.len};
    eth_dec_leave(&d, &proof);
    eth_dec_address(&d, out->member);
    eth_dec_word(&d, out->x_pub);
    eth_dec_word(&d, out->wg_pub);
    rc = eth_dec_end(&d);
    if (rc == AM_OK && purpose.len > 64)
        rc = am_fail(err, AM_INVALID_ARGUMENT,
                     "dstack_register purpose: expected at most 64 bytes, got %zu", purpose.len);
    if (rc != AM_OK)
        memset(out, 0, sizeof *out);
    return rc;
}

int
eth_parse_word(uint8_t out[static 32], enum eth_fn fn, struct am_bin call_data,
               struct am_error *err)
{
    struct eth_dec d;
    int rc;

    memset(out, 0, 32);
    rc = open_parse(&d, fn, call_data, 1, err);
    if (rc != AM_OK)
        return rc;
    eth_dec_word(&d, out);
    rc = eth_dec_end(&d);
    if (rc != AM_OK)
        memset(out, 0, 32);
    return rc;
}

int
eth_parse_send(struct eth_send *out, struct am_bin call_data, struct am_error *err)
{
    struct eth_dec d;
    int rc;

    memset(out, 0, sizeof *out);
    rc = open_parse(&d, ETH_FN_send, call_data, 3, err);
    if (rc != AM_OK)
        return rc;
    eth_dec_word(&d, out->recipient);
    eth_dec_word(&d, out->envelope_id);
    eth_dec_bytes(&d, &out->ciphertext);
    rc = eth_dec_end(&d);
    if (rc != AM_OK)
        memset(out, 0, sizeof *out);
    return rc;
}
