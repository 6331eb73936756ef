/*  settings_doc -- print docs/settings.md from the table, so that the page cannot disagree with the
 * code.  */
#include "../../common/base/am_settings.h"

#include <stdio.h>

static void
print_line(void *arg, const char *text)
{
    fprintf(arg, "%s\n", text);
}

int
main(void)
{
    fputs(
        "# Settings\n\nMade by `settings_doc` from `common/base/settings.def`; do not edit.\n\n"
        "Every process reads its settings from the environment, once, at its start.  A value that "
        "is of the wrong form or out of range, a needed one that is unset, and an `ATTESTMESH_` "
        "name that stands nowhere below end the start with one line that names it; for an unknown "
        "name the line tells the nearest known one.  An empty value counts as unset.  A secret may "
        "stand in a file instead: `RPC_URL_FILE=/run/secrets/rpc` for `RPC_URL`; giving both is "
        "refused.\n\n"
        "| name | read by | default | meaning |\n|---|---|---|---|\n",
        stdout);
    am_settings_doc(print_line, stdout);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
