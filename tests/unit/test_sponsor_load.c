/*  test_sponsor_load -- 10,000 requests on 100 connections, nothing cached at first: all decided
 * right.  How fast is bench-sponsor's to say. */
#include "sponsor_load.h"

#include "sponsor_world.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

TestSuite(sponsor_load, .init = spw_begin, .fini = spw_end, .timeout = 100);

Test(sponsor_load, ten_thousand_on_a_hundred_connections_are_all_decided_right)
{
    static struct load load;
    char cap[64];
    int status;

    snprintf(cap, sizeof cap, "MAX_DAILY_OPS_PER_SENDER=%d", LOAD_CAP);
    spw_extra[0] = cap;
    spw_extra[1] = "LOG_LEVEL=error";
    spw_extra[2] = "ATTESTMESH_MAX_DAILY_OPS_PER_CLUSTER=0";
    spw_start();
    load_run(&load, sw_loop, spw_port, LOAD_REQUESTS, 0);
    cr_expect_eq(load.answered, LOAD_REQUESTS);
    cr_expect_eq(load.wrong, 0, "%u wrong: %s", load.wrong, load.first_wrong);
    cr_expect_eq(load.capped_granted, LOAD_CAP, "exactly the cap, over 100 connections at once");
    cr_expect_eq(load.capped_refused, LOAD_REQUESTS / 16 - LOAD_CAP);
    cr_expect_leq(spw_asked[SP_OUR_MEMBER], 4 * LOAD_SENDERS + 1,
                  "the same question of many is asked once");
    spw_stop(SIGKILL);
    spw_start();
    cr_expect_not_null(strstr(
        spw_post("/?token=" SPW_TOKEN, spw_alchemy(SPW_MEMBER, 999999, NULL, "0x7a69"), &status),
        "sender-daily-cap"));
    load_run(&load, sw_loop, spw_port, 1600, 0);
    cr_expect_eq(load.wrong, 0, "%u wrong: %s", load.wrong, load.first_wrong);
    cr_expect_eq(load.capped_granted, 0, "a sponsor that was killed has counted what it let out");
    spw_stop(SIGTERM);
}
