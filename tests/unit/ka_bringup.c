/*  ka_bringup -- keyagent's bring-up against the simulator, in one event loop, with a state folder.
 */
#include "ka_bringup.h"

#include "../../common/base/am_clock.h"
#include "../../common/base/am_file.h"
#include "ka_origin.h"
#include "slow.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void
bringup_until(struct ev_loop *loop, const int *flag, int ms)
{
    for (int64_t end = am_mono_ms() + ms * slow_factor(); *flag == 0 && am_mono_ms() < end;) {
        ev_run(loop, EVRUN_NOWAIT);
        usleep(500);
    }
}

void
bringup_said(struct bringup *b, const char *words, int ms)
{
    int64_t start = am_mono_ms();

    while (am_mono_ms() < start + ms ||
           (strstr(b->id.reason, words) == NULL && am_mono_ms() < start + ms * slow_factor())) {
        ev_run(b->d.loop, EVRUN_NOWAIT);
        usleep(500);
    }
}

static void
on_change(void *arg)
{
    struct bringup *b = arg;

    b->changes++;
    b->ready = b->id.phase == KA_READY;
}

void
bringup_fault(struct bringup *b, const char *fault)
{
    FILE *f = fopen(b->control, "w");

    cr_assert_not_null(f);
    fputs(fault, f);
    fclose(f);
}

void
bringup_again(struct bringup *b)
{
    struct am_error err = {0};

    ka_identity_stop(&b->id);
    b->ready = 0;
    b->id = (struct ka_identity){.loop = b->d.loop,
                                 .attestor = &ka_dstack,
                                 .socket = b->d.socket,
                                 .state_dir = b->state,
                                 .deadline_s = 0.3 * slow_factor(),
                                 .changed = on_change,
                                 .arg = b};
    cr_assert_eq(ka_identity_start(&b->id, &err), AM_OK, "%s", err.text);
}

void
bringup_start(struct bringup *b, enum dn_compat compat, const char *fault)
{
    memset(b, 0, sizeof *b);
    guest_double_open(&b->d, compat);
    snprintf(b->control, sizeof b->control, "%s/control", b->d.dir);
    snprintf(b->state, sizeof b->state, "%s/state", b->d.dir);
    bringup_fault(b, fault);
    b->d.guest.faults.control = b->control;
    bringup_again(b);
}

void
bringup_stop(struct bringup *b)
{
    ka_identity_stop(&b->id);
    cr_assert_eq(am_file_remove(b->state, KA_ORIGIN_FILE, NULL), AM_OK);
    rmdir(b->state);
    unlink(b->control);
    guest_double_close(&b->d);
}
