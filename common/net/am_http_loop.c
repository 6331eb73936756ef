/*  am_http_loop -- libcurl's multi interface driven by libev.  */
#include "am_http_loop.h"

#include <stdbool.h>
#include <stdlib.h>

#define KEPT_CONNECTIONS 16L
#define HOST_CONNECTIONS 16L /* more requests than that to one host wait in curl */

struct am_http_socket {
    ev_io io;
    struct am_http_loop *l;
    struct am_http_socket *next, **link;
};

static void
forget(struct am_http_socket *s)
{
    ev_io_stop(s->l->ev, &s->io);
    *s->link = s->next;
    if (s->next != NULL)
        s->next->link = s->link;
    free(s);
}

static void
act(struct am_http_loop *l, curl_socket_t fd, int mask)
{
    int running;

    /* A failure here belongs to no request; each one has its own deadline inside curl. */
    (void)curl_multi_socket_action(l->multi, fd, mask, &running);
    l->progress(l->owner); /* last: the owner may shut us */
}

static void
on_io(struct ev_loop *ev, ev_io *w, int revents)
{
    struct am_http_socket *s = w->data; /* curl may forget it while it works */
    int mask = (revents & EV_READ ? CURL_CSELECT_IN : 0) |
               (revents & EV_WRITE ? CURL_CSELECT_OUT : 0) |
               (revents & EV_ERROR ? CURL_CSELECT_ERR : 0);

    (void)ev;
    act(s->l, w->fd, mask);
}

static void
on_timer(struct ev_loop *ev, ev_timer *w, int revents)
{
    (void)ev;
    (void)revents;
    act(w->data, CURL_SOCKET_TIMEOUT, 0);
}

static struct am_http_socket *
remember(struct am_http_loop *l, curl_socket_t fd)
{
    struct am_http_socket *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    ev_io_init(&s->io, on_io, fd, 0);
    s->io.data = s;
    s->l = l;
    s->next = l->sockets;
    s->link = &l->sockets;
    if (s->next != NULL)
        s->next->link = &s->next;
    l->sockets = s;
    return s;
}

static int
curl_wants_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
    struct am_http_loop *l = arg;
    struct am_http_socket *s = socket;
    int events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s != NULL)
            forget(s);
        return curl_multi_assign(l->multi, fd, NULL) == CURLM_OK ? 0 : -1;
    }
    if (s == NULL) {
        s = remember(l, fd);
        if (s == NULL || curl_multi_assign(l->multi, fd, s) != CURLM_OK)
            return -1;
    }
    ev_io_stop(l->ev, &s->io);
    ev_io_set(&s->io, fd, events);
    ev_io_start(l->ev, &s->io);
    return 0;
}

static int
curl_wants_timer(CURLM *multi, long ms, void *arg)
{
    struct am_http_loop *l = arg;

    (void)multi;
    ev_timer_stop(l->ev, &l->timer);
    if (ms < 0)
        return 0;
    /* libev counts from the time it last looked, which may be long ago outside ev_run. */
    ev_now_update(l->ev);
    ev_timer_set(&l->timer, (double)ms / 1000.0, 0.0);
    ev_timer_start(l->ev, &l->timer);
    return 0;
}

int
am_http_loop_open(struct am_http_loop *l, struct ev_loop *ev, void (*progress)(void *owner),
                  void *owner, struct am_error *err)
{
    *l = (struct am_http_loop){.ev = ev, .progress = progress, .owner = owner};
    ev_timer_init(&l->timer, on_timer, 0.0, 0.0);
    l->timer.data = l;
    l->multi = curl_multi_init();
    if (l->multi == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "http: expected memory, got none");
    if (curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, curl_wants_socket) != CURLM_OK ||
        curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l) != CURLM_OK ||
        curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, curl_wants_timer) != CURLM_OK ||
        curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l) != CURLM_OK ||
        curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS) != CURLM_OK ||
        curl_multi_setopt(l->multi, CURLMOPT_MAX_HOST_CONNECTIONS, HOST_CONNECTIONS) != CURLM_OK) {
        curl_multi_cleanup(l->multi);
        l->multi = NULL;
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "http: expected a usable libcurl, got none");
    }
    return AM_OK;
}

void
am_http_loop_shut(struct am_http_loop *l)
{
    curl_multi_cleanup(l->multi); /* says goodbye to kept connections, so the callbacks still run */
    l->multi = NULL;
    ev_timer_stop(l->ev, &l->timer);
    while (l->sockets != NULL)
        forget(l->sockets);
}
