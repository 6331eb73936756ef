/*  dn_rpcconn -- one client's connection to the double: requests in, answers or faults out
 * (private).
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DN_RPCCONN_H
#define DN_RPCCONN_H

#include "dn_rpcfault.h"

#define DN_RPC_METHODS 32

struct connection;

struct dn_rpc_double {
    struct dn_rpc_options o;
    struct am_http *http;
    struct ev_io accept;
    struct connection *connections;
    enum dn_rpc_fault fault;
    unsigned times, requests, elements;
    uint16_t port;
    struct {
        char name[64];
        unsigned count;
    } asked[DN_RPC_METHODS];
};

/* Take a connected socket over. */
void dn_connection_open(struct dn_rpc_double *d, int fd);
/* Close it; one that waits for its upstream is freed by that answer. */
void dn_connection_close(struct connection *c);

#endif
