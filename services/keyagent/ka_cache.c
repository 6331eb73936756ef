/*  ka_cache -- csk.v1: the CSK at rest, wrapped by a key of the TEE, as v1 writes and reads it.  */
#include "ka_cache.h"

#include "../../common/base/am_declassify.h"
#include "../../common/crypto/am_curve.h"
#include "../../common/wire/am_cbor.h"
#include "../../common/wire/am_member.h"

#include <sodium.h>
#include <string.h>

#define VERSION 1
#define LABEL "attestmesh.csk-cache-envelope.v1"
#define AAD_LEN (sizeof LABEL - 1 + 1 + 20 + 20 + 32)
#define SEALED_LEN (32 + crypto_aead_xchacha20poly1305_ietf_ABYTES)

enum field { FORM, CLUSTER, MEMBER, COMMITMENT, NONCE, CIPHERTEXT, FIELDS };

static const char *const names[FIELDS] = {"version",    "cluster", "member_contract",
                                          "commitment", "nonce",   "ciphertext"};

struct envelope {
    uint64_t version;
    uint8_t cluster[20], member[20], commitment[32], nonce[KA_CACHE_NONCE], ciphertext[SEALED_LEN];
};

static void
associated(uint8_t aad[static AAD_LEN], const struct ka_cache_scope *scope)
{
    memcpy(aad, LABEL, sizeof LABEL - 1);
    aad += sizeof LABEL - 1;
    *aad++ = VERSION;
    memcpy(aad, scope->cluster, 20);
    memcpy(aad + 20, scope->member, 20);
    memcpy(aad + 40, scope->commitment, 32);
}

int
ka_cache_wrap(uint8_t out[static KA_CACHE_MAX], size_t *len, const struct ka_cache_scope *scope,
              const uint8_t nonce[static KA_CACHE_NONCE], const uint8_t wrap[static 32],
              const uint8_t csk[static 32], struct am_error *err)
{
    struct am_cbor_out o = {.p = out, .cap = KA_CACHE_MAX};
    uint8_t aad[AAD_LEN], sealed[SEALED_LEN];

    *len = 0;
    associated(aad, scope);
    if (crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, csk, 32, aad, sizeof aad, NULL,
                                                   nonce, wrap) != 0)
        return am_fail(err, AM_INTERNAL, KA_CACHE_FILE ": libsodium does not encrypt");
    am_declassify(sealed, sizeof sealed); /* it goes to the disk */
    am_cbor_map(&o, FIELDS);
    am_cbor_key(&o, names[FORM]);
    am_cbor_uint(&o, VERSION);
    am_cbor_key(&o, names[CLUSTER]);
    am_cbor_ints(&o, scope->cluster, 20);
    am_cbor_key(&o, names[MEMBER]);
    am_cbor_ints(&o, scope->member, 20);
    am_cbor_key(&o, names[COMMITMENT]);
    am_cbor_ints(&o, scope->commitment, 32);
    am_cbor_key(&o, names[NONCE]);
    am_cbor_ints(&o, nonce, KA_CACHE_NONCE);
    am_cbor_key(&o, names[CIPHERTEXT]);
    am_cbor_ints(&o, sealed, sizeof sealed);
    AM_ASSERT(!o.full);
    *len = o.len;
    return AM_OK;
}

static void
read_field(struct envelope *e, struct am_cbor_in *in, unsigned field)
{
    if (field == FORM)
        am_cbor_get_uint(in, UINT8_MAX, &e->version);
    else if (field == CLUSTER)
        am_cbor_get_ints(in, e->cluster, sizeof e->cluster);
    else if (field == MEMBER)
        am_cbor_get_ints(in, e->member, sizeof e->member);
    else if (field == COMMITMENT)
        am_cbor_get_ints(in, e->commitment, sizeof e->commitment);
    else if (field == NONCE)
        am_cbor_get_ints(in, e->nonce, sizeof e->nonce);
    else if (field == CIPHERTEXT)
        am_cbor_get_ints(in, e->ciphertext, sizeof e->ciphertext);
    else
        am_cbor_skip(in);
}

static int
decode(struct envelope *e, struct am_bin file, struct am_error *err)
{
    struct am_cbor_in in;
    struct am_cbor_list map;
    unsigned seen = 0;

    memset(e, 0, sizeof *e);
    am_cbor_start(&in, file, KA_CACHE_FILE, err);
    am_cbor_enter_map(&in, &map);
    while (am_cbor_more(&in, &map)) {
        unsigned field = 0;
        char key[24];

        am_cbor_get_key(&in, key, sizeof key);
        while (field < FIELDS && strcmp(names[field], key) != 0)
            field++;
        if (field < FIELDS && (seen & 1u << field) != 0)
            (void)am_cbor_fail(&in, "each key once");
        seen |= 1u << field;
        read_field(e, &in, field);
    }
    for (unsigned i = 0; i < FIELDS; i++)
        if ((seen & 1u << i) == 0)
            (void)am_cbor_fail(&in, names[i]);
    if (in.rc == AM_OK && in.at != in.len)
        (void)am_cbor_fail(&in, "nothing behind the map");
    return in.rc;
}

static int
same(const char *what, const uint8_t *ours, const uint8_t *theirs, size_t len, struct am_error *err)
{
    char a[65], b[65];

    if (memcmp(ours, theirs, len) == 0)
        return AM_OK;
    am_hex(a, ours, len);
    am_hex(b, theirs, len);
    return am_fail(err, AM_FAILED_PRECONDITION, KA_CACHE_FILE " %s: expected 0x%s, got 0x%s", what,
                   a, b);
}

static int
decrypt(uint8_t csk[static 32], const struct envelope *e, const struct ka_cache_scope *scope,
        const uint8_t wrap[static 32], struct am_error *err)
{
    uint8_t aad[AAD_LEN], commitment[32];
    bool closed;

    associated(aad, scope);
    closed = crypto_aead_xchacha20poly1305_ietf_decrypt(csk, NULL, NULL, e->ciphertext,
                                                        sizeof e->ciphertext, aad, sizeof aad,
                                                        e->nonce, wrap) != 0;
    am_declassify(&closed, sizeof closed); /* whether it opens is no secret */
    if (closed)
        return am_fail(err, AM_UNAUTHENTICATED,
                       KA_CACHE_FILE ": expected a key that this TEE wrapped, got another or a "
                                     "damaged one");
    am_csk_commitment(commitment, csk);
    if (!am_ct_eq(commitment, scope->commitment, sizeof commitment))
        return am_fail(err, AM_UNAUTHENTICATED,
                       KA_CACHE_FILE ": expected the key of its commitment, got another");
    return AM_OK;
}

int
ka_cache_unwrap(uint8_t csk[static 32], struct am_bin file, const struct ka_cache_scope *scope,
                const uint8_t wrap[static 32], struct am_error *err)
{
    struct envelope e;
    int rc;

    memset(csk, 0, 32);
    if ((rc = decode(&e, file, err)) != AM_OK)
        return rc;
    if (e.version != VERSION)
        return am_fail(err, AM_UNIMPLEMENTED, KA_CACHE_FILE ": expected version %d, got %u",
                       VERSION, (unsigned)e.version);
    if ((rc = same("cluster", scope->cluster, e.cluster, 20, err)) != 0 ||
        (rc = same("member_contract", scope->member, e.member, 20, err)) != 0 ||
        (rc = same("commitment", scope->commitment, e.commitment, 32, err)) != 0 ||
        (rc = decrypt(csk, &e, scope, wrap, err)) != 0)
        am_wipe(csk, 32);
    return rc;
}
