/*  ka_heartbeat -- sign a heartbeat of the own member.  */
#include "ka_heartbeat.h"

#include "../../common/crypto/am_curve.h"
#include "../../common/wire/am_heartbeat.h"

#include <string.h>

int
ka_heartbeat_sign(uint8_t sig[static 64], const struct ka_view *view, uint64_t timestamp_ms,
                  struct am_bin connected, const uint8_t seed[static 32],
                  const uint8_t pub[static 32], struct am_error *err)
{
    uint8_t digest[32];

    memset(sig, 0, 64);
    if (!view->known)
        return am_fail(err, AM_FAILED_PRECONDITION,
                       "chain.view: expected a view, which names the own member, got none yet");
    if (connected.len % 32 != 0 || connected.len / 32 > AM_HEARTBEAT_IDS)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "keyagent.sign_heartbeat connected: expected at most %d ids of 32 bytes, "
                       "got %zu bytes",
                       AM_HEARTBEAT_IDS, connected.len);
    am_heartbeat_digest(digest, 1, view->member_id, timestamp_ms, connected.p, connected.len / 32);
    return am_ed25519_sign_as(sig, digest, sizeof digest, seed, pub, err);
}
