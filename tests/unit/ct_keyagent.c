/*  ct_keyagent -- what keyagent does with secrets, run on bytes that memcheck takes for undefined.
 *
 *  usage: ct_keyagent <part>|list     under valgrind, by tests/ctime.sh: a branch or an index that
 *  depends on a secret is an error there.  A part whose name begins with "leak" has one on purpose.
 */
#include "../../common/base/am_declassify.h"
#include "../../common/crypto/am_curve.h"
#include "../../common/crypto/am_hkdf.h"
#include "../../common/crypto/am_keccak.h"
#include "../../common/crypto/am_secp.h"
#include "../../common/wire/am_heartbeat.h"
#include "../../common/wire/am_member.h"
#include "guest_double.h"
#include "ka_cache.h"
#include "ka_csk.h"
#include "ka_fixture.h"
#include "ka_heartbeat.h"
#include "ka_proof.h"
#include "ka_userop.h"

#include <stdio.h>
#include <string.h>
#include <valgrind/memcheck.h>

static struct ka_fixture f;
static struct am_error err;

/* Takes the place of the one that does nothing. */
void
am_declassify(const void *p, size_t len)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(p, len);
}

static void
secret(void *p, size_t len)
{
    (void)VALGRIND_MAKE_MEM_UNDEFINED(p, len);
}

/* The test alone looks at these: nothing of the product runs on them any more. */
static bool
is(const void *got, const void *expected, size_t len)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(got, len);
    (void)VALGRIND_MAKE_MEM_DEFINED(expected, len);
    return memcmp(got, expected, len) == 0;
}

static bool
identity(void)
{
    struct ka_self self = {.app_id = {0}};
    struct ka_link link, owner = {.has_kms = false};
    struct ka_keys keys;
    char body[512];

    memcpy(self.app_id, f.self.app_id, sizeof self.app_id);
    for (int i = 0; i < KA_KEYS_AT_START; i++) {
        struct am_str text;

        ka_fixture_body(&f, (enum ka_key)i, body, sizeof body);
        text = am_str_of(body);
        secret(body + strlen("{\"key\":\""), 64);
        if (ka_link_read(&link, keys.key[i], text, (enum ka_key)i, self.app_id, &err) != AM_OK ||
            ka_link_join(&self, i == 0, &link, (enum ka_key)i, &err) != AM_OK)
            return false;
        owner = i == KA_KEY_OWNER ? link : owner;
    }
    /* Every public half is compared as it comes: it must have been said to be public. */
    return ka_self_derive(&self, &keys, &owner, &err) == AM_OK &&
           memcmp(self.x_pub, f.self.x_pub, 32) == 0 &&
           memcmp(self.ed25519_pub, f.self.ed25519_pub, 32) == 0 &&
           memcmp(self.wg_pub, f.self.wg_pub, 32) == 0 &&
           memcmp(self.owner_pub, f.self.owner_pub, 33) == 0 &&
           memcmp(self.owner, f.self.owner, 20) == 0;
}

static bool
key_hex(void)
{
    static const char digits[] = "00112233445566778899aabbccddeeff0123456789abcdefABCDEF9876543210";
    uint8_t key[32], expected[32];
    char text[64];

    unhex(expected, 32, digits);
    memcpy(text, digits, 64);
    secret(text, 64);
    if (am_unhex_secret(key, 32, (struct am_str){text, 64}, "key", &err) != AM_OK ||
        !is(key, expected, 32))
        return false;
    text[63] = 'g';
    secret(text, 64);
    return am_unhex_secret(key, 32, (struct am_str){text, 64}, "key", &err) == AM_INVALID_ARGUMENT;
}

static bool
heartbeat(void)
{
    uint8_t sig[64], digest[32];

    secret(&f.keys, sizeof f.keys);
    am_heartbeat_digest(digest, 1, f.view.member_id, 1234, f.other_id, 1);
    return ka_heartbeat_sign(sig, &f.view, 1234, AM_BIN(f.other_id), f.keys.key[KA_KEY_IDENTITY],
                             f.self.ed25519_pub, &err) == AM_OK &&
           am_ed25519_verify(sig, digest, 32, f.self.ed25519_pub, &err) == AM_OK;
}

/* As ka_serve_sign_operation does it, behind the judgement, which sees no secret. */
static bool
user_operation(void)
{
    uint8_t hash[32] = {1, 2, 3}, digest[32], sig[65], signer[20];

    secret(&f.keys, sizeof f.keys);
    am_eip191_32(digest, hash);
    return am_secp_sign(sig, digest, f.keys.key[KA_KEY_OWNER], AM_V_ETH, &err) == AM_OK &&
           am_secp_recover_address(signer, digest, sig, AM_V_ETH, &err) == AM_OK &&
           memcmp(signer, f.self.owner, 20) == 0;
}

static bool
registration(void)
{
    uint8_t out[KA_PROOF_MAX];
    struct eth_buf buf = ETH_BUF(out);

    secret(&f.keys, sizeof f.keys);
    return ka_proof_build(&buf, &f.self, &f.view, AM_BIN(f.cluster), AM_BIN(f.self.member),
                          f.keys.key[KA_KEY_OWNER], &err) == AM_OK &&
           ka_proof_check(&f.self, &f.view, eth_bin(&buf), &err) == AM_OK;
}

static bool
box_open(void)
{
    uint8_t plain[32] = {7, 7, 7}, sealed[80], opened[32];
    size_t len;

    if (am_box_seal(sealed, sizeof sealed, &len, plain, sizeof plain, f.self.x_pub, &err) != AM_OK)
        return false;
    secret(&f.keys, sizeof f.keys);
    if (am_box_open(opened, 32, &len, AM_BIN(sealed), f.keys.key[KA_KEY_IDENTITY], &err) != AM_OK ||
        !is(opened, plain, 32))
        return false;
    sealed[40] ^= 1;
    return am_box_open(opened, 32, &len, AM_BIN(sealed), f.keys.key[KA_KEY_IDENTITY], &err) ==
           AM_UNAUTHENTICATED;
}

static bool
box_seal(void)
{
    uint8_t csk[32] = {5, 6, 7}, expected[32], sealed[80], opened[32];
    size_t len;

    memcpy(expected, csk, 32);
    secret(csk, sizeof csk);
    if (am_box_seal(sealed, sizeof sealed, &len, csk, sizeof csk, f.self.x_pub, &err) != AM_OK)
        return false;
    (void)VALGRIND_MAKE_MEM_DEFINED(sealed, sizeof sealed); /* it goes to a peer */
    return am_box_open(opened, 32, &len, AM_BIN(sealed), f.keys.key[KA_KEY_IDENTITY], &err) ==
               AM_OK &&
           is(opened, expected, 32);
}

static bool
csk_compare(void)
{
    uint8_t csk[32] = {5, 6, 7}, commitment[32];
    struct ka_csk held = {.held = false};

    am_csk_commitment(f.commitment, csk);
    f.fact.commitment = AM_BIN(f.commitment);
    ka_fixture_retake(&f);
    secret(csk, sizeof csk);
    am_csk_commitment(commitment, csk);
    if (ka_csk_take(&held, &f.view, commitment, KA_CSK_PULLED, &err) != AM_OK || !held.held)
        return false;
    csk[31] ^= 1;
    am_csk_commitment(commitment, csk);
    return ka_csk_take(&held, &f.view, commitment, KA_CSK_PULLED, &err) == AM_UNAUTHENTICATED;
}

static bool
csk_derive(void)
{
    uint8_t csk[32] = {5, 6, 7}, before[2][32], after[2][32];
    struct am_bin none = {NULL, 0}, info = AM_BIN(f.member_id);

    if (am_indexer_seed(before[0], csk, &err) != AM_OK ||
        am_hkdf_sha256(before[1], 32, none, AM_BIN(csk), info, &err) != AM_OK)
        return false;
    secret(csk, sizeof csk);
    return am_indexer_seed(after[0], csk, &err) == AM_OK &&
           am_hkdf_sha256(after[1], 32, none, AM_BIN(csk), info, &err) == AM_OK &&
           is(after, before, sizeof after);
}

static bool
csk_cache(void)
{
    uint8_t csk[32] = {5, 6, 7}, expected[32], opened[32], commitment[32], file[KA_CACHE_MAX];
    const uint8_t nonce[KA_CACHE_NONCE] = {1};
    const struct ka_cache_scope scope = {f.cluster, f.self.member, commitment};
    size_t len;

    memcpy(expected, csk, sizeof csk);
    am_csk_commitment(commitment, csk);
    secret(csk, sizeof csk);
    secret(f.keys.key[KA_KEY_WRAP], 32);
    return ka_cache_wrap(file, &len, &scope, nonce, f.keys.key[KA_KEY_WRAP], csk, &err) == AM_OK &&
           ka_cache_unwrap(opened, am_bin_of(file, len), &scope, f.keys.key[KA_KEY_WRAP], &err) ==
               AM_OK &&
           is(opened, expected, 32);
}

static bool
app_secret(void)
{
    uint8_t csk[32] = {5, 6, 7}, before[32], after[32];

    if (ka_csk_derive(before, csk, am_str_of("app"), &err) != AM_OK)
        return false;
    secret(csk, sizeof csk);
    return ka_csk_derive(after, csk, am_str_of("app"), &err) == AM_OK &&
           is(after, before, sizeof after);
}

static bool
leak_memcmp(void)
{
    secret(&f.keys, sizeof f.keys);
    return memcmp(f.keys.key[KA_KEY_IDENTITY], f.keys.key[KA_KEY_OWNER], 32) != 0;
}

static bool
leak_index(void)
{
    char hex[65];

    secret(&f.keys, sizeof f.keys);
    am_hex(hex, f.keys.key[KA_KEY_OWNER], 32);
    return true;
}

static const struct {
    const char *name;
    bool (*run)(void);
} parts[] = {
    {"identity", identity},         {"key_hex", key_hex},
    {"heartbeat", heartbeat},       {"user_operation", user_operation},
    {"registration", registration}, {"box_open", box_open},
    {"box_seal", box_seal},         {"csk_compare", csk_compare},
    {"csk_derive", csk_derive},     {"csk_cache", csk_cache},
    {"app_secret", app_secret},     {"leak_memcmp", leak_memcmp},
    {"leak_index", leak_index},
};

int
main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof parts / sizeof *parts; i++) {
        if (strcmp(argv[1], "list") == 0)
            puts(parts[i].name);
        if (strcmp(argv[1], parts[i].name) != 0)
            continue;
        ka_fixture_open(&f);
        if (parts[i].run())
            return 0;
        fprintf(stderr, "%s: expected its result, got another: %s\n", argv[1], err.text);
        return 1;
    }
    return argc == 2 && strcmp(argv[1], "list") == 0 ? 0 : 64;
}
