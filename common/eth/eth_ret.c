/*  eth_ret -- what view functions return.  */
#include "eth_ret.h"

#include <string.h>

/* Open data that has `words` in its head.  Nothing at all has its own text: it is what a call to
 * an address without code gives. */
static int
open_ret(struct eth_dec *d, struct am_bin data, size_t words, const char *what,
         struct am_error *err)
{
    if (data.len == 0)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "%s: expected return data, got none (is there code at the address?)", what);
    eth_dec_start(d, data, words, what, err);
    return AM_OK;
}

int
eth_ret_word(uint8_t out[static 32], struct am_bin data, const char *what, struct am_error *err)
{
    struct eth_dec d;
    int rc;

    memset(out, 0, 32);
    rc = open_ret(&d, data, 1, what, err);
    if (rc != AM_OK)
        return rc;
    eth_dec_word(&d, out);
    rc = eth_dec_end(&d);
    if (rc != AM_OK)
        memset(out, 0, 32);
    return rc;
}

int
eth_ret_u64(uint64_t *out, struct am_bin data, const char *what, struct am_error *err)
{
    uint8_t word[32];
    int rc = eth_ret_word(word, data, what, err);

    *out = 0;
    return rc != AM_OK ? rc : eth_word_to_u64(out, word, what, err);
}

int
eth_ret_bool(bool *out, struct am_bin data, const char *what, struct am_error *err)
{
    uint64_t v;
    int rc = eth_ret_u64(&v, data, what, err);

    *out = false;
    if (rc == AM_OK && v > 1)
        rc = am_fail(err, AM_INVALID_ARGUMENT, "%s: expected true or false, got another number",
                     what);
    if (rc == AM_OK)
        *out = v == 1;
    return rc;
}

int
eth_ret_address(uint8_t out[static 20], struct am_bin data, const char *what, struct am_error *err)
{
    uint8_t word[32];
    int rc = eth_ret_word(word, data, what, err);

    memset(out, 0, 20);
    return rc != AM_OK ? rc : eth_word_to_address(out, word, what, err);
}

int
eth_ret_words(uint8_t (*out)[32], size_t cap, size_t *count, struct am_bin data, const char *what,
              struct am_error *err)
{
    struct eth_dec d, list;
    size_t n;
    int rc;

    *count = 0;
    rc = open_ret(&d, data, 1, what, err);
    if (rc != AM_OK)
        return rc;
    eth_dec_array(&list, &d, 1, data.len / ETH_WORD, &n);
    if (list.rc == AM_OK && n > cap)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: expected at most %zu elements, got %zu",
                       what, cap, n);
    for (size_t i = 0; i < n && list.rc == AM_OK; i++)
        eth_dec_word(&list, out[i]);
    eth_dec_leave(&d, &list);
    rc = eth_dec_end(&d);
    if (rc == AM_OK)
        *count = n;
    else
        memset(out, 0, n * 32);
    return rc;
}

int
eth_ret_member(struct eth_member *out, struct am_bin data, const char *what, struct am_error *err)
{
    struct eth_dec d;
    int rc;

    memset(out, 0, sizeof *out);
    rc = open_ret(&d, data, 5, what, err);
    if (rc != AM_OK)
        return rc;
    eth_dec_word(&d, out->attestor_id);
    eth_dec_address(&d, out->contract);
    eth_dec_word(&d, out->x_pub);
    eth_dec_word(&d, out->wg_pub);
    eth_dec_u64(&d, UINT64_MAX, &out->registered_at);
    rc = eth_dec_end(&d);
    if (rc != AM_OK)
        memset(out, 0, sizeof *out);
    return rc;
}

int
eth_ret_cidr(uint32_t *ip, uint8_t *prefix, struct am_bin data, const char *what,
             struct am_error *err)
{
    struct eth_dec d;
    uint64_t a = 0, b = 0;
    int rc;

    *ip = 0;
    *prefix = 0;
    rc = open_ret(&d, data, 2, what, err);
    if (rc != AM_OK)
        return rc;
    eth_dec_u64(&d, UINT32_MAX, &a);
    eth_dec_u64(&d, 32, &b);
    rc = eth_dec_end(&d);
    if (rc == AM_OK) {
        *ip = (uint32_t)a;
        *prefix = (uint8_t)b;
    }
    return rc;
}

int
eth_ret_nonce(uint64_t *sequence, const uint8_t key[static 24], struct am_bin data,
              const char *what, struct am_error *err)
{
    uint8_t word[32];
    int rc = eth_ret_word(word, data, what, err);

    *sequence = 0;
    if (rc == AM_OK && memcmp(word, key, 24) != 0)
        rc =
            am_fail(err, AM_INVALID_ARGUMENT,
                    "%s: expected a nonce of the key that was asked for, got one of another", what);
    if (rc == AM_OK)
        *sequence = am_rd64(word + 24);
    return rc;
}

int
eth_ret_indexer(struct eth_indexer *out, struct am_bin data, const char *what, struct am_error *err)
{
    struct eth_dec d;
    struct am_bin endpoint;
    int rc;

    memset(out, 0, sizeof *out);
    rc = open_ret(&d, data, 4, what, err);
    if (rc != AM_OK)
        return rc;
    eth_dec_bytes(&d, &endpoint);
    out->endpoint = (struct am_str){(const char *)endpoint.p, endpoint.len};
    eth_dec_word(&d, out->code_id);
    eth_dec_word(&d, out->pub_key);
    eth_dec_u64(&d, UINT64_MAX, &out->updated_at);
    rc = eth_dec_end(&d);
    if (rc != AM_OK)
        memset(out, 0, sizeof *out);
    return rc;
}

int
eth_ret_app_allowed(bool *allowed, struct am_str *reason, struct am_bin data, const char *what,
                    struct am_error *err)
{
    struct eth_dec d;
    struct am_bin text;
    int rc;

    *allowed = false;
    *reason = (struct am_str){NULL, 0};
    rc = open_ret(&d, data, 2, what, err);
    if (rc != AM_OK)
        return rc;
    eth_dec_bool(&d, allowed);
    eth_dec_bytes(&d, &text);
    rc = eth_dec_end(&d);
    if (rc == AM_OK)
        *reason = (struct am_str){(const char *)text.p, text.len};
    else
        *allowed = false;
    return rc;
}

int
eth_ret_aggregate3(struct eth_result *out, size_t count, struct am_bin data, const char *what,
                   struct am_error *err)
{
    struct eth_dec d, list, one;
    size_t n;
    int rc;

    memset(out, 0, count * sizeof *out);
    rc = open_ret(&d, data, 1, what, err);
    if (rc != AM_OK)
        return rc;
    eth_dec_array(&list, &d, 1, count, &n);
    if (list.rc == AM_OK && n != count)
        return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected %zu results, got %zu", what, count,
                       n);
    for (size_t i = 0; i < n && list.rc == AM_OK; i++) {
        eth_dec_enter(&one, &list, 2);
        eth_dec_bool(&one, &out[i].success);
        eth_dec_bytes(&one, &out[i].data);
        eth_dec_leave(&list, &one);
    }
    eth_dec_leave(&d, &list);
    rc = eth_dec_end(&d);
    if (rc != AM_OK)
        memset(out, 0, count * sizeof *out);
    return rc;
}
