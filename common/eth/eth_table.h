/*  eth_table -- every function, event and custom error of the contracts, by name.
 *
 *  The list is eth_abi.def; a test recomputes every selector and topic from its signature.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_TABLE_H
#define ETH_TABLE_H

#include "../base/am_bytes.h"

enum eth_fn {
    ETH_FN_none = 0,
#define ETH_FN(name, signature, selector) ETH_FN_##name,
#include "eth_abi.def"
    ETH_FN_count
};

enum eth_event_id {
    ETH_EVENT_none = 0,
#define ETH_EVENT(name, signature, a, b, c, d) ETH_EVENT_##name,
#include "eth_abi.def"
    ETH_EVENT_count
};

enum eth_error_id {
    ETH_ERROR_none = 0,
#define ETH_ERROR(name, signature, selector) ETH_ERROR_##name,
#include "eth_abi.def"
    ETH_ERROR_count
};

uint32_t eth_selector(enum eth_fn fn);   /* the 4 bytes, big-endian in the number */
const char *eth_fn_name(enum eth_fn fn); /* "" for none; static text, as all below */
const char *eth_fn_signature(enum eth_fn fn);
enum eth_fn eth_fn_of(struct am_bin call_data); /* ETH_FN_none: unknown, or under 4 bytes */

void eth_topic(uint8_t out[static 32], enum eth_event_id id);
const char *eth_event_name(enum eth_event_id id);
const char *eth_event_signature(enum eth_event_id id);
enum eth_event_id eth_event_of(const uint8_t topic[static 32]);

uint32_t eth_error_selector(enum eth_error_id id);
const char *eth_error_name(enum eth_error_id id);
const char *eth_error_signature(enum eth_error_id id);
enum eth_error_id eth_error_of(struct am_bin revert_data);

/* Revert data as an operator reads it: "NotOurMember", "ECDSAInvalidSignatureLength(64)",
 * "Error: <text>", "Panic 0x11", "FailedOp 0: AA23 reverted: NotOurMember", "0x12345678 (68
 * bytes)", "no reason given".  Arguments follow the signature in eth_abi.def. Never fails; text
 * from outside is cut to fit and its control bytes become '?'. Out:     out     NUL-terminated, cap
 * >= 1 */
void eth_revert_text(char *out, size_t cap, struct am_bin revert_data);

#endif
