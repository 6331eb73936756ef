/*  e2e -- a whole world for a test program: the devnet's, watched through the bus, judged once.  */
#include "e2e.h"

#include "../../common/base/am_addr.h"
#include "../../common/base/am_clock.h"
#include "../../common/base/am_log.h"
#include "../../common/eth/eth_table.h"
#include "../../common/eth/rpc/eth_json.h"

#include <libgen.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void
e2e_need(struct e2e *t, int r, const struct am_error *err, const char *what)
{
    if (r == AM_OK)
        return;
    printf("FAIL %s: %s\nlogs: %s\n%u passed, %u failed\n", what, err->text, t->dir, t->passed,
           t->failed + 1);
    exit(1);
}

void
e2e_open(struct e2e *t, const char *name)
{
    struct am_error err = {0};
    char self[512] = "";
    int r = AM_OK;

    setvbuf(stdout, NULL, _IOLBF, 0);
    memset(t, 0, sizeof *t);
    am_log_open(name, NULL, "error");
    snprintf(t->dir, sizeof t->dir, "/tmp/attestmesh-%s-XXXXXX", name);
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0 || mkdtemp(t->dir) == NULL)
        r = am_fail(&err, AM_INTERNAL, "cannot make a run folder");
    snprintf(t->bin, sizeof t->bin, "%s", dirname(self));
    t->paths = (struct dn_paths){t->dir, ATTESTMESH_SOURCE, t->bin};
    e2e_need(t, r, &err, "setup");
    e2e_need(t, dn_enter(&err), &err, "namespaces");
    t->loop = ev_loop_new(EVFLAG_AUTO);
    e2e_need(t, dn_world_open(&t->world, &t->paths, &err), &err, "world");
}

int
e2e_close(struct e2e *t)
{
    char *const argv[] = {"rm", "-rf", t->dir, NULL};
    struct am_error err = {0};

    for (unsigned i = 0; i < t->world.count; i++)
        watch_close(&t->watches[i]);
    dn_world_close(&t->world);
    if (t->failed == 0 && dn_run((const char *const *)argv, NULL, NULL, NULL, 0, &err) != AM_OK)
        printf("run folder %s: %s\n", t->dir, err.text);
    if (t->failed != 0)
        printf("logs: %s\n", t->dir);
    printf("%u passed, %u failed\n", t->passed, t->failed);
    return t->failed == 0 ? 0 : 1;
}

void
e2e_check(struct e2e *t, bool ok, const char *what, const char *fmt, ...)
{
    va_list ap;

    if (ok)
        t->passed++;
    else
        t->failed++;
    printf("%s %s", ok ? "ok  " : "FAIL", what);
    if (*fmt != '\0') {
        printf(": ");
        va_start(ap, fmt);
        vprintf(fmt, ap);
        va_end(ap);
    }
    printf("\n");
}

struct dn_node *
e2e_add(struct e2e *t)
{
    struct am_error err = {0};
    struct dn_node *node;

    e2e_need(t, dn_world_add(&t->world, &node, &err), &err, "member");
    return node;
}

struct watch *
e2e_watch(struct e2e *t, const struct dn_node *node)
{
    return &t->watches[node->number - 1];
}

void
e2e_start(struct e2e *t, struct dn_node *node)
{
    struct watch *w = e2e_watch(t, node);
    struct am_error err = {0};
    char run[600];

    e2e_need(t, dn_node_start(&t->world, node, &err), &err, "node");
    snprintf(run, sizeof run, "%s/run", node->dir);
    if (w->bus == NULL)
        e2e_need(t, watch_open(w, t->loop, run, &err), &err, "watch");
}

struct waiting {
    struct e2e *t;
    e2e_condition *fn;
    void *arg;
    int64_t until_ms;
    bool done;
};

static void
on_look(struct ev_loop *loop, ev_timer *w, int events)
{
    struct waiting *x = w->data;

    (void)events;
    x->done = x->fn != NULL && x->fn(x->t, x->arg);
    if (x->done || am_mono_ms() >= x->until_ms)
        ev_break(loop, EVBREAK_ALL);
}

int64_t
e2e_until(struct e2e *t, e2e_condition *fn, void *arg, int64_t ms)
{
    int64_t start = am_mono_ms();
    struct waiting x = {t, fn, arg, start + ms, false};
    ev_timer look;

    ev_timer_init(&look, on_look, 0, 0.02);
    look.data = &x;
    ev_timer_start(t->loop, &look);
    ev_run(t->loop, 0);
    ev_timer_stop(t->loop, &look);
    return x.done ? am_mono_ms() - start : -1;
}

void
e2e_pause(struct e2e *t, int64_t ms)
{
    e2e_until(t, NULL, NULL, ms);
}

bool
e2e_all_live(struct e2e *t, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++)
        if (!t->watches[i].healthy || !t->watches[i].live)
            return false;
    return true;
}

bool
e2e_same_csk(struct e2e *t, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++)
        if (!t->watches[i].csk_held || am_is_zero(t->watches[i].commitment, 32) ||
            memcmp(t->watches[i].commitment, t->watches[first].commitment, 32) != 0)
            return false;
    return true;
}

json_t *
e2e_logs(struct e2e *t, const uint8_t address[static 20], enum eth_event_id event,
         const uint8_t *topic2)
{
    struct am_error err = {0};
    uint8_t topic[32];
    json_t *topics = json_array(), *logs = NULL;

    eth_topic(topic, event);
    json_array_append_new(topics, eth_json_of_data(topic, 32));
    if (topic2 != NULL) {
        json_array_append_new(topics, json_null());
        json_array_append_new(topics, eth_json_of_data(topic2, 32));
    }
    e2e_need(
        t,
        cli_rpc_call(t->world.rpc, &logs, "eth_getLogs",
                     json_pack("[{s:o, s:s, s:s, s:o}]", "address", eth_json_of_data(address, 20),
                               "fromBlock", "0x0", "toBlock", "latest", "topics", topics),
                     &err),
        &err, "eth_getLogs");
    return logs;
}

unsigned
e2e_operations(struct e2e *t, const uint8_t sender[static 20], bool *twice)
{
    static char keys[256][49];
    uint8_t topic[32];
    unsigned count = 0;
    json_t *logs;

    *twice = false;
    eth_word_address(topic, sender);
    logs = e2e_logs(t, t->world.deployed.entry_point, ETH_EVENT_UserOperationEvent, topic);
    for (; count < json_array_size(logs) && count < 256; count++) {
        /* data: nonce (24 bytes of key, 8 of sequence), success, cost, gas */
        const char *data = json_string_value(json_object_get(json_array_get(logs, count), "data"));

        snprintf(keys[count], 49, "%s", data != NULL ? data + 2 : "");
        for (unsigned i = 0; i < count; i++)
            *twice = *twice || strcmp(keys[i], keys[count]) == 0;
    }
    json_decref(logs);
    return count;
}

unsigned
e2e_messages(struct e2e *t)
{
    json_t *logs = e2e_logs(t, t->world.deployed.cluster, ETH_EVENT_MessageSent, NULL);
    unsigned count = (unsigned)json_array_size(logs);

    json_decref(logs);
    return count;
}

void
e2e_ping(struct e2e *t, struct e2e_ping *ping, const struct dn_node *from, uint32_t to_ip)
{
    struct am_error err = {0};
    char ip[16];
    const char *const argv[] = {"ping", "-i", "0.1", "-W", "1", ip, NULL};

    am_ip_text(ip, to_ip);
    snprintf(ping->log, sizeof ping->log, "%s/ping-%u-%lld.log", t->dir, from->number,
             (long long)am_mono_ms());
    e2e_need(t,
             dn_start(&ping->pid,
                      &(struct dn_spawn){.argv = argv, .log = ping->log, .ns = &from->ns}, &err),
             &err, "ping");
}

int
e2e_ping_end(struct e2e_ping *ping, unsigned *sent)
{
    unsigned received = 0;
    char line[256];
    bool read = false;
    FILE *f;

    *sent = 0;
    dn_stop(&ping->pid, SIGINT, 3000);
    if ((f = fopen(ping->log, "re")) == NULL)
        return -1;
    while (fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "%u packets transmitted, %u received", sent, &received) == 2)
            read = true;
    fclose(f);
    /* The packet of the last tenth of a second may still be on its way when ping is told to stop.
     */
    return read ? (int)(*sent - received) - (*sent > received && *sent - received == 1 ? 1 : 0)
                : -1;
}
