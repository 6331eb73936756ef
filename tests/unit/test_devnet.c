/*  test_devnet -- child processes and hosts of the devnet: started, told apart, ended, and no
 * trace.
 */
#include "../../devnet/dn_net.h"
#include "service_world.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct am_error err;

TestSuite(devnet, .init = sw_begin, .fini = sw_end, .timeout = 120);

static int
sh(const char *script, const char *input, char *out, size_t cap)
{
    const char *const argv[] = {"sh", "-c", script, NULL};

    memset(&err, 0, sizeof err);
    return dn_run(argv, NULL, input, out, cap, &err);
}

Test(devnet, run_tells_status_and_the_last_words)
{
    const char *const none[] = {"no-such-program-here", NULL};

    cr_assert_eq(sh("echo first >&2; echo last words >&2; exit 3", NULL, NULL, 0), AM_INTERNAL);
    cr_assert_not_null(strstr(err.text, "last words"), "%s", err.text);
    cr_assert_null(strstr(err.text, "first"));
    cr_assert_not_null(strstr(err.text, "wait status 768"), "%s", err.text);
    cr_assert_eq(sh("kill -9 $$", NULL, NULL, 0), AM_INTERNAL);
    cr_assert_not_null(strstr(err.text, "wait status 9"), "%s", err.text);
    cr_assert_eq(dn_run(none, NULL, NULL, NULL, 0, &err), AM_INTERNAL);
    cr_assert_not_null(strstr(err.text, "No such file"), "%s", err.text);
    cr_assert_eq(sh("exit 1", NULL, NULL, 0), AM_INTERNAL, "without a word");
    cr_assert_eq(sh("echo warning >&2", NULL, NULL, 0), AM_OK, "words alone are no failure");
}

Test(devnet, run_gives_input_and_takes_output)
{
    char out[8];

    cr_assert_eq(sh("tr a-z A-Z", "abc", out, sizeof out), AM_OK, "%s", err.text);
    cr_assert_str_eq(out, "ABC");
    cr_assert_eq(sh("echo 0123456789", NULL, out, sizeof out), AM_OK);
    cr_assert_str_eq(out, "0123456", "cut, and ended");
    cr_assert_eq(sh("head -c 1000000 /dev/zero", NULL, out, sizeof out), AM_OK,
                 "more than a pipe holds");
    cr_assert_eq(sh("cat", NULL, out, sizeof out), AM_OK, "no input is an end, not a wait");
    cr_assert_str_eq(out, "");
}

Test(devnet, nothing_of_our_environment_gets_in)
{
    static const char *const argv[] = {"env", NULL};
    static const char *const env[] = {"GIVEN=yes", NULL};
    pid_t *pid;

    setenv("ATTESTMESH_RUN", "/elsewhere", 1);
    setenv("http_proxy", "http://elsewhere", 1);
    pid = sw_start("env.log", argv, env);
    cr_assert_eq(sw_ended(pid, 5000), 0);
    cr_assert_not_null(strstr(sw_log("env.log"), "GIVEN=yes\n"));
    cr_assert_not_null(strstr(sw_log("env.log"), "PATH="));
    cr_assert_null(strstr(sw_log("env.log"), "elsewhere"), "%s", sw_log("env.log"));
}

Test(devnet, start_appends_to_its_log)
{
    static const char *const first[] = {"sh", "-c", "echo out; echo err >&2", NULL};
    static const char *const second[] = {"sh", "-c", "pwd; cat", NULL};
    static const char *const none[] = {"/no/such/program", NULL};
    char log[96];
    pid_t pid;
    int status;

    cr_assert_eq(sw_ended(sw_start("log", first, NULL), 5000), 0);
    snprintf(log, sizeof log, "%s/log", sw_dir);
    cr_assert_eq(
        dn_start(&pid, &(struct dn_spawn){.argv = second, .log = log, .cwd = "/usr"}, &err), AM_OK);
    cr_assert_eq(sw_ended(&pid, 5000), 0, "its input is at its end");
    cr_assert_str_eq(sw_log("log"), "out\nerr\n/usr\n");
    cr_assert_eq(sw_ended(sw_start("none.log", none, NULL), 5000), 127);
    cr_assert_not_null(strstr(sw_log("none.log"), "/no/such/program: No such file"));
    cr_assert_eq(dn_start(&pid, &(struct dn_spawn){.argv = first, .log = "/no/such/log"}, &err),
                 AM_INTERNAL);
    cr_assert_eq(pid, 0);
    cr_assert_not_null(strstr(err.text, "/no/such/log"), "%s", err.text);
    cr_assert_not(dn_alive(&pid, &status), "what is not running is not alive");
}

static pid_t
child_with(const char *script, const char *log)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    char path[96];
    pid_t pid;

    snprintf(path, sizeof path, "%s/%s", sw_dir, log);
    cr_assert_eq(dn_start(&pid, &(struct dn_spawn){.argv = argv, .log = path}, &err), AM_OK, "%s",
                 err.text);
    SW_UNTIL(strstr(sw_log(log), "ready") != NULL, 5000);
    return pid;
}

Test(devnet, stop_asks_first_and_then_kills)
{
    pid_t pid = child_with("trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.01; "
                           "done",
                           "polite"),
          was = pid;
    int64_t begun;

    dn_stop(&pid, SIGTERM, 10000);
    cr_assert_eq(pid, 0);
    cr_assert_not_null(strstr(sw_log("polite"), "asked"));
    cr_assert(kill(was, 0) != 0 && errno == ESRCH, "reaped");
    was = pid = child_with("trap '' TERM; echo ready; exec sleep 1000", "deaf");
    begun = am_mono_ms();
    dn_stop(&pid, SIGTERM, 200);
    cr_assert_geq(am_mono_ms() - begun, 200, "it had its time");
    cr_assert(pid == 0 && kill(was, 0) != 0 && errno == ESRCH);
    dn_stop(&pid, SIGTERM, 1000); /* 0 is accepted */
    cr_assert_eq(pid, 0);
}

Test(devnet, alive_tells_how_it_ended)
{
    pid_t pid = child_with("echo ready; exec sleep 1000", "alive");
    int status = 0;

    cr_assert(dn_alive(&pid, &status));
    kill(pid, SIGKILL);
    SW_UNTIL(!dn_alive(&pid, &status), 5000);
    cr_assert_eq(pid, 0);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
start_and_die(void)
{
    int fds[2];
    pid_t starter, pid = 0;

    cr_assert_eq(pipe(fds), 0);
    if ((starter = fork()) == 0) { /* killed perhaps before the child could ask to go with it */
        static const char *const argv[] = {"sleep", "1000", NULL};
        pid_t child;

        if (dn_start(&child, &(struct dn_spawn){.argv = argv, .log = "/dev/null"}, NULL) != AM_OK ||
            write(fds[1], &child, sizeof child) != sizeof child)
            _exit(1);
        for (;;)
            pause();
    }
    cr_assert_eq(read(fds[0], &pid, sizeof pid), sizeof pid);
    cr_assert(pid > 0 && kill(pid, 0) == 0);
    kill(starter, SIGKILL);
    waitpid(starter, NULL, 0);
    SW_UNTIL(kill(pid, 0) != 0 && errno == ESRCH, 5000);
    close(fds[0]);
    close(fds[1]);
}

Test(devnet, a_child_dies_with_its_starter)
{
    for (int i = 0; i < 50; i++)
        start_and_die();
}

static int
scene(const char *name)
{
    const char *const argv[] = {DEVNET_HOST, name, NULL};

    return sw_ended(sw_start("scene.log", argv, NULL), 60000);
}

Test(devnet, a_cable_is_cut_and_mended)
{
    cr_assert_eq(scene("cable"), 0, "%s", sw_log("scene.log"));
}

Test(devnet, a_host_is_replaced_under_its_number)
{
    cr_assert_eq(scene("replug"), 0, "%s", sw_log("scene.log"));
}

Test(devnet, a_host_has_its_own_network_and_files)
{
    cr_assert_eq(scene("host"), 0, "%s", sw_log("scene.log"));
}

Test(devnet, the_status_comes_through_and_nothing_is_left)
{
    cr_assert_eq(scene("seven"), 7);
    cr_assert_neq(access("/sys/class/net/br0", F_OK), 0,
                  "the bridge was in a namespace of its own");
}

/* How many processes run this program now. */
static int
hosts_running(void)
{
    char out[64];

    cr_assert_eq(sh("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | "
                    "grep -o '[d]evnet_host hang' | wc -l",
                    NULL, out, sizeof out),
                 AM_OK, "%s", err.text);
    return atoi(out);
}

Test(devnet, everything_ends_with_the_outer_process)
{
    const char *const argv[] = {DEVNET_HOST, "hang", NULL};
    pid_t *pid = sw_start("hang.log", argv, NULL);

    SW_UNTIL(strstr(sw_log("hang.log"), "hangs") != NULL, 10000);
    cr_assert_eq(hosts_running(), 5, "outer, pid 1, inner, holder, and the one that would go on");
    kill(*pid, SIGKILL);
    cr_assert_eq(sw_ended(pid, 10000), -SIGKILL);
    SW_UNTIL(hosts_running() == 0, 10000);
}
