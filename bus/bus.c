/*  bus -- opening and closing: the lock first, then who may come, then the endpoints.  */
#include "bus_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A second bind on an ipc path succeeds and steals the first's clients, hence the lock.  The file
 * stays: removing it would let two processes lock two files of one name.  0600: whoever can open
 * it can hold it. */
static int
take_lock(struct bus *bus, struct am_error *err)
{
    char path[128], pid[24] = "";
    ssize_t n;

    snprintf(path, sizeof path, "%s/%s.lock", bus->run, bus_service_name(bus->self));
    bus->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (bus->lock_fd < 0)
        return am_fail(err, AM_INTERNAL, "bus: expected to open %s, got %s", path, strerror(errno));
    if (flock(bus->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        n = read(bus->lock_fd, pid, sizeof pid - 1);
        pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
        return am_fail(err, AM_ALREADY_EXISTS, "bus: expected %s to be free, got held by pid %s",
                       path, *pid != '\0' ? pid : "unknown");
    }
    if (ftruncate(bus->lock_fd, 0) != 0 || dprintf(bus->lock_fd, "%ld\n", (long)getpid()) < 0)
        return am_fail(err, AM_INTERNAL, "bus: expected to write %s, got %s", path,
                       strerror(errno));
    return AM_OK;
}

static int
open_endpoint(struct bus *bus, struct bus_sock *s, int type, const char *end, bus_message_fn *fn,
              struct am_error *err)
{
    char at[128];
    int r = bus_sock_open(s, bus, type, "bus", bus_address(at, bus, bus->self, end), fn, bus, err);

    /* Where peers are known by uid, the ZAP handler decides. */
    if (r == AM_OK && chmod(at + strlen("ipc://"), bus->by_uid ? 0666 : 0600) != 0)
        r = am_fail(err, AM_INTERNAL, "bus: expected to chmod %s, got %s", at, strerror(errno));
    return r;
}

static int
open_all(struct bus *bus, const struct bus_options *o, struct am_error *err)
{
    const bool binds = o->self != BUS_CLI && !o->only_asks;
    int r;

    if (strlen(o->run) >= sizeof bus->run)
        return am_fail(err, AM_FAILED_PRECONDITION,
                       "ATTESTMESH_RUN: expected at most %zu bytes, got %zu", sizeof bus->run - 1,
                       strlen(o->run));
    strcpy(bus->run, o->run);
    if (binds && (r = take_lock(bus, err)) != AM_OK)
        return r;
    if ((bus->ctx = zmq_ctx_new()) == NULL)
        return am_fail(err, AM_INTERNAL, "bus: expected a context, got %s", zmq_strerror(errno));
    if ((r = bus_zap_open(bus, o->uids, err)) != AM_OK || !binds)
        return r;
    if ((r = open_endpoint(bus, &bus->pub, ZMQ_XPUB, "pub", bus_on_subscription, err)) != AM_OK ||
        (r = open_endpoint(bus, &bus->req, ZMQ_ROUTER, "req", bus_on_request, err)) != AM_OK)
        return r;
    ev_timer_start(bus->loop, &bus->beacon);
    if (!bus->by_uid)
        am_log(AM_WARN, "bus.one_uid",
               "uid=%ld reason=\"one uid: peers are known by the names they declare\"",
               (long)geteuid());
    return AM_OK;
}

int
bus_open(struct bus **out, const struct bus_options *o, struct am_error *err)
{
    struct bus *bus = calloc(1, sizeof *bus);
    struct timespec now;
    int r;

    *out = NULL;
    if (bus == NULL)
        return am_fail(err, AM_INTERNAL, "bus: expected memory, got none");
    clock_gettime(CLOCK_REALTIME, &now);
    bus->epoch = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    bus->started_ms = am_mono_ms();
    bus->self = o->self;
    bus->loop = o->loop;
    bus->lock_fd = -1;
    TAILQ_INIT(&bus->held);
    bus_status(bus, "starting", "");
    ev_timer_init(&bus->beacon, bus_on_beacon, 0, BUS_BEACON_MS / 1000.0);
    ev_timer_init(&bus->again, bus_sock_drain_all, 0, 0);
    bus->beacon.data = bus->again.data = bus;
    if ((r = open_all(bus, o, err)) != AM_OK)
        bus_close(&bus);
    *out = bus;
    return r;
}

void
bus_close(struct bus **p)
{
    struct bus *bus = *p;

    if (bus == NULL)
        return;
    *p = NULL;
    bus->closing = true;
    bus_call_close(bus);
    bus_sub_close(bus);
    bus_tap_close(bus);
    bus_req_close(bus);
    bus_pub_close(bus);
    bus_sock_close(&bus->pub);
    bus_sock_close(&bus->req);
    bus_sock_close(&bus->zap);
    ev_timer_stop(bus->loop, &bus->beacon);
    ev_timer_stop(bus->loop, &bus->again);
    if (bus->ctx != NULL)
        zmq_ctx_term(bus->ctx);
    if (bus->lock_fd >= 0)
        close(bus->lock_fd);
    free(bus);
}

void
bus_status(struct bus *bus, const char *phase, const char *reason)
{
    snprintf(bus->phase, sizeof bus->phase, "%s", phase);
    snprintf(bus->reason, sizeof bus->reason, "%s", reason);
}
