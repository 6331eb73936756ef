/*  api_agent -- the application's socket: v1's Agent service, and Keys beside it.
 *
 *  Trust:   whoever can open the socket may ask; the keys are for the uids of api_access alone, and
 *           the kernel says which uid asks.
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_AGENT_H
#define API_AGENT_H

#include "../../bus/bus.h"
#include "api_facts.h"

#define API_KEYS_IN_FLIGHT 32 /* asked of keyagent and not answered; each locks a page */

struct api_agent;

struct api_agent_options {
    struct ev_loop *loop;
    struct bus *bus;
    const struct api_facts *facts;      /* borrowed, read at each request */
    const char *path;                   /* AGENT_GRPC_SOCKET */
    const char *csk_uids, *derive_uids; /* ATTESTMESH_CSK_UIDS, ATTESTMESH_DERIVE_UIDS */
};

/* Listen.
 * Returns: AM_OK, or what api_access_read, api_socket_open or am_grpc_serve_fd say */
int api_agent_open(struct api_agent **agent, const struct api_agent_options *options,
                   struct am_error *err) AM_MUST_CHECK;

/* After bus_close, which ends the calls that are in flight.  NULL is accepted. */
void api_agent_close(struct api_agent **agent);

#endif
