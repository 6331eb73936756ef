/*  test_http_names -- a name server that does not answer holds up nobody.  */
#include "../../common/net/am_http.h"

#include <criterion/criterion.h>
#include <netdb.h>
#include <time.h>
#include <unistd.h>

struct seen {
    struct ev_loop *loop;
    int code;
};

static void
on_answer(void *arg, int code, const struct am_http_answer *answer, const struct am_error *err)
{
    struct seen *seen = arg;

    (void)answer;
    (void)err;
    seen->code = code;
    ev_break(seen->loop, EVBREAK_ALL);
}

/* libcurl's look-up thread finds this one in place of libc's: a resolver that does not answer. */
int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
            struct addrinfo **res)
{
    struct timespec long_time = {2, 0};

    (void)node;
    (void)service;
    (void)hints;
    *res = NULL;
    nanosleep(&long_time, NULL);
    return EAI_AGAIN;
}

Test(http_names, is_not_held_up_by_a_name_server_that_does_not_answer)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct seen seen = {.loop = loop};
    struct am_error err = {0};
    struct am_http *http;
    struct timespec a, b;
    double s;

    cr_assert_eq(am_http_open(&http, loop, &err), AM_OK);
    clock_gettime(CLOCK_MONOTONIC, &a);
    cr_assert_eq(am_http_get(http, "http://slow.invalid/", 200, 10, on_answer, &seen, &err), AM_OK);
    ev_run(loop, 0);
    am_http_close(&http);
    clock_gettime(CLOCK_MONOTONIC, &b);
    s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
    cr_assert_eq(seen.code, AM_DEADLINE_EXCEEDED);
    cr_assert(s < 1.5, "%f", s);
    sleep(3); /* let the look-up's thread end and free what is its own */
    ev_loop_destroy(loop);
}
