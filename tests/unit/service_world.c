/*  service_world -- a folder, a loop, an HTTP client and real processes, for the services' tests.
 */
#include "service_world.h"

#include "../../common/base/am_log.h"
#include "../../common/net/am_http.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STARTED_MAX 16

char sw_dir[64];
struct ev_loop *sw_loop;
static struct am_http *http;
static ev_timer tick;
static pid_t started[STARTED_MAX];
static size_t count;

static void
on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop, (void)w, (void)events;
}

void
sw_begin(void)
{
    struct am_error err = {0};

    am_log_open("test", NULL, "error");
    cr_assert(sodium_init() >= 0);
    strcpy(sw_dir, "/tmp/am-svc-XXXXXX");
    cr_assert_not_null(mkdtemp(sw_dir));
    sw_loop = ev_loop_new(EVFLAG_AUTO);
    ev_timer_init(&tick, on_tick, 0.01, 0.01);
    ev_timer_start(sw_loop, &tick);
    cr_assert_eq(am_http_open(&http, sw_loop, &err), AM_OK, "%s", err.text);
}

void
sw_end(void)
{
    char command[96];

    while (count > 0)
        dn_stop(&started[--count], SIGTERM, 5000);
    am_http_close(&http);
    ev_loop_destroy(sw_loop);
    snprintf(command, sizeof command, "rm -rf %s", sw_dir);
    cr_assert_eq(system(command), 0);
}

struct bus *
sw_bus(enum bus_service self)
{
    const struct bus_options options = {.run = sw_dir, .self = self, .loop = sw_loop};
    struct am_error err = {0};
    struct bus *bus;

    cr_assert_eq(bus_open(&bus, &options, &err), AM_OK, "%s", err.text);
    return bus;
}

static void
on_answer(void *arg, int code, const struct am_http_answer *answer, const struct am_error *err)
{
    struct sw_answer *a = arg;

    a->done = 1;
    a->code = code;
    a->status = answer->status;
    cr_assert_lt(answer->body.len, sizeof a->body);
    if (answer->body.len > 0)
        memcpy(a->body, answer->body.p, answer->body.len);
    snprintf(a->type, sizeof a->type, "%s", answer->content_type);
    snprintf(a->why, sizeof a->why, "%s", err->text);
}

void
sw_get(struct sw_answer *a, const char *url)
{
    struct am_error err = {0};

    memset(a, 0, sizeof *a);
    cr_assert_eq(am_http_get(http, url, 10000, sizeof a->body - 1, on_answer, a, &err), AM_OK, "%s",
                 err.text);
    SW_UNTIL(a->done, 12000);
}

void
sw_post(struct sw_answer *a, const char *url, const char *body, size_t len)
{
    struct am_error err = {0};

    memset(a, 0, sizeof *a);
    cr_assert_eq(am_http_post(http, url, am_bin_of(body, len), 10000, sizeof a->body - 1, on_answer,
                              a, &err),
                 AM_OK, "%s", err.text);
    SW_UNTIL(a->done, 12000);
}

uint16_t
sw_port(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof addr;

    cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    close(fd);
    return ntohs(addr.sin_port);
}

int
sw_dial(uint16_t port)
{
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

pid_t *
sw_start(const char *log, const char *const *argv, const char *const *env)
{
    struct am_error err = {0};
    char path[128];

    cr_assert_lt(count, STARTED_MAX);
    snprintf(path, sizeof path, "%s/%s", sw_dir, log);
    cr_assert_eq(
        dn_start(&started[count], &(struct dn_spawn){.argv = argv, .env = env, .log = path}, &err),
        AM_OK, "%s", err.text);
    return &started[count++];
}

int
sw_ended(pid_t *pid, int ms)
{
    int64_t end = am_mono_ms() + ms * slow_factor();
    int status = 0;

    while (dn_alive(pid, &status) && am_mono_ms() < end)
        ev_run(sw_loop, EVRUN_ONCE);
    cr_assert_eq(*pid, 0, "still running after %d ms", ms);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

const char *
sw_log(const char *log)
{
    static char text[1 << 20];
    char path[128];
    FILE *f;
    size_t n;

    snprintf(path, sizeof path, "%s/%s", sw_dir, log);
    if ((f = fopen(path, "re")) == NULL)
        return "";
    n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

void
sw_anvil(char url[static 64])
{
    static const char *const argv[] = {ANVIL, "--hardfork", "cancun", "--slots-in-an-epoch",
                                       "1",   "--port",     "0",      NULL};
    static const char said[] = "Listening on 127.0.0.1:";
    pid_t *pid = sw_start("anvil.log", argv, NULL);
    const char *at = NULL;
    int64_t end = am_mono_ms() + 30000 * slow_factor();
    int status;

    cr_assert_eq(access(ANVIL, X_OK), 0, "%s is not installed: npm ci in devnet/", ANVIL);
    while ((at = strstr(sw_log("anvil.log"), said)) == NULL && am_mono_ms() < end &&
           dn_alive(pid, &status))
        poll(NULL, 0, 10);
    cr_assert_not_null(at, "anvil: %s", sw_log("anvil.log"));
    snprintf(url, 64, "http://127.0.0.1:%lu", strtoul(at + strlen(said), NULL, 10));
}
