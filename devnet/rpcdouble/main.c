/*  rpc-double -- dn_rpcdouble as a program: rpc-double PORT UPSTREAM-URL [FAULT]
 *
 *  The fault is changed while it runs by POST /fault, body: the name.  SIGTERM ends it.
 */
#include "dn_rpcdouble.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void
on_signal(struct ev_loop *loop, ev_signal *w, int events)
{
    (void)w;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

int
main(int argc, char **argv)
{
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    struct dn_rpc_options o = {.loop = loop};
    struct dn_rpc_double *d = NULL;
    struct am_error err = {0};
    ev_signal term, intr;

    if (argc < 3) {
        fprintf(stderr, "usage: rpc-double PORT UPSTREAM-URL [FAULT[@METHOD][:TIMES]]\nfaults:\n");
#define X(name, text, method, how, number, words, doc)                                             \
    fprintf(stderr, "  %-18s %-28s %s\n", text, method, doc);
        DN_RPC_FAULTS(X)
#undef X
        return 2;
    }
    o.port = (uint16_t)strtoul(argv[1], NULL, 10);
    o.upstream = argv[2];
    if (dn_rpc_open(&d, &o, &err) != AM_OK ||
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
    return 0;
}
