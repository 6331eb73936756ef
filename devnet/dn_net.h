/*  dn_net -- the devnet's wire: one bridge, one cable to each host.
 *
 *  The bridge itself is 10.77.0.254 (chain and sponsor), the bundler 10.77.0.253, node i 10.77.0.i.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DN_NET_H
#define DN_NET_H

#include "dn_proc.h"

#define DN_BRIDGE_IP "10.77.0.254"
#define DN_BUNDLER_HOST 253u

/* Make the bridge in the current network namespace. */
int dn_net_open(struct am_error *err) AM_MUST_CHECK;

/* Plug a host in: its eth0 becomes 10.77.0.<host>/24.  host: 1..253 */
int dn_net_plug(const struct dn_ns *ns, unsigned host, struct am_error *err) AM_MUST_CHECK;

/* Take the cable away at once: the kernel removes a dead namespace's end only later. */
void dn_net_unplug(unsigned host);

/* Pull the cable or put it back: the link stays, nothing passes. */
int dn_net_cut(unsigned host, bool cut, struct am_error *err) AM_MUST_CHECK;

#endif
