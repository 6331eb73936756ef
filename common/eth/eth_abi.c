/*  eth_abi -- write Solidity ABI encodings.  */
#include "eth_abi.h"

#include <string.h>

void
eth_enc_start(struct eth_enc *e, struct eth_buf *out)
{
    *e = (struct eth_enc){.out = out, .base = out->len};
}

void
eth_enc_bin(struct eth_enc *e, const void *p, size_t len)
{
    if (e->full || len > e->out->cap - e->out->len) {
        e->full = true;
        return;
    }
    if (len > 0)
        memcpy(e->out->p + e->out->len, p, len);
    e->out->len += len;
}

void
eth_enc_word(struct eth_enc *e, const uint8_t word[static 32])
{
    eth_enc_bin(e, word, ETH_WORD);
}

void
eth_enc_u64(struct eth_enc *e, uint64_t v)
{
    uint8_t word[ETH_WORD];

    eth_word_u64(word, v);
    eth_enc_word(e, word);
}

void
eth_enc_bool(struct eth_enc *e, bool v)
{
    eth_enc_u64(e, v ? 1 : 0);
}

void
eth_enc_address(struct eth_enc *e, const uint8_t address[static 20])
{
    uint8_t word[ETH_WORD];

    eth_word_address(word, address);
    eth_enc_word(e, word);
}

size_t
eth_enc_hole(struct eth_enc *e)
{
    size_t at = e->out->len;

    eth_enc_u64(e, 0);
    return at;
}

void
eth_enc_fill(struct eth_enc *e, size_t hole)
{
    if (!e->full)
        eth_word_u64(e->out->p + hole, e->out->len - e->base);
}

void
eth_enc_bytes(struct eth_enc *e, struct am_bin b)
{
    static const uint8_t zeros[ETH_WORD];

    eth_enc_u64(e, b.len);
    eth_enc_bin(e, b.p, b.len);
    eth_enc_bin(e, zeros, (ETH_WORD - b.len % ETH_WORD) % ETH_WORD);
}

void
eth_enc_enter(struct eth_enc *inner, struct eth_enc *e)
{
    *inner = (struct eth_enc){.out = e->out, .base = e->out->len, .full = e->full};
}

void
eth_enc_leave(struct eth_enc *e, const struct eth_enc *inner)
{
    e->full = e->full || inner->full;
}

int
eth_enc_end(struct eth_enc *e, size_t start_len, const char *what, struct am_error *err)
{
    if (!e->full)
        return AM_OK;
    e->out->len = start_len;
    return am_fail(err, AM_RESOURCE_EXHAUSTED,
                   "%s: expected its encoding to fit %zu bytes, got more", what, e->out->cap);
}
