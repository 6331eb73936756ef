/*  demo_screen -- what the demo shows: redrawn in place on a terminal, a line per event elsewhere.
 */
#include "demo_screen.h"

#include "../common/base/am_addr.h"
#include "../common/base/am_clock.h"
#include "../common/eth/eth_word.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BOUND_BLOCKS 3
#define BOUND_MS 5000
#define BLOCK_MS 1000

static double
seconds(const struct screen *s)
{
    return (double)(am_mono_ms() - s->opened_ms) / 1000;
}

void
screen_open(struct screen *s, unsigned nodes, const char *dir)
{
    memset(s, 0, sizeof *s);
    s->terminal = isatty(STDOUT_FILENO) == 1;
    s->opened_ms = am_mono_ms();
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("AttestMesh demo: %u node%s on a local chain\n", nodes, nodes == 1 ? "" : "s");
    printf("  run folder %s\n  all services run under one uid here, as production must not\n", dir);
}

void
screen_close(struct screen *s)
{
    if (s->terminal)
        printf("\033[?25h\033[?7h");
    fflush(stdout);
}

void
screen_step(struct screen *s, const char *what)
{
    printf("%6.1f s  %s\n", seconds(s), what);
}

void
screen_deployed(struct screen *s, const char *name, const uint8_t address[20],
                const struct cli_receipt *receipt)
{
    char text[ETH_ADDRESS_TEXT];

    eth_address_text(text, address);
    if (receipt != NULL) {
        s->gas += receipt->gas_used;
        s->contracts++;
        printf("%6.1f s    %-22s %s  %8llu gas\n", seconds(s), name, text,
               (unsigned long long)receipt->gas_used);
    } else {
        printf("%6.1f s    %-22s %s  already there\n", seconds(s), name, text);
    }
}

void
screen_started(struct screen *s, int64_t now_ms)
{
    s->started_ms = now_ms;
    s->started_ms = now_ms;
    if (s->terminal)
        printf("\n\033[?25l\033[?7l"); /* a line longer than the terminal is cut, never wrapped */
}

/* "register 0xed3b9183 452k": short enough that three of them share a line. */
static void
op_text(char *out, size_t cap, const struct watch_op *op)
{
    char hash[9];

    am_hex(hash, op->user_op_hash, 4);
    if (am_is_zero(op->user_op_hash, 32))
        snprintf(out, cap, "%s %s", op->purpose, op->state);
    else if (op->gas_used == 0)
        snprintf(out, cap, "%s 0x%s %s", op->purpose, hash, op->state);
    else
        snprintf(out, cap, "%s 0x%s %lluk", op->purpose, hash,
                 (unsigned long long)(op->gas_used + 500) / 1000);
}

static void
draw(struct screen *s, const struct watch *watches, unsigned nodes, int64_t now_ms)
{
    if (s->drawn > 0)
        printf("\033[%uA", s->drawn);
    printf("\033[K  node  mesh ip          phase            for  live  operations\n");
    for (unsigned i = 0; i < nodes; i++) {
        const struct watch *w = &watches[i];
        char ip[16], op[64];

        am_ip_text(ip, w->mesh_ip);
        printf("\033[K  %-4u  %-15s  %s%-14s\033[0m %4.0f s  %llu/%llu  ", i + 1, ip,
               w->live    ? "\033[32m"
               : w->heard ? "\033[33m"
                          : "\033[2m",
               w->heard ? w->phase : "starting", (double)(now_ms - s->nodes[i].since_ms) / 1000,
               (unsigned long long)w->live_peers,
               (unsigned long long)(w->members > 0 ? w->members - 1 : 0));
        for (size_t k = 0; k < w->op_count && k < 3; k++) {
            op_text(op, sizeof op, &w->ops[k]);
            printf("%s%s", k > 0 ? ", " : "", op);
        }
        printf("\n");
    }
    s->drawn = nodes + 1;
}

static void
tell_changes(struct screen *s, const struct watch *w, unsigned i, bool moved)
{
    char text[160], ip[16];

    am_ip_text(ip, w->mesh_ip);
    if (moved)
        printf("%6.1f s  node %u  %-15s  %s\n", seconds(s), i + 1, ip, w->phase);
    for (size_t k = 0; k < w->op_count; k++) {
        if (strcmp(s->nodes[i].ops[k], w->ops[k].state) == 0)
            continue;
        snprintf(s->nodes[i].ops[k], 17, "%s", w->ops[k].state);
        op_text(text, sizeof text, &w->ops[k]);
        printf("%6.1f s  node %u  %-15s  %s%s%s\n", seconds(s), i + 1, ip, text,
               w->ops[k].gas_used > 0 ? " gas, " : "",
               w->ops[k].gas_used > 0 ? w->ops[k].state : "");
    }
}

void
screen_nodes(struct screen *s, const struct watch *watches, unsigned nodes, int64_t now_ms)
{
    for (unsigned i = 0; i < nodes; i++) {
        bool moved = watches[i].heard && strcmp(watches[i].phase, s->nodes[i].phase) != 0;

        if (moved) {
            snprintf(s->nodes[i].phase, sizeof s->nodes[i].phase, "%s", watches[i].phase);
            s->nodes[i].since_ms = now_ms;
        } else if (s->nodes[i].since_ms == 0) {
            s->nodes[i].since_ms = s->started_ms;
        }
        if (!s->terminal)
            tell_changes(s, &watches[i], i, moved);
    }
    if (s->terminal)
        draw(s, watches, nodes, now_ms);
}

static unsigned
operations(const struct watch *w)
{
    unsigned n = 0;

    for (size_t i = 0; i < w->op_count; i++)
        n += !am_is_zero(w->ops[i].user_op_hash, 32);
    return n;
}

void
screen_summary(struct screen *s, const struct screen_summary *sum)
{
    int64_t bound = BOUND_BLOCKS * BLOCK_MS + BOUND_MS;
    char ip[16], csk[65];

    screen_nodes(s, sum->watches, sum->nodes, am_mono_ms());
    if (s->terminal)
        printf("\033[?25h\033[?7h");
    am_hex(csk, sum->watches[0].commitment, 32);
    printf("\nhealthy: %u node%s\n", sum->nodes, sum->nodes == 1 ? "" : "s");
    for (unsigned i = 0; i < sum->nodes; i++) {
        am_ip_text(ip, sum->watches[i].mesh_ip);
        printf("  node %-3u %-15s %u sponsored operation%s:", i + 1, ip,
               operations(&sum->watches[i]), operations(&sum->watches[i]) == 1 ? "" : "s");
        for (size_t k = 0; k < sum->watches[i].op_count; k++) {
            char op[64];

            op_text(op, sizeof op, &sum->watches[i].ops[k]);
            printf("%s %s", k > 0 ? "," : "", op);
        }
        printf("%s\n", sum->watches[i].originator ? "; originator" : "");
    }
    printf("  converged %.1f s after the last node's start; the bound is %d blocks + %d s = %.1f "
           "s%s\n",
           (double)sum->healthy_ms / 1000, BOUND_BLOCKS, BOUND_MS / 1000, (double)bound / 1000,
           sum->healthy_ms <= bound ? "" : ": MISSED");
    printf("  CSK commitment 0x%s %s\n", csk, sum->same_csk ? "on all" : "NOT EQUAL on all");
    printf("  ping %s\n", sum->ping);
    printf("  %u contracts deployed for %llu gas\n", s->contracts, (unsigned long long)s->gas);
}

void
screen_keep(struct screen *s, const char *dir)
{
    (void)s;
    printf("\nkept running; look at it with\n");
    printf("  attestmesh status --run %s/node-1/run\n  attestmesh tap --run %s/node-1/run\n", dir,
           dir);
    printf("Ctrl-C ends it and leaves only the folder.\n");
    fflush(stdout);
}

void
screen_failed(struct screen *s, const struct watch *watches, unsigned nodes, const char *dir)
{
    (void)s;
    printf("\nnot healthy in time:\n");
    for (unsigned i = 0; i < nodes; i++) {
        const struct watch *w = &watches[i];

        printf("  node %u: %s: %s\n", i + 1, w->heard ? w->phase : "mesh does not answer",
               w->reason);
        if (strcmp(w->chain_phase, "ready") != 0)
            printf("          chain %s: %s\n", w->chain_phase, w->chain_reason);
        for (size_t k = 0; k < w->op_count; k++)
            if (*w->ops[k].reason != '\0')
                printf("          %s %s: %s\n", w->ops[k].purpose, w->ops[k].state,
                       w->ops[k].reason);
    }
    printf("logs: %s\n", dir);
}

void
screen_error(struct screen *s, const char *text, const char *dir)
{
    (void)s;
    printf("\nnot brought up: %s\nlogs: %s\n", text, dir);
}
