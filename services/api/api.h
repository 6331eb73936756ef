/*  api -- what the application and the operator may know of this node.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_H
#define API_H

#include "../../bus/bus.h"
#include "api_facts.h"

/* Keep facts up to date from the bus.
 * In:      facts  written for as long as the bus is open; owned by the caller
 * Returns: AM_OK, or what bus_subscribe says */
int api_follow(struct bus *bus, struct api_facts *facts, struct am_error *err) AM_MUST_CHECK;

#endif
