/*  am_member -- who a member is: its id, its address in the mesh, what it signs to register.  */
#include "am_member.h"

#include "../crypto/am_hkdf.h"
#include "../crypto/am_keccak.h"
#include "../eth/eth_abi.h"
#include "am_peer.h"

#include <string.h>

#define PART(text) am_bin_of(text, sizeof(text) - 1)

const uint8_t am_attestor_dstack[32] = {
    0x49, 0x31, 0x2e, 0xe1, 0x0e, 0xf6, 0xf4, 0x41, 0xb4, 0x3b, 0xb7, 0xd7, 0xd5, 0x89, 0x3e, 0xda,
    0x9c, 0xf6, 0xb9, 0xd9, 0xa6, 0x83, 0x3f, 0xf8, 0xdc, 0x18, 0xeb, 0xea, 0x3b, 0x6a, 0x99, 0xb1};
const uint8_t am_attestor_operator[32] = {
    0x8a, 0x32, 0xac, 0x2a, 0x44, 0x23, 0x48, 0x08, 0x99, 0x9a, 0xe4, 0x20, 0x62, 0xff, 0x16, 0x54,
    0xf7, 0xae, 0xbd, 0x5d, 0x83, 0xa6, 0x56, 0x99, 0xde, 0xb3, 0x4f, 0xcf, 0x21, 0x6f, 0x29, 0x99};

void
am_member_id(uint8_t out[static 32], const uint8_t cluster[static 20],
             const uint8_t member[static 20], const uint8_t attestor[static 32])
{
    uint8_t words[3][32];

    eth_word_address(words[0], cluster);
    eth_word_address(words[1], member);
    memcpy(words[2], attestor, 32);
    am_keccak256(out, words, sizeof words);
}

int
am_mesh_ip(uint32_t *out, const uint8_t member_id[static 32], uint32_t cidr_ip, uint8_t prefix,
           struct am_error *err)
{
    uint8_t hash[32];
    uint64_t hosts;

    *out = 0;
    if (prefix > 30)
        return am_fail(err, AM_OUT_OF_RANGE, "mesh CIDR: expected a prefix of at most 30, got %u",
                       prefix);
    hosts = (uint64_t)1 << (32 - prefix);
    am_keccak256(hash, member_id, 32);
    *out = cidr_ip | (uint32_t)(am_rd32(hash + 28) % (hosts - 2) + 1);
    return AM_OK;
}

void
am_bind_hash(uint8_t out[static 32], const uint8_t cluster[static 20],
             const uint8_t member[static 20], const uint8_t x_pub[static 32],
             const uint8_t wg_pub[static 32])
{
    uint8_t bytes[7 * ETH_WORD];
    struct eth_buf b = ETH_BUF(bytes);
    struct eth_enc e;
    size_t hole;

    eth_enc_start(&e, &b);
    hole = eth_enc_hole(&e);
    eth_enc_address(&e, cluster);
    eth_enc_address(&e, member);
    eth_enc_word(&e, x_pub);
    eth_enc_word(&e, wg_pub);
    eth_enc_fill(&e, hole);
    eth_enc_bytes(&e, PART("attestmesh.bind.v1"));
    AM_ASSERT(!e.full);
    am_keccak256(out, b.p, b.len);
}

void
am_code_id(uint8_t out[static 32], const uint8_t member[static 20])
{
    memcpy(out, member, 20);
    memset(out + 20, 0, 12);
}

void
am_csk_commitment(uint8_t out[static 32], const uint8_t csk[static 32])
{
    am_keccak256(out, csk, AM_CSK_LEN);
}

int
am_indexer_seed(uint8_t out[static 32], const uint8_t csk[static 32], struct am_error *err)
{
    return am_hkdf_sha512(out, 32, (struct am_bin){NULL, 0}, am_bin_of(csk, AM_CSK_LEN),
                          PART("attestmesh.indexer.signing.v2"), err);
}

void
am_report_data_node(uint8_t out[static 64], const uint8_t cluster[static 20],
                    const uint8_t member[static 20], const uint8_t x_pub[static 32],
                    const uint8_t wg_pub[static 32], const uint8_t ed25519_pub[static 32],
                    struct am_bin nonce)
{
    struct am_bin parts[] = {
        {cluster, 20}, {member, 20}, {x_pub, 32}, {wg_pub, 32}, {ed25519_pub, 32}};

    am_keccak256_parts(out, parts, 5);
    if (nonce.len > 0)
        am_keccak256(out + 32, nonce.p, nonce.len);
    else
        memset(out + 32, 0, 32);
}

void
am_report_data_indexer(uint8_t out[static 64], const uint8_t pub[static 32], bool plain)
{
    uint8_t bytes[5 * ETH_WORD];
    struct eth_buf b = ETH_BUF(bytes);
    struct eth_enc e;
    size_t hole;

    eth_enc_start(&e, &b);
    if (!plain) {
        eth_enc_u64(&e, ETH_WORD);
        eth_enc_start(&e, &b);
    }
    hole = eth_enc_hole(&e);
    eth_enc_word(&e, pub);
    eth_enc_fill(&e, hole);
    eth_enc_bytes(&e, PART("attestmesh.indexer.v1"));
    AM_ASSERT(!e.full);
    am_keccak256(out, b.p, b.len);
    memset(out + 32, 0, 32);
}

void
am_envelope_id_peer(uint8_t out[static 32], const uint8_t member_id[static 32], uint64_t now_ms)
{
    uint8_t le[8];
    struct am_bin parts[] = {{am_peer_kind, 32}, {member_id, 32}, {le, 8}};

    for (size_t i = 0; i < 8; i++)
        le[i] = (uint8_t)(now_ms >> (8 * i));
    am_keccak256_parts(out, parts, 3);
}

void
am_owner_sender_id(uint8_t out[static 32], const uint8_t owner[static 20])
{
    struct am_bin parts[] = {PART("attestmesh.cluster-owner.v1"), {owner, 20}};

    am_keccak256_parts(out, parts, 2);
}
