/*  ka_proof -- the registration proof: dstack_register for the own member, and nothing else.  */
#include "ka_proof.h"

#include "../../common/crypto/am_keccak.h"
#include "../../common/crypto/am_secp.h"
#include "../../common/wire/am_member.h"

#include <string.h>

static const char purpose[] = "ethereum"; /* v1's constant, protocol page 2.4 */

int
ka_proof_ready(const struct ka_self *self, const struct ka_view *view, struct am_error *err)
{
    char root[41];

    if (!view->known)
        return am_fail(err, AM_UNAVAILABLE,
                       "chain.view: expected a view before anything is proved, got none yet");
    if (!self->has_kms)
        return am_fail(err, AM_FAILED_PRECONDITION,
                       "guest agent: expected a KMS signature in signature_chain[1], got \"\": "
                       "without a KMS a node cannot register");
    if (memcmp(self->app_id, self->member, 20) != 0)
        return am_fail(err, AM_FAILED_PRECONDITION,
                       "MEMBER_CONTRACT: expected the app id of /Info, for which the KMS signed");
    am_hex(root, self->kms_root, 20);
    if (!view->has_root || memcmp(view->kms_root, self->kms_root, 20) != 0)
        return am_fail(err, AM_FAILED_PRECONDITION,
                       "chain.view kms_root: expected 0x%s, the root of the own chain, to be "
                       "allowed by the cluster; it is not, or not yet known",
                       root);
    return AM_OK;
}

int
ka_proof_build(struct eth_buf *out, const struct ka_self *self, const struct ka_view *view,
               struct am_bin cluster, struct am_bin member, const uint8_t owner[static 32],
               struct am_error *err)
{
    struct eth_register r = {.proof.purpose = am_str_of(purpose)};
    uint8_t digest[32];
    int rc;

    if ((rc = ka_proof_ready(self, view, err)) != AM_OK)
        return rc;
    if (!am_bin_eq(cluster, AM_BIN(view->cluster)))
        return am_fail(err, AM_PERMISSION_DENIED,
                       "keyagent.prove cluster: expected chain.view's, got another");
    if (!am_bin_eq(member, AM_BIN(self->member)))
        return am_fail(err, AM_PERMISSION_DENIED,
                       "keyagent.prove member: expected the own member contract, got another");
    am_code_id(r.proof.code_id, self->member);
    am_bind_hash(r.proof.message_hash, view->cluster, self->member, self->x_pub, self->wg_pub);
    am_eip191_32(digest, r.proof.message_hash);
    if ((rc = am_secp_sign(r.proof.message_sig, digest, owner, AM_V_ETH, err)) != AM_OK)
        return rc;
    memcpy(r.proof.app_sig, self->app_sig, sizeof r.proof.app_sig);
    memcpy(r.proof.kms_sig, self->kms_sig, sizeof r.proof.kms_sig);
    memcpy(r.proof.derived_pub, self->owner_pub, sizeof r.proof.derived_pub);
    memcpy(r.proof.app_pub, self->app_pub, sizeof r.proof.app_pub);
    memcpy(r.member, self->member, sizeof r.member);
    memcpy(r.x_pub, self->x_pub, sizeof r.x_pub);
    memcpy(r.wg_pub, self->wg_pub, sizeof r.wg_pub);
    return eth_call_register(out, &r, err);
}

/* Who signed the binding message; zero when nobody did. */
static void
message_signer(uint8_t signer[static 20], const uint8_t bind[static 32],
               const uint8_t sig[static 65])
{
    uint8_t digest[32];

    am_eip191_32(digest, bind);
    if (am_secp_recover_address(signer, digest, sig, AM_V_ETH, NULL) != AM_OK)
        memset(signer, 0, 20);
}

int
ka_proof_check(const struct ka_self *self, const struct ka_view *view, struct am_bin inner,
               struct am_error *err)
{
    uint8_t code_id[32], bind[32], signer[20];
    struct eth_register r;
    int rc;

    if ((rc = ka_proof_ready(self, view, err)) != 0 ||
        (rc = eth_parse_register(&r, inner, err)) != 0)
        return rc;
    am_code_id(code_id, self->member);
    am_bind_hash(bind, view->cluster, self->member, self->x_pub, self->wg_pub);
    message_signer(signer, bind, r.proof.message_sig);
    const struct {
        const char *name;
        const uint8_t *own, *theirs;
        size_t len;
    } rows[] = {
        {"memberContract", self->member, r.member, 20},
        {"xPubKey", self->x_pub, r.x_pub, 32},
        {"wgPubKey", self->wg_pub, r.wg_pub, 32},
        {"codeId", code_id, r.proof.code_id, 32},
        {"messageHash", bind, r.proof.message_hash, 32},
        {"derivedCompressedPubkey", self->owner_pub, r.proof.derived_pub, 33},
        {"appCompressedPubkey", self->app_pub, r.proof.app_pub, 33},
        {"appSignature", self->app_sig, r.proof.app_sig, 65},
        {"kmsSignature", self->kms_sig, r.proof.kms_sig, 65},
        {"messageSignature's signer", self->owner, signer, 20},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (memcmp(rows[i].own, rows[i].theirs, rows[i].len) != 0)
            return am_fail(err, AM_PERMISSION_DENIED,
                           "dstack_register %s: expected the own, got another", rows[i].name);
    if (!am_str_eq(r.proof.purpose, purpose))
        return am_fail(err, AM_PERMISSION_DENIED,
                       "dstack_register purpose: expected %s, got another", purpose);
    return AM_OK;
}
