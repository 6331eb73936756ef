/*  api_agent -- the application's socket: who asks, which method, and the line in the log.  */
#include "api_agent_int.h"

#include "../../common/base/am_clock.h"
#include "../../common/base/am_log.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AGENT "/attestmesh.agent.v1.Agent/"
#define KEYS "/attestmesh.keys.v1.Keys/"

static const struct row {
    const char *path, *method;
    enum api_right right;
    api_answer_fn *fn; /* NULL: v1 has it, this node not yet */
} rows[] = {
    {AGENT "GetMeshStatus", "GetMeshStatus", API_ANYBODY, api_mesh_status},
    {AGENT "ListPeers", "ListPeers", API_ANYBODY, api_list_peers},
    {AGENT "GetSelf", "GetSelf", API_ANYBODY, api_get_self},
    {AGENT "GetClusterSharedKey", "GetClusterSharedKey", API_READ_CSK, api_get_csk},
    {KEYS "DeriveKey", "DeriveKey", API_DERIVE, api_derive_key},
    {AGENT "SendMessage", "SendMessage", API_ANYBODY, NULL},
    {AGENT "SubscribeMessages", "SubscribeMessages", API_ANYBODY, NULL},
    {AGENT "SubscribePeerEvents", "SubscribePeerEvents", API_ANYBODY, NULL},
};

static void
say(const struct api_ask *ask, enum am_level level, int outcome, const char *reason)
{
    am_log(level, ask->is_key ? "key.access" : "agent.access",
           "uid=%lu method=%s outcome=%s ms=%lld correlation=%s reason=\"%s\"",
           (unsigned long)ask->uid, ask->method, am_err_name(outcome),
           (long long)(am_mono_ms() - ask->since_ms), ask->correlation, reason);
}

void
api_ask_answered(const struct api_ask *ask)
{
    say(ask, ask->is_key ? AM_INFO : AM_DEBUG, AM_OK, "");
}

void
api_ask_refuse(struct api_ask *ask, int code, const char *text)
{
    uint64_t unlogged;

    if (api_access_log_refusal(&ask->agent->access, am_mono_ms(), &unlogged)) {
        say(ask, AM_WARN, code, text);
        if (unlogged > 0)
            am_log(AM_WARN, "agent.unlogged", "refusals=%llu", (unsigned long long)unlogged);
    }
    am_grpc_refuse(ask->request, code, text);
}

static void
on_request(void *arg, struct am_grpc_request *request, const char *path, struct am_bin message,
           const struct sockaddr_in *peer)
{
    struct api_agent *agent = arg;
    struct api_ask ask = {.agent = agent,
                          .request = request,
                          .method = "unknown",
                          .uid = am_grpc_request_uid(request),
                          .since_ms = am_mono_ms()};
    const struct row *row = rows, *end = rows + sizeof rows / sizeof rows[0];
    struct am_error err = {0};

    (void)peer;
    snprintf(ask.correlation, sizeof ask.correlation, "app-%08lx-%llu", (unsigned long)agent->start,
             (unsigned long long)++agent->asked);
    while (row < end && strcmp(path, row->path) != 0)
        row++;
    if (row == end) {
        api_ask_refuse(&ask, AM_UNIMPLEMENTED, "no such method");
        return;
    }
    ask.method = row->method;
    ask.is_key = row->right != API_ANYBODY;
    if (row->fn == NULL)
        api_ask_refuse(&ask, AM_UNIMPLEMENTED, "this node does not carry messages and events yet");
    else if (api_access_ask(&agent->access, ask.uid, row->right, ask.since_ms, &err) != AM_OK)
        api_ask_refuse(&ask, err.code, err.text);
    else
        row->fn(&ask, message);
}

int
api_agent_open(struct api_agent **out, const struct api_agent_options *options,
               struct am_error *err)
{
    struct api_agent *a = calloc(1, sizeof *a);
    int fd, r;

    *out = NULL;
    if (a == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "api: no memory for the application's socket");
    a->o = *options;
    a->start = randombytes_random();
    a->socket.lock_fd = -1;
    if ((r = api_access_read(&a->access, options->csk_uids, options->derive_uids, geteuid(),
                             err)) == AM_OK &&
        (r = api_socket_open(&a->socket, &fd, options->path, err)) == AM_OK)
        r = am_grpc_serve_fd(&a->server, options->loop, fd, on_request, a, err);
    if (r != AM_OK)
        api_agent_close(&a);
    *out = a;
    return r;
}

void
api_agent_close(struct api_agent **agent)
{
    if (*agent == NULL)
        return;
    AM_ASSERT((*agent)->in_flight == 0);
    am_grpc_server_close(&(*agent)->server);
    api_socket_close(&(*agent)->socket);
    free(*agent);
    *agent = NULL;
}
