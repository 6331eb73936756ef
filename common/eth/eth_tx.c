/*  eth_tx -- EIP-1559 transactions, and the addresses that deployments get.  */
#include "eth_tx.h"

#include "../crypto/am_keccak.h"
#include "../crypto/am_secp.h"
#include "eth_rlp.h"

#include <string.h>

#define FIELDS 12   /* 9 that are signed, then v, r, s */
#define HEADS_MAX 9 /* bytes of one RLP length */

/* The fields as RLP strings; numbers lives as long as the fields do. */
struct fields {
    struct am_bin f[FIELDS];
    uint8_t numbers[3][8];
};

static void
collect(struct fields *x, const struct eth_tx *tx)
{
    am_be64(x->numbers[0], tx->chain_id);
    am_be64(x->numbers[1], tx->nonce);
    am_be64(x->numbers[2], tx->gas);
    x->f[0] = eth_rlp_uint(x->numbers[0], 8);
    x->f[1] = eth_rlp_uint(x->numbers[1], 8);
    x->f[2] = eth_rlp_uint(tx->max_priority_fee, 32);
    x->f[3] = eth_rlp_uint(tx->max_fee, 32);
    x->f[4] = eth_rlp_uint(x->numbers[2], 8);
    x->f[5] = am_bin_of(tx->to, tx->create ? 0 : 20);
    x->f[6] = eth_rlp_uint(tx->value, 32);
    x->f[7] = tx->data;
    x->f[8] = (struct am_bin){NULL, 0}; /* the access list, which is a list and always empty */
}

size_t
eth_tx_size(const struct eth_tx *tx)
{
    return 1 + HEADS_MAX + 3 * 9 + 3 * 33 + 21 + HEADS_MAX + tx->data.len + 1 + 1 + 2 * 33;
}

/* Append 0x02 and the list of the first `count` fields. */
static int
put(struct eth_buf *out, const struct fields *x, size_t count, struct am_error *err)
{
    size_t start = out->len, payload = 0;
    int rc = AM_OK;

    for (size_t i = 0; i < count; i++)
        payload += eth_rlp_bytes_size(x->f[i]);
    if (out->cap == out->len)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "transaction: expected room, got none");
    out->p[out->len++] = 0x02;
    rc = eth_rlp_list(out, payload, err);
    for (size_t i = 0; i < count && rc == AM_OK; i++)
        rc = i == 8 ? eth_rlp_list(out, 0, err) : eth_rlp_bytes(out, x->f[i], err);
    if (rc != AM_OK)
        out->len = start;
    return rc;
}

int
eth_tx_digest(uint8_t out[static 32], const struct eth_tx *tx, struct eth_buf *work,
              struct am_error *err)
{
    struct fields x;
    size_t start = work->len;
    int rc;

    memset(out, 0, 32);
    collect(&x, tx);
    rc = put(work, &x, 9, err);
    if (rc == AM_OK)
        am_keccak256(out, work->p + start, work->len - start);
    work->len = start;
    return rc;
}

int
eth_tx_sign(struct eth_buf *raw, uint8_t hash[static 32], const struct eth_tx *tx,
            const uint8_t secret[static 32], struct am_error *err)
{
    struct fields x;
    uint8_t digest[32], sig[AM_SIG_LEN];
    size_t start = raw->len;
    int rc;

    memset(hash, 0, 32);
    rc = eth_tx_digest(digest, tx, raw, err);
    if (rc == AM_OK)
        rc = am_secp_sign(sig, digest, secret, AM_V_RECID, err);
    if (rc != AM_OK)
        return rc;
    collect(&x, tx);
    x.f[9] = eth_rlp_uint(sig + 64, 1);
    x.f[10] = eth_rlp_uint(sig, 32);
    x.f[11] = eth_rlp_uint(sig + 32, 32);
    rc = put(raw, &x, FIELDS, err);
    if (rc == AM_OK)
        am_keccak256(hash, raw->p + start, raw->len - start);
    return rc;
}

void
eth_create_address(uint8_t out[static 20], const uint8_t from[static 20], uint64_t nonce)
{
    uint8_t number[8], bytes[32], hash[32];
    struct eth_buf b = ETH_BUF(bytes);
    struct am_bin n, sender = am_bin_of(from, 20);
    int rc;

    am_be64(number, nonce);
    n = eth_rlp_uint(number, 8);
    rc = eth_rlp_list(&b, 21 + eth_rlp_bytes_size(n), NULL);
    if (rc == AM_OK)
        rc = eth_rlp_bytes(&b, sender, NULL);
    if (rc == AM_OK)
        rc = eth_rlp_bytes(&b, n, NULL);
    AM_ASSERT(rc == AM_OK); /* 1 + 21 + 9 bytes always fit */
    am_keccak256(hash, b.p, b.len);
    memcpy(out, hash + 12, 20);
}

void
eth_create2_address(uint8_t out[static 20], const uint8_t from[static 20],
                    const uint8_t salt[static 32], const uint8_t init_code_hash[static 32])
{
    static const uint8_t tag = 0xff;
    struct am_bin parts[] = {{&tag, 1}, {from, 20}, {salt, 32}, {init_code_hash, 32}};
    uint8_t hash[32];

    am_keccak256_parts(hash, parts, 4);
    memcpy(out, hash + 12, 20);
}
