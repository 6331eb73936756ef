/*  am_eventlog -- dstack's event log: the four registers replayed, and what it says of the boot.
 *
 *  Trust:   the text is hostile.  It is worth something only where its registers are those of a
 *           quote that is signed; only RTMR3's payloads are bound to a digest at all.
 *  Pure.
 *
 *  Source: dstack page 1.4, 6.2; version 2 of the digest: dstack cc-eventlog, runtime_events.rs
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_EVENTLOG_H
#define AM_EVENTLOG_H

#include "../base/am_bytes.h"

#define AM_EVENTLOG_MAX (4u << 20) /* bytes of text */
#define AM_EVENTS_MAX 4096
#define AM_EVENT_NAME_MAX 128
#define AM_EVENT_VALUE_MAX 1024

/* field, event, fewest bytes, most bytes, in steps of: RTMR3 events that are used.  Each may come
 * once in a log; a value counts only before system-ready, behind which applications may write. */
#define AM_EVENT_VALUES(X)                                                                         \
    X(app_id, "app-id", 20, 20, 20)                                                                \
    X(compose_hash, "compose-hash", 32, 32, 32)                                                    \
    X(instance_id, "instance-id", 0, 20, 20)                                                       \
    X(os_image_hash, "os-image-hash", 0, 32, 32)                                                   \
    X(key_provider, "key-provider", 0, AM_EVENT_VALUE_MAX, 1)                                      \
    X(system_ready, "system-ready", 0, 0, 1)

struct am_event_value {
    bool set;
    size_t len;
    uint8_t bytes[AM_EVENT_VALUE_MAX];
};

struct am_eventlog {
    uint8_t rtmr[4][48]; /* replayed; RTMR3 from the recomputed digests alone */
    size_t events, rtmr3_events;
#define AM_EVENT_FIELD(field, name, least, most, step) struct am_event_value field;
    AM_EVENT_VALUES(AM_EVENT_FIELD)
#undef AM_EVENT_FIELD
    struct am_error digests; /* AM_OK, or the first RTMR3 digest that is not its event's */
    struct am_error order;   /* AM_OK, or a value twice, of another size, missing, a strange name */
};

/* Read and replay.
 *
 * Out:     log   zero on failure.  AM_OK does not mean a good log: see digests and order
 * In:      text  JSON array of {imr, event_type, digest, event, event_payload [, version]}; what is
 *                beside these is ignored
 * Returns: AM_OK
 *          AM_OUT_OF_RANGE        text or array too long
 *          AM_INVALID_ARGUMENT    no such JSON, a field missing or of another form
 *          AM_RESOURCE_EXHAUSTED  no memory */
int am_eventlog_replay(struct am_eventlog *log, struct am_str text,
                       struct am_error *err) AM_MUST_CHECK;

#endif
