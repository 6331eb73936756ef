/*  am_sandbox -- what a service gives up before its first socket: programs, children, tracing,
 * sockets.  */
#include "am_sandbox.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/socket.h>

/* A leak check at exit clones and traces its own process; builds with it do not ship. */
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

static const int refused[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(mount),
    SCMP_SYS(bpf),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(kexec_load),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
};

static int
fill(scmp_filter_ctx filter, int last_family)
{
    const uint32_t eperm = SCMP_ACT_ERRNO(EPERM);
    const struct scmp_arg_cmp further = {0, SCMP_CMP_GT, (scmp_datum_t)last_family, 0};
    /* A thread shares; what does not is a child.  clone3 hides its flags behind a pointer, so
     * the C library is sent back to clone. */
    const struct scmp_arg_cmp child = {0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof refused / sizeof *refused; i++)
        rc = seccomp_rule_add(filter, eperm, refused[i], 0);
    if (rc == 0)
        rc = seccomp_rule_add_array(filter, eperm, SCMP_SYS(socket), 1, &further);
    if (rc == 0 && !SANITIZED)
        rc = seccomp_rule_add(filter, eperm, SCMP_SYS(ptrace), 0);
    if (rc == 0 && !SANITIZED)
        rc = seccomp_rule_add_array(filter, eperm, SCMP_SYS(clone), 1, &child);
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return rc;
}

int
am_sandbox_close(int last_family, struct am_error *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int rc = filter != NULL ? fill(filter, last_family) : -ENOMEM;

    if (rc == 0)
        rc = seccomp_load(filter); /* sets no_new_privs first */
    if (filter != NULL)
        seccomp_release(filter);
    if (rc != 0)
        return am_fail(err, AM_FAILED_PRECONDITION, "seccomp: cannot close the sandbox: %s",
                       strerror(-rc));
    return AM_OK;
}
