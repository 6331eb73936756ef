/*  eth_word -- 256-bit words, JSON-RPC quantities, and addresses as text.  */
#include "eth_word.h"

#include "../crypto/am_keccak.h"

#include <string.h>

struct am_bin
eth_bin(const struct eth_buf *b)
{
    return am_bin_of(b->p, b->len);
}

void
eth_word_u64(uint8_t out[static 32], uint64_t v)
{
    memset(out, 0, 24);
    am_be64(out + 24, v);
}

void
eth_word_address(uint8_t out[static 32], const uint8_t address[static 20])
{
    memset(out, 0, 12);
    memcpy(out + 12, address, 20);
}

int
eth_word_to_u64(uint64_t *v, const uint8_t word[static 32], const char *what, struct am_error *err)
{
    *v = 0;
    if (!am_is_zero(word, 24))
        return am_fail(err, AM_OUT_OF_RANGE, "%s: expected a number below 2^64, got a larger one",
                       what);
    *v = am_rd64(word + 24);
    return AM_OK;
}

int
eth_word_to_address(uint8_t out[static 20], const uint8_t word[static 32], const char *what,
                    struct am_error *err)
{
    memset(out, 0, 20);
    if (!am_is_zero(word, 12))
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "%s: expected an address (12 zero bytes in front), got other bytes", what);
    memcpy(out, word + 12, 20);
    return AM_OK;
}

int
eth_word_cmp(const uint8_t a[static 32], const uint8_t b[static 32])
{
    return memcmp(a, b, ETH_WORD);
}

bool
eth_word_add(uint8_t out[static 32], const uint8_t a[static 32], const uint8_t b[static 32])
{
    unsigned carry = 0;

    for (size_t i = ETH_WORD; i-- > 0;) {
        carry += (unsigned)a[i] + b[i];
        out[i] = (uint8_t)carry;
        carry >>= 8;
    }
    if (carry != 0)
        memset(out, 0, ETH_WORD);
    return carry == 0;
}

void
eth_quantity(char out[static ETH_QUANTITY_TEXT], const uint8_t word[static 32])
{
    char digits[2 * ETH_WORD + 1];
    size_t skip = 0;

    am_hex(digits, word, ETH_WORD);
    while (skip < 2 * ETH_WORD - 1 && digits[skip] == '0')
        skip++;
    memcpy(out, "0x", 2);
    memcpy(out + 2, digits + skip, sizeof digits - skip);
}

void
eth_quantity_u64(char out[static ETH_QUANTITY_TEXT], uint64_t v)
{
    uint8_t word[ETH_WORD];

    eth_word_u64(word, v);
    eth_quantity(out, word);
}

int
eth_quantity_read(uint8_t out[static 32], struct am_str text, const char *what,
                  struct am_error *err)
{
    char padded[2 * ETH_WORD];
    size_t digits = text.len - 2;

    memset(out, 0, ETH_WORD);
    if (text.len < 3 || text.p[0] != '0' || text.p[1] != 'x')
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "%s: expected a quantity like 0x1f, got %zu bytes of another shape", what,
                       text.len);
    if (text.p[2] == '0' && digits > 1)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "%s: expected a quantity without leading zeros, got one with them", what);
    if (digits > sizeof padded)
        return am_fail(err, AM_OUT_OF_RANGE, "%s: expected at most 64 digits, got %zu", what,
                       digits);
    memset(padded, '0', sizeof padded);
    memcpy(padded + sizeof padded - digits, text.p + 2, digits);
    return am_unhex(out, ETH_WORD, (struct am_str){padded, sizeof padded}, what, err);
}

int
eth_quantity_read_u64(uint64_t *out, struct am_str text, const char *what, struct am_error *err)
{
    uint8_t word[ETH_WORD];
    int rc = eth_quantity_read(word, text, what, err);

    *out = 0;
    return rc != AM_OK ? rc : eth_word_to_u64(out, word, what, err);
}

void
eth_address_text(char out[static ETH_ADDRESS_TEXT], const uint8_t address[static 20])
{
    uint8_t hash[32];

    memcpy(out, "0x", 2);
    am_hex(out + 2, address, 20);
    am_keccak256(hash, out + 2, 40);
    for (size_t i = 0; i < 40; i++) {
        unsigned half = i % 2 == 0 ? hash[i / 2] >> 4 : hash[i / 2] & 15u;

        if (out[2 + i] >= 'a' && half >= 8)
            out[2 + i] = (char)(out[2 + i] - 'a' + 'A');
    }
}

int
eth_address_read(uint8_t out[static 20], struct am_str text, const char *what, struct am_error *err)
{
    char want[ETH_ADDRESS_TEXT];
    bool lower = false, upper = false;
    int rc;

    memset(out, 0, 20);
    if (text.len != 42 || text.p[0] != '0' || text.p[1] != 'x')
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "%s: expected an address (0x and 40 digits), got %zu bytes of another shape",
                       what, text.len);
    rc = am_unhex(out, 20, (struct am_str){text.p + 2, 40}, what, err);
    if (rc != AM_OK)
        return rc;
    for (size_t i = 2; i < 42; i++) {
        lower = lower || text.p[i] >= 'a';
        upper = upper || (text.p[i] >= 'A' && text.p[i] < 'a');
    }
    eth_address_text(want, out);
    if (lower && upper && memcmp(want, text.p, 42) != 0) {
        memset(out, 0, 20);
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "%s: expected the address in EIP-55 case (%s), got a wrong checksum", what,
                       want);
    }
    return AM_OK;
}
