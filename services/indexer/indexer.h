/*  indexer -- the events of the cluster: read, kept, told.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef INDEXER_H
#define INDEXER_H

#include "../../bus/bus.h"
#include "../../common/base/am_settings.h"

struct indexer;

/* Subscribe chain.view, publish indexer.cursor, serve indexer.events.
 * In:      settings, loop, bus  borrowed for its life
 * Returns: AM_OK, or what http, rpc and bus say */
int indexer_open(struct indexer **indexer, struct ev_loop *loop, struct bus *bus,
                 const struct am_settings *settings, struct am_error *err) AM_MUST_CHECK;
void indexer_close(struct indexer **indexer);

#endif
