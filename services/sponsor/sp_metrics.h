/*  sp_metrics -- what the sponsor did since its start, as Prometheus reads it.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_METRICS_H
#define SP_METRICS_H

#include "sponsor.h"

/* Returns: text, to be freed by the caller; NULL when memory ran out */
char *sp_metrics(const struct sponsor *sp);

#endif
