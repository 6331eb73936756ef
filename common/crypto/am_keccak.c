/*  am_keccak -- Keccak-256, the round unrolled.  */
#include "am_keccak.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define RATE 136 /* bytes: 200 - 2 * 32 */
#define ROUNDS 24

static const uint64_t round_constants[ROUNDS] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
    0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

static inline uint64_t
rot(uint64_t v, unsigned n)
{
    return (v << n) | (v >> (64 - n));
}

/* One round, a to b: theta, rho with pi, chi, iota.  Lane (x, y) has index x + 5 * y. */
static inline void
round_step(uint64_t *restrict b, const uint64_t *restrict a, uint64_t rc)
{
    const uint64_t c0 = a[0] ^ a[5] ^ a[10] ^ a[15] ^ a[20];
    const uint64_t c1 = a[1] ^ a[6] ^ a[11] ^ a[16] ^ a[21];
    const uint64_t c2 = a[2] ^ a[7] ^ a[12] ^ a[17] ^ a[22];
    const uint64_t c3 = a[3] ^ a[8] ^ a[13] ^ a[18] ^ a[23];
    const uint64_t c4 = a[4] ^ a[9] ^ a[14] ^ a[19] ^ a[24];
    const uint64_t d0 = c4 ^ rot(c1, 1);
    const uint64_t d1 = c0 ^ rot(c2, 1);
    const uint64_t d2 = c1 ^ rot(c3, 1);
    const uint64_t d3 = c2 ^ rot(c4, 1);
    const uint64_t d4 = c3 ^ rot(c0, 1);

    {
        const uint64_t p0 = a[0] ^ d0;
        const uint64_t p1 = rot(a[6] ^ d1, 44);
        const uint64_t p2 = rot(a[12] ^ d2, 43);
        const uint64_t p3 = rot(a[18] ^ d3, 21);
        const uint64_t p4 = rot(a[24] ^ d4, 14);

        b[0] = p0 ^ (~p1 & p2) ^ rc;
        b[1] = p1 ^ (~p2 & p3);
        b[2] = p2 ^ (~p3 & p4);
        b[3] = p3 ^ (~p4 & p0);
        b[4] = p4 ^ (~p0 & p1);
    }

    {
        const uint64_t p0 = rot(a[3] ^ d3, 28);
        const uint64_t p1 = rot(a[9] ^ d4, 20);
        const uint64_t p2 = rot(a[10] ^ d0, 3);
        const uint64_t p3 = rot(a[16] ^ d1, 45);
        const uint64_t p4 = rot(a[22] ^ d2, 61);

        b[5] = p0 ^ (~p1 & p2);
        b[6] = p1 ^ (~p2 & p3);
        b[7] = p2 ^ (~p3 & p4);
        b[8] = p3 ^ (~p4 & p0);
        b[9] = p4 ^ (~p0 & p1);
    }

    {
        const uint64_t p0 = rot(a[1] ^ d1, 1);
        const uint64_t p1 = rot(a[7] ^ d2, 6);
        const uint64_t p2 = rot(a[13] ^ d3, 25);
        const uint64_t p3 = rot(a[19] ^ d4, 8);
        const uint64_t p4 = rot(a[20] ^ d0, 18);

        b[10] = p0 ^ (~p1 & p2);
        b[11] = p1 ^ (~p2 & p3);
        b[12] = p2 ^ (~p3 & p4);
        b[13] = p3 ^ (~p4 & p0);
        b[14] = p4 ^ (~p0 & p1);
    }

    {
        const uint64_t p0 = rot(a[4] ^ d4, 27);
        const uint64_t p1 = rot(a[5] ^ d0, 36);
        const uint64_t p2 = rot(a[11] ^ d1, 10);
        const uint64_t p3 = rot(a[17] ^ d2, 15);
        const uint64_t p4 = rot(a[23] ^ d3, 56);

        b[15] = p0 ^ (~p1 & p2);
        b[16] = p1 ^ (~p2 & p3);
        b[17] = p2 ^ (~p3 & p4);
        b[18] = p3 ^ (~p4 & p0);
        b[19] = p4 ^ (~p0 & p1);
    }

    {
        const uint64_t p0 = rot(a[2] ^ d2, 62);
        const uint64_t p1 = rot(a[8] ^ d3, 55);
        const uint64_t p2 = rot(a[14] ^ d4, 39);
        const uint64_t p3 = rot(a[15] ^ d0, 41);
        const uint64_t p4 = rot(a[21] ^ d1, 2);

        b[20] = p0 ^ (~p1 & p2);
        b[21] = p1 ^ (~p2 & p3);
        b[22] = p2 ^ (~p3 & p4);
        b[23] = p3 ^ (~p4 & p0);
        b[24] = p4 ^ (~p0 & p1);
    }
}

static void
permute(uint64_t lane[25])
{
    uint64_t other[25];

    for (size_t i = 0; i < ROUNDS; i += 2) {
        round_step(other, lane, round_constants[i]);
        round_step(lane, other, round_constants[i + 1]);
    }
    sodium_memzero(other, sizeof other);
}

static uint64_t
load_le(const uint8_t *p)
{
    uint64_t v = 0;

    for (int i = 7; i >= 0; i--)
        v = (v << 8) | p[i];
    return v;
}

static void
absorb(struct am_keccak *k, const uint8_t *p)
{
    for (size_t i = 0; i < RATE / 8; i++)
        k->lane[i] ^= load_le(p + 8 * i);
    permute(k->lane);
}

void
am_keccak_init(struct am_keccak *k)
{
    memset(k, 0, sizeof *k);
}

void
am_keccak_update(struct am_keccak *k, const void *data, size_t len)
{
    const uint8_t *p = data;

    while (len > 0) {
        if (k->pos == 0 && len >= RATE) {
            absorb(k, p);
            p += RATE;
            len -= RATE;
            continue;
        }
        k->lane[k->pos / 8] ^= (uint64_t)*p << (8 * (k->pos % 8));
        p++;
        len--;
        if (++k->pos == RATE) {
            permute(k->lane);
            k->pos = 0;
        }
    }
}

void
am_keccak_final(struct am_keccak *k, uint8_t out[static 32])
{
    k->lane[k->pos / 8] ^= (uint64_t)0x01 << (8 * (k->pos % 8));
    k->lane[RATE / 8 - 1] ^= 0x8000000000000000;
    permute(k->lane);
    for (size_t i = 0; i < 32; i++)
        out[i] = (uint8_t)(k->lane[i / 8] >> (8 * (i % 8)));
    sodium_memzero(k, sizeof *k);
}

void
am_keccak256(uint8_t out[static 32], const void *p, size_t len)
{
    struct am_keccak k;

    am_keccak_init(&k);
    am_keccak_update(&k, p, len);
    am_keccak_final(&k, out);
}

void
am_keccak256_parts(uint8_t out[static 32], const struct am_bin *parts, size_t count)
{
    struct am_keccak k;

    am_keccak_init(&k);
    for (size_t i = 0; i < count; i++)
        am_keccak_update(&k, parts[i].p, parts[i].len);
    am_keccak_final(&k, out);
}

void
am_eip191(uint8_t out[static 32], const void *message, size_t len)
{
    char head[64];
    int n = snprintf(head, sizeof head, "\x19%s%zu", "Ethereum Signed Message:\n", len);
    struct am_keccak k;

    am_keccak_init(&k);
    am_keccak_update(&k, head, (size_t)n);
    am_keccak_update(&k, message, len);
    am_keccak_final(&k, out);
}

void
am_eip191_32(uint8_t out[static 32], const uint8_t message[static 32])
{
    am_eip191(out, message, 32);
}
