/*  mesh_heartbeat -- signed datagrams on the mesh IP: sent every 2 s and on each change, believed
 * by mesh_beat  */
#include "mesh_int.h"

#include "../../common/base/am_clock.h"
#include "../../common/base/am_log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_MS 2000
#define SIGN_MS 1500 /* keyagent's time for one signature */
#define AGAIN_MS 100 /* keyagent did not answer: soon again */
#define APART_MS 50  /* a storm of changes is one datagram */
#define BATCH 64     /* datagrams read before the loop has its turn */
#define EAGER_MS                                                                                   \
    500 /* between datagrams while not live: who has just met us must not wait for 2 s */

static struct sockaddr_in
at(uint32_t ip, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

    a.sin_addr.s_addr = htonl(ip);
    return a;
}

static void
on_looked(void *arg, int code, const void *reply, const struct am_error *err)
{
    (void)arg, (void)reply;
    if (code != AM_OK)
        am_log(AM_WARN, "news.not_asked", "reason=\"%s\"", err->text);
}

/* Somebody is known to others and not to us: the chain may say who it is. */
static void
hear_news(struct mesh *m)
{
    struct am_error err = {0};

    if (mesh_news_heard(&m->news, am_mono_ms()) &&
        bus_call(m->bus, BUS_METHOD_chain_look, NULL, LOOK_MS, "", on_looked, m, &err) != AM_OK)
        on_looked(m, err.code, NULL, &err);
}

static void
note_unknown(struct mesh *m, const struct am_heartbeat *h)
{
    struct mesh_beats *b = &m->beats;
    char id[65];

    b->unknown_refused++;
    hear_news(m);
    for (size_t i = 0; i < b->unknown_count; i++)
        if (memcmp(b->unknown[i], h->sender, 32) == 0)
            return;
    if (b->unknown_count == MESH_UNKNOWN_MAX)
        return; /* full: the newcomer is not remembered */
    memcpy(b->unknown[b->unknown_count++], h->sender, 32);
    am_hex(id, h->sender, 32);
    am_log(AM_WARN, "heartbeat.unknown", "sender=%s", id);
}

static void
take(struct mesh *m, const struct am_heartbeat *h, uint32_t source)
{
    size_t i = mesh_view_find(&m->view, h->sender);
    struct mesh_beat_peer *peer = i == MESH_NOBODY || i == m->view.self ? NULL : &m->peer[i].beat;
    enum mesh_beat_why before = peer != NULL ? peer->why : MESH_BEAT_ACCEPTED, why;
    struct mesh_set view = {0};

    why = mesh_beat_judge(peer, h, source, (uint64_t)am_wall_ms());
    if (peer == NULL) {
        note_unknown(m, h);
        return;
    }
    if (why != MESH_BEAT_ACCEPTED) {
        if (why != before)
            am_log(AM_WARN, "heartbeat.refused", "index=%zu reason=\"%s\"", i, mesh_beat_text(why));
        return;
    }
    for (size_t k = 0; k < h->id_count; k++) {
        size_t seen = mesh_view_find(&m->view, h->ids[k]);

        if (seen != MESH_NOBODY)
            mesh_set_add(&view, seen);
        else
            hear_news(m);
    }
    m->peer[i].heard_wall_ms = (uint64_t)am_wall_ms();
    mesh_gate_heard(&m->gate, i, &view, am_mono_ms());
    if (!mesh_set_has(&view, m->view.self))
        m->beats.wanted = true; /* it does not see us: no reason to let it wait */
}

static void
on_readable(struct ev_loop *loop, ev_io *w, int events)
{
    static uint8_t bytes[AM_HEARTBEAT_MAX + 1];
    static struct am_heartbeat h;
    struct mesh *m = w->data;

    (void)loop;
    (void)events;
    for (int i = 0; i < BATCH; i++) {
        struct sockaddr_in from = {0};
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(w->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &len);

        if (n < 0)
            break;
        if (n > AM_HEARTBEAT_MAX || from.sin_family != AF_INET ||
            am_heartbeat_decode(&h, am_bin_of(bytes, (size_t)n), NULL) != AM_OK)
            m->beats.unreadable++;
        else
            take(m, &h, ntohl(from.sin_addr.s_addr));
    }
    mesh_wake(m);
}

/* The socket stays bound when the address goes and comes back with the device. */
static bool
open_socket(struct mesh *m)
{
    struct sockaddr_in own = at(m->wg.ip, MESH_BEAT_PORT);
    int fd;

    if (m->beats.fd != -1)
        return true;
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return false;
    if (bind(fd, (struct sockaddr *)&own, sizeof own) != 0) {
        am_log(AM_WARN, "heartbeat.bind", "port=%d reason=\"%s\"", MESH_BEAT_PORT, strerror(errno));
        close(fd);
        return false;
    }
    m->beats.fd = fd;
    ev_io_init(&m->beats.io, on_readable, fd, EV_READ);
    m->beats.io.data = m;
    ev_io_start(m->loop, &m->beats.io);
    return true;
}

static void
send_all(struct mesh *m)
{
    static uint8_t bytes[AM_HEARTBEAT_MAX];
    struct am_error err = {0};
    size_t len = 0;

    if (am_heartbeat_encode(bytes, sizeof bytes, &len, &m->beats.out, &err) != AM_OK) {
        am_log(AM_ERROR, "heartbeat.encode", "reason=\"%s\"", err.text);
        return;
    }
    for (size_t i = 0; i < m->view.count; i++) {
        struct sockaddr_in to = at(m->view.member[i].ip, MESH_BEAT_PORT);

        /* To the silent as well: traffic is what makes WireGuard try again.  A refusal of the
         * kernel (no endpoint yet) is the peer's silence, and shown as that. */
        if (i != m->view.self && !m->view.member[i].removed && !mesh_set_has(&m->rivals, i))
            (void)sendto(m->beats.fd, bytes, len, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to);
    }
}

static void
on_signed(void *arg, int code, const void *reply, const struct am_error *err)
{
    struct mesh *m = arg;
    const struct keyagent_sign_heartbeat_reply *r = reply;

    m->beats.signing = false;
    if (code != AM_OK) {
        m->beats.due_ms = am_mono_ms() + AGAIN_MS;
        m->beats.said = (struct mesh_set){0};
        am_log(AM_WARN, "heartbeat.unsigned", "reason=\"%s\"", err->text);
    } else if (m->beats.fd != -1 && m->member.state == MESH_MEMBER) {
        memcpy(m->beats.out.signature, r->signature.p, 64);
        send_all(m);
    }
    mesh_wake(m);
}

/* Connected peers by index, then self, as v1 lists them. */
static void
compose(struct mesh *m, const struct mesh_set *connected)
{
    struct am_heartbeat *h = &m->beats.out;

    memset(h, 0, sizeof *h);
    h->version = 1;
    memcpy(h->sender, m->view.own_id, 32);
    m->beats.last_ms = mesh_beat_stamp((uint64_t)am_wall_ms(), m->beats.last_ms);
    h->timestamp_ms = m->beats.last_ms;
    for (size_t i = 0; i < m->view.count && h->id_count < AM_HEARTBEAT_IDS - 1; i++)
        if (i != m->view.self && mesh_set_has(connected, i))
            memcpy(h->ids[h->id_count++], m->view.ids[i], 32);
    memcpy(h->ids[h->id_count++], m->view.own_id, 32);
}

void
mesh_beats_run(struct mesh *m)
{
    struct mesh_beats *b = &m->beats;
    int64_t now = am_mono_ms();
    struct mesh_set connected = mesh_gate_connected(&m->gate, now);
    struct keyagent_sign_heartbeat ask = {0};
    struct am_error err = {0};

    if (!m->wg.up || m->member.state != MESH_MEMBER || m->view.count < 2 || !open_socket(m))
        return;
    if (b->signing || (now < b->due_ms && !b->wanted && mesh_set_eq(&connected, &b->said)))
        return;
    if (now < b->sent_ms + APART_MS)
        return;
    b->wanted = false;
    b->said = connected;
    b->due_ms = now + (m->verdict.live ? MESH_INTERVAL_MS : EAGER_MS);
    b->sent_ms = now;
    compose(m, &connected);
    ask.timestamp_ms = b->out.timestamp_ms;
    ask.connected = am_bin_of(b->out.ids, b->out.id_count * 32);
    b->signing = bus_call(m->bus, BUS_METHOD_keyagent_sign_heartbeat, &ask, SIGN_MS, "", on_signed,
                          m, &err) == AM_OK;
    if (!b->signing)
        b->due_ms = now + AGAIN_MS;
}

void
mesh_beats_close(struct mesh *m)
{
    if (m->beats.fd == -1)
        return;
    ev_io_stop(m->loop, &m->beats.io);
    close(m->beats.fd);
    m->beats.fd = -1;
}
