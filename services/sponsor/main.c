/*  sponsor -- the operator's gate to free gas: an ERC-7677 paymaster service over
 * VerifyingPaymaster.
 *
 *  SECURITY: a thief of this process can spend the paymaster's deposit on operations of any sender
 *  until the operator withdraws it.  It holds no key of any member.
 */
#include "../../common/base/am_addr.h"
#include "../../common/base/am_log.h"
#include "../../common/base/am_sandbox.h"
#include "../../common/base/am_secret.h"
#include "../../common/crypto/am_secp.h"
#include "sp_rpc.h"

#include <microhttpd.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BODY_MAX (128u * 1024u)
#define BODY_HEARD (1024u * 1024u) /* so much is read to refuse politely; beyond, we hang up */

extern char **environ;

struct upload {
    char *p;
    size_t len;
    bool too_long;
};

static enum MHD_Result
respond(struct MHD_Connection *c, unsigned status, char *text)
{
    struct MHD_Response *response;
    enum MHD_Result r;

    if (text == NULL)
        return MHD_NO;
    response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    MHD_add_response_header(response, "Content-Type", "application/json");
    r = MHD_queue_response(c, status, response);
    MHD_destroy_response(response);
    return r;
}

static enum MHD_Result
take(struct upload *u, const char *data, size_t *size)
{
    char *grown;

    if (u->len + *size > BODY_HEARD)
        return MHD_NO;
    if (u->len + *size > BODY_MAX) {
        u->too_long = true; /* read to the end, so that the refusal can be read too */
        u->len += *size;
    } else if ((grown = realloc(u->p, u->len + *size)) != NULL) {
        u->p = grown;
        memcpy(u->p + u->len, data, *size);
        u->len += *size;
    } else {
        return MHD_NO;
    }
    *size = 0;
    return MHD_YES;
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
           const char *version, const char *data, size_t *size, void **state)
{
    struct sponsor *sp = arg;
    struct upload *u = *state;

    (void)version;
    if (u == NULL)
        return (*state = calloc(1, sizeof *u)) != NULL ? MHD_YES : MHD_NO;
    if (*size > 0)
        return take(u, data, size);
    if (strcmp(method, "GET") == 0 && strcmp(url, "/healthz") == 0)
        return respond(c, MHD_HTTP_OK, strdup("{\"ok\":true}"));
    if (strcmp(method, "POST") != 0 || strcmp(url, "/") != 0)
        return respond(c, MHD_HTTP_NOT_FOUND, strdup("{\"error\":\"not-found\"}"));
    if (u->too_long)
        return respond(c, MHD_HTTP_CONTENT_TOO_LARGE, strdup("{\"error\":\"body-too-large\"}"));
    return respond(c, MHD_HTTP_OK,
                   sp_rpc_answer(sp, am_bin_of(u->p, u->len), (uint64_t)time(NULL)));
}

static void
on_done(void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode code)
{
    struct upload *u = *state;

    (void)arg, (void)c, (void)code;
    if (u != NULL)
        free(u->p);
    free(u);
}

static int
setup(struct sponsor *sp, struct sockaddr_in *addr, struct am_settings *s, struct am_error *err)
{
    int r;

    if ((r = am_settings_load(s, AM_READ_SPONSOR, environ, err)) != AM_OK)
        return r;
    am_log_open("sponsor", s->log_format, s->log_level);
    if ((r = am_secret_init(err)) != AM_OK || (r = am_crypto_init(err)) != AM_OK ||
        (r = am_addr_read(addr, am_str_of(s->sponsor_listen), "ATTESTMESH_SPONSOR_LISTEN", err)) !=
            AM_OK)
        return r;
    if ((sp->key = am_secret_alloc(32, err)) == NULL)
        return err->code;
    r = am_unhex(sp->key, 32, am_str_of(s->sponsor_key), "ATTESTMESH_SPONSOR_KEY", err);
    sodium_memzero(s->sponsor_key, sizeof s->sponsor_key);
    if (r != AM_OK)
        return r;
    sp->chain_id = s->chain_id;
    memcpy(sp->entry_point, s->entry_point, 20);
    memcpy(sp->paymaster, s->paymaster, 20);
    sp->apps_path = s->sponsor_apps;
    if ((r = am_sandbox_enter(AM_SANDBOX_SPONSOR, s, err)) != AM_OK)
        return r;
    return sp_policy_load(&sp->policy, sp->apps_path, err);
}

int
main(void)
{
    static struct sponsor sp;
    static struct am_settings s;
    struct am_error err = {0};
    struct sockaddr_in addr;
    struct MHD_Daemon *http;
    sigset_t ends;
    int sig;

    am_log_open("sponsor", NULL, NULL);
    if (setup(&sp, &addr, &s, &err) != AM_OK) {
        am_log(AM_ERROR, "start.refused", "reason=\"%s\"", err.text);
        return 1;
    }
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL); /* before the server's thread starts */
    http = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, &sp,
                            MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&addr,
                            MHD_OPTION_CONNECTION_LIMIT, 256u, MHD_OPTION_CONNECTION_TIMEOUT, 30u,
                            MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_END);
    if (http == NULL) {
        am_log(AM_ERROR, "start.refused", "reason=\"cannot listen on %s\"", s.sponsor_listen);
        return 1;
    }
    am_log(AM_INFO, "ready", "listen=%s apps=%zu", s.sponsor_listen, sp.policy.count);
    sigwait(&ends, &sig);
    MHD_stop_daemon(http);
    am_secret_free((void **)&sp.key);
    return 0;
}
