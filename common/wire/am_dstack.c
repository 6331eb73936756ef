/*  am_dstack -- dstack's key derivation and the two links of its KMS signature chain.  */
#include "am_dstack.h"

#include "../crypto/am_hkdf.h"
#include "../crypto/am_keccak.h"
#include "../crypto/am_secp.h"

#include <string.h>

#define PART(text) am_bin_of(text, sizeof(text) - 1)

int
am_dstack_key(uint8_t out[static 32], const uint8_t app_key[static 32], struct am_str path,
              struct am_error *err)
{
    return am_hkdf_sha256(out, 32, PART("RATLS"), am_bin_of(app_key, 32),
                          am_bin_of(path.p, path.len), err);
}

int
am_dstack_app_key(uint8_t out[static 32], const uint8_t root_key[static 32],
                  const uint8_t app_id[static 20], struct am_error *err)
{
    uint8_t info[20 + 7];

    memcpy(info, app_id, 20);
    memcpy(info + 20, "app-key", 7);
    return am_hkdf_sha256(out, 32, PART("RATLS"), am_bin_of(root_key, 32), AM_BIN(info), err);
}

int
am_dstack_app_digest(uint8_t out[static 32], struct am_str purpose, struct am_bin pub,
                     struct am_error *err)
{
    char hex[2 * AM_PUB_LEN + 1];
    struct am_bin parts[] = {{(const uint8_t *)purpose.p, purpose.len}, PART(":"), {NULL, 0}};

    memset(out, 0, 32);
    if (pub.len != AM_PUB_LEN && pub.len != 32)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "app link: expected a public key of 33 or 32 bytes, got %zu", pub.len);
    am_hex(hex, pub.p, pub.len);
    parts[2] = am_bin_of(hex, 2 * pub.len);
    am_keccak256_parts(out, parts, 3);
    return AM_OK;
}

void
am_dstack_kms_digest(uint8_t out[static 32], const uint8_t app_id[static 20],
                     const uint8_t app_pub[static 33])
{
    struct am_bin parts[] = {PART("dstack-kms-issued:"), {app_id, 20}, {app_pub, AM_PUB_LEN}};

    am_keccak256_parts(out, parts, 3);
}

int
am_dstack_chain(uint8_t app_pub[static 33], uint8_t root[static 20], uint8_t app_sig[static 65],
                uint8_t kms_sig[static 65], struct am_str purpose, const uint8_t pub[static 33],
                const uint8_t app_id[static 20], struct am_bin chain0, struct am_bin chain1,
                struct am_error *err)
{
    uint8_t digest[32];
    int rc;

    memset(app_pub, 0, AM_PUB_LEN);
    memset(root, 0, AM_ADDRESS_LEN);
    memset(kms_sig, 0, AM_SIG_LEN);
    if ((rc = am_sig_normalise(app_sig, chain0, "/GetKey signature_chain[0]", err)) != AM_OK ||
        (rc = am_sig_normalise(kms_sig, chain1, "/GetKey signature_chain[1]", err)) != AM_OK ||
        (rc = am_dstack_app_digest(digest, purpose, am_bin_of(pub, AM_PUB_LEN), err)) != AM_OK ||
        (rc = am_secp_recover(app_pub, digest, app_sig, AM_V_ETH, err)) != AM_OK)
        goto out;
    am_dstack_kms_digest(digest, app_id, app_pub);
    rc = am_secp_recover_address(root, digest, kms_sig, AM_V_ETH, err);
out:
    if (rc != AM_OK) {
        memset(app_pub, 0, AM_PUB_LEN);
        memset(app_sig, 0, AM_SIG_LEN);
        memset(kms_sig, 0, AM_SIG_LEN);
    }
    return rc;
}
