/*  am_sandbox_filter -- the list of system calls, as a seccomp filter: what is not on it is
 * refused.
 *
 *  Refused with EPERM, not killed: a library that tries something new then takes its other way or
 *  fails with a reason in the log, and a thief gains nothing by being alive.
 */
#include "am_sandbox_int.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define AM_SANDBOX_OWN_PID UINT64_MAX /* stands for it: a table knows no pid */
#define AM_SANDBOX_NAMESPACES                                                                      \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)

static const struct row {
    unsigned who;
    const char *call;
    bool always;
    unsigned n; /* of the argument */
    uint64_t mask, value;
} rows[] = {
#define ALLOW(who, call, why) {who, #call, true, 0, 0, 0},
#define WHEN(who, call, n, mask, value, why) {who, #call, false, n, mask, value},
#include "sandbox.def"
};

static int
add(scmp_filter_ctx filter, const struct row *row)
{
    uint64_t value = row->value == AM_SANDBOX_OWN_PID ? (uint64_t)getpid() : row->value;
    const struct scmp_arg_cmp when = {row->n, SCMP_CMP_MASKED_EQ, row->mask, value};
    int call = seccomp_syscall_resolve_name(row->call);

    if (call < 0) /* not on this architecture */
        return 0;
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, row->always ? 0 : 1, &when);
}

int
am_sandbox_filter(unsigned who)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int rc = filter != NULL ? 0 : -ENOMEM;

    /* Every thread that there may already be; and a tree instead of a hundred comparisons. */
    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (size_t i = 0; rc == 0 && i < sizeof rows / sizeof *rows; i++)
        if ((rows[i].who & who) != 0)
            rc = add(filter, &rows[i]);
    /* Its flags lie behind a pointer, so the C library is sent back to clone. */
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (rc == 0)
        rc = seccomp_load(filter);
    if (filter != NULL)
        seccomp_release(filter);
    return rc;
}
