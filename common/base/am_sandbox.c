/*  am_sandbox -- what a process gives up before its first socket, in the one order that works.  */
#include "am_sandbox_int.h"

#include "am_log.h"
#include "am_secret.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A leak check at exit clones and traces its own process, and writes where it is told to; builds
 * with it do not ship. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static const struct {
    unsigned who, capability;
} kept[] = {
#define KEEP_CAP(who, capability, why) {who, capability},
#include "sandbox.def"
};

static const unsigned own_root[] = {
#define OWN_ROOT(who, why) who,
#include "sandbox.def"
};

static char status[96] = "none";

/* A bounding set that cannot be cut (that takes CAP_SETPCAP) says nothing any more: with
 * no_new_privs no program gains from it. */
static int
drop_capabilities(unsigned who, struct am_error *err)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};
    uint64_t keep = 0;

    if (syscall(SYS_capget, &head, data) != 0)
        return am_fail(err, AM_FAILED_PRECONDITION, "kernel: capget: %s", strerror(errno));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if ((kept[i].who & who) != 0)
            keep |= (uint64_t)1 << kept[i].capability;
    keep &= (uint64_t)data[1].permitted << 32 | data[0].permitted;
    for (unsigned c = 0; c < 64 && prctl(PR_CAPBSET_READ, c) >= 0; c++)
        if ((keep >> c & 1) == 0)
            (void)prctl(PR_CAPBSET_DROP, c);
    for (int i = 0; i < 2; i++)
        data[i].effective = data[i].permitted = data[i].inheritable = (uint32_t)(keep >> 32 * i);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* before 4.3 there are none */
    if (syscall(SYS_capset, &head, data) != 0)
        return am_fail(err, AM_FAILED_PRECONDITION, "kernel: cannot give up capabilities: %s",
                       strerror(errno));
    for (unsigned c = 0; c < 64; c++) /* what is kept is for children too, whoever runs them */
        if ((keep >> c & 1) != 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) != 0)
            return am_fail(err, AM_FAILED_PRECONDITION, "kernel: cannot hand on capability %u: %s",
                           c, strerror(errno));
    return AM_OK;
}

static void
add_word(const char *word)
{
    size_t at = strlen(status);

    snprintf(status + at, sizeof status - at, "%s%s", at > 0 ? "," : "", word);
}

static void
tell(bool filtered, bool no_new_privs, const char *root, int landlock, bool allowed)
{
    char abi[16];

    status[0] = '\0';
    snprintf(abi, sizeof abi, "landlock %d", landlock);
    if (filtered)
        add_word("seccomp");
    if (no_new_privs)
        add_word("no_new_privs");
    if (landlock > 0)
        add_word(abi);
    if (root != NULL)
        add_word(root);
    if (status[0] == '\0')
        add_word("none");
    if (allowed)
        strcat(status, ": ATTESTMESH_ALLOW_UNSANDBOXED");
}

/* The word for status; NULL where the table asks for none.  Not required: a container may not let
 * us, and has a root of its own. */
static const char *
enter_root(unsigned who, const struct am_settings *settings)
{
    struct am_error err = {.text = "a build that looks for leaks"};
    bool asked = false;

    for (size_t i = 0; i < sizeof own_root / sizeof *own_root; i++)
        asked = asked || (own_root[i] & who) != 0;
    if (!asked)
        return NULL;
    if (!SANITIZED && am_sandbox_root(who, settings, &err) == AM_OK)
        return "own root";
    am_log(AM_INFO, "sandbox.shared_root", "reason=\"%s\"", err.text);
    return "shared root";
}

int
am_sandbox_enter(enum am_sandbox_who who, const struct am_settings *settings, struct am_error *err)
{
    bool allowed = settings->allow_unsandboxed != 0;
    unsigned as = SANITIZED ? who | SANITIZER : who;
    int rc, no_new_privs, filter, landlock;
    const char *root;
    uint64_t locked;

    if ((rc = am_secret_locked(&locked, err)) != AM_OK) /* opens what Landlock would close */
        return rc;
    no_new_privs = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : -errno;
    if (no_new_privs != 0 && !allowed)
        return am_fail(err, AM_FAILED_PRECONDITION,
                       "kernel: refuses no_new_privs: %s; ATTESTMESH_ALLOW_UNSANDBOXED=1 starts "
                       "all the same",
                       strerror(-no_new_privs));
    root = enter_root(who, settings); /* takes capabilities */
    if ((rc = drop_capabilities(who, err)) != AM_OK)
        return rc;
    if (prctl(PR_SET_DUMPABLE, SANITIZED) != 0)
        return am_fail(err, AM_FAILED_PRECONDITION, "kernel: cannot forbid tracing: %s",
                       strerror(errno));
    landlock = SANITIZED ? 0 : am_sandbox_files(who, settings);
    filter = am_sandbox_filter(as);
    if (filter != 0 && !allowed)
        return am_fail(err, AM_FAILED_PRECONDITION,
                       "kernel: refuses seccomp: %s; ATTESTMESH_ALLOW_UNSANDBOXED=1 starts all the "
                       "same",
                       strerror(-filter));
    tell(filter == 0, no_new_privs == 0, root, landlock, allowed);
    return AM_OK;
}

const char *
am_sandbox_status(void)
{
    return status;
}
