/*  am_grpc_nv -- header lists for nghttp2.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_GRPC_NV_H
#define AM_GRPC_NV_H

#include <nghttp2/nghttp2.h>
#include <string.h>

/* nghttp2 copies both, and writes to neither. */
static inline nghttp2_nv
am_grpc_nv(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                        strlen(value), NGHTTP2_NV_FLAG_NONE};
}

#endif
