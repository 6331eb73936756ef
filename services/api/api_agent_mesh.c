/*  api_agent_mesh -- what anybody on the application's socket may know of the mesh.  */
#include "api_agent_int.h"

#include "agent.pb-c.h"

#include <stdlib.h>

/* These have v1's Empty for a request.  What is in it is not looked at: a field of a later version
 * is no reason to refuse. */

void
api_mesh_status(struct api_ask *ask, struct am_bin message)
{
    struct api_facts f = *ask->agent->o.facts;
    Attestmesh__Agent__V1__MeshStatus s = ATTESTMESH__AGENT__V1__MESH_STATUS__INIT;
    uint8_t bytes[128];

    (void)message;
    s.phase = *f.phase != '\0' ? f.phase : "booting";
    s.first_converged = f.first_converged;
    s.csk_acquired = f.csk_acquired;
    s.live_peer_count = f.mesh_answers ? (uint32_t)f.live_peers : 0;
    s.indexer_connected = f.indexer_connected;
    s.indexer_caught_up = f.indexer_caught_up;
    s.indexer_cursor_block = f.indexer_cursor_block;
    am_grpc_reply(ask->request,
                  am_bin_of(bytes, attestmesh__agent__v1__mesh_status__pack(&s, bytes)));
    api_ask_answered(ask);
}

void
api_list_peers(struct api_ask *ask, struct am_bin message)
{
    const struct api_facts *f = ask->agent->o.facts;
    Attestmesh__Agent__V1__PeerList list = ATTESTMESH__AGENT__V1__PEER_LIST__INIT;
    static Attestmesh__Agent__V1__PeerInfo info[API_PEERS_MAX], *at[API_PEERS_MAX];
    uint8_t *bytes;

    (void)message;
    if (!f->mesh_answers || !f->peers_known) {
        api_ask_refuse(ask, AM_UNAVAILABLE, "mesh does not answer on the bus");
        return;
    }
    for (size_t i = 0; i < f->peer_count; i++) {
        attestmesh__agent__v1__peer_info__init(&info[i]);
        info[i].member_id.data = (uint8_t *)(uintptr_t)f->peers[i].member_id;
        info[i].member_id.len = 32;
        info[i].mesh_ip = f->peers[i].mesh_ip;
        info[i].live = f->peers[i].live;
        at[i] = &info[i];
    }
    list.peers = at;
    list.n_peers = f->peer_count;
    /* One byte more: an empty list is no bytes. */
    bytes = malloc(attestmesh__agent__v1__peer_list__get_packed_size(&list) + 1);
    if (bytes == NULL) {
        api_ask_refuse(ask, AM_RESOURCE_EXHAUSTED, "no memory for the list");
        return;
    }
    am_grpc_reply(ask->request,
                  am_bin_of(bytes, attestmesh__agent__v1__peer_list__pack(&list, bytes)));
    api_ask_answered(ask);
    free(bytes);
}

void
api_get_self(struct api_ask *ask, struct am_bin message)
{
    struct api_identity id = ask->agent->o.facts->id;
    Attestmesh__Agent__V1__SelfInfo self = ATTESTMESH__AGENT__V1__SELF_INFO__INIT;
    uint8_t bytes[128];

    (void)message;
    if (id.member_id.len == 0 || ask->agent->o.facts->mesh_ip == 0) {
        api_ask_refuse(ask, AM_UNAVAILABLE,
                       id.member_id.len == 0 ? "own member id is not known yet: chain has no view"
                                             : "own mesh IP is not known yet: mesh has none");
        return;
    }
    self.member_id.data = id.member_id.p;
    self.member_id.len = id.member_id.len;
    self.member_contract.data = id.member_contract.p;
    self.member_contract.len = id.member_contract.len;
    self.mesh_ip = ask->agent->o.facts->mesh_ip;
    am_grpc_reply(ask->request,
                  am_bin_of(bytes, attestmesh__agent__v1__self_info__pack(&self, bytes)));
    api_ask_answered(ask);
}
