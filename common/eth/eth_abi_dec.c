/*  eth_abi_dec -- read Solidity ABI encodings, the canonical one only.  */
#include "eth_abi.h"

#include <string.h>

static void
fail(struct eth_dec *d, const char *expected)
{
    if (d->rc == AM_OK)
        d->rc =
            am_fail(d->err, AM_INVALID_ARGUMENT, "%s: expected %s, got other ABI data (%zu bytes)",
                    d->what, expected, d->len);
}

void
eth_dec_start(struct eth_dec *d, struct am_bin b, size_t head_words, const char *what,
              struct am_error *err)
{
    *d = (struct eth_dec){.p = b.p, .len = b.len, .what = what, .err = err};
    if (head_words > b.len / ETH_WORD) {
        fail(d, "all words of the head");
        return;
    }
    d->head = head_words * ETH_WORD;
    d->next = d->head;
}

/* The next head word, or NULL after a failure. */
static const uint8_t *
word(struct eth_dec *d)
{
    if (d->rc == AM_OK && d->at + ETH_WORD > d->head)
        fail(d, "no more words than the head has"); /* our own reader asked for too much */
    if (d->rc != AM_OK)
        return NULL;
    d->at += ETH_WORD;
    return d->p + d->at - ETH_WORD;
}

void
eth_dec_word(struct eth_dec *d, uint8_t out[static 32])
{
    const uint8_t *w = word(d);

    memset(out, 0, ETH_WORD);
    if (w != NULL)
        memcpy(out, w, ETH_WORD);
}

void
eth_dec_u64(struct eth_dec *d, uint64_t max, uint64_t *out)
{
    const uint8_t *w = word(d);

    *out = 0;
    if (w == NULL)
        return;
    if (!am_is_zero(w, 24) || am_rd64(w + 24) > max)
        fail(d, "a number in range");
    else
        *out = am_rd64(w + 24);
}

void
eth_dec_bool(struct eth_dec *d, bool *out)
{
    uint64_t v;

    eth_dec_u64(d, 1, &v);
    *out = v == 1;
}

void
eth_dec_address(struct eth_dec *d, uint8_t out[static 20])
{
    const uint8_t *w = word(d);

    memset(out, 0, 20);
    if (w == NULL)
        return;
    if (!am_is_zero(w, 12))
        fail(d, "an address (12 zero bytes in front)");
    else
        memcpy(out, w + 12, 20);
}

void
eth_dec_fixed(struct eth_dec *d, uint8_t *out, size_t len)
{
    const uint8_t *w = word(d);

    memset(out, 0, len);
    if (w == NULL)
        return;
    if (len > ETH_WORD || !am_is_zero(w + len, ETH_WORD - len))
        fail(d, "fixed bytes with zeros behind them");
    else
        memcpy(out, w, len);
}

/* An offset in the head that points exactly to where the next dynamic member must start. */
static bool
follow(struct eth_dec *d)
{
    uint64_t offset;

    eth_dec_u64(d, UINT32_MAX, &offset);
    if (d->rc == AM_OK && offset != d->next)
        fail(d, "an offset to the next free place");
    return d->rc == AM_OK;
}

/* The length word at d->next; the caller checks what it counts against what is left. */
static bool
length(struct eth_dec *d, uint64_t *n)
{
    *n = 0;
    if (d->len - d->next < ETH_WORD || !am_is_zero(d->p + d->next, 24)) {
        fail(d, "a length");
        return false;
    }
    *n = am_rd64(d->p + d->next + 24);
    d->next += ETH_WORD;
    return true;
}

void
eth_dec_bytes(struct eth_dec *d, struct am_bin *out)
{
    uint64_t n;
    size_t padded;

    *out = (struct am_bin){NULL, 0};
    if (!follow(d) || !length(d, &n))
        return;
    if (n > d->len - d->next) {
        fail(d, "as many bytes as the length says");
        return;
    }
    padded = ((size_t)n + ETH_WORD - 1) / ETH_WORD * ETH_WORD;
    if (padded > d->len - d->next || !am_is_zero(d->p + d->next + n, padded - (size_t)n)) {
        fail(d, "zero padding to a whole word");
        return;
    }
    *out = am_bin_of(d->p + d->next, (size_t)n);
    d->next += padded;
}

void
eth_dec_enter(struct eth_dec *inner, struct eth_dec *d, size_t head_words)
{
    *inner = (struct eth_dec){.what = d->what, .err = d->err};
    if (follow(d))
        eth_dec_start(inner, am_bin_of(d->p + d->next, d->len - d->next), head_words, d->what,
                      d->err);
    else
        inner->rc = d->rc;
}

void
eth_dec_array(struct eth_dec *inner, struct eth_dec *d, size_t words, size_t max, size_t *count)
{
    uint64_t n;

    *count = 0;
    *inner = (struct eth_dec){.what = d->what, .err = d->err};
    if (follow(d) && length(d, &n)) {
        if (n > max || words == 0 || n > (d->len - d->next) / ETH_WORD / words)
            fail(d, "as many elements as the length says, and not too many");
        else {
            *count = (size_t)n;
            eth_dec_start(inner, am_bin_of(d->p + d->next, d->len - d->next), *count * words,
                          d->what, d->err);
        }
    }
    if (d->rc != AM_OK)
        inner->rc = d->rc;
}

void
eth_dec_leave(struct eth_dec *d, const struct eth_dec *inner)
{
    if (d->rc == AM_OK)
        d->rc = inner->rc;
    if (d->rc == AM_OK && inner->at != inner->head)
        fail(d, "a head that is read whole");
    if (d->rc == AM_OK)
        d->next += inner->next;
}

int
eth_dec_end(struct eth_dec *d)
{
    if (d->rc == AM_OK && (d->at != d->head || d->next != d->len))
        fail(d, "no trailing bytes");
    return d->rc;
}
