/*  api_page -- what /healthz and /metrics must look like, whoever asked.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_PAGE_H
#define API_PAGE_H

#include <jansson.h>

/* v1's keys with their types, then ours: no fewer, no more. */
void has_the_shape(const json_t *root);

/* Prometheus' text format, each sample under its TYPE.  text is torn into lines. */
void check_metrics(char *text);

#endif
