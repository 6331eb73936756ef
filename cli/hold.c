/*  hold -- owns the network namespace of a node's containers: does nothing until it is told to end.
 *
 *  A namespace dies with the container that owns it, and those that joined it keep a dead one.  So
 *  its owner is a process with nothing that could fail.
 */
#include "cli.h"

#include <signal.h>

int
cli_hold(int argc, char **argv)
{
    sigset_t ends;
    int sig;

    (void)argv;
    if (argc != 0)
        return cli_usage("hold");
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL); /* as pid 1 their default would be to be ignored */
    return sigwait(&ends, &sig) == 0 ? 0 : 1;
}
