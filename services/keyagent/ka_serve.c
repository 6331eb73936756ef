/*  ka_serve -- proofs, signatures, boxes: each question once, decided in the pure files.  */
#include "../../common/base/am_log.h"
#include "../../common/base/am_secret.h"
#include "../../common/crypto/am_curve.h"
#include "../../common/crypto/am_keccak.h"
#include "../../common/crypto/am_secp.h"
#include "../../common/wire/am_member.h"
#include "ka_heartbeat.h"
#include "ka_proof.h"
#include "ka_state.h"
#include "ka_userop.h"

#define BOX_MAX 24576 /* as keyagent.open_box */

void
ka_refuse(struct bus_request *request, const struct am_error *err)
{
    am_log(AM_WARN, "request.refused", "from=%s correlation=%s code=%s reason=\"%s\"",
           bus_service_name(bus_request_sender(request)), bus_request_correlation(request),
           am_err_name(err->code), err->text);
    bus_refuse(request, err);
}

bool
ka_not_ready(struct keyagent *k, struct bus_request *request)
{
    struct am_error err = {0};

    if (k->id.phase == KA_READY)
        return false;
    am_fail(&err, AM_UNAVAILABLE, "keyagent is %s: %s", ka_phase_name(k->id.phase), k->id.reason);
    bus_refuse(request, &err);
    return true;
}

void
ka_serve_prove(void *arg, struct bus_request *request, const void *message)
{
    const struct keyagent_prove *m = message;
    struct keyagent *k = arg;
    uint8_t out[KA_PROOF_MAX];
    struct eth_buf buf = ETH_BUF(out);
    struct am_error err = {0};

    if (ka_not_ready(k, request))
        return;
    if (ka_proof_build(&buf, &k->id.self, &k->view, m->cluster, m->member,
                       k->id.keys->key[KA_KEY_OWNER], &err) != AM_OK) {
        ka_refuse(request, &err);
        return;
    }
    bus_reply(request, &(struct keyagent_prove_reply){.call_data = eth_bin(&buf)});
}

void
ka_serve_sign_operation(void *arg, struct bus_request *request, const void *message)
{
    struct keyagent *k = arg;
    const struct ka_userop_rules rules = {.self = &k->id.self,
                                          .view = &k->view,
                                          .chain_id = k->settings->chain_id,
                                          .entry_point = k->settings->entry_point,
                                          .csk_held = k->csk.held,
                                          .commitment = k->csk.commitment};
    uint8_t hash[32], digest[32], sig[65];
    struct am_error err = {0};

    if (ka_not_ready(k, request))
        return;
    if (ka_userop_judge(hash, &rules, message, &err) != AM_OK) {
        ka_refuse(request, &err);
        return;
    }
    am_eip191_32(digest, hash);
    if (am_secp_sign(sig, digest, k->id.keys->key[KA_KEY_OWNER], AM_V_ETH, &err) != AM_OK) {
        ka_refuse(request, &err);
        return;
    }
    bus_reply(request, &(struct keyagent_sign_operation_reply){.user_op_hash = AM_BIN(hash),
                                                               .signature = AM_BIN(sig)});
}

void
ka_serve_sign_heartbeat(void *arg, struct bus_request *request, const void *message)
{
    const struct keyagent_sign_heartbeat *m = message;
    struct keyagent *k = arg;
    struct am_error err = {0};
    uint8_t sig[64];

    if (ka_not_ready(k, request))
        return;
    if (ka_heartbeat_sign(sig, &k->view, m->timestamp_ms, m->connected,
                          k->id.keys->key[KA_KEY_IDENTITY], k->id.self.ed25519_pub,
                          &err) != AM_OK) {
        ka_refuse(request, &err);
        return;
    }
    bus_reply(request, &(struct keyagent_sign_heartbeat_reply){.signature = AM_BIN(sig)});
}

/* A sealed box may carry the CSK, and that has its own way in: the asker of open_box never sees
 * the key that csk_accept takes. */
static int
not_the_csk(const struct keyagent *k, const uint8_t *plain, size_t len, struct am_error *err)
{
    uint8_t commitment[32];

    if (len != AM_CSK_LEN || !k->view.known || !k->view.has_commitment)
        return AM_OK;
    am_csk_commitment(commitment, plain);
    if (!am_ct_eq(commitment, k->view.commitment, sizeof commitment))
        return AM_OK;
    return am_fail(err, AM_PERMISSION_DENIED,
                   "keyagent.open_box: the box holds the CSK, which only csk_accept takes");
}

void
ka_serve_open_box(void *arg, struct bus_request *request, const void *message)
{
    const struct keyagent_open_box *m = message;
    struct keyagent *k = arg;
    struct am_error err = {0};
    uint8_t sealed[BOX_MAX];
    size_t plain_len = 0, sealed_len = 0;
    void *plain = NULL;
    int rc;

    if (ka_not_ready(k, request))
        return;
    if ((plain = am_secret_alloc(BOX_MAX, &err)) == NULL)
        rc = AM_RESOURCE_EXHAUSTED;
    else if ((rc = am_box_open(plain, BOX_MAX, &plain_len, m->sealed,
                               k->id.keys->key[KA_KEY_IDENTITY], &err)) == AM_OK &&
             (rc = not_the_csk(k, plain, plain_len, &err)) == AM_OK)
        rc = am_box_seal(sealed, sizeof sealed, &sealed_len, plain, plain_len, m->reply_to.p, &err);
    am_secret_free(&plain);
    if (rc != AM_OK) {
        ka_refuse(request, &err);
        return;
    }
    bus_reply(request, &(struct keyagent_open_box_reply){.sealed = am_bin_of(sealed, sealed_len)});
}

bool
ka_seal_key(uint8_t out[static 80], struct bus_request *request, const uint8_t key[static 32],
            const uint8_t to[static 32])
{
    struct am_error err = {0};
    size_t len;

    if (am_box_seal(out, 80, &len, key, 32, to, &err) == AM_OK)
        return true;
    ka_refuse(request, &err);
    return false;
}

void
ka_serve_wg_key(void *arg, struct bus_request *request, const void *message)
{
    const struct keyagent_wg_key *m = message;
    struct keyagent *k = arg;
    uint8_t sealed[80];

    if (!ka_not_ready(k, request) &&
        ka_seal_key(sealed, request, k->id.keys->key[KA_KEY_WIREGUARD], m->reply_to.p))
        bus_reply(request, &(struct keyagent_wg_key_reply){.sealed = AM_BIN(sealed)});
}
