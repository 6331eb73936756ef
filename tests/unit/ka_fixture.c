/*  ka_fixture -- a node of the tests: keys from the simulator, a view with itself and another.  */
#include "ka_fixture.h"

#include "../../common/wire/am_member.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

void
ka_fixture_body(const struct ka_fixture *f, enum ka_key which, char *out, size_t cap)
{
    char key[65], chain0[131], chain1[131];
    struct dn_key k;

    cr_assert_eq(dn_guest_key(&f->guest, &k, am_str_of(ka_key_path(which)),
                              am_str_of(ka_key_purpose(which)), false, NULL),
                 AM_OK);
    am_hex(key, k.key, 32);
    am_hex(chain0, k.chain0, 65);
    am_hex(chain1, f->guest.kms_signature, f->guest.kms_signature_len);
    snprintf(out, cap, "{\"key\":\"%s\",\"signature_chain\":[\"%s\",\"%s\"]}", key, chain0, chain1);
}

void
ka_fixture_retake(struct ka_fixture *f)
{
    struct am_error err = {0};

    cr_assert_eq(ka_view_take(&f->view, &f->fact, &f->self, FIX_CHAIN_ID, &err), AM_OK, "%s",
                 err.text);
}

static void
make_fact(struct ka_fixture *f)
{
    struct chain_view *v = &f->fact;

    memset(f->cluster, 0xc1, sizeof f->cluster);
    memset(f->other_id, 0x22, sizeof f->other_id);
    memset(f->other_x, 0x09, sizeof f->other_x);
    am_member_id(f->member_id, f->cluster, f->self.member, am_attestor_dstack);
    v->chain_id = FIX_CHAIN_ID;
    v->block_number = 7;
    v->block_hash = AM_BIN(f->zero);
    v->cluster = AM_BIN(f->cluster);
    v->member_contract = AM_BIN(f->self.member);
    v->member_id = AM_BIN(f->member_id);
    v->kms_root = AM_BIN(f->self.kms_root);
    v->members_count = 2;
    v->members[0] = (struct chain_member){.member_id = AM_BIN(f->member_id),
                                          .member_contract = AM_BIN(f->self.member),
                                          .x_pub = AM_BIN(f->self.x_pub),
                                          .wg_pub = AM_BIN(f->self.wg_pub)};
    v->members[1] = (struct chain_member){.member_id = AM_BIN(f->other_id),
                                          .member_contract = AM_BIN(f->cluster),
                                          .x_pub = AM_BIN(f->other_x),
                                          .wg_pub = AM_BIN(f->other_x)};
}

void
ka_fixture_open(struct ka_fixture *f)
{
    struct am_error err = {0};
    struct ka_link link, owner = {0};
    char body[512];

    memset(f, 0, sizeof *f);
    memset(f->guest.app_id, 0xa1, sizeof f->guest.app_id);
    cr_assert_eq(dn_guest_issue(&f->guest, dn_fixture_root, &err), AM_OK, "%s", err.text);
    memcpy(f->self.app_id, f->guest.app_id, 20);
    memcpy(f->self.member, f->guest.app_id, 20);
    for (int i = 0; i < KA_KEYS_AT_START; i++) {
        ka_fixture_body(f, (enum ka_key)i, body, sizeof body);
        cr_assert_eq(ka_link_read(&link, f->keys.key[i], am_str_of(body), (enum ka_key)i,
                                  f->self.app_id, &err),
                     AM_OK, "%s", err.text);
        owner = i == KA_KEY_OWNER ? link : owner;
        cr_assert_eq(ka_link_join(&f->self, i == 0, &link, (enum ka_key)i, &err), AM_OK, "%s",
                     err.text);
    }
    cr_assert_eq(ka_self_derive(&f->self, &f->keys, &owner, &err), AM_OK, "%s", err.text);
    make_fact(f);
    ka_fixture_retake(f);
}
