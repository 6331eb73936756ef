/*  absent -- who is stopped is shown as absent in 2 s, whoever looks, and never as healthy.  */
#include "../../../common/base/am_clock.h"
#include "story.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ABSENT_MS 2000

/* As `up` logged its newest start. */
static pid_t
service_pid(struct story *s, const char *name)
{
    char log[700], line[1024];
    pid_t pid = 0;
    FILE *f;

    snprintf(log, sizeof log, "%s/log/up.log", s->node->dir);
    f = fopen(log, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        json_t *root = json_loads(line, 0, NULL);
        const char *event = json_string_value(json_object_get(root, "event"));
        const char *who = json_string_value(json_object_get(root, "name"));
        const char *number = json_string_value(json_object_get(root, "pid"));

        if (event != NULL && strcmp(event, "service.started") == 0 && who != NULL &&
            strcmp(who, name) == 0 && number != NULL)
            pid = (pid_t)strtol(number, NULL, 10);
        json_decref(root);
    }
    if (f != NULL)
        fclose(f);
    return pid;
}

/* What `attestmesh status --json` says; NULL: nothing.  *healthy: by its exit status too. */
static json_t *
ask_status(struct story *s, bool *healthy, int64_t *took)
{
    static char text[65536];
    struct am_error err = {0};
    char program[600];
    const char *const argv[] = {program, "status", "--json", "--run", s->run, NULL};
    int64_t start = am_mono_ms();
    json_t *root;

    snprintf(program, sizeof program, "%s/attestmesh", s->t.bin);
    text[0] = '\0';
    *healthy = dn_run(argv, NULL, NULL, text, sizeof text, &err) == AM_OK;
    *took = am_mono_ms() - start;
    root = json_loads(text, 0, NULL);
    *healthy = *healthy || json_is_true(json_object_get(root, "healthy"));
    return root;
}

static bool
mesh_gone(struct e2e *t, void *arg)
{
    struct story *s = arg;
    const struct watch *w = e2e_watch(t, s->node);

    if (s->gone_ms == 0 && s->stopped > 0 && kill(s->stopped, 0) != 0)
        s->gone_ms = am_mono_ms();
    s->was_healthy = s->was_healthy || (!w->heard && (w->healthy || w->live));
    return !w->heard && (s->stopped == 0 || s->gone_ms != 0);
}

static bool
keyagent_gone(struct e2e *t, void *arg)
{
    return !e2e_watch(t, ((struct story *)arg)->node)->csk_held;
}

/* Somebody asks /healthz all the time, and notes when it first says no, and with which status. */
static void
start_asking(struct story *s, pid_t *pid, const char *log)
{
    static const char script[] =
        "const ask = async () => { const r = await fetch('http://127.0.0.1:9090/healthz');"
        " r.status === 200 ? setTimeout(ask, 50) : console.log(Date.now(), r.status); }; ask();";
    const char *const argv[] = {"node", "-e", script, NULL};
    struct am_error err = {0};

    e2e_need(&s->t,
             dn_start(pid, &(struct dn_spawn){.argv = argv, .log = log, .ns = &s->node->ns}, &err),
             &err, "node");
    e2e_pause(&s->t, 1000);
}

static bool
said_no(struct e2e *t, void *arg)
{
    int status;

    (void)t;
    return !dn_alive(arg, &status);
}

static void
without_mesh(struct story *s, int64_t stopped_wall, pid_t *asking, const char *log)
{
    struct e2e *t = &s->t;
    long long at = 0;
    int http = 0;
    FILE *f;

    e2e_until(t, said_no, asking, 5000);
    dn_stop(asking, SIGKILL, 1000);
    if ((f = fopen(log, "re")) != NULL) {
        if (fscanf(f, "%lld %d", &at, &http) != 2)
            http = 0;
        fclose(f);
    }
    e2e_check(t, http == 503 && at - stopped_wall <= ABSENT_MS,
              "/healthz says 503 in 2 s when mesh is stopped", "%d after %lld ms", http,
              http != 0 ? at - (long long)stopped_wall : -1);
}

/* Who only follows facts: keyagent and mesh each publish one that a watch shows. */
static void
is_missed(struct story *s, const char *name, bool mesh)
{
    int64_t took = e2e_until(&s->t, mesh ? mesh_gone : keyagent_gone, s, 10000);

    e2e_check(&s->t, took >= 0 && took <= ABSENT_MS, "a watcher misses a stopped service in 2 s",
              "%s, %lld ms", name, (long long)took);
}

static void
status_shows(struct story *s, const char *name, bool absent)
{
    int64_t took;
    bool healthy;
    json_t *root = ask_status(s, &healthy, &took);
    json_t *service = json_object_get(json_object_get(root, "services"), name);
    const char *phase = json_string_value(json_object_get(service, "phase"));
    bool answers = json_is_true(json_object_get(service, "answers"));

    e2e_check(&s->t,
              phase != NULL && answers != absent && (*phase == '\0') == absent &&
                  (!absent || took <= ABSENT_MS) &&
                  !(absent && strcmp(name, "mesh") == 0 && healthy),
              absent ? "status shows it as absent in 2 s" : "and as present when it goes on",
              "%s, %lld ms: %s", name, (long long)took,
              json_string_value(json_object_get(service, absent ? "reason" : "phase")));
    json_decref(root);
}

static void
frozen(struct story *s, const char *name)
{
    bool mesh = strcmp(name, "mesh") == 0, keyagent = strcmp(name, "keyagent") == 0;
    pid_t pid = service_pid(s, name), asking = 0;
    struct e2e *t = &s->t;
    int64_t wall, took;
    char log[700];

    snprintf(log, sizeof log, "%s/healthz.log", t->dir);
    if (mesh)
        start_asking(s, &asking, log);
    wall = am_wall_ms();
    if (pid <= 1 || kill(pid, SIGSTOP) != 0) {
        e2e_check(t, false, "a service can be stopped", "%s, pid %d", name, (int)pid);
        return;
    }
    if (mesh || keyagent)
        is_missed(s, name, mesh);
    if (mesh)
        without_mesh(s, wall, &asking, log);
    status_shows(s, name, true);
    kill(pid, SIGCONT);
    status_shows(s, name, false);
    took = e2e_until(t, story_whole, NULL, BACK_MS);
    e2e_check(t, took >= 0 && !s->was_healthy, "the node goes on where it was", "%s, %lld ms; %s",
              name, (long long)took, e2e_watch(t, s->node)->reason);
}

void
absent_each(struct story *s)
{
    static const char *const names[] = {"keyagent", "chain", "mesh", "indexer", "api"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        frozen(s, names[i]);
}

void
absent_all(struct story *s)
{
    struct e2e *t = &s->t;
    int64_t now;
    json_t *root, *service;
    const char *name;
    bool healthy;
    size_t answers = 0;

    s->stopped = service_pid(s, "mesh");
    s->gone_ms = 0;
    kill(s->node->up, SIGTERM);
    e2e_until(t, mesh_gone, s, 10000);
    now = am_mono_ms();
    e2e_check(t, s->gone_ms != 0 && now - s->gone_ms <= ABSENT_MS && !s->was_healthy,
              "a watcher misses a node that was ended in 2 s, and never shows it as healthy",
              "%lld ms", (long long)(s->gone_ms != 0 ? now - s->gone_ms : -1));
    root = ask_status(s, &healthy, &now);
    json_object_foreach(json_object_get(root, "services"), name, service) answers +=
        !json_is_false(json_object_get(service, "answers"));
    e2e_check(t, root != NULL && answers == 0 && !healthy && now <= ABSENT_MS,
              "status shows all of it as absent in 2 s", "%lld ms", (long long)now);
    json_decref(root);
}
