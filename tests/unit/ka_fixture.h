/*  ka_fixture -- a node of the tests: keys from the simulator, a view with itself and another.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_FIXTURE_H
#define KA_FIXTURE_H

#include "dn_guest.h"
#include "ka_link.h"
#include "ka_view.h"

#define FIX_CHAIN_ID 31337

struct ka_fixture {
    struct dn_guest guest;
    struct ka_self self;
    struct ka_keys keys;
    struct chain_view fact; /* what chain would publish; points into the fixture */
    uint8_t cluster[20], member_id[32], other_id[32], other_x[32], commitment[32], zero[32];
    struct ka_view view; /* fact, taken */
};

/* self is first of two members; the root is allowed; nothing is committed. */
void ka_fixture_open(struct ka_fixture *f);

/* Take f->fact again after a change. */
void ka_fixture_retake(struct ka_fixture *f);

/* The body of GetKey's answer for a key, as the simulator gives it. */
void ka_fixture_body(const struct ka_fixture *f, enum ka_key which, char *out, size_t cap);

#endif
