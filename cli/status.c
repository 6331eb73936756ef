/*  status -- what every service of this machine says of itself, on a page or as JSON.  */
#include "../common/base/am_addr.h"
#include "../common/base/am_log.h"
#include "cli.h"
#include "watch.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GATHER_S 1.6 /* three beacons: whoever lives has been heard by then */
#define HELLO_MS 1000

static const enum bus_service asked[] = {BUS_KEYAGENT, BUS_CHAIN, BUS_MESH, BUS_INDEXER, BUS_API};
#define ASKED (sizeof asked / sizeof asked[0])

struct hello {
    enum bus_service service;
    bool answered;
    char phase[33], reason[385], mode[17], sandbox[97];
    uint64_t pid, uptime_ms, locked_kib;
};

static struct {
    struct ev_loop *loop;
    struct watch watch;
    struct hello hellos[ASKED];
    const char *run;
    bool json;
} status;

static void
on_hello(void *arg, int code, const void *reply, const struct am_error *err)
{
    const struct bus_hello *h = reply;
    struct hello *out = arg;

    out->answered = code == AM_OK;
    if (code != AM_OK) {
        am_str_copy(out->reason, sizeof out->reason, am_str_of(err->text));
        return;
    }
    am_str_copy(out->phase, sizeof out->phase, h->phase);
    am_str_copy(out->reason, sizeof out->reason, h->reason);
    am_str_copy(out->mode, sizeof out->mode, h->mode);
    am_str_copy(out->sandbox, sizeof out->sandbox, h->sandbox);
    out->pid = h->pid;
    out->uptime_ms = h->uptime_ms;
    out->locked_kib = h->locked_kib;
}

static void
on_gathered(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)w, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static json_t *
op_json(const struct watch_op *op)
{
    char hash[67] = "0x";

    am_hex(hash + 2, op->user_op_hash, 32);
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "purpose", op->purpose, "state", op->state,
                     "user_op_hash", hash, "block_number", (json_int_t)op->block_number, "gas_used",
                     (json_int_t)op->gas_used, "reason", op->reason);
}

static void
print_json(void)
{
    const struct watch *w = &status.watch;
    char ip[16], commitment[67] = "0x";
    json_t *services = json_object(), *peers = json_array(), *ops = json_array(), *root;

    am_ip_text(ip, w->mesh_ip);
    am_hex(commitment + 2, w->commitment, 32);
    for (size_t i = 0; i < ASKED; i++) {
        const struct hello *h = &status.hellos[i];

        json_object_set_new(services, bus_service_name(h->service),
                            json_pack("{s:b, s:s, s:s, s:s, s:I, s:I, s:s, s:I}", "answers",
                                      h->answered, "phase", h->phase, "reason", h->reason, "mode",
                                      h->mode, "pid", (json_int_t)h->pid, "uptime_ms",
                                      (json_int_t)h->uptime_ms, "sandbox", h->sandbox, "locked_kib",
                                      (json_int_t)h->locked_kib));
    }
    for (size_t i = 0; i < w->peer_count; i++) {
        char id[67] = "0x", peer_ip[16];

        am_hex(id + 2, w->peers[i].member_id, 32);
        am_ip_text(peer_ip, w->peers[i].mesh_ip);
        json_array_append_new(peers,
                              json_pack("{s:s, s:s, s:s, s:s}", "member_id", id, "mesh_ip", peer_ip,
                                        "state", w->peers[i].state, "reason", w->peers[i].reason));
    }
    for (size_t i = 0; i < w->op_count; i++)
        json_array_append_new(ops, op_json(&w->ops[i]));
    root = json_pack("{s:s, s:s, s:b, s:b, s:b, s:b, s:s, s:I, s:I, s:s, s:I, s:I, s:o, s:o, s:o}",
                     "phase", w->phase, "reason", w->reason, "healthy", w->healthy, "live", w->live,
                     "first_converged", w->converged, "csk_acquired", w->csk, "mesh_ip", ip,
                     "members", (json_int_t)w->members, "live_peers", (json_int_t)w->live_peers,
                     "csk_commitment", commitment, "csk_holders", (json_int_t)w->csk_holders,
                     "csk_members", (json_int_t)w->csk_members, "services", services, "peers",
                     peers, "operations", ops);
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

/* The end of the mesh line, and what an operator must not miss. */
static void
print_csk(const struct watch *w)
{
    if (w->csk_members == 0)
        printf("CSK %s\n", w->csk_held ? "held" : "not held");
    else
        printf("CSK held by %llu of %llu%s\n", (unsigned long long)w->csk_holders,
               (unsigned long long)w->csk_members, w->csk_held ? "" : ", not by this node");
    if (w->csk_holders == 1 && w->csk_members > 1)
        printf("warning  only one member is known to hold the CSK: if it is lost, so is the CSK\n");
}

static void
print_page(void)
{
    const struct watch *w = &status.watch;
    char ip[16], hash[17];

    am_ip_text(ip, w->mesh_ip);
    printf("node     %s, %s%s%s\n", w->heard ? w->phase : "mesh does not answer",
           w->live ? "live" : "not live", *w->reason != '\0' ? ": " : "", w->reason);
    printf("mesh     %s, %llu of %llu peers live, ", ip, (unsigned long long)w->live_peers,
           (unsigned long long)(w->members > 0 ? w->members - 1 : 0));
    print_csk(w);
    for (size_t i = 0; i < ASKED; i++) {
        const struct hello *h = &status.hellos[i];

        printf("%-9s%s%s%s\n", bus_service_name(h->service),
               h->answered ? h->phase : "does not answer", *h->reason != '\0' ? ": " : "",
               h->reason);
        if (h->answered)
            printf("         sandbox %s; %llu KiB locked\n", h->sandbox,
                   (unsigned long long)h->locked_kib);
    }
    for (size_t i = 0; i < w->peer_count; i++) {
        am_ip_text(ip, w->peers[i].mesh_ip);
        am_hex(hash, w->peers[i].member_id, 8);
        printf("peer     %-15s 0x%s.. %s%s%s\n", ip, hash, w->peers[i].state,
               *w->peers[i].reason != '\0' ? ": " : "", w->peers[i].reason);
    }
    for (size_t i = 0; i < w->op_count; i++) {
        am_hex(hash, w->ops[i].user_op_hash, 8);
        printf("op       %-9s 0x%s.. %s, %llu gas%s%s\n", w->ops[i].purpose, hash, w->ops[i].state,
               (unsigned long long)w->ops[i].gas_used, *w->ops[i].reason != '\0' ? ": " : "",
               w->ops[i].reason);
    }
}

static int
parse(int argc, char **argv)
{
    status.run = getenv("ATTESTMESH_RUN");
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            status.json = true;
        else if (strcmp(argv[i], "--run") == 0 && i + 1 < argc)
            status.run = argv[++i];
        else
            return -1;
    }
    if (status.run == NULL)
        status.run = "/run/attestmesh";
    return 0;
}

/* Exit status: 0 healthy, 1 not, so that a script can ask. */
int
cli_status(int argc, char **argv)
{
    struct am_error err = {0};
    ev_timer gathered;
    int r;

    if (parse(argc, argv) != 0)
        return cli_usage("status");
    am_log_open("cli", NULL, "error");
    if (access(status.run, R_OK | X_OK) != 0) {
        fprintf(stderr, "status: no run folder %s: give --run DIR or ATTESTMESH_RUN\n", status.run);
        return 1;
    }
    status.loop = ev_loop_new(EVFLAG_AUTO);
    status.watch.uids = getenv("ATTESTMESH_UIDS");
    if ((r = watch_open(&status.watch, status.loop, status.run, &err)) != AM_OK) {
        fprintf(stderr, "status: %s\n", err.text);
        return 1;
    }
    for (size_t i = 0; i < ASKED; i++) {
        status.hellos[i].service = asked[i];
        r = bus_call_hello(status.watch.bus, asked[i], HELLO_MS, on_hello, &status.hellos[i], &err);
        if (r != AM_OK)
            am_str_copy(status.hellos[i].reason, sizeof status.hellos[i].reason,
                        am_str_of(err.text));
    }
    ev_timer_init(&gathered, on_gathered, GATHER_S, 0);
    ev_timer_start(status.loop, &gathered);
    ev_run(status.loop, 0);
    if (status.json)
        print_json();
    else
        print_page();
    watch_close(&status.watch);
    return status.watch.healthy ? 0 : 1;
}
