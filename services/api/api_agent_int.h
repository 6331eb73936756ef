/*  api_agent_int -- what the files of the application's socket share.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_AGENT_INT_H
#define API_AGENT_INT_H

#include "../../common/net/am_grpc.h"
#include "api_access.h"
#include "api_agent.h"
#include "api_socket.h"

struct api_agent {
    struct api_agent_options o;
    struct api_access access;
    struct api_socket socket;
    struct am_grpc_server *server;
    unsigned in_flight; /* keys */
    uint32_t start;     /* makes correlation ids differ between starts */
    uint64_t asked;
};

/* One request of an application; copied by who answers later. */
struct api_ask {
    struct api_agent *agent;
    struct am_grpc_request *request;
    const char *method; /* static */
    uint32_t uid;
    bool is_key;
    int64_t since_ms;
    char correlation[40];
};

typedef void api_answer_fn(struct api_ask *ask, struct am_bin message);

/* Refuse, and say so in the log, once.  code: a negative enum am_err. */
void api_ask_refuse(struct api_ask *ask, int code, const char *text);
/* The line of an answer that was given. */
void api_ask_answered(const struct api_ask *ask);

api_answer_fn api_mesh_status, api_list_peers, api_get_self; /* api_agent_mesh.c */
api_answer_fn api_get_csk, api_derive_key;                   /* api_agent_keys.c */

#endif
