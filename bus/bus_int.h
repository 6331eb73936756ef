/*  bus_int -- what the files of the bus share: sockets on the loop, messages, the state of a
 * process.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef BUS_INT_H
#define BUS_INT_H

#include "../common/base/am_clock.h"
#include "../common/base/am_log.h"
#include "bus.h"
#include "bus_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <zmq.h>

#define BUS_FRAME_MAX 65536u   /* bytes of a frame, ZMQ_MAXMSGSIZE */
#define BUS_PAYLOAD_MAX 64512u /* of a payload: a snapshot reply wraps it into one frame */
#define BUS_PARTS 8            /* frames of a message: 3, a ROUTER's 4, ZAP's 8 */
#define BUS_BEACON_MS 500
#define BUS_KEY_MAX 64    /* bytes of a KEYED topic's key and of an idempotency key */
#define BUS_HELD_MAX 1024 /* requests that wait for our answer, and calls that wait for one */
#define BUS_DEADLINE_MAX_MS 600000

struct bus_message { /* as received */
    zmq_msg_t part[BUS_PARTS];
    struct am_bin frame[BUS_PARTS]; /* what is in them */
    int n;                          /* more than BUS_PARTS: the rest was thrown away */
    struct bus_header header;       /* where the socket reads it */
};

/* Handle one.  Its failure is counted and logged by the socket. */
typedef int bus_message_fn(void *arg, struct bus_message *m, struct am_error *err);

struct bus_sock {
    struct bus *bus;
    void *zmq;        /* NULL: not open */
    ev_io io;         /* ZMQ_FD: edge-triggered, so every send looks for messages too */
    bool paused;      /* messages stay in the socket */
    const char *from; /* service whose [name][header][payload] is expected here; NULL: anything */
    bus_message_fn *fn;
    void *arg;
    LIST_ENTRY(bus_sock) link;
};

struct bus_client { /* our end at another service's .req */
    struct bus *bus;
    struct bus_sock sock, monitor;
    bool connected;
    const char *trouble; /* why it is not */
    TAILQ_HEAD(, bus_asked) asked;
};

struct bus {
    char run[80]; /* sun_path ends at 107 */
    enum bus_service self;
    struct ev_loop *loop;
    bool by_uid; /* else all have ours, and declare who they are */
    bool closing;
    long uid_of[BUS_SERVICE_COUNT]; /* -1: none */
    int lock_fd;
    void *ctx;
    struct bus_sock zap, pub, req;
    LIST_HEAD(, bus_sock) socks;
    ev_timer beacon, again; /* again: look into every socket in the next turn of the loop */
    uint64_t epoch, calls, dropped, tap_sequence;
    int64_t started_ms, logged_ms;
    char phase[33], reason[385];
    long taps; /* subscriptions to "tap" */
    struct {
        uint64_t sequence;
        struct bus_kept *kept; /* in the order of the keys */
        size_t n;
    } stores[BUS_TOPIC_COUNT];
    struct {
        bus_serve_fn *fn;
        void *arg;
    } served[BUS_METHOD_COUNT];
    const struct bus_header *header; /* of what a callback is being called about */
    struct bus_client clients[BUS_SERVICE_COUNT];
    LIST_HEAD(, bus_sub) subs;
    LIST_HEAD(, bus_tapped) tapped;
    TAILQ_HEAD(, bus_request) held; /* oldest first */
    size_t held_count, asked_count, done_count;
    uint8_t out[BUS_FRAME_MAX];
};

/* A service's name as ZAP domain is also whom we expect messages from.  address: bound by a ROUTER
 * or XPUB, else connected; NULL: neither. */
int bus_sock_open(struct bus_sock *s, struct bus *bus, int type, const char *domain,
                  const char *address, bus_message_fn *fn, void *arg,
                  struct am_error *err) AM_MUST_CHECK;
const char *bus_address(char out[static 128], const struct bus *bus, enum bus_service service,
                        const char *end);
void bus_sock_close(struct bus_sock *s);
void bus_sock_drain(struct bus_sock *s); /* now, not in the next turn of the loop */
void bus_sock_pause(struct bus_sock *s, bool paused);
void bus_sock_drain_all(struct ev_loop *loop, ev_timer *again, int events);

struct am_str bus_frame_text(const struct bus_message *m, int frame);
struct bus_header bus_header_new(const struct bus *bus, uint64_t sequence);
int bus_header_read(struct bus_header *h, struct am_bin bytes, struct am_error *err) AM_MUST_CHECK;
/* identity: of a ROUTER's peer, else empty. */
int bus_send(struct bus_sock *s, struct am_bin identity, const char *name,
             const struct bus_header *header, struct am_bin payload,
             struct am_error *err) AM_MUST_CHECK;
/* Count what is not delivered; say so at most once a second. */
void bus_drop(struct bus *bus, const struct am_error *err);

int bus_zap_open(struct bus *bus, const char *uids, struct am_error *err) AM_MUST_CHECK;

int bus_on_subscription(void *bus, struct bus_message *m, struct am_error *err);
void bus_tell(struct bus *bus, const char *name, uint64_t sequence, bool retracted,
              struct am_bin payload);
void bus_on_beacon(struct ev_loop *loop, ev_timer *beacon, int events);
int bus_snapshot(struct bus *bus, const struct bus_snapshot *q, size_t *len,
                 struct am_error *err) AM_MUST_CHECK;
void bus_pub_close(struct bus *bus);

void bus_sub_close(struct bus *bus);

int bus_on_request(void *bus, struct bus_message *m, struct am_error *err);
void bus_req_close(struct bus *bus);

/* name: the method frame, static; reply: the row of what comes back. */
int bus_ask(struct bus *bus, enum bus_service service, const char *name, const struct bus_row *ask,
            const void *message, const struct bus_row *reply, int64_t deadline_ms,
            const char *correlation, bus_reply_fn *fn, void *arg,
            struct am_error *err) AM_MUST_CHECK;
void bus_call_close(struct bus *bus);

/* Mirror half of an exchange if anybody taps: message by its row, or the text that t has. */
void bus_mirror(struct bus *bus, struct bus_trace *t, const struct bus_row *row,
                const void *message);
void bus_tap_close(struct bus *bus);

#endif
