/*  mesh_endpoints -- pure: the file of direct UDP endpoints, `member-contract ip:port` a line
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_ENDPOINTS_H
#define MESH_ENDPOINTS_H

#include "mesh_key.h"

#define MESH_ENDPOINTS_MAX 512    /* lines that say something */
#define MESH_ENDPOINTS_FILE 65536 /* bytes */

struct mesh_endpoints {
    size_t count;
    struct {
        uint8_t contract[20];
        struct mesh_endpoint at;
    } row[MESH_ENDPOINTS_MAX];
};

/* Read the whole file.  A line is 40 hex digits (0x or not), blanks, ip:port; empty lines and those
 * that begin with # say nothing.  Anything else refuses the whole file, so that half a file that
 * somebody is still writing changes nothing.
 * Returns: AM_OK, AM_INVALID_ARGUMENT (line number and why; also a contract that comes twice),
 *          AM_RESOURCE_EXHAUSTED; out is empty then */
int mesh_endpoints_parse(struct mesh_endpoints *out, struct am_str text,
                         struct am_error *err) AM_MUST_CHECK;

/* The endpoint of a member, or ip 0. */
struct mesh_endpoint mesh_endpoints_of(const struct mesh_endpoints *e,
                                       const uint8_t contract[static 20]);

#endif
