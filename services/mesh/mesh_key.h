/*  mesh_key -- pure: the texts that wg and ip speak: base64 keys, addresses, endpoints
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_KEY_H
#define MESH_KEY_H

#include "../../common/base/am_bytes.h"

#define MESH_KEY_TEXT 45      /* 44 characters and a NUL */
#define MESH_IP_TEXT 16       /* 255.255.255.255 */
#define MESH_ENDPOINT_TEXT 22 /* 255.255.255.255:65535 */

struct mesh_endpoint {
    uint32_t ip; /* host order; 0 none */
    uint16_t port;
};

/* Base64 of a key.  Time: independent of the key. */
void mesh_key_text(char out[static MESH_KEY_TEXT], const uint8_t key[static 32]);
/* The one way to write 32 bytes: 44 characters, the last "=", unused bits zero. */
bool mesh_key_parse(uint8_t out[static 32], struct am_str text);

void mesh_ip_text(char out[static MESH_IP_TEXT], uint32_t ip);
/* Four decimal numbers of 0..255 without leading zeros. */
bool mesh_ip_parse(uint32_t *out, struct am_str text);
/* Decimal, no sign, no leading zero, 0..max. */
bool mesh_number_parse(uint32_t *out, struct am_str text, uint32_t max);

void mesh_endpoint_text(char out[static MESH_ENDPOINT_TEXT], struct mesh_endpoint e);
/* ip:port, port 1..65535, ip not 0.0.0.0 */
bool mesh_endpoint_parse(struct mesh_endpoint *out, struct am_str text);

/* Take the next piece of rest up to sep; false when rest is empty. */
bool mesh_next(struct am_str *piece, struct am_str *rest, char sep);

#endif
