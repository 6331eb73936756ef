/*  machine -- the devnet's host as a host of containers: podman, docker-compose on its API, and the
 *  containers of one node.
 *
 *  Everything lies inside the namespaces of dn_enter and in one folder: what compose.yaml makes of
 *  networks, addresses and processes ends with this program, whatever happens to it.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MACHINE_H
#define MACHINE_H

#include "../e2e/e2e.h"

struct machine {
    struct e2e *t;
    struct dn_node *node; /* whose member, address and guest agent it has */
    char storage[200];    /* images, volumes, sockets: removed by who started us */
    char conf[240], storage_conf[240], host[280], env[700], agent[600];
    const char *over; /* a second compose file, or NULL */
    pid_t service, guest_agent, timers;
};

enum unit { KEYAGENT, CHAIN, MESH, INDEXER, API, WIREGUARD_GO, APP, NET, UNITS };

struct unit_of {             /* what compose.yaml says of a container */
    const char *name, *comm; /* comm: as the kernel cuts it */
    unsigned uid;
    unsigned long long caps;
    enum bus_service service; /* BUS_CLI: none */
};
extern const struct unit_of units[UNITS];

/* Make the image, start podman's API, give the machine node's address and start its guest agent.
 * Returns: AM_OK, or what failed in words; machine_close is due in both cases */
int machine_open(struct machine *m, struct e2e *t, struct dn_node *node, const char *storage,
                 struct am_error *err) AM_MUST_CHECK;
void machine_close(struct machine *m);

/* Run docker-compose or podman to its end; words are NULL-terminated, at most 12. */
int machine_compose(struct machine *m, const char *const words[],
                    struct am_error *err) AM_MUST_CHECK;
int machine_podman(struct machine *m, const char *const words[], char *out, size_t cap,
                   struct am_error *err) AM_MUST_CHECK;
/* The same, started and not waited for. */
int machine_compose_start(struct machine *m, pid_t *pid, const char *const words[],
                          struct am_error *err) AM_MUST_CHECK;

/* Judge each container by /proc: uid, capabilities, no_new_privs, root, network, who has the
 * guest agent's socket, and that keyagent sees no other but the bus; and the run volume. */
void machine_is_confined(struct machine *m);

/* The last lines that a container has logged. */
int machine_log(struct machine *m, enum unit u, char *out, size_t cap,
                struct am_error *err) AM_MUST_CHECK;

/* Run the health checks once a second, which is systemd's work where there is one. */
int machine_timers(struct machine *m, struct am_error *err) AM_MUST_CHECK;

/* "node_chain_1", static until the next call. */
const char *machine_container(enum unit u);
/* The first process of a container, 0 when there is none; not: one that does not count. */
pid_t machine_pid(enum unit u, pid_t not );

#endif
