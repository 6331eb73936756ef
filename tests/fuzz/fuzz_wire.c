/*  fuzz_wire -- datagrams and opened boxes: no input may break a decoder, and what one takes must
 *  survive being written and read again.
 */
#include "../../common/wire/am_cbor.h"
#include "../../common/wire/am_heartbeat.h"
#include "../../common/wire/am_peer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
heartbeat(struct am_bin in)
{
    static struct am_heartbeat h, again;
    static uint8_t out[AM_HEARTBEAT_MAX];
    size_t len;

    if (am_heartbeat_decode(&h, in, NULL) != AM_OK) {
        AM_ASSERT(h.id_count == 0);
        return;
    }
    /* Byte strings are shorter than our arrays, so ours may not fit. */
    if (am_heartbeat_encode(out, sizeof out, &len, &h, NULL) != AM_OK)
        return;
    AM_ASSERT(am_heartbeat_decode(&again, am_bin_of(out, len), NULL) == AM_OK);
    AM_ASSERT(h.version == again.version && memcmp(h.sender, again.sender, 32) == 0);
    AM_ASSERT(h.timestamp_ms == again.timestamp_ms && h.id_count == again.id_count);
    AM_ASSERT(memcmp(h.ids, again.ids, h.id_count * 32) == 0);
    AM_ASSERT(memcmp(h.signature, again.signature, 64) == 0);
}

static void
peer(struct am_bin in)
{
    struct am_peer_endpoint e, again;
    uint8_t out[AM_PEER_MAX];
    size_t len;

    if (am_peer_decode(&e, in, NULL) != AM_OK)
        return;
    AM_ASSERT(am_peer_encode(out, sizeof out, &len, &e, NULL) == AM_OK);
    AM_ASSERT(am_peer_decode(&again, am_bin_of(out, len), NULL) == AM_OK);
    AM_ASSERT(memcmp(&e, &again, sizeof e) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct am_cbor_in in;

    heartbeat(am_bin_of(data, size));
    peer(am_bin_of(data, size));
    am_cbor_start(&in, am_bin_of(data, size), "fuzz", NULL);
    am_cbor_skip(&in);
    AM_ASSERT(in.at <= in.len);
    return 0;
}
