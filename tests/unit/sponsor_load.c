/*  sponsor_load -- many connections that ask the sponsor at once, each answer checked.  */
#include "sponsor_load.h"

#include "sponsor_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHAIN "0x7a69"
#define APPROVED "{\"approved\":true}"
#define DENIED(reason) "{\"approved\":false,\"reason\":\"" reason "\"}"
#define CAPPED 999999u /* a member's number */
#define PIECES 16      /* of requests, the 16 kinds in turn */

struct question {
    char text[2048];
    size_t len;
    const char *answer; /* NULL: granted or capped */
};

struct connection {
    ev_io io;
    ev_timer pause;
    struct crowd *crowd;
    const struct question *asked;
    char in[4096];
    size_t got;
    double asked_at;
};

struct crowd {
    struct load *load;
    struct ev_loop *loop;
    unsigned left, open, pause_ms;
    double *times_ms;
    struct question (*questions)[PIECES];
    struct connection connections[LOAD_CONNECTIONS];
};

static double
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
put(struct question *q, const char *token, const char *body, const char *answer)
{
    q->len =
        (size_t)snprintf(q->text, sizeof q->text,
                         "POST /?token=%s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
                         token, strlen(body), body);
    cr_assert_lt(q->len, sizeof q->text);
    q->answer = answer;
}

/* The 16 kinds of a round: n is the sender's number. */
static void
make_round(struct question q[static PIECES], unsigned n)
{
    static const char *const granted[] = {"0x84076765", "0x4979ff72", "0x64e985f8"};
    size_t i = 0;

    put(&q[i++], SPW_TOKEN, spw_alchemy(SPW_MEMBER, CAPPED, NULL, CHAIN), NULL);
    for (size_t k = 0; k < 3; k++)
        put(&q[i++], SPW_TOKEN, spw_alchemy(SPW_MEMBER, n, spw_execute(spw_a, granted[k]), CHAIN),
            APPROVED);
    put(&q[i++], SPW_TOKEN, spw_alchemy(SPW_APP, n, NULL, CHAIN), APPROVED);
    put(&q[i++], SPW_TOKEN, spw_alchemy(SPW_OF_B, n, spw_execute(spw_b, "0x84076765"), CHAIN),
        APPROVED);
    put(&q[i++], "no", spw_alchemy(SPW_MEMBER, n, NULL, CHAIN), DENIED("bad-token"));
    put(&q[i++], SPW_TOKEN, spw_alchemy(SPW_MEMBER, n, NULL, "0x1"), DENIED("chain-mismatch"));
    put(&q[i++], SPW_TOKEN, spw_alchemy(SPW_MEMBER, n, NULL, NULL), DENIED("chain-mismatch"));
    put(&q[i++], SPW_TOKEN, spw_alchemy(SPW_STRANGER, n, NULL, CHAIN),
        DENIED("not-cluster-member"));
    put(&q[i++], SPW_TOKEN, spw_alchemy(SPW_STRANGER, n, "0x", CHAIN),
        DENIED("not-cluster-member"));
    put(&q[i++], SPW_TOKEN, spw_alchemy(SPW_APP, n, "0x12345678", CHAIN),
        DENIED("outer-selector-not-execute"));
    put(&q[i++], SPW_TOKEN, spw_alchemy(SPW_APP, n, spw_execute(spw_a, "0xf2fde38b"), CHAIN),
        DENIED("inner-selector-not-allowed"));
    put(&q[i++], SPW_TOKEN, spw_alchemy(SPW_APP, n, spw_execute(spw_b, "0x84076765"), CHAIN),
        DENIED("target-not-our-cluster"));
    put(&q[i++], SPW_TOKEN, spw_alchemy(SPW_OF_B, n, NULL, CHAIN),
        DENIED("target-not-our-cluster"));
    put(&q[i++], SPW_TOKEN,
        spw_alchemy(SPW_OF_NOWHERE, n, spw_execute(spw_nowhere, "0x84076765"), CHAIN),
        DENIED("target-not-our-cluster"));
    cr_assert_eq(i, PIECES);
}

static void
ask(struct connection *c)
{
    struct crowd *w = c->crowd;
    unsigned at;

    if (w->left == 0) {
        ev_io_stop(w->loop, &c->io);
        if (--w->open == 0)
            ev_break(w->loop, EVBREAK_ONE);
        return;
    }
    at = --w->left;
    c->asked = &w->questions[at / PIECES % LOAD_SENDERS][at % PIECES];
    c->got = 0;
    c->asked_at = now_ms();
    cr_assert_eq(send(c->io.fd, c->asked->text, c->asked->len, MSG_NOSIGNAL),
                 (ssize_t)c->asked->len);
}

static void
on_pause(struct ev_loop *loop, ev_timer *t, int events)
{
    (void)loop, (void)events;
    ask(t->data);
}

/* Ask next, after that many ms. */
static void
ask_later(struct connection *c, unsigned ms)
{
    if (ms == 0) {
        ask(c);
        return;
    }
    ev_timer_set(&c->pause, ms / 1e3, 0.);
    ev_timer_start(c->crowd->loop, &c->pause);
}

static void
judge(struct load *load, const struct question *q, const char *body)
{
    bool granted = strcmp(body, APPROVED) == 0;

    load->answered++;
    if (q->answer == NULL && granted)
        load->capped_granted++;
    else if (q->answer == NULL && strcmp(body, DENIED("sender-daily-cap")) == 0)
        load->capped_refused++;
    else if (q->answer == NULL || strcmp(body, q->answer) != 0) {
        if (load->wrong++ == 0)
            snprintf(load->first_wrong, sizeof load->first_wrong, "expected %.90s, got %.140s",
                     q->answer != NULL ? q->answer : "granted or capped", body);
    }
}

/* The body of a whole answer, or NULL. */
static const char *
body_of(struct connection *c)
{
    const char *length, *end;

    c->in[c->got] = '\0';
    end = strstr(c->in, "\r\n\r\n");
    length = strstr(c->in, "Content-Length: ");
    if (end == NULL || length == NULL ||
        strlen(end + 4) < strtoul(length + strlen("Content-Length: "), NULL, 10))
        return NULL;
    return end + 4;
}

static void
on_bytes(struct ev_loop *loop, ev_io *w, int events)
{
    struct connection *c = w->data;
    struct load *load = c->crowd->load;
    const char *body;
    ssize_t n = recv(w->fd, c->in + c->got, sizeof c->in - 1 - c->got, MSG_DONTWAIT);

    (void)loop, (void)events;
    if (n < 0)
        return;
    cr_assert_gt(n, 0, "the sponsor closed a connection after %u answers", load->answered);
    c->got += (size_t)n;
    if ((body = body_of(c)) == NULL)
        return;
    c->crowd->times_ms[load->answered] = now_ms() - c->asked_at;
    judge(load, c->asked, body);
    ask_later(c, c->crowd->pause_ms);
}

static int
by_time(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void
load_run(struct load *load, struct ev_loop *loop, uint16_t port, unsigned requests,
         unsigned pause_ms)
{
    static struct crowd w;
    double begun;

    memset(load, 0, sizeof *load);
    w = (struct crowd){.load = load, .loop = loop, .left = requests, .pause_ms = pause_ms};
    w.times_ms = calloc(requests, sizeof *w.times_ms);
    w.questions = calloc(LOAD_SENDERS, sizeof *w.questions);
    cr_assert(w.times_ms != NULL && w.questions != NULL);
    for (unsigned n = 0; n < LOAD_SENDERS; n++)
        make_round(w.questions[n], n);
    begun = now_ms();
    for (; w.open < LOAD_CONNECTIONS; w.open++) {
        struct connection *c = &w.connections[w.open];

        c->crowd = &w;
        ev_io_init(&c->io, on_bytes, sw_dial(port), EV_READ);
        ev_timer_init(&c->pause, on_pause, 0., 0.);
        c->io.data = c->pause.data = c;
        ev_io_start(loop, &c->io);
    }
    for (unsigned i = 0; i < LOAD_CONNECTIONS; i++) /* not all at once, when they pause */
        ask_later(&w.connections[i], i * pause_ms / LOAD_CONNECTIONS);
    ev_run(loop, 0);
    load->seconds = (now_ms() - begun) / 1e3;
    for (unsigned i = 0; i < LOAD_CONNECTIONS; i++)
        close(w.connections[i].io.fd);
    qsort(w.times_ms, load->answered, sizeof *w.times_ms, by_time);
    load->p50_ms = w.times_ms[load->answered / 2];
    load->p99_ms = w.times_ms[load->answered - load->answered / 100 - 1];
    free(w.times_ms);
    free(w.questions);
}
