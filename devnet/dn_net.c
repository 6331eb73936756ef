/*  dn_net -- the devnet's wire: one bridge, one cable to each host.  */
#include "dn_net.h"

#include <stdio.h>

static int
ip_batch(const struct dn_ns *ns, const char *commands, struct am_error *err)
{
    const char *const argv[] = {"ip", "-batch", "-", NULL};

    return dn_run(argv, ns, commands, NULL, 0, err);
}

/* A bridge without an address of its own takes its lowest port's: it would change whenever a node
 * comes or goes, and every host would talk to the old one until its ARP entry ages. */
int
dn_net_open(struct am_error *err)
{
    return ip_batch(NULL,
                    "link add br0 address 02:00:0a:4d:00:fe type bridge\n"
                    "addr add " DN_BRIDGE_IP "/24 dev br0\n"
                    "link set br0 up\n",
                    err);
}

/* The address on the wire follows from the number: a host that comes back under it is heard at
 * once, not only when everybody else has forgotten the old one. */
int
dn_net_plug(const struct dn_ns *ns, unsigned host, struct am_error *err)
{
    char commands[256];
    int r;

    snprintf(commands, sizeof commands,
             "link add am%u type veth peer name eth0 address 02:00:0a:4d:00:%02x netns %d\n"
             "link set am%u master br0\n"
             "link set am%u up\n",
             host, host, (int)ns->holder, host, host);
    if ((r = ip_batch(NULL, commands, err)) != AM_OK)
        return r;
    snprintf(commands, sizeof commands,
             "addr add 10.77.0.%u/24 dev eth0\n"
             "link set eth0 up\n",
             host);
    return ip_batch(ns, commands, err);
}

int
dn_net_cut(unsigned host, bool cut, struct am_error *err)
{
    char commands[64];

    snprintf(commands, sizeof commands, "link set am%u %s\n", host, cut ? "down" : "up");
    return ip_batch(NULL, commands, err);
}

void
dn_net_unplug(unsigned host)
{
    char commands[64];

    snprintf(commands, sizeof commands, "link del am%u\n", host);
    if (ip_batch(NULL, commands, NULL) != AM_OK)
        return; /* it was gone already */
}
