/*  mesh_beat -- pure: may this heartbeat be believed?  v1's checks in v1's order  */
#include "mesh_beat.h"

static enum mesh_beat_why
check(const struct mesh_beat_peer *peer, const struct am_heartbeat *h, uint32_t source,
      uint64_t wall_ms)
{
    uint64_t skew =
        h->timestamp_ms > wall_ms ? h->timestamp_ms - wall_ms : wall_ms - h->timestamp_ms;

    if (!peer->has_key)
        return MESH_BEAT_NO_KEY;
    if (source != peer->ip)
        return MESH_BEAT_SOURCE;
    if (skew > MESH_BEAT_SKEW_MS)
        return MESH_BEAT_SKEW;
    if (h->timestamp_ms <= peer->last_ms)
        return MESH_BEAT_REPLAY;
    if (am_heartbeat_verify(h, peer->ed25519_pub, NULL) != AM_OK)
        return MESH_BEAT_SIGNATURE;
    return MESH_BEAT_ACCEPTED;
}

enum mesh_beat_why
mesh_beat_judge(struct mesh_beat_peer *peer, const struct am_heartbeat *h, uint32_t source,
                uint64_t wall_ms)
{
    if (peer == NULL)
        return MESH_BEAT_UNKNOWN;
    peer->why = check(peer, h, source, wall_ms);
    if (peer->why == MESH_BEAT_ACCEPTED)
        peer->last_ms = h->timestamp_ms;
    else
        peer->refused++;
    return peer->why;
}

const char *
mesh_beat_text(enum mesh_beat_why why)
{
    static const char *const text[] = {
        [MESH_BEAT_ACCEPTED] = "accepted",
        [MESH_BEAT_UNKNOWN] = "no member has this id",
        [MESH_BEAT_NO_KEY] = "its heartbeat key is not on chain yet",
        [MESH_BEAT_SOURCE] = "it did not come from its mesh IP",
        [MESH_BEAT_SKEW] = "its clock and ours differ by more than 10 s",
        [MESH_BEAT_REPLAY] = "not newer than the last one",
        [MESH_BEAT_SIGNATURE] = "the signature is not its key's",
    };

    return text[why];
}

uint64_t
mesh_beat_stamp(uint64_t wall_ms, uint64_t last_ms)
{
    return wall_ms > last_ms ? wall_ms : last_ms + 1;
}
