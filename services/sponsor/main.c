/*  sponsor -- the operator's gate to free gas: v1's webhook, and an ERC-7677 paymaster service over
 * VerifyingPaymaster.
 *
 *  SECURITY: a thief of this process can spend the paymaster's deposit on operations of any sender
 *  until the operator withdraws it, and approve what the webhook's provider then pays.  It holds no
 *  key of any member.
 */
#include "../../common/base/am_log.h"
#include "../../common/base/am_sandbox.h"
#include "../../common/base/am_secret.h"
#include "../../common/crypto/am_secp.h"
#include "sponsor.h"

extern char **environ;

static void
on_stop(struct ev_loop *loop, ev_signal *w, int events)
{
    (void)w, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

int
main(void)
{
    static struct sponsor sp;
    static struct am_settings s;
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    struct am_error err = {0};
    ev_signal term, interrupt;
    int r;

    am_log_open("sponsor", NULL, NULL);
    if ((r = am_settings_load(&s, AM_READ_SPONSOR, environ, &err)) != AM_OK)
        goto out;
    am_log_open("sponsor", s.log_format, s.log_level);
    ev_signal_init(&term, on_stop, SIGTERM);
    ev_signal_init(&interrupt, on_stop, SIGINT);
    ev_signal_start(loop, &term);
    ev_signal_start(loop, &interrupt);
    if ((r = am_secret_init(&err)) != AM_OK || (r = am_crypto_init(&err)) != AM_OK ||
        (r = sponsor_configure(&sp, &s, &err)) != AM_OK ||
        (r = am_sandbox_enter(AM_SANDBOX_SPONSOR, &s, &err)) != AM_OK ||
        (r = sponsor_open(&sp, loop, &s, &err)) != AM_OK)
        goto out;
    am_log(AM_INFO, "ready", "listen=%s", s.sponsor_listen);
    ev_run(loop, 0);
out:
    if (r != AM_OK)
        am_log(AM_ERROR, "start.refused", "reason=\"%s\"", err.text);
    sponsor_close(&sp);
    return r == AM_OK ? 0 : 1;
}
