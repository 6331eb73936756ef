/*  bus_int -- what the files of the bus share: sockets on the loop, frames, the state of a process.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef BUS_INT_H
#define BUS_INT_H

#include "bus.h"
#include "bus_codec.h"

#include <sys/queue.h>
#include <sys/types.h>
#include <zmq.h>

#define BUS_FRAME_MAX 65536u   /* bytes of a frame, ZMQ_MAXMSGSIZE */
#define BUS_PAYLOAD_MAX 64512u /* of a payload: a snapshot reply wraps it into one frame */
#define BUS_PARTS 4            /* frames of a message: identity, name, header, payload */
#define BUS_HWM 256            /* messages a peer may lag behind */
#define BUS_BEACON_MS 500
#define BUS_KEY_MAX 64      /* bytes of a KEYED topic's key and of an idempotency key */
#define BUS_KEYS_MAX 1024   /* keys of one topic */
#define BUS_HELD_MAX 1024   /* requests that wait for our answer, and calls that wait for one */
#define BUS_ANSWERS_MAX 256 /* answers kept for repeated commands */
#define BUS_DEADLINE_MAX_MS 600000
#define BUS_CONNECT_MS 1000 /* a call waits so long for a connection */

struct bus_sock {
    struct bus *bus;
    void *zmq;   /* NULL: not open */
    ev_io io;    /* wakes the loop; ZMQ_FD is edge-triggered, so work is done in check */
    bool paused; /* messages stay in the socket */
    bool (*ready)(void *arg); /* take one message; false: there was none */
    void *arg;
    LIST_ENTRY(bus_sock) link;
};

struct bus_frames {
    zmq_msg_t part[BUS_PARTS];
    int n; /* 0: none came */
};

struct bus_kept { /* a fact as last published */
    uint8_t key[BUS_KEY_MAX];
    size_t key_len;
    uint8_t *payload;
    size_t len;
};

struct bus_store {
    uint64_t sequence;
    struct bus_kept *kept; /* in the order of the keys */
    size_t n;
};

struct bus_served {
    bus_serve_fn *fn;
    void *arg;
};

struct bus {
    char run[80]; /* sun_path ends at 107 */
    enum bus_service self;
    struct ev_loop *loop;
    bool by_uid, closing;
    int64_t uid_of[BUS_SERVICE_COUNT]; /* -1: none */
    int lock_fd;
    void *ctx;
    struct bus_sock zap, pub, req;
    LIST_HEAD(, bus_sock) socks;
    ev_prepare prepare;
    ev_check check;
    ev_idle idle;
    ev_timer beacon;
    uint64_t epoch, calls, dropped, tap_sequence;
    int64_t started_ms, logged_ms;
    char phase[33], reason[385];
    long taps; /* subscriptions to "tap" */
    struct bus_store stores[BUS_TOPIC_COUNT];
    struct bus_served served[BUS_METHOD_COUNT];
    bool followed[BUS_TOPIC_COUNT];
    const struct bus_header *header; /* of what a callback is being called about */
    struct bus_client *clients[BUS_SERVICE_COUNT];
    LIST_HEAD(, bus_sub) subs;
    LIST_HEAD(, bus_tapped) tapped;
    TAILQ_HEAD(, bus_request) held;
    size_t held_count, asked_count, answer_count;
    TAILQ_HEAD(, bus_answer) answers; /* oldest first */
    uint8_t out[BUS_FRAME_MAX];
};

/* bus_sock.c */
int bus_sock_open(struct bus_sock *s, struct bus *bus, int type, const char *domain,
                  bool (*ready)(void *), void *arg, struct am_error *err) AM_MUST_CHECK;
int bus_sock_bind(struct bus_sock *s, const char *end, struct am_error *err) AM_MUST_CHECK;
int bus_sock_connect(struct bus_sock *s, enum bus_service service, const char *end,
                     struct am_error *err) AM_MUST_CHECK;
void bus_sock_close(struct bus_sock *s);
void bus_sock_drain(struct bus_sock *s); /* now, not in the next turn of the loop */
void bus_loop_start(struct bus *bus);
void bus_loop_stop(struct bus *bus);
bool bus_take(struct bus_sock *s, struct bus_frames *f); /* false: none came */
void bus_frames_free(struct bus_frames *f);
struct am_bin bus_frame(struct bus_frames *f, int part);
/* identity: of a ROUTER's peer, else length 0.  Returns 0, or -1 with errno (nothing was sent). */
int bus_send(struct bus_sock *s, struct am_bin identity, const char *name,
             const struct bus_header *header, struct am_bin payload);
struct bus_header bus_header_new(const struct bus *bus, uint64_t sequence);
int bus_header_read(struct bus_header *h, struct am_bin bytes, struct am_error *err) AM_MUST_CHECK;
/* Count what is not delivered; say so at most once a second. */
void bus_drop(struct bus *bus, const char *boundary, const struct am_error *err);

/* bus_zap.c */
int bus_zap_open(struct bus *bus, const char *uids, struct am_error *err) AM_MUST_CHECK;

/* bus_pub.c */
bool bus_pub_ready(void *bus);
void bus_beacon(struct bus *bus);
int bus_snapshot(struct bus *bus, const struct bus_snapshot *q, uint8_t *out, size_t *len,
                 struct am_error *err) AM_MUST_CHECK;
void bus_pub_close(struct bus *bus);

/* bus_sub.c: a subscription of its own, beside that of bus_subscribe */
int bus_follow(struct bus *bus, enum bus_topic topic, bus_fact_fn *fn, void *arg,
               struct am_error *err) AM_MUST_CHECK;
void bus_sub_close(struct bus *bus);

/* bus_req.c */
bool bus_req_ready(void *bus);
void bus_req_close(struct bus *bus);

/* bus_call.c: name is the method frame, reply the row of what comes back */
int bus_ask(struct bus *bus, enum bus_service service, const char *name, const struct bus_row *ask,
            const void *message, const struct bus_row *reply, int64_t deadline_ms,
            const char *correlation, bus_reply_fn *fn, void *arg,
            struct am_error *err) AM_MUST_CHECK;
void bus_call_close(struct bus *bus);

/* bus_tap.c */
struct bus_half { /* of an exchange; took_ms < 0: the request */
    const char *method, *correlation;
    enum bus_service caller;
    uint64_t call;
    int64_t took_ms;
    int status;
    const char *reason;
};
void bus_trace_half(struct bus *bus, const struct bus_half *half, const struct bus_row *row,
                    const void *message);
void bus_tap_close(struct bus *bus);

#endif
