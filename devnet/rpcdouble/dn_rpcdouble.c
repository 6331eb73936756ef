/*  dn_rpcdouble -- a JSON-RPC server on loopback that can be told to be wrong, by name.  */
#include "dn_rpcdouble.h"

#include "dn_rpcconn.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
on_accept(struct ev_loop *loop, struct ev_io *io, int events)
{
    int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC);

    (void)loop;
    (void)events;
    if (fd >= 0)
        dn_connection_open(io->data, fd);
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
        dn_connection_close(d->connections);
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
    struct dn_fault fault;
    int rc = dn_fault_read(&fault, name, err);

    if (rc == AM_OK)
        d->fault = fault;
    return rc;
}

unsigned
dn_rpc_asked(const struct dn_rpc_double *d, const char *method)
{
    if (method[0] == '\0')
        return d->requests;
    for (size_t i = 0; i < DN_RPC_METHODS; i++)
        if (strcmp(d->asked[i].name, method) == 0)
            return d->asked[i].count;
    return 0;
}
