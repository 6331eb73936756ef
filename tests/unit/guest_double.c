/*  guest_double -- the guest-agent simulator inside a test's own event loop.  */
#include "guest_double.h"
#include "slow.h"

#include "../../common/base/am_clock.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
unhex(uint8_t *out, size_t len, const char *text)
{
    struct am_error err = {0};

    cr_assert_eq(am_unhex(out, len, am_str_of(text), "test", &err), AM_OK, "%s", err.text);
}

void
guest_double_open(struct guest_double *d, enum dn_compat compat)
{
    struct am_error err = {0};
    uint8_t key[32], sig[65];

    memset(d, 0, sizeof *d);
    d->loop = ev_loop_new(EVFLAG_AUTO);
    snprintf(d->dir, sizeof d->dir, "/tmp/am-guest-XXXXXX");
    cr_assert_not_null(mkdtemp(d->dir));
    snprintf(d->socket, sizeof d->socket, "%s/dstack.sock", d->dir);
    d->guest.compat = compat;
    d->guest.version = compat == DN_COMPAT_0_6_0  ? "0.6.0"
                       : compat == DN_COMPAT_NEXT ? "0.6.0-dev"
                                                  : "0.5.11";
    unhex(d->guest.app_id, 20, "5bb4ff9a3837357f19dc176407a5709c62eb6c56");
    unhex(d->guest.instance_id, 20, "1691ed1b47506cad7d08834668691d88246f5b1f");
    unhex(d->guest.compose_hash, 32,
          "c143116fef3940e7f776bfc0919c256232ae5338a6e948c96b711e0b2383483a");
    unhex(key, 32, "d6e88992cdeeee35fe70b5db61ab66cdb191fb9b6ec9313757ef162dd7214d5d");
    unhex(sig, 65,
          "9e618603e72d01fedb82deff6daf2d62a572becf0059eec3f89c1ab40e1f2e594d2a283f843f34e8f39e4cc4"
          "9a612496ce67223a12ac923f8efe330346dfc6c500");
    cr_assert_eq(dn_guest_load(&d->guest, key, AM_BIN(sig), &err), AM_OK, "%s", err.text);
    cr_assert_eq(dn_http_open(&d->http, d->loop, d->socket, "dstack guest agent", dn_guest_handle,
                              &d->guest, &err),
                 AM_OK, "%s", err.text);
}

void
guest_double_close(struct guest_double *d)
{
    dn_http_close(&d->http);
    ev_loop_destroy(d->loop);
    rmdir(d->dir);
}

int
guest_double_dial(const struct guest_double *d)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(addr.sun_path, d->socket, strlen(d->socket) + 1);
    cr_assert_eq(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

size_t
guest_double_read(const struct guest_double *d, int fd, char *out, size_t cap, size_t enough,
                  int ms, bool *closed)
{
    int64_t end = am_mono_ms() + ms * slow_factor();
    size_t len = 0;
    ssize_t n = -1;

    while (am_mono_ms() < end && len < enough && n != 0) {
        ev_run(d->loop, EVRUN_NOWAIT);
        n = recv(fd, out + len, cap - 1 - len, MSG_DONTWAIT);
        len += n > 0 ? (size_t)n : 0;
        if (n < 0)
            usleep(500);
    }
    out[len] = '\0';
    *closed = n == 0;
    return len;
}
