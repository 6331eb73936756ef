/*  bus_peer -- chain as a real process, for the tests of the bus: says and serves what it is told.
 *
 *  usage: bus_peer <run> <uids or "">     lines on stdin:
 *    set N        publish chain.probe        key K N   publish chain.keyed
 *    del K        retract it                 many N    N keys of 4 KiB each
 *    burst N      N probes, one at a time    stall MS  block the loop
 */
#include "../../bus/bus.h"
#include "../../common/base/am_log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct bus *bus;
static uint64_t paid;

static void
must(int r, const struct am_error *err)
{
    if (r != AM_OK) {
        printf("%s\n", err->text);
        fflush(stdout);
        _exit(r == AM_ALREADY_EXISTS ? 75 : 1);
    }
}

static void
set(uint64_t n)
{
    struct chain_probe p = {.n = n, .word = am_str_of("probe")};
    struct am_error err;

    must(bus_publish(bus, BUS_TOPIC_chain_probe, &p, &err), &err);
}

static void
key(const char *k, uint64_t n, size_t blob)
{
    static const uint8_t zeros[4096];
    struct chain_keyed v = {.key = am_bin_of(k, strlen(k)), .n = n, .blob = {zeros, blob}};
    struct am_error err;

    must(bus_publish(bus, BUS_TOPIC_chain_keyed, &v, &err), &err);
}

static void
on_line(struct ev_loop *loop, ev_io *w, int events)
{
    static char buffer[8192];
    static size_t len;
    char *line, *end, k[16];
    unsigned long n;
    ssize_t got = read(0, buffer + len, sizeof buffer - len - 1);

    (void)w, (void)events;
    if (got <= 0) {
        ev_break(loop, EVBREAK_ALL);
        return;
    }
    len += (size_t)got;
    buffer[len] = '\0';
    for (line = buffer; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        if (sscanf(line, "set %lu", &n) == 1)
            set(n);
        else if (sscanf(line, "key %8s %lu", k, &n) == 2)
            key(k, n, 0);
        else if (sscanf(line, "del %8s", k) == 1)
            bus_retract(bus, BUS_TOPIC_chain_keyed, am_bin_of(k, strlen(k)));
        else if (sscanf(line, "burst %lu", &n) == 1)
            for (unsigned long i = 1; i <= n; i++)
                set(1000 + i);
        else if (sscanf(line, "stall %lu", &n) == 1)
            usleep((useconds_t)n * 1000);
        else if (sscanf(line, "many %lu", &n) == 1)
            for (unsigned long i = 0; i < n; i++) {
                snprintf(k, sizeof k, "m%05u", (unsigned)(i % 100000));
                key(k, i, 4096);
            }
    }
    len -= (size_t)(line - buffer);
    memmove(buffer, line, len);
}

static void
on_echo(void *arg, struct bus_request *q, const void *message)
{
    const struct chain_echo *e = message;

    (void)arg;
    bus_reply(q, &(struct chain_echo_reply){.n = e->n, .sealed = e->sealed});
}

static void
on_hold(void *arg, struct bus_request *q, const void *message)
{
    (void)arg, (void)q, (void)message;
    printf("held\n");
    fflush(stdout);
}

static void
on_pay(void *arg, struct bus_request *q, const void *message)
{
    (void)arg, (void)message;
    printf("paid\n");
    fflush(stdout);
    bus_reply(q, &(struct chain_pay_reply){.done = ++paid});
}

int
main(int argc, char **argv)
{
    struct ev_loop *loop = ev_default_loop(0);
    struct bus_options o = {.self = BUS_CHAIN, .loop = loop};
    struct am_error err;
    ev_io in;

    if (argc != 3)
        return 2;
    am_log_open("peer", "json", "error");
    o.run = argv[1];
    o.uids = argv[2];
    must(bus_open(&bus, &o, &err), &err);
    must(bus_serve(bus, BUS_METHOD_chain_echo, on_echo, NULL, &err), &err);
    must(bus_serve(bus, BUS_METHOD_chain_hold, on_hold, NULL, &err), &err);
    must(bus_serve(bus, BUS_METHOD_chain_pay, on_pay, NULL, &err), &err);
    bus_status(bus, "ready", "");
    printf("open\n");
    fflush(stdout);
    ev_io_init(&in, on_line, 0, EV_READ);
    ev_io_start(loop, &in);
    ev_run(loop, 0);
    bus_close(&bus);
    ev_loop_destroy(loop);
    return 0;
}
