/*  bus_zap -- who a peer is: its uid, as the kernel tells libzmq (ZAP, RFC 27).
 *
 *  Servers ask about their clients in the domain "bus"; clients ask about the server that they
 *  reached in the domain of its name, so that a fact of chain comes from chain's uid.
 */
#include "bus_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ZAP_PARTS 8 /* identity, "", "1.0", request id, domain, address, routing id, mechanism */

/* "localhost:<uid>:<gid>:<pid>" -> uid, or -1 */
static int64_t
uid_of_address(struct am_bin a)
{
    char text[64];
    long uid;

    if (a.len >= sizeof text)
        return -1;
    memcpy(text, a.p, a.len);
    text[a.len] = '\0';
    return sscanf(text, "localhost:%ld:%*d:%*d", &uid) == 1 ? uid : -1;
}

/* The name that becomes User-Id, or NULL: refused. */
static const char *
judge(const struct bus *bus, struct am_bin domain, int64_t uid)
{
    struct am_str name = {(const char *)domain.p, domain.len};

    if (!bus->by_uid)
        return uid == (int64_t)geteuid() ? "one-uid" : NULL;
    for (int s = 0; s < BUS_SERVICE_COUNT && uid >= 0; s++)
        if (bus->uid_of[s] == uid && (am_str_eq(name, "bus") || bus_service_by_name(name) == s))
            return bus_service_name((enum bus_service)s);
    return NULL;
}

static bool
on_zap(void *arg)
{
    struct bus *bus = arg;
    zmq_msg_t in[ZAP_PARTS];
    const char *user = NULL;
    int n = 0, more = 1;
    int64_t uid = -1;

    for (; more != 0; n++) {
        zmq_msg_t m;

        zmq_msg_init(&m);
        if (zmq_msg_recv(&m, bus->zap.zmq, ZMQ_DONTWAIT) < 0)
            return false;
        more = zmq_msg_more(&m);
        if (n < ZAP_PARTS)
            in[n] = m;
        else
            zmq_msg_close(&m);
    }
    if (n >= ZAP_PARTS) {
        uid = uid_of_address(am_bin_of(zmq_msg_data(&in[5]), zmq_msg_size(&in[5])));
        user = judge(bus, am_bin_of(zmq_msg_data(&in[4]), zmq_msg_size(&in[4])), uid);
        for (int i = 0; i < 4; i++)
            zmq_msg_send(&in[i], bus->zap.zmq, ZMQ_SNDMORE);
        zmq_send(bus->zap.zmq, user != NULL ? "200" : "400", 3, ZMQ_SNDMORE);
        zmq_send(bus->zap.zmq, "", 0, ZMQ_SNDMORE);
        zmq_send(bus->zap.zmq, user, user != NULL ? strlen(user) : 0, ZMQ_SNDMORE);
        zmq_send(bus->zap.zmq, "", 0, 0);
    }
    if (user == NULL) {
        struct am_error err;

        am_fail(&err, AM_UNAUTHENTICATED, "bus: expected a uid of ours, got %lld", (long long)uid);
        bus_drop(bus, "zap", &err);
    }
    for (int i = 0; i < n && i < ZAP_PARTS; i++)
        zmq_msg_close(&in[i]);
    return true;
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

        if (s < 0 || uid < 0 || end == text + name + 1 || (*end != ',' && *end != '\0'))
            return am_fail(err, AM_FAILED_PRECONDITION,
                           "ATTESTMESH_UIDS: expected service=uid,..., got \"%s\"", text);
        for (int i = 0; i < BUS_SERVICE_COUNT; i++)
            if (bus->uid_of[i] == uid || (i == s && bus->uid_of[i] >= 0))
                return am_fail(err, AM_FAILED_PRECONDITION,
                               "ATTESTMESH_UIDS: expected each service and uid once, got %s=%ld",
                               bus_service_name((enum bus_service)s), uid);
        bus->uid_of[s] = uid;
        text = *end == ',' ? end + 1 : end;
    }
    if (bus->uid_of[bus->self] != (int64_t)geteuid())
        return am_fail(err, AM_FAILED_PRECONDITION,
                       "ATTESTMESH_UIDS: expected %s=%ld (this process), got %lld",
                       bus_service_name(bus->self), (long)geteuid(),
                       (long long)bus->uid_of[bus->self]);
    return AM_OK;
}

int
bus_zap_open(struct bus *bus, const char *uids, struct am_error *err)
{
    int r;

    for (int i = 0; i < BUS_SERVICE_COUNT; i++)
        bus->uid_of[i] = -1;
    bus->by_uid = uids != NULL && *uids != '\0';
    if (bus->by_uid && (r = read_uids(bus, uids, err)) != AM_OK)
        return r;
    if ((r = bus_sock_open(&bus->zap, bus, ZMQ_ROUTER, NULL, on_zap, bus, err)) != AM_OK)
        return r;
    if (zmq_bind(bus->zap.zmq, "inproc://zeromq.zap.01") != 0)
        return am_fail(err, AM_INTERNAL, "bus: expected to be the ZAP handler, got %s",
                       zmq_strerror(zmq_errno()));
    return AM_OK;
}
