/*  sim -- the world that mesh's decisions are tried in: a chain that reorganises, messages that are
 *  lost and late, nodes that die.  One seed, one life; nothing in it reads a clock.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_H
#define SIM_H

#include "../../services/mesh/mesh_csk.h"
#include "../../services/mesh/mesh_gate.h"
#include "../../services/mesh/mesh_member.h"

#define SIM_NODES 8
#define SIM_STEP_MS 50
#define SIM_CONFIRMATIONS 3
#define SIM_REORG 2 /* blocks at most: less than SIM_CONFIRMATIONS */
#define SIM_KEPT 8  /* blocks that are remembered */
#define SIM_QUEUE 4096

struct sim_state { /* of the contracts, after one block */
    size_t count, member[SIM_NODES];
    bool published[SIM_NODES];
    size_t committed; /* whose key, + 1; 0 none */
};

enum sim_op { SIM_REGISTER, SIM_PUBLISH, SIM_COMMIT };

struct sim_chain {
    uint64_t height;
    struct sim_state block[SIM_KEPT]; /* [height % SIM_KEPT] */
    bool pending[3][SIM_NODES];
    size_t ever; /* whose key was ever committed, on any branch, + 1 */
};

enum sim_kind { SIM_BEAT, SIM_BOX, SIM_TAKEN, SIM_ANSWER };

struct sim_message {
    int64_t at; /* 0: free */
    enum sim_kind kind;
    size_t from, to;
    uint32_t life;        /* of the receiver when it was asked for; 0: any */
    struct mesh_set set;  /* BEAT: of node numbers */
    size_t box;           /* BOX, TAKEN: whose key, + 1; 0: the call failed */
    struct mesh_ask *ask; /* ANSWER */
    enum mesh_answer answer;
};

struct sim_node {
    bool up, orphan, seen;
    uint64_t mark;   /* block in which this life first saw its own record */
    int64_t back_at; /* when down */
    uint32_t life;
    struct mesh_member member;
    struct mesh_gate gate;
    struct mesh_csk csk;
    struct sim_state view;
    uint64_t block;
    bool confirmed;
    size_t held; /* whose key keyagent holds, + 1 */
    int64_t beat_at;
    struct mesh_set said;
    bool live, healthy;
};

struct sim {
    uint64_t seed, random;
    int64_t now, calm_at; /* faults stop */
    size_t count;
    unsigned loss;              /* percent */
    int64_t dark_from, dark_to; /* nothing is delivered between nodes */
    struct sim_chain chain;
    struct sim_node node[SIM_NODES];
    struct sim_message queue[SIM_QUEUE];
};

uint64_t sim_random(struct sim *s, uint64_t below);
bool sim_faults(const struct sim *s, unsigned percent); /* a fault of that likelihood strikes now */
void sim_check(const struct sim *s, bool holds, const char *what); /* or print the seed and end */

const struct sim_state *sim_head(const struct sim *s, uint64_t back);
size_t sim_index(const struct sim_state *state, size_t node); /* or MESH_NOBODY */
void sim_chain_step(struct sim *s);
/* What chain.register and its sisters do: nothing twice. */
void sim_chain_ask(struct sim *s, enum sim_op op, size_t node);

void sim_send(struct sim *s, const struct sim_message *m, int64_t delay);
void sim_node_step(struct sim *s, size_t n);
void sim_node_take(struct sim *s, const struct sim_message *m);

#endif
