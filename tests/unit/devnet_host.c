/*  devnet_host -- scenarios that need namespaces of their own: each is one run of this program.
 *
 *  Exit status 0, or 1 with a line that says what was expected.
 */
#include "../../common/base/am_clock.h"
#include "../../devnet/dn_net.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct dn_ns hosts[2];
static struct am_error err;

static void
must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "expected: %s; %s\n", what, err.text);
    exit(1);
}

static bool
pings(unsigned from, const char *to)
{
    const char *const argv[] = {"ping", "-c", "1", "-W", "1", to, NULL};

    return dn_run(argv, &hosts[from], NULL, NULL, 0, &err) == AM_OK;
}

/* At most 10 s: a cable's link comes up a moment later. */
static bool
pings_soon(unsigned from, const char *to)
{
    int64_t end = am_mono_ms() + 10000;
    bool ok;

    while (!(ok = pings(from, to)) && am_mono_ms() < end)
        poll(NULL, 0, 10);
    return ok;
}

static void
two_hosts(void)
{
    must(dn_enter(&err) == AM_OK, "namespaces of our own");
    must(dn_net_open(&err) == AM_OK, "a bridge");
    for (unsigned i = 0; i < 2; i++) {
        must(dn_ns_open(&hosts[i], &err) == AM_OK, "a host");
        must(dn_net_plug(&hosts[i], i + 1, &err) == AM_OK, "a cable");
    }
    must(pings_soon(0, "10.77.0.2") && pings_soon(1, "10.77.0.1"), "hosts that hear each other");
    must(pings_soon(0, DN_BRIDGE_IP), "the bridge that answers");
}

static void
cable(void)
{
    two_hosts();
    must(dn_net_cut(2, true, &err) == AM_OK, "a cable that can be cut");
    must(!pings(0, "10.77.0.2") && !pings(1, "10.77.0.1"), "silence on a cut cable");
    must(pings(0, DN_BRIDGE_IP), "the other host untouched");
    must(dn_net_cut(2, false, &err) == AM_OK, "a cable that can be mended");
    must(pings_soon(0, "10.77.0.2"), "hosts that hear each other again");
    must(dn_net_cut(9, true, &err) != AM_OK, "no cable 9");
}

static void
replug(void)
{
    two_hosts();
    for (int i = 0; i < 5; i++) {
        dn_net_unplug(2);
        must(!pings(0, "10.77.0.2"), "silence without a cable");
        dn_ns_close(&hosts[1]);
        must(hosts[1].holder == 0 && hosts[1].net == -1 && hosts[1].mnt == -1,
             "a host that is gone");
        must(dn_ns_open(&hosts[1], &err) == AM_OK, "a host again");
        must(dn_net_plug(&hosts[1], 2, &err) == AM_OK, "the same number at once");
        must(pings_soon(0, "10.77.0.2"), "hosts that hear each other after a new plug");
    }
    must(dn_net_plug(&hosts[1], 2, &err) != AM_OK, "a number that is taken to be refused");
    dn_net_unplug(77); /* never plugged: nothing happens */
}

static void
host(void)
{
    static const char *const file[] = {"touch", "/run/wireguard/x", NULL};
    static const char *const there[] = {"test", "-e", "/run/wireguard/x", NULL};
    static const char *const lo[] = {"ping", "-c", "1", "-W", "1", "127.0.0.1", NULL};
    static const char *const orphan[] = {"sh", "-c",
                                         "sleep 0.1 </dev/null >/dev/null 2>&1 & echo $!", NULL};
    char out[4096], proc[32];
    const char *const links[] = {"ip", "-o", "link", NULL};

    two_hosts();
    must(getppid() == 1, "a pid 1 of our own");
    must(dn_run(orphan, NULL, NULL, out, sizeof out, &err) == AM_OK, "an orphan");
    snprintf(proc, sizeof proc, "/proc/%d", atoi(out));
    for (int64_t end = am_mono_ms() + 10000; access(proc, F_OK) == 0 && am_mono_ms() < end;)
        poll(NULL, 0, 10);
    must(access(proc, F_OK) != 0, "an orphan that is reaped while we run");
    must(dn_run(file, &hosts[0], NULL, NULL, 0, &err) == AM_OK, "a writable /run/wireguard");
    must(dn_run(there, &hosts[0], NULL, NULL, 0, &err) == AM_OK, "the file where it was made");
    must(dn_run(there, &hosts[1], NULL, NULL, 0, &err) != AM_OK, "the other host without it");
    must(dn_run(there, NULL, NULL, NULL, 0, &err) != AM_OK, "us without it");
    must(dn_run(lo, &hosts[0], NULL, NULL, 0, &err) == AM_OK, "lo up");
    must(dn_run(links, &hosts[0], NULL, out, sizeof out, &err) == AM_OK, "links");
    must(strstr(out, "eth0") != NULL && strstr(out, "br0") == NULL, "eth0 and no bridge");
}

static void
hang(void)
{
    must(dn_enter(&err) == AM_OK, "namespaces of our own");
    must(dn_ns_open(&hosts[0], &err) == AM_OK, "a host");
    if (fork() == 0) { /* somebody who would go on for ever */
        setsid();
        for (;;)
            pause();
    }
    fprintf(stderr, "hangs\n");
    for (;;)
        pause();
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } scenes[] = {{"cable", cable}, {"replug", replug}, {"host", host}, {"hang", hang}};

    for (size_t i = 0; argc == 2 && i < sizeof scenes / sizeof scenes[0]; i++)
        if (strcmp(argv[1], scenes[i].name) == 0) {
            scenes[i].run();
            return 0;
        }
    return argc == 2 && strcmp(argv[1], "seven") == 0 && dn_enter(&err) == AM_OK ? 7 : 64;
}
