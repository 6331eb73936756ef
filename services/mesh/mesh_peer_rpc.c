/*  mesh_peer_rpc -- PeerControl on the mesh IP: the CSK given to members, pulled from them, and
 * asked after  */
#include "mesh_int.h"

#include "../../common/base/am_clock.h"
#include "../../common/base/am_log.h"

#include "peer.pb-c.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEAL_MS 1500 /* keyagent's time; the asker waits 2 s */
#define BIND_MS 1000 /* between tries to listen */
#define SERVICE "/attestmesh.peer.v1.PeerControl/"

static void
refuse(struct am_grpc_request *request, int code, const char *text)
{
    am_grpc_refuse(request, code, text);
}

static void
on_sealed(void *arg, int code, const void *reply, const struct am_error *err)
{
    struct am_grpc_request *request = arg;
    const struct keyagent_csk_seal_for_reply *r = reply;
    Attestmesh__Peer__V1__SealedCsk answer = ATTESTMESH__PEER__V1__SEALED_CSK__INIT;
    uint8_t bytes[128];

    if (code != AM_OK) {
        am_log(AM_WARN, "csk.seal", "reason=\"%s\"", err->text);
        refuse(request, AM_INTERNAL, "the key agent does not answer");
        return;
    }
    answer.sealed_csk.data = (uint8_t *)(uintptr_t)r->sealed.p;
    answer.sealed_csk.len = r->sealed.len;
    am_grpc_reply(request,
                  am_bin_of(bytes, attestmesh__peer__v1__sealed_csk__pack(&answer, bytes)));
}

/* v1's checks, order and texts: protocol page 3.8. */
static void
serve_csk(struct mesh *m, struct am_grpc_request *request, struct am_bin message)
{
    Attestmesh__Peer__V1__CskRequest *asked = NULL;
    struct keyagent_csk_seal_for ask = {0};
    struct am_error err = {0};
    uint8_t id[32];
    size_t i;

    if (!m->csk_done) {
        refuse(request, AM_UNAVAILABLE, "CSK not held yet");
        return;
    }
    asked = attestmesh__peer__v1__csk_request__unpack(NULL, message.len, message.p);
    if (asked == NULL || asked->requester_member_id.len != 32) {
        refuse(request, AM_INVALID_ARGUMENT, "bad member id");
        goto out;
    }
    memcpy(id, asked->requester_member_id.data, 32);
    i = mesh_view_find(&m->view, id);
    if (i == MESH_NOBODY || m->view.member[i].removed) {
        refuse(request, AM_PERMISSION_DENIED, "requester is not a cluster member");
        goto out;
    }
    ask.member_id = AM_BIN(id);
    if (bus_call(m->bus, BUS_METHOD_keyagent_csk_seal_for, &ask, SEAL_MS, "", on_sealed, request,
                 &err) != AM_OK)
        refuse(request, AM_INTERNAL, err.text);
out:
    if (asked != NULL)
        attestmesh__peer__v1__csk_request__free_unpacked(asked, NULL);
}

static void
on_request(void *arg, struct am_grpc_request *request, const char *path, struct am_bin message,
           const struct sockaddr_in *peer)
{
    (void)peer; /* any member may ask for any id: the box is sealed to that id's key */
    if (strcmp(path, SERVICE "RequestClusterSharedKey") == 0)
        serve_csk(arg, request, message);
    else if (strcmp(path, SERVICE "NegotiatePunch") == 0 ||
             strcmp(path, SERVICE "ReportPunch") == 0)
        refuse(request, AM_UNIMPLEMENTED, "punch upgrade disabled");
    else
        refuse(request, AM_UNIMPLEMENTED, "no such method");
}

void
mesh_rpc_run(struct mesh *m)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(MESH_RPC_PORT)};
    struct am_error err = {0};

    if (m->rpc.server != NULL && m->rpc.server_ip != m->wg.ip)
        am_grpc_server_close(&m->rpc.server);
    if (!m->wg.up || m->rpc.server != NULL || am_mono_ms() < m->rpc.retry_ms)
        return;
    own.sin_addr.s_addr = htonl(m->wg.ip);
    m->rpc.server_ip = m->wg.ip;
    if (am_grpc_serve(&m->rpc.server, m->loop, &own, on_request, m, &err) == AM_OK)
        return;
    m->rpc.retry_ms = am_mono_ms() + BIND_MS;
    am_log(AM_WARN, "rpc.bind", "port=%d reason=\"%s\"", MESH_RPC_PORT, err.text);
}

struct accept { /* a box that keyagent judges */
    struct mesh *mesh;
    uint32_t life, era;
    bool holder;
    uint8_t from[32];
};

/* Whatever was done with the answer of a call, the machine that asked for it must hear of it. */
static void
judged(struct mesh *m, bool holder)
{
    if (holder)
        mesh_holders_ended(&m->holders, am_mono_ms(), mesh_jitter());
    else
        mesh_csk_accepted(&m->csk);
}

static void
on_accepted(void *arg, int code, const void *reply, const struct am_error *err)
{
    struct accept *a = arg;
    struct mesh *m = a->mesh;
    size_t i = mesh_view_find(&m->view, a->from);
    char from[65];

    (void)reply;
    am_hex(from, a->from, 32);
    if (code != AM_OK) {
        snprintf(m->rpc.last, sizeof m->rpc.last, "%s", err->text);
        am_log(AM_WARN, "csk.refused", "from=%s reason=\"%s\"", from, err->text);
    } else {
        am_log(AM_INFO, a->holder ? "csk.holder" : "csk.pulled", "from=%s", from);
        if (a->era == m->holders.era && i != MESH_NOBODY)
            mesh_holders_proved(&m->holders, i, am_mono_ms());
    }
    if (a->life == m->life)
        judged(m, a->holder);
    free(a);
    mesh_wake(m);
}

static void
offer(struct mesh *m, const struct mesh_call *c, struct am_bin box)
{
    struct keyagent_csk_accept ask = {.sealed = box};
    struct accept *a = calloc(1, sizeof *a);
    struct am_error err = {0};

    if (a != NULL) {
        *a =
            (struct accept){.mesh = m, .life = m->life, .era = m->holders.era, .holder = c->holder};
        memcpy(a->from, c->id, 32);
        if (bus_call(m->bus, BUS_METHOD_keyagent_csk_accept, &ask, SEAL_MS, "", on_accepted, a,
                     &err) == AM_OK)
            return;
    }
    free(a);
    judged(m, c->holder);
}

static void
on_answer(void *arg, int code, struct am_bin message, const struct am_error *err)
{
    struct mesh_call *c = arg;
    struct mesh *m = c->mesh;
    Attestmesh__Peer__V1__SealedCsk *got = NULL;
    bool box, wanted;

    c->call = NULL;
    if (code == AM_OK)
        got = attestmesh__peer__v1__sealed_csk__unpack(NULL, message.len, message.p);
    else
        snprintf(m->rpc.last, sizeof m->rpc.last, "%s", err->text);
    box = got != NULL && got->sealed_csk.len == 80;
    if (code == AM_OK && !box)
        snprintf(m->rpc.last, sizeof m->rpc.last,
                 "a peer answered without a sealed key of 80 bytes");
    wanted = c->holder || mesh_csk_answer(&m->csk, box);
    if (box && wanted)
        offer(m, c, am_bin_of(got->sealed_csk.data, 80));
    else if (c->holder)
        judged(m, true);
    if (got != NULL)
        attestmesh__peer__v1__sealed_csk__free_unpacked(got, NULL);
    mesh_wake(m);
}

void
mesh_rpc_dial(struct mesh *m, size_t i, bool holder)
{
    Attestmesh__Peer__V1__CskRequest ask = ATTESTMESH__PEER__V1__CSK_REQUEST__INIT;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(MESH_RPC_PORT)};
    struct mesh_call *c = m->rpc.call + (holder ? MESH_CSK_PARALLEL : 0);
    struct am_error err = {0};
    uint8_t bytes[64];
    size_t len;

    while (!holder && c->call != NULL && c < m->rpc.call + MESH_CSK_PARALLEL - 1)
        c++;
    AM_ASSERT(c->call == NULL); /* mesh_csk keeps at most eight in flight, mesh_holders one */
    c->mesh = m;
    c->holder = holder;
    memcpy(c->id, m->view.ids[i], 32);
    to.sin_addr.s_addr = htonl(m->view.member[i].ip);
    ask.requester_member_id.data = m->view.own_id;
    ask.requester_member_id.len = 32;
    len = attestmesh__peer__v1__csk_request__pack(&ask, bytes);
    if (am_grpc_ask(&c->call, m->loop, &to, SERVICE "RequestClusterSharedKey",
                    am_bin_of(bytes, len), MESH_CSK_CONNECT_MS, MESH_CSK_RPC_MS, on_answer, c,
                    &err) != AM_OK) {
        c->call = NULL;
        snprintf(m->rpc.last, sizeof m->rpc.last, "%s", err.text);
        if (holder)
            judged(m, true);
        else
            mesh_csk_answer(&m->csk, false);
    }
}

void
mesh_rpc_cancel(struct mesh *m)
{
    for (size_t i = 0; i <= MESH_CSK_PARALLEL; i++)
        if (m->rpc.call[i].call != NULL)
            am_grpc_cancel(&m->rpc.call[i].call);
    m->life++; /* what keyagent still holds of ours belongs to the past */
    mesh_csk_reset(&m->csk);
    if (m->holders.busy)
        judged(m, true);
}

void
mesh_rpc_close(struct mesh *m)
{
    mesh_rpc_cancel(m);
    am_grpc_server_close(&m->rpc.server);
}
