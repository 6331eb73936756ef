/*  net_raw -- a hand-made HTTP/2 peer for tests.  */
#include "net_raw.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void
raw_put(struct raw_bytes *b, const void *p, size_t len)
{
    cr_assert(b->len + len <= sizeof b->p);
    if (len > 0)
        memcpy(b->p + b->len, p, len);
    b->len += len;
}

void
raw_frame(struct raw_bytes *b, uint8_t type, uint8_t flags, uint32_t stream, const void *p,
          size_t len)
{
    uint8_t head[9] = {(uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len, type, flags};

    am_be32(head + 5, stream);
    raw_put(b, head, sizeof head);
    raw_put(b, p, len);
}

void
raw_headers(struct raw_bytes *b, uint8_t flags, uint32_t stream, const char *const *pairs)
{
    struct raw_bytes block = {.len = 0};

    for (size_t i = 0; pairs[i] != NULL; i++) {
        size_t n = strlen(pairs[i]);

        if (i % 2 == 0)
            raw_put(&block, "", 1); /* RFC 7541 6.2.2: literal, not indexed, new name */
        cr_assert(n < 127);
        raw_put(&block, &(uint8_t){(uint8_t)n}, 1);
        raw_put(&block, pairs[i], n);
    }
    raw_frame(b, RAW_HEADERS, flags | RAW_END_HEADERS, stream, block.p, block.len);
}

void
raw_message(struct raw_bytes *b, uint8_t flags, uint32_t stream, uint8_t compressed,
            uint32_t announced, const void *p, size_t len)
{
    struct raw_bytes body = {.len = 0};
    uint8_t head[5] = {compressed};

    am_be32(head + 1, announced);
    raw_put(&body, head, sizeof head);
    raw_put(&body, p, len);
    raw_frame(b, RAW_DATA, flags, stream, body.p, body.len);
}

void
raw_hello(struct raw_bytes *b, bool client)
{
    if (client)
        raw_put(b, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    raw_frame(b, RAW_SETTINGS, 0, 0, NULL, 0);
}

void
raw_ask(struct raw_bytes *b, uint32_t stream, const char *path, const char *name, const char *value,
        const char *message)
{
    const char *pairs[] = {
        ":method", "POST",       ":scheme", "http",         ":path",
        path,      ":authority", "test",    "content-type", "application/grpc+proto",
        "te",      "trailers",   name,      value,          NULL};

    raw_headers(b, 0, stream, pairs);
    raw_message(b, RAW_END_STREAM, stream, 0, (uint32_t)strlen(message), message, strlen(message));
}

static void
say(struct raw_peer *peer, const char *s)
{
    size_t n = strlen(s);

    cr_assert(peer->text_len + n < sizeof peer->text);
    memcpy(peer->text + peer->text_len, s, n + 1);
    peer->text_len += n;
}

static void
say_headers(struct raw_peer *peer, const uint8_t *p, size_t len)
{
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        char line[1024];
        ssize_t n = nghttp2_hd_inflate_hd2(peer->inflater, &nv, &flags, p, len, 1);

        cr_assert(n >= 0);
        p += n;
        len -= (size_t)n;
        if (flags & NGHTTP2_HD_INFLATE_EMIT) {
            snprintf(line, sizeof line, "%.*s=%.*s ", (int)nv.namelen, nv.name, (int)nv.valuelen,
                     nv.value);
            say(peer, line);
        }
        if (flags & NGHTTP2_HD_INFLATE_FINAL) {
            nghttp2_hd_inflate_end_headers(peer->inflater);
            return;
        }
    }
}

static void
say_frame(struct raw_peer *peer, const uint8_t *p, size_t len)
{
    uint32_t stream = am_rd32(p + 5);
    bool end = (p[4] & RAW_END_STREAM) != 0;
    char line[256];

    if (p[3] == RAW_HEADERS) {
        size_t skip = (p[4] & 0x20) != 0 ? 5 : 0; /* PRIORITY */

        snprintf(line, sizeof line, "HEADERS %u %s", stream, end ? "END " : "");
        say(peer, line);
        say_headers(peer, p + 9 + skip, len - skip);
        peer->ended += end;
    } else if (p[3] == RAW_DATA) {
        char hex[65] = "";

        am_hex(hex, p + 9, len < 32 ? len : 32);
        snprintf(line, sizeof line, "DATA %u %s%s", stream, end ? "END " : "", hex);
        say(peer, line);
    } else if (p[3] == RAW_RST) {
        snprintf(line, sizeof line, "RST %u %u", stream, am_rd32(p + 9));
        say(peer, line);
    } else if (p[3] == RAW_GOAWAY) {
        snprintf(line, sizeof line, "GOAWAY %u", am_rd32(p + 13));
        say(peer, line);
    } else {
        return;
    }
    say(peer, "\n");
}

static void
speak(struct raw_peer *peer)
{
    peer->spoken = true;
    cr_assert_eq(send(peer->fd, peer->out.p, peer->out.len, MSG_NOSIGNAL), (ssize_t)peer->out.len);
}

static void
on_bytes(struct ev_loop *loop, ev_io *w, int revents)
{
    struct raw_peer *peer = w->data;
    ssize_t n = recv(w->fd, peer->in.p + peer->in.len, sizeof peer->in.p - peer->in.len, 0);
    size_t at = 0;

    (void)revents;
    if (n <= 0) {
        ev_io_stop(loop, w);
        peer->closed = true;
        say(peer, "CLOSED\n");
        return;
    }
    peer->in.len += (size_t)n;
    if (peer->in.len < peer->skip)
        return;
    at = peer->skip;
    peer->skip = 0;
    while (peer->in.len - at >= 9) {
        const uint8_t *p = peer->in.p + at;
        size_t len = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];

        if (peer->in.len - at < 9 + len)
            break;
        say_frame(peer, p, len);
        at += 9 + len;
    }
    memmove(peer->in.p, peer->in.p + at, peer->in.len - at);
    peer->in.len -= at;
    if (!peer->spoken && strstr(peer->text, "HEADERS") != NULL) /* a server answers */
        speak(peer);
}

static void
start(struct raw_peer *peer, int fd)
{
    nghttp2_hd_inflater *inflater;

    cr_assert_eq(nghttp2_hd_inflate_new(&inflater), 0);
    peer->inflater = inflater;
    peer->fd = fd;
    ev_io_init(&peer->io, on_bytes, fd, EV_READ);
    peer->io.data = peer;
    ev_io_start(peer->loop, &peer->io);
}

void
raw_connect(struct raw_peer *peer, struct ev_loop *loop, uint16_t port)
{
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert_eq(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    peer->loop = loop;
    peer->listener = -1;
    start(peer, fd);
    speak(peer);
}

static void
on_accept(struct ev_loop *loop, ev_io *w, int revents)
{
    struct raw_peer *peer = w->data;

    (void)revents;
    ev_io_stop(loop, w);
    peer->skip = NGHTTP2_CLIENT_MAGIC_LEN;
    start(peer, accept(peer->listener, NULL, NULL));
}

void
raw_listen(struct raw_peer *peer, struct ev_loop *loop)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;

    peer->loop = loop;
    peer->fd = -1;
    peer->listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(peer->listener, (struct sockaddr *)&addr, sizeof addr), 0);
    cr_assert_eq(listen(peer->listener, 4), 0);
    cr_assert_eq(getsockname(peer->listener, (struct sockaddr *)&addr, &len), 0);
    peer->port = ntohs(addr.sin_port);
    ev_io_init(&peer->accept, on_accept, peer->listener, EV_READ);
    peer->accept.data = peer;
    ev_io_start(loop, &peer->accept);
}

void
raw_close(struct raw_peer *peer)
{
    if (peer->fd >= 0) {
        ev_io_stop(peer->loop, &peer->io);
        close(peer->fd);
        nghttp2_hd_inflate_del(peer->inflater);
    }
    if (peer->listener >= 0) {
        ev_io_stop(peer->loop, &peer->accept);
        close(peer->listener);
    }
}

static void
on_late(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    *(bool *)w->data = true;
}

static void
guard_start(struct ev_loop *loop, ev_timer *guard, bool *late, int ms)
{
    *late = false;
    ev_timer_init(guard, on_late, ms / 1000.0, 0.0);
    guard->data = late;
    ev_now_update(loop);
    ev_timer_start(loop, guard);
}

void
raw_until(struct ev_loop *loop, const unsigned *done, unsigned n, int ms)
{
    ev_timer guard;
    bool late;

    guard_start(loop, &guard, &late, ms);
    while (*done < n && !late)
        ev_run(loop, EVRUN_ONCE);
    ev_timer_stop(loop, &guard);
    cr_assert(*done >= n, "only %u of %u in %d ms", *done, n, ms);
}

void
raw_hears(struct raw_peer *peer, const char *word, int ms)
{
    ev_timer guard;
    bool late;

    guard_start(peer->loop, &guard, &late, ms);
    while (strstr(peer->text, word) == NULL && !late)
        ev_run(peer->loop, EVRUN_ONCE);
    ev_timer_stop(peer->loop, &guard);
    cr_assert_not_null(strstr(peer->text, word), "no %s in:\n%s", word, peer->text);
}

void
raw_for(struct ev_loop *loop, int ms)
{
    ev_timer guard;
    bool late;

    guard_start(loop, &guard, &late, ms);
    while (!late)
        ev_run(loop, EVRUN_ONCE);
}
