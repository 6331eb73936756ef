/*  dn_rpcdouble -- a JSON-RPC server on loopback that can be told to be wrong, by name.  */
#include "dn_rpcdouble.h"

#include "dn_rpcfault.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_MAX (16u << 20)
#define DEADLINE_MS 30000
#define METHODS 32

struct dn_rpc_double {
    struct dn_rpc_options o;
    struct am_http *http;
    struct ev_io accept;
    struct connection *connections;
    enum dn_rpc_fault fault;
    unsigned times, requests;
    uint16_t port;
    struct {
        char name[64];
        unsigned count;
    } asked[METHODS];
};

struct connection {
    struct dn_rpc_double *d;
    struct connection *next;
    struct ev_io read;
    char *in;
    size_t in_len, in_cap;
    json_t *request; /* being answered; NULL: reading */
    enum dn_rpc_fault fault;
    bool waits, gone; /* an upstream answer is still to come; the client left */
};

static void take_requests(struct connection *c);

static void
connection_free(struct connection *c)
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

/* Loopback and small: a short write ends the connection. */
static bool
say(struct connection *c, const char *type, const char *body, size_t len, size_t claimed)
{
    char head[160];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", type,
                     claimed);
    const char *parts[] = {head, body};
    size_t lens[] = {(size_t)n, len};

    for (int i = 0; i < 2; i++)
        for (size_t done = 0; done < lens[i];) {
            ssize_t w = send(c->read.fd, parts[i] + done, lens[i] - done, MSG_NOSIGNAL);

            if (w <= 0)
                return false;
            done += (size_t)w;
        }
    return true;
}

static void
reply(struct connection *c, const char *text, size_t len)
{
    static const char page[] = "<html><body>502 Bad Gateway</body></html>";
    bool keep;

    if (c->fault == DN_RPC_HTML)
        keep = say(c, "text/html", page, sizeof page - 1, sizeof page - 1);
    else if (c->fault == DN_RPC_TRUNCATE)
        keep = say(c, "application/json", text, len / 2, len) && false;
    else
        keep = say(c, "application/json", text, len, len);
    json_decref(c->request);
    c->request = NULL;
    if (!keep)
        connection_free(c);
    else
        take_requests(c);
}

/* Spoil what there is to say and say it. */
static void
answer_with(struct connection *c, json_t *answers)
{
    char *text;

    if (c->fault == DN_RPC_SEND_LOST) {
        json_decref(answers);
        connection_free(c);
        return;
    }
    dn_fault_spoil(c->fault, answers, c->request);
    text = json_dumps(answers, JSON_COMPACT);
    json_decref(answers);
    reply(c, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
    free(text);
}

static json_t *
answer_one(struct connection *c, const json_t *request)
{
    const char *method = json_string_value(json_object_get(request, "method"));
    json_t *a = c->d->o.answer(c->d->o.arg, method != NULL ? method : "",
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
        connection_free(c);
        return;
    }
    if (code == AM_OK)
        answers = json_loadb((const char *)answer->body.p, answer->body.len, 0, NULL);
    if (answers == NULL) {
        fprintf(stderr, "rpc-double: upstream: %s\n", code == AM_OK ? "no JSON" : err->text);
        connection_free(c);
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
        connection_free(c);
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
        connection_free(c);
        return;
    }
    if (code == AM_OK)
        a = json_loadb((const char *)answer->body.p, answer->body.len, 0, NULL);
    text = json_string_value(json_object_get(a, "result"));
    if (text != NULL)
        dn_fault_older(c->request, strtoull(text, NULL, 16));
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
        connection_free(c);
}

static void
count(struct dn_rpc_double *d, const json_t *request)
{
    const char *method = json_string_value(json_object_get(request, "method"));

    for (size_t i = 0; method != NULL && i < METHODS; i++) {
        if (d->asked[i].name[0] == '\0')
            snprintf(d->asked[i].name, sizeof d->asked[i].name, "%s", method);
        if (strcmp(d->asked[i].name, method) == 0) {
            d->asked[i].count++;
            return;
        }
    }
}

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
    c->fault = DN_RPC_NONE;
    if (d->times > 0 && dn_fault_hits(d->fault, c->request)) {
        c->fault = d->fault;
        if (d->times != UINT_MAX)
            d->times--;
    }
    if (c->fault == DN_RPC_STALL)
        return; /* the connection stays, and nothing comes */
    if (d->o.upstream == NULL)
        answer_here(c);
    else if (c->fault == DN_RPC_BEHIND)
        ask_head(c);
    else
        pass_on(c);
}

static void
serve_fault(struct connection *c, const char *body)
{
    struct am_error err = {0};
    const char *text = dn_rpc_fault(c->d, body, &err) == AM_OK ? "ok" : err.text;

    if (!say(c, "text/plain", text, strlen(text), strlen(text)))
        connection_free(c);
}

/* As many whole requests as have come; one at a time is answered. */
static void
take_requests(struct connection *c)
{
    char *end = c->in_len > 0 ? memmem(c->in, c->in_len, "\r\n\r\n", 4) : NULL, *length;
    size_t head, body;
    char *text;
    bool is_fault;

    if (end == NULL || c->request != NULL)
        return;
    *end = '\0';
    length = strcasestr(c->in, "\r\ncontent-length:");
    head = (size_t)(end - c->in) + 4;
    body = length != NULL ? strtoul(length + 17, NULL, 10) : 0;
    *end = '\r';
    if (c->in_len < head + body)
        return;
    is_fault = strncmp(c->in, "POST /fault ", 12) == 0;
    text = strndup(c->in + head, body);
    memmove(c->in, c->in + head + body, c->in_len - head - body);
    c->in_len -= head + body;
    if (is_fault) {
        serve_fault(c, text != NULL ? text : "");
    } else {
        c->request = text != NULL ? json_loadb(text, body, 0, NULL) : NULL;
        if (c->request != NULL)
            serve(c);
        else
            connection_free(c);
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
            connection_free(c);
            return;
        }
        c->in = more;
        c->in_cap += 262144;
    }
    n = recv(io->fd, c->in + c->in_len, c->in_cap - c->in_len - 1, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        connection_free(c);
        return;
    }
    c->in_len += (size_t)n;
    c->in[c->in_len] = '\0';
    take_requests(c);
}

static void
on_accept(struct ev_loop *loop, struct ev_io *io, int events)
{
    struct dn_rpc_double *d = io->data;
    int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC), one = 1;
    struct connection *c = fd >= 0 ? calloc(1, sizeof *c) : NULL;

    (void)events;
    if (c == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->d = d;
    c->next = d->connections;
    d->connections = c;
    ev_io_init(&c->read, on_read, fd, EV_READ);
    c->read.data = c;
    ev_io_start(loop, &c->read);
}

static int
bind_to(struct dn_rpc_double *d, struct am_error *err)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(d->o.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        if (fd >= 0)
            close(fd);
        return am_fail(err, AM_UNAVAILABLE, "rpc-double: expected to listen on port %u, got %m",
                       d->o.port);
    }
    d->port = ntohs(at.sin_port);
    ev_io_init(&d->accept, on_accept, fd, EV_READ);
    d->accept.data = d;
    ev_io_start(d->o.loop, &d->accept);
    return AM_OK;
}

int
dn_rpc_open(struct dn_rpc_double **out, const struct dn_rpc_options *o, struct am_error *err)
{
    struct dn_rpc_double *d = calloc(1, sizeof *d);
    int rc;

    *out = NULL;
    if (d == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "rpc-double: no memory");
    d->o = *o;
    d->accept.fd = -1;
    rc = am_http_open(&d->http, o->loop, err);
    if (rc == AM_OK)
        rc = bind_to(d, err);
    if (rc == AM_OK)
        *out = d;
    else
        dn_rpc_close(&d);
    return rc;
}

void
dn_rpc_close(struct dn_rpc_double **out)
{
    struct dn_rpc_double *d = *out;

    if (d == NULL)
        return;
    am_http_close(&d->http); /* ends what waits for upstream */
    while (d->connections != NULL)
        connection_free(d->connections);
    if (d->accept.fd >= 0) {
        ev_io_stop(d->o.loop, &d->accept);
        close(d->accept.fd);
    }
    free(d);
    *out = NULL;
}

uint16_t
dn_rpc_port(const struct dn_rpc_double *d)
{
    return d->port;
}

int
dn_rpc_fault(struct dn_rpc_double *d, const char *name, struct am_error *err)
{
    enum dn_rpc_fault fault;
    unsigned times;
    int rc = dn_fault_read(&fault, &times, name, err);

    if (rc != AM_OK)
        return rc;
    d->fault = fault;
    d->times = times;
    return AM_OK;
}

unsigned
dn_rpc_asked(const struct dn_rpc_double *d, const char *method)
{
    if (method[0] == '\0')
        return d->requests;
    for (size_t i = 0; i < METHODS; i++)
        if (strcmp(d->asked[i].name, method) == 0)
            return d->asked[i].count;
    return 0;
}
