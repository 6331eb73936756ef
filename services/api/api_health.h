/*  api_health -- pure: what /healthz and /metrics say, from the facts that are known.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_HEALTH_H
#define API_HEALTH_H

#include "api_facts.h"

/* v1's JSON, then `live` and `reason`.  What latches is told for as long as we run; what mesh has
 * to repeat (live, live_peers) only while it answers.  A healthy node is warned while it may be the
 * only one with the CSK.
 * Out:     status  200 while healthy and mesh answers, else 503
 * Returns: text to be freed by the caller; NULL when memory ran out
 * Source:  protocol page 6.3 */
char *api_healthz(const struct api_facts *facts, unsigned *status) AM_MUST_CHECK;

/* Prometheus text, v1's names among them.  To be freed by the caller; NULL when memory ran out. */
char *api_metrics(const struct api_facts *facts) AM_MUST_CHECK;

#endif
