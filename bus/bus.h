/*  bus -- the message bus: facts by PUB, questions and commands by ROUTER, on ipc:// sockets.
 *
 *  Each service binds <run>/<service>.pub and <run>/<service>.req under <run>/<service>.lock.
 *  What may be said is defined in messages/ and nowhere else; struct names there are struct
 *  names here (bus_schema.h).
 *
 *  Trust:   every frame is hostile until decoded; who sent it comes from the ZAP handler (uid),
 *           or, in one-uid mode, from the declared name, which status and log then say.
 *  Threads: one, the loop's.  libzmq's own threads hold nothing of ours.
 *  Clock:   deadlines are CLOCK_MONOTONIC milliseconds of one kernel; wall time is only shown.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef BUS_H
#define BUS_H

#include "bus_schema.h"

#include <ev.h>

struct bus;         /* one per process */
struct bus_request; /* a question that waits for its answer */

struct bus_options {
    const char *run;       /* ATTESTMESH_RUN: an existing directory */
    const char *uids;      /* ATTESTMESH_UIDS: "keyagent=7001,..."; NULL or "": one-uid mode */
    enum bus_service self; /* BUS_CLI binds nothing: it only asks and subscribes */
    bool only_asks;        /* bind nothing either, beside the process that has the name of self */
    struct ev_loop *loop;  /* borrowed for the life of the bus */
};

/* Take the lock, bind both endpoints, start the ZAP handler and the beacon.
 *
 * Out:     bus     owned by the caller, NULL unless AM_OK
 * Returns: AM_OK
 *          AM_ALREADY_EXISTS       another process holds <service>.lock; the text names its pid
 *          AM_FAILED_PRECONDITION  libzmq refuses ZMQ_ZAP_ENFORCE_DOMAIN (93), uids is malformed or
 *                                  does not give self this process's uid, or run is over 79 bytes
 *          AM_INTERNAL             a socket call failed
 * Source:  ours; RFC 27 (ZAP)
 */
int bus_open(struct bus **bus, const struct bus_options *options,
             struct am_error *err) AM_MUST_CHECK;

/* Calls in flight end in AM_UNAVAILABLE; requests not yet answered are freed.  Not from inside a
 * callback of the bus.  NULL is accepted. */
void bus_close(struct bus **bus);

/* What hello answers.  phase: "starting", "ready", "failing"; reason may be "". */
void bus_status(struct bus *bus, const char *phase, const char *reason);

/* Publish a fact: the whole value of its key.  Kept for snapshots until replaced or retracted.
 * fact: the struct of that topic, borrowed.  An identical value is not sent again.
 * Returns: AM_OK, AM_OUT_OF_RANGE (a field breaks its limit in the .def, or the whole 63 KiB),
 *          AM_RESOURCE_EXHAUSTED (1024 keys); nothing is sent then */
int bus_publish(struct bus *bus, enum bus_topic topic, const void *fact,
                struct am_error *err) AM_MUST_CHECK;

/* Retract a key of a KEYED topic: subscribers get BUS_RETRACTED.  key: the first field. */
void bus_retract(struct bus *bus, enum bus_topic topic, struct am_bin key);

enum bus_change {
    BUS_VALUE,     /* fact is a whole value */
    BUS_RETRACTED, /* fact holds only the key */
    BUS_SNAPSHOT,  /* fact is NULL: what follows until BUS_SYNCED is all there is */
    BUS_SYNCED,    /* fact is NULL: a key that was not repeated since BUS_SNAPSHOT is gone */
    BUS_LOST,      /* fact is NULL: the publisher does not answer; values are yesterday's */
};
typedef void bus_fact_fn(void *arg, enum bus_topic topic, enum bus_change change, const void *fact);

/* Follow a topic by the clone pattern: beacon, snapshot, then what is newer; again after a gap, a
 * new epoch or a reconnect.  fact is borrowed for the call. */
int bus_subscribe(struct bus *bus, enum bus_topic topic, bus_fact_fn *fn, void *arg,
                  struct am_error *err) AM_MUST_CHECK;

/* Serve a method.  The handler answers now or keeps the request and answers later, but always once,
 * with bus_reply or bus_refuse.  request is borrowed for the call only. */
typedef void bus_serve_fn(void *arg, struct bus_request *request, const void *message);
int bus_serve(struct bus *bus, enum bus_method method, bus_serve_fn *fn, void *arg,
              struct am_error *err) AM_MUST_CHECK;

/* Answer.  Consumes request.  reply: the method's reply struct, or NULL when it has no fields. */
void bus_reply(struct bus_request *request, const void *reply);
void bus_refuse(struct bus_request *request, const struct am_error *err);

enum bus_service bus_request_sender(const struct bus_request *request);
const char *bus_request_correlation(const struct bus_request *request);
int64_t bus_request_deadline_ms(const struct bus_request *request); /* CLOCK_MONOTONIC */

/* Ask.  fn is called exactly once, from the loop, never from inside bus_call:
 *   code AM_OK   reply is the reply struct, borrowed for the call
 *   otherwise    reply is NULL, err says why: the server's refusal, AM_DEADLINE_EXCEEDED, or
 *                AM_UNAVAILABLE (not connected, disconnected in flight, or the bus closes)
 * In:      message      the request struct, borrowed for the call; NULL when it has no fields
 *          deadline_ms  from now, 1..600000
 *          correlation  "" to start a conversation, else the id of the one this belongs to
 * Returns: AM_OK, AM_OUT_OF_RANGE (a field breaks its limit), AM_RESOURCE_EXHAUSTED (1024 in
 * flight); fn is not called then */
typedef void bus_reply_fn(void *arg, int code, const void *reply, const struct am_error *err);
int bus_call(struct bus *bus, enum bus_method method, const void *message, int64_t deadline_ms,
             const char *correlation, bus_reply_fn *fn, void *arg,
             struct am_error *err) AM_MUST_CHECK;

/* Ask any service its built-in hello.  reply is struct bus_hello. */
int bus_call_hello(struct bus *bus, enum bus_service service, int64_t deadline_ms, bus_reply_fn *fn,
                   void *arg, struct am_error *err) AM_MUST_CHECK;

/* Follow everything a service says: its facts, and each request with its reply and time, redacted
 * by type.  line is one JSON object, borrowed.  Tracing costs nothing while nobody taps. */
typedef void bus_tap_fn(void *arg, enum bus_service service, const char *line);
int bus_tap(struct bus *bus, enum bus_service service, bus_tap_fn *fn, void *arg,
            struct am_error *err) AM_MUST_CHECK;

#endif
