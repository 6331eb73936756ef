/*  test_keyagent_versions -- every column of the compatibility table, and keys that are not what
 * they were.  */
#include "ka_bringup.h"
#include "ka_origin.h"

#include "../../common/base/am_file.h"
#include "../../common/wire/am_dstack.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* dstack page 1.7.  ready: it works; else it is refused, in these words and with what to do. */
static const struct column {
    const char *versions;
    enum dn_compat compat;
    const char *says; /* its Version */
    bool ready;
} columns[] = {
    {"0.4.2", DN_COMPAT_0_4_2, "0.4.2", false},
    {"0.5.0", DN_COMPAT_0_5_0, "0.5.0", false},
    {"0.5.1-0.5.3", DN_COMPAT_0_5_3, "0.5.3", false},
    {"0.5.4-0.5.5", DN_COMPAT_0_5_5, "0.5.5", false},
    {"0.5.6", DN_COMPAT_0_5_6, "0.5.6", false},
    {"0.5.7-0.5.11, first", DN_COMPAT_0_5_11, "0.5.7", true},
    {"0.5.7-0.5.11, last", DN_COMPAT_0_5_11, "0.5.11", true},
    {"S (next)", DN_COMPAT_NEXT, "0.6.0-dev", true},
    {"0.6.0", DN_COMPAT_0_6_0, "0.6.0", true},
};

static void
works(struct bringup *b, const struct column *c)
{
    uint8_t key[32];

    bringup_until(b->d.loop, &b->ready, 3000);
    cr_assert(b->ready, "%s: %s", c->versions, b->id.reason);
    cr_assert_str_eq(b->id.self.agent_version, c->says);
    cr_assert(b->id.self.has_kms);
    /* the keys are the same in every column */
    for (int i = 0; i < KA_KEYS_AT_START; i++) {
        cr_assert_eq(
            am_dstack_key(key, b->d.guest.app_key, am_str_of(ka_key_path((enum ka_key)i)), NULL),
            AM_OK);
        cr_assert_arr_eq(b->id.keys->key[i], key, 32, "%s, key %d", c->versions, i);
    }
}

static void
is_refused(struct bringup *b, const struct column *c)
{
    bringup_said(b, "Service not found: Version", 300);
    cr_assert_eq(b->id.phase, KA_REFUSED, "%s: %s", c->versions, b->id.reason);
    cr_assert_not_null(strstr(b->id.reason, "Service not found: Version"), "%s: %s", c->versions,
                       b->id.reason);
    cr_assert_not_null(strstr(b->id.reason, "upgrade the dstack OS image to 0.5.7 or newer"),
                       "%s: %s", c->versions, b->id.reason);
    cr_assert_not(b->id.migration);
}

Test(keyagent_versions, each_column_works_or_names_the_upgrade, .timeout = 60)
{
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        const struct column *c = &columns[i];
        struct bringup b;

        bringup_start(&b, c->compat, "");
        b.d.guest.version = c->says;
        if (c->ready)
            works(&b, c);
        else
            is_refused(&b, c);
        bringup_stop(&b);
    }
}

/* 0.3.x has no such socket. */
Test(keyagent_versions, the_first_column_has_no_socket)
{
    struct bringup b;

    bringup_start(&b, DN_COMPAT_0_5_11, "");
    ka_identity_stop(&b.id);
    dn_http_close(&b.d.http);
    bringup_again(&b);
    bringup_said(&b, "No such file or directory", 100);
    cr_assert_eq(b.id.phase, KA_STARTING);
    cr_assert_not_null(strstr(b.id.reason, "dstack.sock: No such file or directory"), "%s",
                       b.id.reason);
    cr_assert_not_null(strstr(b.id.reason, "0.3.x has no such socket; 0.5.7 or newer is needed"),
                       "%s", b.id.reason);
    bringup_stop(&b);
}

/* An agent that is upgraded under us gives the same keys, and no migration is seen. */
Test(keyagent_versions, an_upgrade_keeps_the_identity)
{
    struct bringup b;
    uint8_t x_pub[32];

    bringup_start(&b, DN_COMPAT_0_5_11, "");
    bringup_until(b.d.loop, &b.ready, 3000);
    memcpy(x_pub, b.id.self.x_pub, 32);
    b.d.guest.compat = DN_COMPAT_0_6_0;
    b.d.guest.version = "0.6.0";
    bringup_again(&b);
    bringup_until(b.d.loop, &b.ready, 3000);
    cr_assert(b.ready, "%s", b.id.reason);
    cr_assert_arr_eq(b.id.self.x_pub, x_pub, 32);
    bringup_stop(&b);
}

/* ---- keys that are not what they were ---- */

Test(keyagent_proof, an_agent_that_gives_another_key_each_time_is_never_ready)
{
    struct bringup b;

    bringup_start(&b, DN_COMPAT_0_5_11, "wander@GetKey");
    bringup_said(&b, "expected the key of the first answer", 500);
    cr_assert_not(b.ready);
    cr_assert_not_null(strstr(b.id.reason, "/GetKey attestmesh.identity.v1: expected the key of "
                                           "the first answer, got another"),
                       "%s", b.id.reason);
    cr_assert_neq(access(b.state, F_OK), 0, "nothing was recorded");
    bringup_fault(&b, "");
    bringup_until(b.d.loop, &b.ready, 3000);
    cr_assert(b.ready, "%s", b.id.reason);
    bringup_stop(&b);
}

struct proof {
    int calls, code;
    struct am_error err;
};

static void
on_proof(void *arg, int code, const struct am_error *err)
{
    struct proof *p = arg;

    p->calls++;
    p->code = code;
    p->err = *err;
}

/* One proof of a node that is ready, by an agent with this fault. */
static void
prove(struct bringup *b, struct proof *p, const char *fault)
{
    struct ka_check c = b->id.check;

    memset(p, 0, sizeof *p);
    bringup_fault(b, fault);
    c.fn = on_proof;
    c.arg = p;
    cr_assert_eq(ka_check_start(&c, &p->err), AM_OK, "%s", p->err.text);
    cr_assert_eq(ka_check_start(&c, &p->err), AM_ABORTED, "one at a time");
    bringup_until(b->d.loop, &p->calls, 3000);
    cr_assert_eq(p->calls, 1);
    cr_assert_null(c.key);
}

Test(keyagent_proof, is_repeated_on_demand_and_names_what_differs)
{
    static const uint8_t other_root[32] = {[31] = 9};
    struct bringup b;
    struct proof p;

    bringup_start(&b, DN_COMPAT_0_5_11, "");
    bringup_until(b.d.loop, &b.ready, 3000);
    cr_assert(b.ready);
    prove(&b, &p, "");
    cr_assert_eq(p.code, AM_OK, "%s", p.err.text);
    prove(&b, &p, "wander@GetKey");
    cr_assert_eq(p.code, AM_UNAUTHENTICATED, "%s", p.err.text);
    prove(&b, &p, "wrong-chain@GetKey");
    cr_assert_eq(p.code, AM_UNAUTHENTICATED, "%s", p.err.text);
    cr_assert_not_null(strstr(p.err.text, "app key"), "%s", p.err.text);
    prove(&b, &p, "empty-chain@GetKey");
    cr_assert_eq(p.code, AM_UNAUTHENTICATED, "%s", p.err.text);
    cr_assert_not_null(strstr(p.err.text, "KMS root"), "%s", p.err.text);
    prove(&b, &p, "stall"); /* nothing is proved, either way */
    cr_assert_eq(p.code, AM_DEADLINE_EXCEEDED, "%s", p.err.text);
    cr_assert_eq(dn_guest_issue(&b.d.guest, other_root, NULL), AM_OK);
    prove(&b, &p, ""); /* the same app id, another KMS */
    cr_assert_eq(p.code, AM_UNAUTHENTICATED, "%s", p.err.text);
    bringup_stop(&b);
}

/* Each origin of keys that is not the recorded one ends it: no retry mends that. */
Test(keyagent_migration, another_kms_or_app_id_is_refused_for_good)
{
    static const uint8_t other_root[32] = {[31] = 9};
    struct bringup b;

    for (int what = 0; what < 2; what++) {
        bringup_start(&b, DN_COMPAT_0_5_11, "");
        bringup_until(b.d.loop, &b.ready, 3000);
        cr_assert(b.ready, "%s", b.id.reason);
        if (what == 1)
            b.d.guest.app_id[0] ^= 1;
        cr_assert_eq(dn_guest_issue(&b.d.guest, other_root, NULL), AM_OK);
        bringup_again(&b);
        bringup_said(&b, "key migration", 300);
        cr_assert_not(b.ready);
        cr_assert_eq(b.id.phase, KA_REFUSED);
        cr_assert(b.id.migration);
        cr_assert_not_null(strstr(b.id.reason, "key migration: identity.v1 records"), "%s",
                           b.id.reason);
        cr_assert_not_null(strstr(b.id.reason, what == 1 ? "app_id" : "kms_root"), "%s",
                           b.id.reason);
        cr_assert_not(ev_is_active(&b.id.retry), "it asks no more");
        /* with the record removed on purpose, the new keys are taken */
        cr_assert_eq(am_file_remove(b.state, KA_ORIGIN_FILE, NULL), AM_OK);
        bringup_again(&b);
        bringup_until(b.d.loop, &b.ready, 3000);
        cr_assert(b.ready, "%s", b.id.reason);
        bringup_stop(&b);
    }
}

Test(keyagent_migration, a_broken_record_is_no_fresh_start)
{
    struct bringup b;
    uint8_t kept[8];
    size_t len;

    bringup_start(&b, DN_COMPAT_0_5_11, "");
    bringup_until(b.d.loop, &b.ready, 3000);
    cr_assert_eq(am_file_write(b.state, KA_ORIGIN_FILE, am_bin_of("{", 1), NULL), AM_OK);
    bringup_again(&b);
    bringup_said(&b, "identity.v1", 300);
    cr_assert_eq(b.id.phase, KA_REFUSED);
    cr_assert(b.id.migration);
    cr_assert_not_null(strstr(b.id.reason, "identity.v1"), "%s", b.id.reason);
    cr_assert_eq(am_file_read(b.state, KA_ORIGIN_FILE, kept, sizeof kept, &len, NULL), AM_OK);
    cr_assert_eq(len, 1, "and is left as it was found");
    bringup_stop(&b);
}
