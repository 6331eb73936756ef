/*  access_call -- a caller that knows libzmq and the messages, and obeys nothing: it claims names.
 */
#include "access.h"

#include "../../../bus/bus_codec.h"
#include "../../../common/base/am_clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#define ANSWER_MS 3000
#define FOLLOW_MS 800  /* longer than from beacon to beacon */
#define SILENT_MS 1000 /* for whom nothing may come */
#define FRAME_MAX 65536
#define TURNED_AWAY 0x4000 /* ZMQ_EVENT_HANDSHAKE_FAILED_AUTH */
#define LET_IN 0x1000      /* ZMQ_EVENT_HANDSHAKE_SUCCEEDED */

struct frames {
    struct am_bin part[3];
    uint8_t bytes[3][FRAME_MAX];
    int n;
};

struct caller {
    struct access_world *w;
    struct access_seen *seen;
    void *ctx, *req[BUS_CLI], *pub[BUS_CLI];
    uint64_t sequence;
    struct frames got;
};

/* Every byte that comes is kept. */
static bool
receive(struct caller *c, void *sock, int ms)
{
    zmq_pollitem_t item = {.socket = sock, .events = ZMQ_POLLIN};
    int more = 1;
    size_t size = sizeof more;

    if (zmq_poll(&item, 1, ms) <= 0)
        return false;
    for (c->got.n = 0; more != 0; c->got.n++) {
        int i = c->got.n < 2 ? c->got.n : 2, n = zmq_recv(sock, c->got.bytes[i], FRAME_MAX, 0);

        if (n < 0)
            return false;
        c->got.part[i] = am_bin_of(c->got.bytes[i], n < FRAME_MAX ? (size_t)n : FRAME_MAX);
        if (write(c->w->capture, c->got.bytes[i], c->got.part[i].len) < 0)
            _exit(3);
        zmq_getsockopt(sock, ZMQ_RCVMORE, &more, &size);
    }
    c->seen->frames++;
    return true;
}

/* Connect and wait for what the other end says to our uid. */
static void *
link_up(struct caller *c, int type, int service, const char *end)
{
    void *sock = zmq_socket(c->ctx, type), *watch = zmq_socket(c->ctx, ZMQ_PAIR);
    const char *name = bus_service_name((enum bus_service)service);
    const int wait = ANSWER_MS, none = 0;
    uint16_t event = 0;
    char at[128];

    zmq_setsockopt(sock, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(watch, ZMQ_RCVTIMEO, &wait, sizeof wait);
    snprintf(at, sizeof at, "inproc://%s-%s", name, end);
    zmq_socket_monitor(sock, at, LET_IN | TURNED_AWAY);
    zmq_connect(watch, at);
    snprintf(at, sizeof at, "ipc://%s/%s.%s", c->w->run, name, end);
    if (type == ZMQ_SUB) {
        static const char *const prefixes[] = {"", "t", "ta", "tap", "beacon"};

        for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
            zmq_setsockopt(sock, ZMQ_SUBSCRIBE, prefixes[i], strlen(prefixes[i]));
        for (int i = 0; i < BUS_TOPIC_COUNT; i++) {
            const char *topic = bus_topic_row((enum bus_topic)i)->name;

            zmq_setsockopt(sock, ZMQ_SUBSCRIBE, topic, strlen(topic));
        }
    }
    zmq_connect(sock, at);
    if (zmq_recv(watch, &event, sizeof event, 0) < (int)sizeof event)
        event = 0;
    c->seen->let_in[service] = c->seen->let_in[service] && event == LET_IN;
    c->seen->turned_away[service] = c->seen->turned_away[service] && event == TURNED_AWAY;
    zmq_socket_monitor(sock, NULL, 0);
    zmq_setsockopt(watch, ZMQ_LINGER, &none, sizeof none);
    zmq_close(watch);
    return sock;
}

static void
say(struct caller *c, int service, const char *name, int claimed, struct am_bin payload)
{
    struct bus_header h = {.version = BUS_SCHEMA_VERSION,
                           .sender = am_str_of(bus_service_name((enum bus_service)claimed)),
                           .sequence = ++c->sequence,
                           .deadline_ms = (uint64_t)am_mono_ms() + ANSWER_MS};
    uint8_t head[1024];
    struct am_error err;
    size_t len;

    if (bus_encode(&bus_rows[BUS_ROW_bus_header], &h, head, sizeof head, &len, &err) != AM_OK)
        _exit(4);
    zmq_send(c->req[service], name, strlen(name), ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(c->req[service], head, len, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(c->req[service], payload.p, payload.len, ZMQ_DONTWAIT);
}

/* h borrows from the frames that came; false: silence. */
static bool
answer(struct caller *c, int service, struct bus_header *h)
{
    struct am_error err;

    while (receive(c, c->req[service], ANSWER_MS))
        if (c->got.n == 3 &&
            bus_decode(&bus_rows[BUS_ROW_bus_header], false, h, c->got.part[1], &err) == AM_OK &&
            h->sequence == c->sequence)
            return true;
    return false;
}

static struct am_bin
least(const struct bus_row *row, uint8_t out[static FRAME_MAX])
{
    static union bus_any message;
    struct am_error err;
    size_t len;

    access_least(row, &message);
    if (bus_encode(row, &message, out, FRAME_MAX, &len, &err) != AM_OK)
        _exit(5);
    return am_bin_of(out, len);
}

/* PERMISSION_DENIED alone would not do: keyagent has rules of its own behind the table. */
static enum access_answer
judged(bool came, const struct bus_header *h)
{
    static const char *const words[] = {": expected a caller of its list,",
                                        "bus: expected the name of uid "};
    bool refused = false;

    for (size_t i = 0; came && i < sizeof words / sizeof *words; i++)
        refused = refused || (h->reason.len > 0 && memmem(h->reason.p, h->reason.len, words[i],
                                                          strlen(words[i])) != NULL);
    if (!came)
        return ACCESS_SILENCE;
    if (h->status == -AM_PERMISSION_DENIED && refused)
        return ACCESS_REFUSED;
    return h->status == -AM_UNIMPLEMENTED ? ACCESS_UNSERVED : ACCESS_REACHED;
}

static void
ask_methods(struct caller *c)
{
    static uint8_t payload[FRAME_MAX];
    struct bus_header h;

    for (int claimed = 0; claimed < BUS_SERVICE_COUNT; claimed++)
        for (int m = 0; m < BUS_METHOD_COUNT; m++) {
            const struct bus_row *row = bus_method_row((enum bus_method)m);

            say(c, (int)row->service, row->name, claimed, least(row, payload));
            if (!c->seen->turned_away[row->service])
                c->seen->answer[claimed][m] = judged(answer(c, (int)row->service, &h), &h);
        }
}

/* What the bus itself answers to everybody whom it knows. */
static void
ask_built_in(struct caller *c, int self)
{
    static const uint8_t nothing[] = {0x80}; /* MessagePack: an empty map */
    static uint8_t payload[FRAME_MAX];
    static union bus_any reply;
    struct bus_header h;
    struct am_error err;
    size_t len;

    for (int s = 0; s < BUS_CLI; s++) {
        say(c, s, "hello", self, AM_BIN(nothing));
        c->seen->hello[s] = !c->seen->turned_away[s] && answer(c, s, &h) && h.status == 0;
    }
    for (int t = 0; t < BUS_TOPIC_COUNT; t++) {
        const struct bus_row *row = bus_topic_row((enum bus_topic)t);
        struct bus_snapshot ask = {.topic = am_str_of(row->name)};

        if (bus_encode(&bus_rows[BUS_ROW_bus_snapshot], &ask, payload, FRAME_MAX, &len, &err) !=
            AM_OK)
            _exit(6);
        say(c, (int)row->service, "snapshot", self, am_bin_of(payload, len));
        if (!c->seen->turned_away[row->service] && answer(c, (int)row->service, &h) &&
            bus_decode(&bus_rows[BUS_ROW_bus_snapshot_reply], false, &reply, c->got.part[2],
                       &err) == AM_OK)
            for (size_t i = 0; i < reply.bus_snapshot_reply.values_count; i++) {
                static union bus_any fact;

                if (bus_decode(row, false, &fact, reply.bus_snapshot_reply.values[i].payload,
                               &err) == AM_OK)
                    c->seen->facts[t]++;
                else
                    c->seen->strange++;
            }
    }
}

static void
follow(struct caller *c, int ms)
{
    int64_t end = am_mono_ms() + ms;
    static union bus_any fact;
    struct am_error err;

    while (am_mono_ms() < end)
        for (int s = 0; s < BUS_CLI; s++)
            while (receive(c, c->pub[s], 5)) {
                struct am_str name = {(const char *)c->got.part[0].p, c->got.part[0].len};
                int topic = bus_topic_by_name(name);

                if (am_str_eq(name, "beacon"))
                    c->seen->beacons++;
                else if (am_str_eq(name, "tap"))
                    c->seen->traces++;
                else if (topic >= 0 && c->got.n == 3 &&
                         bus_decode(bus_topic_row((enum bus_topic)topic), false, &fact,
                                    c->got.part[2], &err) == AM_OK)
                    c->seen->published++;
                else
                    c->seen->strange++;
            }
}

static void
become(unsigned uid)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (uid != 0 && (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0))
        _exit(2);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* another uid clears it */
}

static int
call_all(struct access_world *w, unsigned uid)
{
    static struct caller c;
    bool known = false;
    int self = uid >= ACCESS_UID_FIRST && uid < ACCESS_UID_FIRST + BUS_SERVICE_COUNT
                   ? (int)(uid - ACCESS_UID_FIRST)
                   : BUS_CLI;

    c.w = w;
    c.seen = w->seen;
    c.ctx = zmq_ctx_new();
    for (int s = 0; s < BUS_CLI; s++) {
        c.seen->let_in[s] = c.seen->turned_away[s] = true;
        c.req[s] = link_up(&c, ZMQ_DEALER, s, "req");
        c.pub[s] = link_up(&c, ZMQ_SUB, s, "pub");
        known = known || !c.seen->turned_away[s];
    }
    ask_methods(&c);
    ask_built_in(&c, self);
    for (int s = 0; s < BUS_CLI && !known; s++)
        receive(&c, c.req[s], SILENT_MS / BUS_CLI);
    follow(&c, known ? FOLLOW_MS : SILENT_MS);
    return 0; /* the process ends: so do its sockets */
}

int
access_call(struct access_world *w, unsigned uid)
{
    int status = -1;
    pid_t pid;

    memset(w->seen, 0, sizeof *w->seen);
    if (ftruncate(w->capture, 0) != 0 || (pid = fork()) < 0)
        return -1;
    if (pid == 0) {
        become(uid);
        _exit(call_all(w, uid));
    }
    waitpid(pid, &status, 0);
    return status;
}

static bool
signs(struct caller *c)
{
    const struct bus_row *row = bus_method_row(BUS_METHOD_keyagent_sign_heartbeat);
    static uint8_t payload[FRAME_MAX];
    struct bus_header h;

    say(c, BUS_KEYAGENT, row->name, BUS_MESH, least(row, payload));
    return answer(c, BUS_KEYAGENT, &h) && h.status == 0;
}

bool
access_ready(struct access_world *w, int ms)
{
    int64_t end = am_mono_ms() + ms;
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        static struct caller c;

        become(ACCESS_UID_FIRST + BUS_MESH);
        c.w = w;
        c.seen = w->seen;
        c.ctx = zmq_ctx_new();
        c.req[BUS_KEYAGENT] = link_up(&c, ZMQ_DEALER, BUS_KEYAGENT, "req");
        while (am_mono_ms() < end) {
            if (signs(&c))
                _exit(0);
            usleep(50000);
        }
        _exit(1);
    }
    waitpid(pid, &status, 0);
    return status == 0;
}
