/*  ka_world -- the real keyagent and the real simulator as processes, the rest of the node as test.
 */
#include "ka_world.h"

#include "../../../common/base/am_clock.h"
#include "../../../common/crypto/am_curve.h"
#include "../../../common/wire/am_member.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void
copy(uint8_t *to, size_t len, struct am_bin from)
{
    memset(to, 0, len);
    if (from.len == len)
        memcpy(to, from.p, len);
}

static void
text(char *to, size_t cap, struct am_str from)
{
    snprintf(to, cap, "%.*s", (int)from.len, from.p != NULL ? from.p : "");
}

static void
on_identity(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    const struct keyagent_identity *f = fact;
    struct ka_world *w = arg;

    (void)topic;
    if (change != BUS_VALUE)
        return;
    text(w->phase, sizeof w->phase, f->phase);
    text(w->reason, sizeof w->reason, f->reason);
    text(w->attestor, sizeof w->attestor, f->attestor);
    text(w->proof, sizeof w->proof, f->proof);
    text(w->proof_reason, sizeof w->proof_reason, f->proof_reason);
    copy(w->app_id, 20, f->app_id);
    copy(w->x_pub, 32, f->x_pub);
    copy(w->ed25519_pub, 32, f->ed25519_pub);
    copy(w->wg_pub, 32, f->wg_pub);
    copy(w->owner, 20, f->owner);
    copy(w->kms_root, 20, f->kms_root);
    w->identities++;
}

static void
on_csk(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    const struct keyagent_csk *f = fact;
    struct ka_world *w = arg;

    (void)topic;
    if (change != BUS_VALUE)
        return;
    w->csk_held = f->held;
    w->cache_pending = f->cache_pending;
    text(w->source, sizeof w->source, f->source);
    copy(w->commitment, 32, f->commitment);
    w->csks++;
}

static struct bus *
open_bus(struct ka_world *w, enum bus_service self)
{
    const struct bus_options options = {.run = w->run, .self = self, .loop = w->loop};
    struct am_error err = {0};
    struct bus *bus;

    cr_assert_eq(bus_open(&bus, &options, &err), AM_OK, "%s", err.text);
    return bus;
}

void
ka_world_open(struct ka_world *w)
{
    struct am_error err = {0};

    memset(w, 0, sizeof *w);
    snprintf(w->run, sizeof w->run, "/tmp/am-ka-XXXXXX");
    cr_assert_not_null(mkdtemp(w->run));
    snprintf(w->socket, sizeof w->socket, "%s/dstack.sock", w->run);
    snprintf(w->control, sizeof w->control, "%s/control", w->run);
    snprintf(w->log, sizeof w->log, "%s/log", w->run);
    snprintf(w->state, sizeof w->state, "%s/state", w->run);
    w->loop = ev_loop_new(EVFLAG_AUTO);
    w->chain = open_bus(w, BUS_CHAIN);
    w->mesh = open_bus(w, BUS_MESH);
    w->api = open_bus(w, BUS_API);
    w->cli = open_bus(w, BUS_CLI);
    cr_assert_eq(bus_subscribe(w->mesh, BUS_TOPIC_keyagent_identity, on_identity, w, &err), AM_OK);
    cr_assert_eq(bus_subscribe(w->mesh, BUS_TOPIC_keyagent_csk, on_csk, w, &err), AM_OK);
    memset(w->cluster, 0xc1, sizeof w->cluster);
    memset(w->other_id, 0x22, sizeof w->other_id);
    memset(w->other_secret, 0x06, sizeof w->other_secret);
    cr_assert_eq(am_x25519_pub(w->other_pub, w->other_secret, NULL), AM_OK);
}

int
ka_world_end(pid_t *pid, int signal)
{
    int status = 0;

    if (*pid <= 0)
        return 0;
    if (signal != 0)
        kill(*pid, signal);
    waitpid(*pid, &status, 0);
    *pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void
ka_world_close(struct ka_world *w)
{
    char line[128];

    ka_world_end(&w->keyagent, SIGTERM);
    ka_world_end(&w->agent, SIGTERM);
    bus_close(&w->cli);
    bus_close(&w->api);
    bus_close(&w->mesh);
    bus_close(&w->chain);
    ev_loop_destroy(w->loop);
    snprintf(line, sizeof line, "rm -rf %s", w->run);
    cr_assert_eq(system(line), 0);
}

static pid_t
run(struct ka_world *w, char *const argv[], char *const env[])
{
    pid_t pid = fork();

    cr_assert_geq(pid, 0);
    if (pid == 0) {
        int log = open(w->log, O_WRONLY | O_CREAT | O_APPEND, 0600);

        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nobody behind */
        dup2(log, 1);
        dup2(log, 2);
        execve(argv[0], argv, env);
        _exit(127);
    }
    return pid;
}

void
ka_world_agent(struct ka_world *w)
{
    char *argv[] = {GUEST_AGENT,
                    "--socket",
                    w->socket,
                    "--control",
                    w->control,
                    "--app-id",
                    w->other_agent ? "a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2"
                                   : "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1",
                    NULL};

    w->agent = run(w, argv, environ);
}

void
ka_world_keyagent(struct ka_world *w)
{
    char run_env[96], socket_env[128], state_env[128], asan[256];
    char *argv[] = {KEYAGENT, NULL};
    char *env[] = {run_env, socket_env, state_env, "CHAIN_ID=31337", asan, NULL};

    snprintf(run_env, sizeof run_env, "ATTESTMESH_RUN=%s", w->run);
    snprintf(socket_env, sizeof socket_env, "DSTACK_SOCKET=%s", w->socket);
    snprintf(state_env, sizeof state_env, "SIDECAR_STATE_DIR=%s", w->state);
    snprintf(asan, sizeof asan, "ASAN_OPTIONS=%s",
             getenv("ASAN_OPTIONS") != NULL ? getenv("ASAN_OPTIONS") : "");
    w->keyagent = run(w, argv, env);
}

void
ka_world_fault(struct ka_world *w, const char *fault)
{
    FILE *f = fopen(w->control, "w");

    cr_assert_not_null(f);
    fputs(fault, f);
    fclose(f);
}

bool
ka_world_until(struct ka_world *w, const int *flag, int n, int ms)
{
    int64_t end = am_mono_ms() + ms;

    while (*flag < n && am_mono_ms() < end) {
        ev_run(w->loop, EVRUN_NOWAIT);
        usleep(1000);
    }
    return *flag >= n;
}

void
ka_world_phase(struct ka_world *w, const char *phase, int ms)
{
    int64_t end = am_mono_ms() + ms;

    while (strcmp(w->phase, phase) != 0 && am_mono_ms() < end)
        ka_world_until(w, &w->identities, w->identities + 1, 100);
    cr_assert_str_eq(w->phase, phase, "%s", w->reason);
}

static void
on_answer(void *arg, int code, const void *reply, const struct am_error *err)
{
    struct ka_answer *a = arg;
    const struct am_bin *bins =
        reply; /* every reply of keyagent begins with bins or strs, alike in shape */

    a->calls++;
    a->code = code;
    if (code != AM_OK)
        memcpy(a->text, err->text, sizeof a->text);
    for (int i = 0; i < 2 && reply != NULL; i++) {
        size_t *len = i == 0 ? &a->a_len : &a->b_len;

        if (*len != 1)
            continue;
        *len = bins[i].len;
        if (bins[i].len > 0)
            memcpy(i == 0 ? a->a : a->b, bins[i].p, bins[i].len);
    }
}

struct ka_answer *
ka_world_ask(struct ka_world *w, struct bus *bus, enum bus_method method, const void *message)
{
    static struct ka_answer a;
    struct am_error err = {0};

    memset(&a, 0, sizeof a);
    a.a_len = method != BUS_METHOD_keyagent_csk_accept; /* 1: the reply has such a bin */
    a.b_len = method == BUS_METHOD_keyagent_sign_operation || method == BUS_METHOD_keyagent_quote ||
              method == BUS_METHOD_keyagent_self_check;
    cr_assert_eq(bus_call(bus, method, message, 5000, "", on_answer, &a, &err), AM_OK, "%s",
                 err.text);
    cr_assert(ka_world_until(w, &a.calls, 1, 6000));
    return &a;
}

void
ka_world_view(struct ka_world *w, bool first, const uint8_t *commitment)
{
    struct chain_view *v = &w->view;
    struct am_error err = {0};
    int never = 0;

    am_member_id(w->member_id, w->cluster, w->app_id, am_attestor_dstack);
    if (commitment != NULL)
        memcpy(w->view_commitment, commitment, 32);
    v->chain_id = WORLD_CHAIN_ID;
    v->block_number++;
    v->block_hash = AM_BIN(w->zero);
    v->cluster = AM_BIN(w->cluster);
    v->member_contract = AM_BIN(w->app_id);
    v->member_id = AM_BIN(w->member_id);
    v->cidr_prefix = 16;
    v->commitment = am_bin_of(w->view_commitment, commitment != NULL ? 32 : 0);
    v->kms_root = AM_BIN(w->kms_root);
    v->members_count = 2;
    v->members[first ? 0 : 1] = (struct chain_member){.member_id = AM_BIN(w->member_id),
                                                      .member_contract = AM_BIN(w->app_id),
                                                      .x_pub = AM_BIN(w->x_pub),
                                                      .wg_pub = AM_BIN(w->wg_pub)};
    v->members[first ? 1 : 0] = (struct chain_member){.member_id = AM_BIN(w->other_id),
                                                      .member_contract = AM_BIN(w->cluster),
                                                      .x_pub = AM_BIN(w->other_pub),
                                                      .wg_pub = AM_BIN(w->other_pub)};
    cr_assert_eq(bus_publish(w->chain, BUS_TOPIC_chain_view, v, &err), AM_OK, "%s", err.text);
    /* keyagent says nothing about a view that it takes, so an answer that needs one is asked for:
     * at the first view; later ones are published on a live subscription. */
    for (int i = 0; i < 60; i++) {
        struct keyagent_sign_heartbeat beat = {.timestamp_ms = 1};

        if (ka_world_ask(w, w->mesh, BUS_METHOD_keyagent_sign_heartbeat, &beat)->code == AM_OK)
            break;
        ka_world_until(w, &never, 1, 100);
    }
    ka_world_until(w, &never, 1, 60);
}

void
ka_world_restart(struct ka_world *w)
{
    cr_assert_eq(ka_world_end(&w->keyagent, SIGKILL), -SIGKILL);
    w->phase[0] = '\0';
    w->csk_held = false;
    w->cache_pending = true;
    ka_world_keyagent(w);
    ka_world_phase(w, "ready", 8000);
}

bool
ka_world_logged(struct ka_world *w, const char *words)
{
    static char log[1 << 20];
    FILE *f = fopen(w->log, "r");
    size_t n;

    cr_assert_not_null(f);
    n = fread(log, 1, sizeof log - 1, f);
    fclose(f);
    log[n] = '\0';
    return strstr(log, words) != NULL;
}
