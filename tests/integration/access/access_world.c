/*  access_world -- the services: keyagent as it is, the others as processes that take everything.
 */
#include "access.h"

#include "../../../bus/bus_codec.h"
#include "../../../common/base/am_log.h"
#include "../../../common/wire/am_member.h"
#include "../../../devnet/dn_chain.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define APP_ID "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
#define SAY_S 0.05 /* between two facts */

static uint8_t nines[65536];

void
access_least(const struct bus_row *row, union bus_any *message)
{
    memset(message, 0, sizeof *message);
    memset(nines, 9, sizeof nines);
    for (const struct bus_row *f = row + 1; bus_is_field(f); f++) {
        void *at = (uint8_t *)message + f->offset;
        bool command_key = row->kind == BUS_COMMAND && f == row + 1;
        size_t len = f->min == 0 && command_key ? 1 : (size_t)f->min;

        if ((f->flags & BUS_OPT) != 0)
            continue;
        if (f->kind == BUS_FIELD_U64)
            *(uint64_t *)at = f->min;
        else if (f->kind == BUS_FIELD_STR)
            *(struct am_str *)at = (struct am_str){(const char *)nines, len};
        else if (f->kind == BUS_FIELD_BIN)
            *(struct am_bin *)at = am_bin_of(nines, len);
    }
}

/* ---- a service that takes everything ---- */

struct taker {
    struct access_world *w;
    struct bus *bus;
    enum bus_service self;
    uint64_t said;
};

struct taken { /* argument of a handler */
    struct taker *taker;
    enum bus_method method;
};

static void
on_request(void *arg, struct bus_request *q, const void *message)
{
    const struct taken *t = arg;
    struct am_error err;

    (void)message;
    t->taker->w->reached[bus_request_sender(q)][t->method]++;
    am_fail(&err, AM_ABORTED, "it reached its handler");
    bus_refuse(q, &err);
}

/* The own member first, and one whose id is what access_least says, so that the CSK is sealed. */
static void
fill_view(struct chain_view *v)
{
    static uint8_t cluster[20], app_id[20], id[32];

    memset(cluster, 0xc1, sizeof cluster);
    memset(app_id, 0xa1, sizeof app_id);
    am_member_id(id, cluster, app_id, am_attestor_dstack);
    v->chain_id = DN_CHAIN_ID;
    v->cluster = AM_BIN(cluster);
    v->member_contract = AM_BIN(app_id);
    v->member_id = AM_BIN(id);
    v->cidr_prefix = 16;
    v->members_count = 2;
    for (size_t i = 0; i < 2; i++)
        v->members[i] =
            (struct chain_member){.member_id = i == 0 ? AM_BIN(id) : am_bin_of(nines, 32),
                                  .member_contract = am_bin_of(i == 0 ? app_id : nines, 20),
                                  .x_pub = am_bin_of(nines, 32),
                                  .wg_pub = am_bin_of(nines, 32)};
}

/* Every topic of the service; what has a number changes each time. */
static void
on_say(struct ev_loop *loop, ev_timer *w, int events)
{
    static union bus_any fact;
    struct taker *t = w->data;
    struct am_error err;

    (void)loop, (void)events;
    t->said++;
    for (int i = 0; i < BUS_TOPIC_COUNT; i++) {
        const struct bus_row *row = bus_topic_row((enum bus_topic)i), *f = row + 1;

        if (row->service != t->self)
            continue;
        access_least(row, &fact);
        while (bus_is_field(f) && (f->kind != BUS_FIELD_U64 || f->max < UINT32_MAX))
            f++;
        if (i == BUS_TOPIC_chain_view)
            fill_view(&fact.chain_view);
        else if (bus_is_field(f))
            *(uint64_t *)((uint8_t *)&fact + f->offset) = t->said;
        if (bus_publish(t->bus, (enum bus_topic)i, &fact, &err) != AM_OK)
            am_log(AM_ERROR, "bus.publish", "reason=\"%s\"", err.text);
    }
}

static int
take_all(struct access_world *w, enum bus_service self)
{
    static struct taken taken[BUS_METHOD_COUNT];
    struct taker t = {.w = w, .self = self};
    struct bus_options o = {.run = w->run, .uids = w->uids, .self = self};
    struct am_error err = {0};
    ev_timer say;
    int r;

    am_log_open(bus_service_name(self), "json", "error");
    o.loop = ev_default_loop(0);
    r = bus_open(&t.bus, &o, &err);
    for (int m = 0; m < BUS_METHOD_COUNT && r == AM_OK; m++) {
        taken[m] = (struct taken){&t, (enum bus_method)m};
        if (bus_method_row((enum bus_method)m)->service == self)
            r = bus_serve(t.bus, (enum bus_method)m, on_request, &taken[m], &err);
    }
    if (r != AM_OK) {
        am_log(AM_ERROR, "start.failed", "reason=\"%s\"", err.text);
        return 1;
    }
    ev_timer_init(&say, on_say, 0, SAY_S);
    say.data = &t;
    ev_timer_start(o.loop, &say);
    ev_run(o.loop, 0);
    return 0;
}

/* ---- processes ---- */

/* In the child: uid and log.  The program is opened before: its folder may be closed to the uid. */
static void
become(const struct access_world *w, unsigned uid)
{
    char log[80];
    int fd;

    snprintf(log, sizeof log, "%s/log", w->run);
    fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || dup2(fd, 1) != 1 || dup2(fd, 2) != 2 ||
        (uid != 0 && (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0)))
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* another uid clears it */
}

static pid_t
run_program(const struct access_world *w, unsigned uid, const char *program,
            const char *const argv[], const char *const env[])
{
    pid_t pid = fork();

    if (pid == 0) {
        int fd = open(program, O_RDONLY | O_CLOEXEC);

        become(w, uid);
        fexecve(fd, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
        _exit(127);
    }
    return pid;
}

static void
run_keyagent(struct access_world *w)
{
    char run[96], uids[200], agent[96], sanitizer[256], socket[80];
    const char *const agent_argv[] = {GUEST_AGENT, "--socket",   socket,          "--app-id",
                                      APP_ID,      "--kms-root", DN_KMS_ROOT_KEY, NULL};
    const char *const env[] = {run, uids, agent, "CHAIN_ID=31337", sanitizer, NULL};
    const char *const argv[] = {KEYAGENT, NULL};

    snprintf(socket, sizeof socket, "%s/dstack.sock", w->run);
    snprintf(run, sizeof run, "ATTESTMESH_RUN=%s", w->run);
    snprintf(uids, sizeof uids, "ATTESTMESH_UIDS=%s", w->uids);
    snprintf(agent, sizeof agent, "DSTACK_SOCKET=%s", socket);
    snprintf(sanitizer, sizeof sanitizer, "ASAN_OPTIONS=%s",
             getenv("ASAN_OPTIONS") != NULL ? getenv("ASAN_OPTIONS") : "");
    w->agent = run_program(w, 0, GUEST_AGENT, agent_argv, env);
    w->services[BUS_KEYAGENT] =
        run_program(w, ACCESS_UID_FIRST + BUS_KEYAGENT, KEYAGENT, argv, env);
}

int
access_open(struct access_world *w, struct am_error *err)
{
    const size_t shared = sizeof *w->seen + BUS_SERVICE_COUNT * sizeof *w->reached;
    size_t len = 0;
    char path[80];
    void *p;

    snprintf(w->run, sizeof w->run, "/tmp/am-access-XXXXXX");
    if (mkdtemp(w->run) == NULL || chmod(w->run, 0777) != 0)
        return am_fail(err, AM_INTERNAL, "%s: %s", w->run, strerror(errno));
    snprintf(path, sizeof path, "%s/capture", w->run);
    w->capture = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    p = mmap(NULL, shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (w->capture < 0 || p == MAP_FAILED)
        return am_fail(err, AM_INTERNAL, "capture: %s", strerror(errno));
    w->reached = p;
    w->seen = (struct access_seen *)((uint8_t *)p + BUS_SERVICE_COUNT * sizeof *w->reached);
    for (unsigned s = 0; s < BUS_SERVICE_COUNT; s++)
        len += (size_t)snprintf(w->uids + len, sizeof w->uids - len, "%s%s=%u", s > 0 ? "," : "",
                                bus_service_name((enum bus_service)s), ACCESS_UID_FIRST + s);
    run_keyagent(w);
    for (int s = 0; s < BUS_CLI; s++)
        if (s != BUS_KEYAGENT && (w->services[s] = fork()) == 0) {
            become(w, ACCESS_UID_FIRST + (unsigned)s);
            _exit(take_all(w, (enum bus_service)s));
        }
    return AM_OK;
}

void
access_log(const struct access_world *w)
{
    char path[80], line[1024];
    FILE *f;

    snprintf(path, sizeof path, "%s/log", w->run);
    f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        printf("     %s", line);
    if (f != NULL)
        fclose(f);
    for (int s = 0; s < BUS_CLI; s++)
        if (w->services[s] > 0 && waitpid(w->services[s], NULL, WNOHANG) != 0)
            printf("     %s has ended\n", bus_service_name((enum bus_service)s));
}

void
access_close(struct access_world *w)
{
    char command[96];
    int status;

    for (int s = -1; s < BUS_CLI; s++) {
        pid_t pid = s < 0 ? w->agent : w->services[s];

        if (pid > 0 && kill(pid, SIGTERM) == 0)
            waitpid(pid, &status, 0);
    }
    snprintf(command, sizeof command, "rm -rf %s", w->run);
    if (system(command) != 0)
        printf("     %s stays\n", w->run);
}
