/*  demo_screen -- what the demo shows: redrawn in place on a terminal, a line per event elsewhere.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DEMO_SCREEN_H
#define DEMO_SCREEN_H

#include "cli_tx.h"
#include "watch.h"

#define SCREEN_NODES 252

struct screen {
    bool terminal;
    int64_t opened_ms, started_ms;
    unsigned drawn; /* lines of the table that stand above the cursor */
    uint64_t gas;   /* of all deployments */
    unsigned contracts;
    struct {
        char phase[33];
        int64_t since_ms;
        char ops[WATCH_OPS][17]; /* last shown state of each operation */
    } nodes[SCREEN_NODES];
};

struct screen_summary {
    const struct watch *watches;
    unsigned nodes;
    int64_t healthy_ms; /* after the last node's start */
    bool same_csk, ping_ok;
    char ping[256];
};

void screen_open(struct screen *s, unsigned nodes, const char *dir);
void screen_close(struct screen *s);
void screen_step(struct screen *s, const char *what);
void screen_deployed(struct screen *s, const char *name, const uint8_t address[20],
                     const struct cli_receipt *receipt);
void screen_started(struct screen *s, int64_t now_ms);
void screen_nodes(struct screen *s, const struct watch *watches, unsigned nodes, int64_t now_ms);
void screen_summary(struct screen *s, const struct screen_summary *sum);
void screen_keep(struct screen *s, const char *dir);
void screen_failed(struct screen *s, const struct watch *watches, unsigned nodes, const char *dir);
void screen_error(struct screen *s, const char *text, const char *dir);

#endif
