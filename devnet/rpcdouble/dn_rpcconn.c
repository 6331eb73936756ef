/*  dn_rpcconn -- one client's connection to the double: requests in, answers or faults out.  */
#include "dn_rpcconn.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_MAX (16u << 20)
#define DEADLINE_MS 30000

struct connection {
    struct dn_rpc_double *d;
    struct connection *next;
    struct ev_io read;
    char *in;
    size_t in_len, in_cap;
    json_t *request; /* being answered; NULL: reading */
    struct dn_fault fault;
    bool waits, gone; /* an upstream answer is still to come; the client left */
};

static void take_requests(struct connection *c);

void
dn_connection_close(struct connection *c)
{
    struct connection **at = &c->d->connections;

    if (c->waits) { /* its upstream answer frees it */
        c->gone = true;
        ev_io_stop(c->d->o.loop, &c->read);
        return;
    }
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    ev_io_stop(c->d->o.loop, &c->read);
    close(c->read.fd);
    json_decref(c->request);
    free(c->in);
    free(c);
}

static void
reply(struct connection *c, const char *text, size_t len)
{
    bool keep = dn_say_spoiled(c->read.fd, &c->fault, text, len);

    json_decref(c->request);
    c->request = NULL;
    if (!keep)
        dn_connection_close(c);
    else
        take_requests(c);
}

/* Spoil what there is to say and say it. */
static void
answer_with(struct connection *c, json_t *answers)
{
    char *text;

    if (c->fault.how == DN_LOSE) {
        json_decref(answers);
        dn_connection_close(c);
        return;
    }
    dn_fault_spoil(&c->fault, answers, c->request);
    text = json_dumps(answers, JSON_COMPACT);
    json_decref(answers);
    reply(c, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
    free(text);
}

static json_t *
answer_one(struct connection *c, const json_t *request)
{
    const char *method = json_string_value(json_object_get(request, "method"));
    json_t *error = c->fault.how == DN_STRICT ? dn_strict(request) : NULL, *a;

    if (error != NULL)
        a = json_pack("{so}", "error", error);
    else if (c->d->o.upstream != NULL)
        a = json_object(); /* to be spoiled */
    else
        a = c->d->o.answer(c->d->o.arg, method != NULL ? method : "",
                           json_object_get(request, "params"));
    json_object_set_new(a, "jsonrpc", json_string("2.0"));
    json_object_set(a, "id", json_object_get(request, "id"));
    return a;
}

static void
on_upstream(void *arg, int code, const struct am_http_answer *answer, const struct am_error *err)
{
    struct connection *c = arg;
    json_t *answers = NULL;

    c->waits = false;
    if (c->gone) {
        dn_connection_close(c);
        return;
    }
    if (code == AM_OK)
        answers = json_loadb((const char *)answer->body.p, answer->body.len, 0, NULL);
    if (answers == NULL) {
        fprintf(stderr, "rpc-double: upstream: %s\n", code == AM_OK ? "no JSON" : err->text);
        dn_connection_close(c);
        return;
    }
    answer_with(c, answers);
}

static void
pass_on(struct connection *c)
{
    struct am_error err = {0};
    char *text = json_dumps(c->request, JSON_COMPACT);

    c->waits =
        text != NULL && am_http_post(c->d->http, c->d->o.upstream, am_bin_of(text, strlen(text)),
                                     DEADLINE_MS, BODY_MAX, on_upstream, c, &err) == AM_OK;
    free(text);
    if (!c->waits)
        dn_connection_close(c);
}

static void
on_head(void *arg, int code, const struct am_http_answer *answer, const struct am_error *err)
{
    struct connection *c = arg;
    json_t *a = NULL;
    const char *text;

    (void)err;
    c->waits = false;
    if (c->gone) {
        dn_connection_close(c);
        return;
    }
    if (code == AM_OK)
        a = json_loadb((const char *)answer->body.p, answer->body.len, 0, NULL);
    text = json_string_value(json_object_get(a, "result"));
    if (text != NULL)
        dn_fault_older(&c->fault, c->request, strtoull(text, NULL, 16));
    json_decref(a);
    pass_on(c);
}

/* behind-one-block needs to know where the newest one is. */
static void
ask_head(struct connection *c)
{
    static const char ask[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_blockNumber\","
                              "\"params\":[]}";
    struct am_error err = {0};

    c->waits = am_http_post(c->d->http, c->d->o.upstream, am_bin_of(ask, sizeof ask - 1),
                            DEADLINE_MS, BODY_MAX, on_head, c, &err) == AM_OK;
    if (!c->waits)
        dn_connection_close(c);
}

static void
count(struct dn_rpc_double *d, const json_t *request)
{
    const char *method = json_string_value(json_object_get(request, "method"));

    d->elements++;
    for (size_t i = 0; method != NULL && i < DN_RPC_METHODS; i++) {
        if (d->asked[i].name[0] == '\0')
            snprintf(d->asked[i].name, sizeof d->asked[i].name, "%s", method);
        if (strcmp(d->asked[i].name, method) == 0) {
            d->asked[i].count++;
            return;
        }
    }
}

/* An answer of our own to each element: of the test's, or of nothing, to be spoiled. */
static void
answer_here(struct connection *c)
{
    json_t *answers;

    if (!json_is_array(c->request)) {
        answers = answer_one(c, c->request);
    } else {
        answers = json_array();
        for (size_t i = 0; i < json_array_size(c->request); i++)
            json_array_append_new(answers, answer_one(c, json_array_get(c->request, i)));
    }
    answer_with(c, answers);
}

/* What a provider refuses it has not done. */
static bool
is_refused(const struct connection *c)
{
    enum dn_how how = c->fault.how;
    json_t *error = how == DN_STRICT ? dn_strict(c->request) : NULL;
    bool strict = error != NULL;

    json_decref(error);
    return strict || how == DN_STATUS || how == DN_HTML || how == DN_BOMB ||
           (how == DN_ERROR && dn_fault_hits_all(&c->fault, c->request));
}

static void
serve(struct connection *c)
{
    struct dn_rpc_double *d = c->d;

    d->requests++;
    if (json_is_array(c->request))
        for (size_t i = 0; i < json_array_size(c->request); i++)
            count(d, json_array_get(c->request, i));
    else
        count(d, c->request);
    c->fault = (struct dn_fault){0};
    if (d->fault.times > 0 && dn_fault_hits(&d->fault, c->request)) {
        c->fault = d->fault;
        if (d->fault.times != UINT_MAX)
            d->fault.times--;
    }
    if (c->fault.how == DN_STALL)
        return; /* the connection stays, and nothing comes */
    if (d->o.upstream == NULL || is_refused(c))
        answer_here(c);
    else if (c->fault.how == DN_OLDER)
        ask_head(c);
    else
        pass_on(c);
}

static void
say_text(struct connection *c, const char *text)
{
    if (!dn_say(c->read.fd, "text/plain", text, strlen(text)))
        dn_connection_close(c);
}

static void
serve_fault(struct connection *c, const char *body)
{
    struct am_error err = {0};

    say_text(c, dn_rpc_fault(c->d, body, &err) == AM_OK ? "ok" : err.text);
}

static void
serve_count(struct connection *c)
{
    char text[16];

    snprintf(text, sizeof text, "%u", c->d->elements);
    say_text(c, text);
}

/* As many whole requests as have come; one at a time is answered. */
static void
take_requests(struct connection *c)
{
    char *end = c->in_len > 0 ? memmem(c->in, c->in_len, "\r\n\r\n", 4) : NULL, *length;
    size_t head, body;
    char *text;
    bool is_fault, is_count;

    if (end == NULL || c->request != NULL)
        return;
    *end = '\0';
    length = strcasestr(c->in, "\r\ncontent-length:");
    head = (size_t)(end - c->in) + 4;
    body = length != NULL ? strtoul(length + 17, NULL, 10) : 0;
    *end = '\r';
    if (c->in_len < head + body)
        return;
    if (c->d->o.get != NULL && strncmp(c->in, "GET ", 4) == 0) {
        c->d->o.get(c->d->o.arg, c->read.fd, c->in);
        dn_connection_close(c);
        return;
    }
    is_fault = strncmp(c->in, "POST /fault ", 12) == 0;
    is_count = strncmp(c->in, "POST /count ", 12) == 0;
    text = strndup(c->in + head, body);
    memmove(c->in, c->in + head + body, c->in_len - head - body);
    c->in_len -= head + body;
    if (is_fault) {
        serve_fault(c, text != NULL ? text : "");
    } else if (is_count) {
        serve_count(c);
    } else {
        c->request = text != NULL ? json_loadb(text, body, 0, NULL) : NULL;
        if (c->request != NULL)
            serve(c);
        else
            dn_connection_close(c);
    }
    free(text);
}

static void
on_read(struct ev_loop *loop, struct ev_io *io, int events)
{
    struct connection *c = io->data;
    ssize_t n;

    (void)loop;
    (void)events;
    if (c->in_cap - c->in_len < 65536) {
        char *more = c->in_cap < BODY_MAX ? realloc(c->in, c->in_cap + 262144) : NULL;

        if (more == NULL) {
            dn_connection_close(c);
            return;
        }
        c->in = more;
        c->in_cap += 262144;
    }
    n = recv(io->fd, c->in + c->in_len, c->in_cap - c->in_len - 1, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        dn_connection_close(c);
        return;
    }
    c->in_len += (size_t)n;
    c->in[c->in_len] = '\0';
    take_requests(c);
}

void
dn_connection_open(struct dn_rpc_double *d, int fd)
{
    struct connection *c = calloc(1, sizeof *c);
    int one = 1;

    if (c == NULL) {
        close(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->d = d;
    c->next = d->connections;
    d->connections = c;
    ev_io_init(&c->read, on_read, fd, EV_READ);
    c->read.data = c;
    ev_io_start(d->o.loop, &c->read);
}
