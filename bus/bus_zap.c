/*  bus_zap -- who a peer is: its uid, as the kernel tells libzmq (ZAP, RFC 27).
 *
 *  Servers ask about their clients in the domain "bus"; clients ask about the server that they
 *  reached in the domain of its name, so that a fact of chain comes from chain's uid.
 */
#include "bus_int.h"

#include <unistd.h>

/* The name that becomes User-Id, or NULL: refused. */
static const char *
judge(const struct bus *bus, const char *domain, long uid)
{
    for (int s = 0; s < BUS_SERVICE_COUNT && uid >= 0; s++) {
        const char *name = bus_service_name((enum bus_service)s);

        if (bus->uid_of[s] == uid && (strcmp(domain, "bus") == 0 || strcmp(domain, name) == 0))
            return name;
    }
    return NULL;
}

/* Frames: identity, "", "1.0", request id, domain, address, routing id, mechanism. */
static int
on_zap(void *arg, struct bus_message *m, struct am_error *err)
{
    struct bus *bus = arg;
    char address[64], domain[16];
    const char *user;
    long uid;

    if (m->n < BUS_PARTS)
        return am_fail(err, AM_INVALID_ARGUMENT, "zap: expected 8 frames, got %d", m->n);
    am_str_copy(domain, sizeof domain, bus_frame_text(m, 4));
    am_str_copy(address, sizeof address, bus_frame_text(m, 5));
    if (sscanf(address, "localhost:%ld:%*d:%*d", &uid) != 1)
        uid = -1;
    user = judge(bus, domain, uid);
    for (int i = 0; i < 4; i++)
        zmq_msg_send(&m->part[i], bus->zap.zmq, ZMQ_SNDMORE);
    zmq_send(bus->zap.zmq, user != NULL ? "200" : "400", 3, ZMQ_SNDMORE);
    zmq_send(bus->zap.zmq, "", 0, ZMQ_SNDMORE);
    zmq_send(bus->zap.zmq, user, user != NULL ? strlen(user) : 0, ZMQ_SNDMORE);
    zmq_send(bus->zap.zmq, "", 0, 0);
    return user != NULL ? AM_OK
                        : am_fail(err, AM_UNAUTHENTICATED,
                                  "zap %s: expected a uid of ours, got %ld", domain, uid);
}

/* "keyagent=7001,chain=7002" */
static int
read_uids(struct bus *bus, const char *text, struct am_error *err)
{
    while (*text != '\0') {
        size_t name = strcspn(text, "=");
        int s = bus_service_by_name((struct am_str){text, name});
        char *end = NULL;
        long uid = text[name] == '=' ? strtol(text + name + 1, &end, 10) : -1;
        bool bad = s < 0 || uid < 0 || end == text + name + 1 || (*end != ',' && *end != '\0') ||
                   bus->uid_of[s] >= 0;

        for (int i = 0; i < BUS_SERVICE_COUNT; i++)
            bad = bad || bus->uid_of[i] == uid;
        if (bad)
            return am_fail(err, AM_FAILED_PRECONDITION,
                           "ATTESTMESH_UIDS: expected service=uid,... each once, got \"%s\"", text);
        bus->uid_of[s] = uid;
        text = *end == ',' ? end + 1 : end;
    }
    if (bus->uid_of[bus->self] != (long)geteuid())
        return am_fail(err, AM_FAILED_PRECONDITION, "ATTESTMESH_UIDS: expected %s=%ld, got %ld",
                       bus_service_name(bus->self), (long)geteuid(), bus->uid_of[bus->self]);
    return AM_OK;
}

int
bus_zap_open(struct bus *bus, const char *uids, struct am_error *err)
{
    int r;

    bus->by_uid = uids != NULL && *uids != '\0';
    for (int i = 0; i < BUS_SERVICE_COUNT; i++)
        bus->uid_of[i] = bus->by_uid ? -1 : (long)geteuid();
    if (bus->by_uid && (r = read_uids(bus, uids, err)) != AM_OK)
        return r;
    return bus_sock_open(&bus->zap, bus, ZMQ_ROUTER, NULL, "inproc://zeromq.zap.01", on_zap, bus,
                         err);
}
