/*  mesh_helper_child -- the helper's own side: check against the list, run, answer  */
#include "mesh_helper_int.h"

#include "../../common/base/am_clock.h"
#include "../../common/base/am_log.h"
#include "../../common/base/am_sandbox.h"
#include "../../common/crypto/am_curve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const wg_paths[] = {"/usr/bin/wg", "/usr/local/bin/wg", NULL};
static const char *const ip_paths[] = {"/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip", NULL};

struct run {
    pid_t pid;
    int in, out, errors; /* our ends */
};

static _Noreturn void
become(enum mesh_tool tool, const char *const *argv, const int ends[static 3])
{
    static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
    char *env[] = {path, locale, NULL};
    const char *full[MESH_CMD_ARGS + 2] = {tool == MESH_TOOL_WG ? "wg" : "ip"};
    const char *const *try = tool == MESH_TOOL_WG ? wg_paths : ip_paths;

    for (size_t i = 0; argv[i] != NULL; i++)
        full[i + 1] = argv[i];
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || dup2(ends[0], 0) < 0 || dup2(ends[1], 1) < 0 ||
        dup2(ends[2], 2) < 0)
        _exit(127);
    for (; *try != NULL; try++)
        execve(*try, (char *const *)(uintptr_t)full, env);
    _exit(127);
}

static int
start(struct run *r, enum mesh_tool tool, const char *const *argv)
{
    int p[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};

    for (int i = 0; i < 3; i++)
        if (pipe2(p[i], O_CLOEXEC) != 0)
            return AM_INTERNAL; /* the process ends soon after: mesh restarts both */
    r->pid = fork();
    if (r->pid == 0)
        become(tool, argv, (int[]){p[0][0], p[1][1], p[2][1]});
    close(p[0][0]);
    close(p[1][1]);
    close(p[2][1]);
    r->in = p[0][1];
    r->out = p[1][0];
    r->errors = p[2][0];
    return r->pid > 0 ? AM_OK : AM_INTERNAL;
}

/* Read both outputs to their ends. */
static int
drain(const struct run *r, struct mesh_helper_said *s, char *errors)
{
    int64_t end = am_mono_ms() + MESH_HELPER_LIMIT_MS;
    struct pollfd fd[2] = {{r->out, POLLIN, 0}, {r->errors, POLLIN, 0}};
    char waste[256];

    while (fd[0].fd != -1 || fd[1].fd != -1) {
        int64_t left = end - am_mono_ms();

        if (left <= 0 || (poll(fd, 2, (int)left) < 0 && errno != EINTR))
            return AM_DEADLINE_EXCEEDED;
        for (int i = 0; i < 2; i++) {
            uint32_t *len = i == 0 ? &s->out_len : &s->errors_len;
            size_t cap = (i == 0 ? MESH_HELPER_OUTPUT : MESH_HELPER_STDERR) - *len;
            char *to = (i == 0 ? s->text : errors) + *len;
            ssize_t n;

            if (fd[i].fd == -1 || (fd[i].revents & (POLLIN | POLLHUP | POLLERR)) == 0)
                continue;
            n = read(fd[i].fd, cap > 0 ? to : waste, cap > 0 ? cap : sizeof waste);
            if (n > 0 && cap == 0 && i == 0)
                return AM_OUT_OF_RANGE;
            if (n > 0 && cap > 0)
                *len += (uint32_t)n;
            if (n <= 0)
                fd[i].fd = -1;
        }
    }
    return AM_OK;
}

static int
execute(enum mesh_tool tool, const char *const *argv, const struct mesh_helper_ask *a,
        struct mesh_helper_said *s, char *errors)
{
    struct run r = {-1, -1, -1, -1};
    int code = start(&r, tool, argv), status = 0;

    if (code != AM_OK)
        return code;
    if (a->input_len > 0 && write(r.in, a->input, a->input_len) != (ssize_t)a->input_len)
        s->status = -1; /* it died first: its exit status tells */
    close(r.in);
    code = drain(&r, s, errors);
    if (code != AM_OK)
        kill(r.pid, SIGKILL);
    close(r.out);
    close(r.errors);
    while (waitpid(r.pid, &status, 0) < 0 && errno == EINTR)
        continue;
    s->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code != AM_OK || s->status == 0)
        return code;
    return s->status == 127 ? AM_NOT_FOUND : AM_FAILED_PRECONDITION;
}

static void
answer(int fd, const char *name, const struct mesh_helper_ask *a, struct mesh_helper_said *s)
{
    const char *argv[MESH_CMD_ARGS + 1] = {0};
    char errors[MESH_HELPER_STDERR] = "";
    size_t at = 0, argc = 0;
    bool takes_stdin = false;

    memset(s, 0, offsetof(struct mesh_helper_said, text));
    for (; argc < a->argc && argc < MESH_CMD_ARGS && at < a->words_len; argc++) {
        argv[argc] = a->words + at;
        at += strlen(a->words + at) + 1; /* words end with a NUL: checked by the caller */
    }
    if (argc != a->argc || at != a->words_len || a->tool > MESH_TOOL_WG ||
        !mesh_cmd_allowed((enum mesh_tool)a->tool, argv, argc, name, &takes_stdin) ||
        takes_stdin != (a->input_len > 0))
        s->code = AM_PERMISSION_DENIED;
    else
        s->code = execute((enum mesh_tool)a->tool, argv, a, s, errors);
    memcpy(s->text + s->out_len, errors, s->errors_len);
    if (send(fd, s, offsetof(struct mesh_helper_said, text) + s->out_len + s->errors_len,
             MSG_NOSIGNAL) < 0)
        _exit(1);
}

_Noreturn void
mesh_helper_serve(int fd, const struct am_settings *settings)
{
    static struct mesh_helper_ask a;
    static struct mesh_helper_said s;
    size_t head = offsetof(struct mesh_helper_ask, words);
    char own[MESH_IF_TEXT] = {0};
    struct am_error err = {0};

    memcpy(own, settings->wg_interface, strlen(settings->wg_interface));
    if (am_sandbox_enter(AM_SANDBOX_HELPER, settings, &err) != AM_OK) {
        am_log(AM_ERROR, "helper.failed", "reason=\"%s\"", err.text);
        _exit(1);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* mesh ends first, in its own order */
    signal(SIGTERM, SIG_IGN);
    for (;;) {
        ssize_t n = recv(fd, &a, sizeof a, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < (ssize_t)head || (size_t)n != head + a.words_len || a.words_len == 0 ||
            a.words[a.words_len - 1] != '\0' || a.input_len > sizeof a.input)
            _exit(n == 0 ? 0 : 1);
        answer(fd, own, &a, &s);
        am_wipe(a.input, sizeof a.input);
    }
}
