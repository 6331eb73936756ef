/*  net_raw -- a hand-made HTTP/2 peer for tests: frames written byte by byte, frames read as text.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef NET_RAW_H
#define NET_RAW_H

#include "../../common/base/am_bytes.h"

#include <ev.h>
#include <netinet/in.h>

enum { RAW_DATA, RAW_HEADERS, RAW_PRIORITY, RAW_RST, RAW_SETTINGS, RAW_PUSH, RAW_PING, RAW_GOAWAY };
enum { RAW_END_STREAM = 1, RAW_ACK = 1, RAW_END_HEADERS = 4 };

struct raw_bytes {
    uint8_t p[65536];
    size_t len;
};

void raw_put(struct raw_bytes *b, const void *p, size_t len);
void raw_frame(struct raw_bytes *b, uint8_t type, uint8_t flags, uint32_t stream, const void *p,
               size_t len);
/* pairs: name, value, ..., NULL */
void raw_headers(struct raw_bytes *b, uint8_t flags, uint32_t stream, const char *const *pairs);
/* A message behind its prefix, in one DATA frame. */
void raw_message(struct raw_bytes *b, uint8_t flags, uint32_t stream, uint8_t compressed,
                 uint32_t announced, const void *p, size_t len);
void raw_hello(struct raw_bytes *b, bool client); /* preface of a client, SETTINGS of both */
/* POST of path with more headers (NULL or pairs), then one message that ends the stream. */
void raw_ask(struct raw_bytes *b, uint32_t stream, const char *path, const char *name,
             const char *value, const char *message);

/* A socket that says `out` once (a server: when it has been asked) and writes what it hears into
 * text: a line per frame, "HEADERS 1 END :status=200 grpc-status=0 ", "DATA 1 <hex>", "RST 1 8",
 * "GOAWAY 0", "CLOSED". */
struct raw_peer {
    struct ev_loop *loop;
    int fd, listener;
    uint16_t port;
    ev_io io, accept;
    void *inflater;
    struct raw_bytes out, in;
    size_t skip; /* the client's preface */
    char text[65536];
    size_t text_len;
    unsigned ended; /* streams that have ended with HEADERS END */
    bool closed, spoken;
};

void raw_connect(struct raw_peer *peer, struct ev_loop *loop, uint16_t port);
void raw_listen(struct raw_peer *peer, struct ev_loop *loop);
void raw_close(struct raw_peer *peer);

/* Run the loop until *done is at least n; fails the test after ms. */
void raw_until(struct ev_loop *loop, const unsigned *done, unsigned n, int ms);
/* Run the loop until text holds word; fails the test after ms. */
void raw_hears(struct raw_peer *peer, const char *word, int ms);
void raw_for(struct ev_loop *loop, int ms);

#endif
