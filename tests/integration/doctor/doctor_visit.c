/*  doctor_visit -- one run of attestmesh doctor in a node's place, and what its lines say.  */
#include "doctor_visit.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define LINE 640
#define SETTINGS 14

/* What devnet/dn_node gives the node, and where the registry is. */
static void
own_settings(const struct clinic *c, char lines[static SETTINGS][LINE])
{
    const struct dn_world *w = &c->t->world;
    char multicall[ETH_ADDRESS_TEXT], registry[ETH_ADDRESS_TEXT];

    eth_address_text(multicall, w->deployed.multicall3);
    eth_address_text(registry, w->deployed.indexer_registry);
    snprintf(lines[0], LINE, "ATTESTMESH_RUN=%s/run", c->node->dir);
    snprintf(lines[1], LINE, "SIDECAR_STATE_DIR=%s/state", c->node->dir);
    snprintf(lines[2], LINE, "DSTACK_SOCKET=%s/dstack.sock", c->node->dir);
    snprintf(lines[3], LINE, "CHAIN_ID=%u", DN_CHAIN_ID);
    snprintf(lines[4], LINE, "RPC_URL=" DN_RPC_URL);
    snprintf(lines[5], LINE, "BUNDLER_URL=" DN_BUNDLER_URL);
    snprintf(lines[6], LINE, "ATTESTMESH_PAYMASTER_URL=" DN_PAYMASTER_URL);
    snprintf(lines[7], LINE, "ATTESTMESH_MULTICALL3=%s", multicall);
    snprintf(lines[8], LINE, "INDEXER_START_BLOCK=%llu",
             (unsigned long long)w->deployed.start_block);
    snprintf(lines[9], LINE, "INDEXER_REGISTRY_ADDR=%s", registry);
    snprintf(lines[10], LINE, "BLOCK_BATCH_SIZE=2000");
    snprintf(lines[11], LINE, "WG_LISTEN_PORT=51821");
    snprintf(lines[12], LINE, "LOG_FORMAT=json");
    snprintf(lines[13], LINE, "ATTESTMESH_SPONSOR_URL=" DN_SPONSOR_URL);
}

static void
run(struct clinic *c, struct visit *v, const char *const *settings, const char *const *args)
{
    static char lines[SETTINGS][LINE];
    const char *argv[4 + SETTINGS + 2 * VISIT_EXTRA] = {"env"};
    char program[600];
    struct am_error err = {0};
    size_t n = 1;
    const char *at;

    own_settings(c, lines);
    snprintf(program, sizeof program, "%s/attestmesh", c->t->bin);
    for (size_t i = 0; i < SETTINGS; i++)
        argv[n++] = lines[i];
    for (; settings != NULL && *settings != NULL; settings++)
        argv[n++] = *settings;
    argv[n++] = program;
    argv[n++] = "doctor";
    for (; args != NULL && *args != NULL; args++)
        argv[n++] = *args;
    argv[n] = NULL;
    v->status = 0;
    v->root = NULL;
    if (dn_run(argv, &c->node->ns, NULL, v->out, sizeof v->out, &err) != AM_OK) {
        at = strstr(err.text, "wait status ");
        v->status = -1;
        if (at != NULL && sscanf(at, "wait status %d", &v->status) == 1)
            v->status >>= 8;
    }
}

void
visit(struct clinic *c, struct visit *v, const char *const *settings, const char *const *args)
{
    const char *all[VISIT_EXTRA + 2] = {"--json"};

    for (size_t i = 0; args != NULL && args[i] != NULL && i < VISIT_EXTRA; i++)
        all[i + 1] = args[i];
    run(c, v, settings, all);
    v->root = json_loads(v->out, JSON_REJECT_DUPLICATES, NULL);
}

void
visit_page(struct clinic *c, struct visit *v, const char *const *settings)
{
    run(c, v, settings, NULL);
}

void
visit_end(struct visit *v)
{
    json_decref(v->root);
    v->root = NULL;
}

static const json_t *
line(const struct visit *v, const char *check)
{
    const json_t *checks = json_object_get(v->root, "checks"), *l;

    for (size_t i = 0; (l = json_array_get(checks, i)) != NULL; i++)
        if (strcmp(json_string_value(json_object_get(l, "name")), check) == 0)
            return l;
    return NULL;
}

static const char *
field(const struct visit *v, const char *check, const char *name)
{
    const char *text = json_string_value(json_object_get(line(v, check), name));

    return text != NULL ? text : "";
}

const char *
visit_outcome(const struct visit *v, const char *check)
{
    return field(v, check, "outcome");
}

const char *
visit_seen(const struct visit *v, const char *check)
{
    return field(v, check, "seen");
}

void
visit_is(struct clinic *c, const struct visit *v, const char *what, const char *check,
         const char *outcome)
{
    const json_t *checks = json_object_get(v->root, "checks"), *l;
    bool fails = strcmp(outcome, "fail") == 0, warns = strcmp(outcome, "warn") == 0;
    int status = fails ? 2 : warns ? 1 : 0;
    char others[512] = "";

    for (size_t i = 0; (l = json_array_get(checks, i)) != NULL; i++) {
        const char *name = json_string_value(json_object_get(l, "name"));
        const char *o = json_string_value(json_object_get(l, "outcome"));
        size_t len = strlen(others);

        if ((check == NULL || strcmp(name, check) != 0) &&
            (strcmp(o, "warn") == 0 || strcmp(o, "fail") == 0))
            snprintf(others + len, sizeof others - len, "; %s %s: %s", o, name,
                     json_string_value(json_object_get(l, "seen")));
    }
    e2e_check(c->t,
              v->root != NULL && *others == '\0' && v->status == status &&
                  (check == NULL || strcmp(visit_outcome(v, check), outcome) == 0),
              what, "status %d, %s: %s: %s%s", v->status, check != NULL ? check : "all",
              check != NULL ? visit_outcome(v, check) : "ok",
              check != NULL ? visit_seen(v, check) : "", others);
}

void
visit_are(struct clinic *c, const struct visit *v, const char *what, const char *const *checks)
{
    size_t wanted = 0, failed = (size_t)json_integer_value(json_object_get(v->root, "fail"));

    for (; checks[wanted] != NULL; wanted++)
        e2e_check(c->t, strcmp(visit_outcome(v, checks[wanted]), "fail") == 0, what, "%s: %s",
                  checks[wanted], visit_seen(v, checks[wanted]));
    e2e_check(c->t,
              failed == wanted && v->status == 2 &&
                  json_integer_value(json_object_get(v->root, "warn")) == 0,
              "and no other line", "%zu of %zu fail, status %d", failed, wanted, v->status);
}

bool
visit_log_has(const struct clinic *c, const char *word)
{
    char path[700], line[4096];
    bool found = false;
    FILE *f;

    snprintf(path, sizeof path, "%s/log/up.log", c->node->dir);
    if ((f = fopen(path, "re")) == NULL)
        return false;
    while (!found && fgets(line, sizeof line, f) != NULL)
        found = strstr(line, word) != NULL;
    fclose(f);
    return found;
}

void
visit_start(struct clinic *c, const char *const argv[], const char *name)
{
    struct am_error err = {0};
    char log[700];

    snprintf(log, sizeof log, "%s/%s.log", c->folder, name);
    e2e_need(
        c->t,
        dn_start(&c->started[c->count++],
                 &(struct dn_spawn){.argv = argv, .log = log, .ns = &c->node->ns, .cwd = c->folder},
                 &err),
        &err, name);
}

void
visit_awaits(struct clinic *c, const char *port)
{
    char probe[128];
    const char *const argv[] = {"timeout", "5", "bash", "-c", probe, NULL};
    struct am_error err = {0};

    snprintf(probe, sizeof probe, "until : 2>/dev/null </dev/tcp/127.0.0.1/%s; do sleep 0.02; done",
             port);
    e2e_need(c->t, dn_run(argv, &c->node->ns, NULL, NULL, 0, &err), &err, "somebody listens");
}

void
visit_stop_all(struct clinic *c)
{
    while (c->count > 0)
        dn_stop(&c->started[--c->count], SIGTERM, 2000);
}

void
visit_replay(struct clinic *c, const char *port, const char *file, const char *boundary)
{
    char program[600], from[700];
    const char *const argv[] = {program, port, from, "none", boundary, NULL};

    snprintf(program, sizeof program, "%s/rpc-double", c->t->bin);
    snprintf(from, sizeof from, "replay:%s", file);
    visit_start(c, argv, boundary);
    visit_awaits(c, port);
}
