/*  rpc-double -- dn_rpcdouble as a program: rpc-double PORT UPSTREAM-URL [FAULT]
 *                                         rpc-double PORT replay:FILE [FAULT] [BOUNDARY]
 *
 *  With replay: it plays the part of BOUNDARY (rpc) in a transcript of attestmesh doctor --record.
 *  The fault is changed while it runs by POST /fault, body: the name.  SIGTERM ends it.
 */
#include "dn_rpcdouble.h"
#include "dn_rpcreplay.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
on_signal(struct ev_loop *loop, ev_signal *w, int events)
{
    (void)w;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

/* The second argument: who answers. */
static int
read_upstream(struct dn_rpc_options *o, struct dn_rpc_replay *replay, const char *text,
              const char *boundary, struct am_error *err)
{
    if (strncmp(text, "replay:", 7) != 0) {
        o->upstream = text;
        return AM_OK;
    }
    o->answer = dn_replay_answer;
    o->get = dn_replay_get;
    o->arg = replay;
    return dn_replay_open(replay, text + 7, boundary, err);
}

int
main(int argc, char **argv)
{
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    struct dn_rpc_options o = {.loop = loop};
    struct dn_rpc_double *d = NULL;
    struct dn_rpc_replay replay = {0};
    struct am_error err = {0};
    ev_signal term, intr;

    if (argc < 3) {
        fprintf(stderr, "usage: rpc-double PORT UPSTREAM-URL|replay:FILE [FAULT[@METHOD][:TIMES]] "
                        "[BOUNDARY]\nfaults:\n");
#define X(name, text, method, how, number, words, doc)                                             \
    fprintf(stderr, "  %-18s %-28s %s\n", text, method, doc);
        DN_RPC_FAULTS(X)
#undef X
        return 2;
    }
    o.port = (uint16_t)strtoul(argv[1], NULL, 10);
    if (read_upstream(&o, &replay, argv[2], argc > 4 ? argv[4] : "rpc", &err) != AM_OK ||
        dn_rpc_open(&d, &o, &err) != AM_OK ||
        (argc > 3 && dn_rpc_fault(d, argv[3], &err) != AM_OK)) {
        fprintf(stderr, "%s\n", err.text);
        dn_rpc_close(&d);
        return 1;
    }
    ev_signal_init(&term, on_signal, SIGTERM);
    ev_signal_init(&intr, on_signal, SIGINT);
    ev_signal_start(loop, &term);
    ev_signal_start(loop, &intr);
    printf("127.0.0.1:%u\n", dn_rpc_port(d));
    fflush(stdout);
    ev_run(loop, 0);
    dn_rpc_close(&d);
    dn_replay_close(&replay);
    return 0;
}
