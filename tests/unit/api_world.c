/*  api_world -- the real api process, its neighbours played by the test, and applications of any
 * uid.
 */
#include "api_world.h"

#include "../../common/evidence/am_report_data.h"

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct aw aw;
static const uint8_t cluster[20] = {0x11}, member[20] = {0x22}, x_pub[32] = {0x33},
                     wg_pub[32] = {0x44}, ed25519_pub[32] = {0x55};
static struct am_error err;

void
aw_begin(void)
{
    char run[96], addr[64], app[128], csk[64], derive[64];
    const char *const argv[] = {API, NULL};
    const char *const env[] = {run, addr, app, csk, derive, "LOG_LEVEL=debug", "LD_BIND_NOW=1",
                               NULL};

    cr_assert_eq(geteuid(), 0, "needs root to be several users");
    sw_begin();
    cr_assert_eq(chmod(sw_dir, 0711), 0);
    aw = (struct aw){.port = sw_port()};
    snprintf(aw.socket, sizeof aw.socket, "%s/app/agent.sock", sw_dir);
    snprintf(aw.url, sizeof aw.url, "http://127.0.0.1:%u", aw.port);
    snprintf(run, sizeof run, "ATTESTMESH_RUN=%s", sw_dir);
    snprintf(addr, sizeof addr, "HEALTH_HTTP_ADDR=127.0.0.1:%u", aw.port);
    snprintf(app, sizeof app, "AGENT_GRPC_SOCKET=%s", aw.socket);
    snprintf(csk, sizeof csk, "ATTESTMESH_CSK_UIDS=%d", AW_CSK_UID);
    snprintf(derive, sizeof derive, "ATTESTMESH_DERIVE_UIDS=%d", AW_DERIVE_UID);
    aw.api = sw_start("api.log", argv, env);
    SW_UNTIL(access(aw.socket, F_OK) == 0, 10000);
}

void
aw_end(void)
{
    bus_close(&aw.keyagent);
    bus_close(&aw.mesh);
    bus_close(&aw.chain);
    if (*aw.api != 0) {
        kill(*aw.api, SIGTERM);
        cr_assert_eq(sw_ended(aw.api, 5000), 0, "%s", sw_log("api.log"));
        cr_assert_neq(access(aw.socket, F_OK), 0, "removed at the stop");
    }
    sw_end();
}

static void
seal(uint8_t sealed[static 80], uint8_t fill, struct am_bin to)
{
    uint8_t key[32];

    memset(key, fill, sizeof key);
    cr_assert_eq(crypto_box_seal(sealed, key, sizeof key, to.p), 0);
}

static void
on_give(void *arg, struct bus_request *request, const void *message)
{
    const struct keyagent_csk_give *m = message;
    uint8_t sealed[80];

    (void)arg;
    aw.keys_asked++;
    if (!aw.csk_held) {
        am_fail(&err, AM_FAILED_PRECONDITION, "CSK: expected to hold it, it is not held");
        bus_refuse(request, &err);
        return;
    }
    seal(sealed, 0xc5, m->reply_to);
    bus_reply(request, &(struct keyagent_csk_give_reply){.sealed = AM_BIN(sealed)});
}

static void
on_derive(void *arg, struct bus_request *request, const void *message)
{
    const struct keyagent_derive *m = message;
    uint8_t sealed[80];

    (void)arg;
    aw.keys_asked++;
    memcpy(aw.derived_label, m->label.p, m->label.len);
    aw.derived_len = m->label.len;
    seal(sealed, (uint8_t)m->label.len, m->reply_to);
    bus_reply(request, &(struct keyagent_derive_reply){.sealed = AM_BIN(sealed)});
}

void
aw_quote(struct bus_request *request, struct am_bin nonce)
{
    struct am_report_keys keys;
    uint8_t quote[636] = {4, 0, 2, 0, 0x81};

    memcpy(keys.cluster, cluster, 20);
    memcpy(keys.member, member, 20);
    memcpy(keys.x_pub, x_pub, 32);
    memcpy(keys.wg_pub, wg_pub, 32);
    memcpy(keys.ed25519_pub, ed25519_pub, 32);
    am_report_data(quote + 568, &keys, nonce);
    bus_reply(request, &(struct keyagent_quote_reply){
                           .report_data = am_bin_of(quote + 568, 64),
                           .quote = AM_BIN(quote),
                           .event_log = am_str_of("[{\"imr\":3,\"event\":\"app-id\"}]")});
}

static void
on_quote(void *arg, struct bus_request *request, const void *message)
{
    const struct keyagent_quote *m = message;

    (void)arg;
    aw.quotes_asked++;
    aw.nonce_len = m->nonce.len;
    if (m->nonce.len > 0)
        memcpy(aw.nonce, m->nonce.p, m->nonce.len);
    if (aw.holds_quotes)
        aw.quote = request;
    else
        aw_quote(request, m->nonce);
}

void
aw_keyagent(void)
{
    static const uint8_t compose[32] = {0x66}, instance[20] = {0x77}, device[32] = {0x88};
    const struct keyagent_identity id = {.phase = am_str_of("ready"),
                                         .attestor = am_str_of("dstack"),
                                         .app_id = AM_BIN(member),
                                         .compose_hash = AM_BIN(compose),
                                         .instance_id = AM_BIN(instance),
                                         .device_id = AM_BIN(device),
                                         .x_pub = AM_BIN(x_pub),
                                         .ed25519_pub = AM_BIN(ed25519_pub),
                                         .wg_pub = AM_BIN(wg_pub)};

    aw.keyagent = sw_bus(BUS_KEYAGENT);
    cr_assert_eq(bus_serve(aw.keyagent, BUS_METHOD_keyagent_csk_give, on_give, NULL, &err), AM_OK);
    cr_assert_eq(bus_serve(aw.keyagent, BUS_METHOD_keyagent_derive, on_derive, NULL, &err), AM_OK);
    cr_assert_eq(bus_serve(aw.keyagent, BUS_METHOD_keyagent_quote, on_quote, NULL, &err), AM_OK);
    cr_assert_eq(bus_publish(aw.keyagent, BUS_TOPIC_keyagent_identity, &id, &err), AM_OK, "%s",
                 err.text);
}

void
aw_mesh(bool healthy)
{
    static const uint8_t peers[2][32] = {{0xaa}, {0xbb}};
    const struct mesh_node node = {.phase = am_str_of(healthy ? "healthy" : "pulling-csk"),
                                   .first_converged = healthy,
                                   .csk_acquired = healthy,
                                   .healthy = healthy,
                                   .live = healthy,
                                   .mesh_ip = 0x0a120102,
                                   .live_peers = healthy ? 1 : 0,
                                   .members = 3,
                                   .csk_holders = healthy ? 1 : 0,
                                   .csk_members = 3};

    if (aw.mesh == NULL)
        aw.mesh = sw_bus(BUS_MESH);
    cr_assert_eq(bus_publish(aw.mesh, BUS_TOPIC_mesh_node, &node, &err), AM_OK, "%s", err.text);
    for (size_t i = 0; i < 2; i++) {
        const struct mesh_peer peer = {.member_id = AM_BIN(peers[i]),
                                       .mesh_ip = 0x0a120103 + i,
                                       .state = am_str_of(i == 0 ? "live" : "silent")};

        cr_assert_eq(bus_publish(aw.mesh, BUS_TOPIC_mesh_peer, &peer, &err), AM_OK);
    }
}

void
aw_chain(void)
{
    static const uint8_t hash[32], id[32] = {0x99};
    static struct chain_view view;

    view = (struct chain_view){.chain_id = 1,
                               .block_hash = AM_BIN(hash),
                               .cluster = AM_BIN(cluster),
                               .member_contract = AM_BIN(member),
                               .member_id = AM_BIN(id)};
    aw.chain = sw_bus(BUS_CHAIN);
    cr_assert_eq(bus_publish(aw.chain, BUS_TOPIC_chain_view, &view, &err), AM_OK, "%s", err.text);
}

const char *
aw_app(uint32_t uid, const char *calls)
{
    static unsigned n;
    char words[512], who[16], log[32], *rest = words;
    const char *argv[32] = {"node", APP, aw.socket, who};
    size_t count = 4;
    int end;

    snprintf(words, sizeof words, "%s", calls);
    snprintf(who, sizeof who, "%u", uid);
    snprintf(log, sizeof log, "app-%u.log", n++);
    while (rest != NULL && count < 31)
        argv[count++] = strsep(&rest, " ");
    argv[count] = NULL;
    end = sw_ended(sw_start(log, argv, NULL), 20000);
    cr_assert_eq(end, 0, "%d %s\n%s", end, sw_log(log), sw_log("api.log"));
    return sw_log(log);
}
