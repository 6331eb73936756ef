/*  leak -- a process that lets a key lie about, so that a search that finds nothing means
 * something.
 */
#include "../../../common/base/am_secret.h"
#include "holders.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define KEY_LEN 32

int
leak_main(void)
{
    struct am_error err;
    uint8_t *plain = malloc(KEY_LEN), *locked = am_secret_alloc(KEY_LEN, &err);

    if (plain == NULL || locked == NULL || read(0, plain, KEY_LEN) != KEY_LEN)
        return 1;
    memcpy(locked, plain, KEY_LEN);
    if (write(1, "", 1) != 1)
        return 1;
    pause();
    return 0;
}

void
leak_start(struct e2e *t, pid_t *pid)
{
    struct am_error err = {0};
    int in[2] = {-1, -1}, out[2] = {-1, -1}, r = AM_OK;
    char ready;

    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || (*pid = fork()) < 0)
        e2e_need(t, am_fail(&err, AM_INTERNAL, "no pipe or no process"), &err, "leak");
    if (*pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (dup2(in[0], 0) == 0 && dup2(out[1], 1) == 1)
            execl("/proc/self/exe", "e2e-story", "leak", NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    if (write(in[1], scan_key_of(0, SCAN_OWNER), KEY_LEN) != KEY_LEN ||
        read(out[0], &ready, 1) != 1)
        r = am_fail(&err, AM_INTERNAL, "it does not hold the key");
    close(in[1]);
    close(out[0]);
    e2e_need(t, r, &err, "leak");
}
