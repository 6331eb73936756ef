/*  mesh_helper_int -- what mesh and its helper say to one another on their socket pair
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_HELPER_INT_H
#define MESH_HELPER_INT_H

#include "mesh_helper.h"

#include <sys/types.h>

#define MESH_HELPER_WORDS 8192 /* bytes of arguments with their NULs */

struct mesh_helper_ask { /* one datagram; only the used part of words travels, behind input */
    uint32_t tool, argc, input_len, words_len;
    uint8_t input[MESH_CMD_STDIN];
    char words[MESH_HELPER_WORDS];
};

struct mesh_helper_said { /* one datagram; out, then errors, behind the header */
    int32_t code;         /* enum am_err */
    int32_t status;       /* of the program */
    uint32_t out_len, errors_len;
    char text[MESH_HELPER_OUTPUT + MESH_HELPER_STDERR];
};

/* The child's life: serve fd until it closes. */
_Noreturn void mesh_helper_serve(int fd, const struct am_settings *settings);

#endif
