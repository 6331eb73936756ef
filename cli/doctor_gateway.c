/*  doctor_gateway -- asks a host name for a TLS handshake: who answers, and with which ALPN.
 *
 *  Nothing is verified and nothing is sent inside: a node's certificate is its own, and what counts
 *  is where the name leads.
 */
#include "doctor_world.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STEP_MS 5000       /* each of: connecting, one read of the handshake */
#define INGRESS_PORT 51900 /* a node's own TLS, behind the name's suffix s */

static const unsigned char offered[] = "\x0c"
                                       "attestmesh/1"
                                       "\x02"
                                       "h2"
                                       "\x08"
                                       "http/1.1";

static int
wait_for(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};

    return poll(&p, 1, STEP_MS) == 1 ? 0 : -1;
}

static int
connect_to(int *out, const char *host, const char *port, struct am_error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int failed = getaddrinfo(host, port, &hints, &list), trouble = 0, fd = -1;
    socklen_t len = sizeof trouble;

    *out = -1;
    if (failed != 0)
        return am_fail(err, AM_UNAVAILABLE, "%s: no address: %s", host, gai_strerror(failed));
    for (const struct addrinfo *a = list; a != NULL && *out < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
            continue;
        if (connect(fd, a->ai_addr, a->ai_addrlen) == 0 ||
            (errno == EINPROGRESS && wait_for(fd, POLLOUT) == 0 &&
             getsockopt(fd, SOL_SOCKET, SO_ERROR, &trouble, &len) == 0 && trouble == 0))
            *out = fd;
        else
            close(fd);
    }
    freeaddrinfo(list);
    return *out >= 0 ? AM_OK
                     : am_fail(err, AM_UNAVAILABLE, "%s: cannot connect to port %s: %s", host, port,
                               trouble != 0 ? strerror(trouble) : "no answer");
}

static int
handshake(SSL *ssl, int fd, const char *host, struct am_error *err)
{
    int r, why;

    while ((r = SSL_connect(ssl)) != 1) {
        why = SSL_get_error(ssl, r);
        if ((why == SSL_ERROR_WANT_READ && wait_for(fd, POLLIN) == 0) ||
            (why == SSL_ERROR_WANT_WRITE && wait_for(fd, POLLOUT) == 0))
            continue;
        if (why == SSL_ERROR_WANT_READ)
            return am_fail(err, AM_DEADLINE_EXCEEDED, "%s: connected, and no TLS answer in %d s",
                           host, STEP_MS / 1000);
        if (ERR_peek_error() == 0)
            return am_fail(err, AM_UNAVAILABLE,
                           "%s: connected, and closed at the ClientHello: no route for this name",
                           host);
        return am_fail(err, AM_UNAVAILABLE, "%s: TLS refused: %s", host,
                       ERR_reason_error_string(ERR_peek_error()));
    }
    return AM_OK;
}

static void
take_answer(struct doctor_seen_tls *seen, const SSL *ssl)
{
    const unsigned char *alpn;
    unsigned len;
    X509 *cert = SSL_get1_peer_certificate(ssl);

    SSL_get0_alpn_selected(ssl, &alpn, &len);
    am_str_copy(seen->alpn, sizeof seen->alpn, (struct am_str){(const char *)alpn, len});
    if (cert != NULL)
        X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, seen->subject,
                                  sizeof seen->subject);
    X509_free(cert);
}

static void
ask_tls(struct doctor_seen_tls *seen, const char *port)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = ctx != NULL ? SSL_new(ctx) : NULL;
    int fd = -1;

    ERR_clear_error();
    if (ssl == NULL || SSL_set_tlsext_host_name(ssl, seen->host) != 1 ||
        SSL_set_alpn_protos(ssl, offered, sizeof offered - 1) != 0)
        (void)am_fail(&seen->err, AM_RESOURCE_EXHAUSTED, "gateway: no memory for TLS");
    else if (connect_to(&fd, seen->host, port, &seen->err) == AM_OK && SSL_set_fd(ssl, fd) == 1 &&
             handshake(ssl, fd, seen->host, &seen->err) == AM_OK)
        take_answer(seen, ssl);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    if (fd >= 0)
        close(fd);
}

/* host or host:port of --gateway, or the name of the own ingress.  Returns whether there is one. */
static bool
name_to_ask(const struct doctor_world *w, struct doctor_seen_tls *seen, char port[static 8])
{
    char member[41];
    const char *colon;
    size_t len;

    snprintf(port, 8, "443");
    if (w->o->gateway == NULL) {
        am_hex(member, w->member, 20);
        snprintf(seen->host, sizeof seen->host, "%s-%ds.%.200s", member, INGRESS_PORT,
                 w->s.gateway_domain);
        return w->s.gateway_domain[0] != '\0' && w->member_known;
    }
    colon = strrchr(w->o->gateway, ':');
    len = colon != NULL ? (size_t)(colon - w->o->gateway) : strlen(w->o->gateway);
    am_str_copy(seen->host, sizeof seen->host, (struct am_str){w->o->gateway, len});
    if (colon != NULL)
        snprintf(port, 8, "%.7s", colon + 1);
    return true;
}

void
doctor_ask_gateway(struct doctor_world *w)
{
    struct doctor_seen_tls seen = {0};
    char port[8];

    if (!doctor_may_ask(&w->report, DOCTOR_GATEWAY_SNI))
        return;
    if (!name_to_ask(w, &seen, port)) {
        doctor_skip(&w->report.lines[DOCTOR_GATEWAY_SNI],
                    "give --gateway HOST[:PORT], or set GATEWAY_DOMAIN");
        return;
    }
    ask_tls(&seen, port);
    doctor_record_fact(w->record, "gateway", seen.host,
                       json_pack("{s:s, s:s}", "alpn", seen.alpn, "subject", seen.subject));
    doctor_judge_sni(&w->report, &seen);
    if (doctor_may_ask(&w->report, DOCTOR_GATEWAY_ALPN))
        doctor_judge_alpn(&w->report, &seen);
}
