/*  test_mesh_helper -- the helper runs its list and nothing else, and nobody waits for a dead one
 */
#include "../../services/mesh/mesh_helper.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="

static bool
allowed(enum mesh_tool tool, const char *line, bool *in)
{
    char text[512];
    const char *argv[32];
    size_t argc = 0;

    snprintf(text, sizeof text, "%s", line);
    for (char *save = NULL, *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    return mesh_cmd_allowed(tool, argv, argc, "wg0", in);
}

Test(list, holds_what_mesh_needs)
{
    static const char *const ip[] = {"link add dev wg0 type wireguard",
                                     "link set dev wg0 mtu 1420 up",
                                     "address replace 10.13.0.1/16 dev wg0"};
    static const char *const wg[] = {"show wg0 public-key", "show wg0 endpoints",
                                     "set wg0 peer " KEY " remove",
                                     "set wg0 peer " KEY " endpoint 1.2.3.4:5 peer " KEY
                                     " allowed-ips 10.13.0.1/32 persistent-keepalive 25"};
    bool in;

    for (size_t i = 0; i < 3; i++)
        cr_assert(allowed(MESH_TOOL_IP, ip[i], &in) && !in, "%s", ip[i]);
    for (size_t i = 0; i < 4; i++)
        cr_assert(allowed(MESH_TOOL_WG, wg[i], &in) && !in, "%s", wg[i]);
    cr_assert(allowed(MESH_TOOL_WG, "set wg0 listen-port 51821 private-key /dev/stdin", &in) && in);
}

Test(list, holds_nothing_else)
{
    static const char *const wg[] = {"show wg0 dump",
                                     "show all dump",
                                     "show wg0 private-key",
                                     "show wg0",
                                     "show wg1 public-key",
                                     "showconf wg0",
                                     "setconf wg0 /dev/stdin",
                                     "syncconf wg0 /dev/stdin",
                                     "genkey",
                                     "set wg0",
                                     "set wg0 private-key /etc/shadow",
                                     "set wg0 listen-port 0 private-key /dev/stdin",
                                     "set wg1 peer " KEY " remove",
                                     "set wg0 peer " KEY,
                                     "set wg0 peer x remove",
                                     "set wg0 peer " KEY
                                     " allowed-ips 0.0.0.0/0 persistent-keepalive 25",
                                     "set wg0 peer " KEY " remove extra",
                                     "set wg0 peer " KEY " endpoint [::1]:5",
                                     "show wg0 public-key x",
                                     "link add dev wg0 type wireguard"};
    static const char *const ip[] = {"link del dev wg0",
                                     "link set dev eth0 mtu 1420 up",
                                     "link set dev wg0 netns 1",
                                     "link add dev wg0 type dummy",
                                     "address replace 10.13.0.1/33 dev wg0",
                                     "netns exec x sh",
                                     "address replace 10.13.0.1/16 dev eth0",
                                     "-batch /dev/stdin",
                                     "route add default dev wg0",
                                     "show wg0 public-key",
                                     "address flush dev wg0"};
    bool in;

    for (size_t i = 0; i < sizeof wg / sizeof wg[0]; i++)
        cr_assert(!allowed(MESH_TOOL_WG, wg[i], &in), "%s", wg[i]);
    for (size_t i = 0; i < sizeof ip / sizeof ip[0]; i++)
        cr_assert(!allowed(MESH_TOOL_IP, ip[i], &in), "%s", ip[i]);
    cr_assert(!mesh_cmd_allowed(MESH_TOOL_WG, NULL, 0, "wg0", &in));
}

Test(interface, has_a_name_that_no_option_and_no_path_has)
{
    static const char *const bad[] = {"", "sixteen-letters-", ".", "..", "a/b", "a b", "-x", "a\n"};

    cr_assert(mesh_if_valid("attestmesh0") && mesh_if_valid("fifteen-letters"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert(!mesh_if_valid(bad[i]), "%s", bad[i]);
}

/* allow_unsandboxed: valgrind has no seccomp. */
static const struct am_settings settings = {.wg_interface = "amtest-none", .allow_unsandboxed = 1};

struct seen {
    int calls, code;
    char text[AM_ERROR_TEXT];
};

static void
on_done(void *arg, int code, struct am_str out, const struct am_error *err)
{
    struct seen *s = arg;

    (void)out;
    s->calls++;
    s->code = code;
    snprintf(s->text, sizeof s->text, "%s", err->text);
    ev_break(ev_default_loop(0), EVBREAK_ALL);
}

static void
on_dead(void *arg)
{
    ++*(int *)arg;
    ev_break(ev_default_loop(0), EVBREAK_ALL);
}

Test(helper, refuses_on_its_own_side_too_and_says_how_a_program_failed, .timeout = 30)
{
    struct ev_loop *loop = ev_default_loop(0);
    struct mesh_helper *h = NULL;
    struct seen s = {0};
    int dead = 0;

    cr_assert_eq(mesh_helper_open(&h, &settings, NULL), AM_OK);
    mesh_helper_attach(h, loop, on_dead, &dead);
    cr_assert_eq(mesh_helper_run(h, MESH_TOOL_WG, (const char *const[]){"genkey", NULL},
                                 (struct am_bin){0}, on_done, &s, NULL),
                 AM_OK);
    ev_run(loop, 0);
    cr_assert_eq(s.code, AM_PERMISSION_DENIED);
    cr_assert(strstr(s.text, "wg genkey") != NULL, "%s", s.text);
    cr_assert_eq(mesh_helper_run(h, MESH_TOOL_WG,
                                 (const char *const[]){"show", "amtest-none", "public-key", NULL},
                                 (struct am_bin){0}, on_done, &s, NULL),
                 AM_OK);
    ev_run(loop, 0);
    cr_assert(s.code == AM_FAILED_PRECONDITION || s.code == AM_NOT_FOUND, "%s", s.text);
    cr_assert_eq(s.calls, 2);
    mesh_helper_close(&h);
    cr_assert(h == NULL && dead == 0);
}

static pid_t
child_of(pid_t parent)
{
    char path[64], text[64] = "";
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    f = fopen(path, "r");
    cr_assert(f != NULL && fgets(text, sizeof text, f) != NULL, "no child of ours in %s", path);
    fclose(f);
    return (pid_t)atoi(text);
}

Test(helper, keeps_every_promise_when_it_dies, .timeout = 30)
{
    struct ev_loop *loop = ev_default_loop(0);
    struct mesh_helper *h = NULL;
    struct seen s = {0};
    int dead = 0;
    pid_t child;

    cr_assert_eq(mesh_helper_open(&h, &settings, NULL), AM_OK);
    mesh_helper_attach(h, loop, on_dead, &dead);
    child = child_of(getpid());
    kill(child, SIGSTOP);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(mesh_helper_run(h, MESH_TOOL_WG, (const char *const[]){"genkey", NULL},
                                     (struct am_bin){0}, on_done, &s, NULL),
                     AM_OK);
    kill(child, SIGKILL);
    ev_run(loop, 0);
    cr_assert_eq(s.calls, 3);
    cr_assert_eq(s.code, AM_UNAVAILABLE);
    cr_assert_eq(dead, 1);
    cr_assert_eq(mesh_helper_run(h, MESH_TOOL_WG, (const char *const[]){"genkey", NULL},
                                 (struct am_bin){0}, on_done, &s, NULL),
                 AM_UNAVAILABLE);
    mesh_helper_close(&h);
}
