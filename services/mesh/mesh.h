/*  mesh -- membership, the WireGuard device, liveness and the gate, as one service on the bus
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_H
#define MESH_H

#include "../../bus/bus.h"
#include "../../common/base/am_settings.h"
#include "mesh_helper.h"

struct mesh;

/* Subscribe, and begin.
 * In:      settings, helper, bus, loop  borrowed until mesh_stop
 * Returns: AM_OK, AM_INVALID_ARGUMENT (ATTESTMESH_IGNORE_MEMBERS), AM_RESOURCE_EXHAUSTED, what
 *          bus_subscribe says */
int mesh_start(struct mesh **mesh, const struct am_settings *settings, struct mesh_helper *helper,
               struct bus *bus, struct ev_loop *loop, struct am_error *err) AM_MUST_CHECK;

/* 0, or the code of am_exit.h for which the loop was left. */
int mesh_exit_code(const struct mesh *mesh);

/* Close sockets and calls; the device stays as it is, for whoever comes next. */
void mesh_stop(struct mesh **mesh);

#endif
