/*  test_keyagent_link -- what the agent says is believed only where it checks out.  */
#include "ka_fixture.h"

#include "../../common/crypto/am_secp.h"
#include "../../common/wire/am_dstack.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static int
version(const char *body, struct am_error *err)
{
    char out[65];

    return ka_version_read(out, am_str_of(body), err);
}

Test(keyagent_version, floor_is_0_5_7)
{
    static const char *const good[] = {"0.5.7", "0.5.11", "v0.6.0", "0.6.0-dev", "1.0.0"};
    static const char *const old[] = {"0.5.6", "0.4.2", "0.0.9"};
    static const char *const bad[] = {"", "0.5", "0.5.", "x", "0.5.999", "..", "0,5,7"};
    struct am_error err = {0};
    char body[64];

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(body, sizeof body, "{\"version\":\"%s\",\"rev\":\"\"}", good[i]);
        cr_assert_eq(version(body, &err), AM_OK, "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
        snprintf(body, sizeof body, "{\"version\":\"%s\"}", old[i]);
        cr_assert_eq(version(body, &err), AM_UNIMPLEMENTED, "%s", old[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(body, sizeof body, "{\"version\":\"%s\"}", bad[i]);
        cr_assert_eq(version(body, &err), AM_INVALID_ARGUMENT, "%s", bad[i]);
    }
}

#define A20 "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
#define A32 A20 "a1a1a1a1a1a1a1a1a1a1a1a1"
#define INFO(app, compose, instance, device)                                                       \
    "{\"app_id\":\"" app "\",\"tcb_info\":\"{\\n}\",\"compose_hash\":\"" compose                   \
    "\",\"instance_id\":\"" instance "\",\"device_id\":\"" device "\"}"

Test(keyagent_info, lengths_are_strict)
{
    struct ka_self self = {0};

    cr_assert_eq(ka_info_read(&self, am_str_of(INFO(A20, A32, A20, A32)), NULL), AM_OK);
    cr_assert_eq(self.instance_id_len, 20);
    cr_assert_eq(ka_info_read(&self, am_str_of(INFO(A20, A32, "", A32)), NULL), AM_OK);
    cr_assert_eq(self.instance_id_len, 0);
    cr_assert_eq(ka_info_read(&self, am_str_of(INFO(A32, A32, A20, A32)), NULL),
                 AM_INVALID_ARGUMENT);
    cr_assert_eq(ka_info_read(&self, am_str_of(INFO("", A32, A20, A32)), NULL),
                 AM_INVALID_ARGUMENT);
    cr_assert_eq(ka_info_read(&self, am_str_of(INFO(A20, A20, A20, A32)), NULL),
                 AM_INVALID_ARGUMENT);
    cr_assert_eq(ka_info_read(&self, am_str_of(INFO(A20, A32, "a1", A32)), NULL),
                 AM_INVALID_ARGUMENT);
    cr_assert_eq(ka_info_read(&self, am_str_of(INFO(A20, A32, A20, "zz")), NULL),
                 AM_INVALID_ARGUMENT);
    cr_assert_eq(ka_info_read(&self, am_str_of("{\"app_id\":\"" A20 "\"}"), NULL),
                 AM_INVALID_ARGUMENT);
}

/* protocol page 2.9: the very bytes that v1 sends */
Test(keyagent_link, asks_by_v1s_paths_and_purposes)
{
    static const char *const want[KA_KEY_COUNT] = {
        "{\"path\":\"attestmesh.identity.v1\",\"purpose\":\"\"}",
        "{\"path\":\"attestmesh.wireguard.v1\",\"purpose\":\"\"}",
        "{\"path\":\"attestmesh-binding-v1\",\"purpose\":\"ethereum\"}",
        "{\"path\":\"attestmesh.csk-cache.v1\",\"purpose\":\"wrap-v1\"}",
        "{\"path\":\"attestmesh.cluster-shared.v1\",\"purpose\":\"csk-v1\"}",
    };
    char out[160];

    for (int i = 0; i < KA_KEY_COUNT; i++) {
        ka_key_request(out, (enum ka_key)i);
        cr_assert_str_eq(out, want[i]);
    }
}

static int
read_owner(struct ka_fixture *f, struct ka_link *link, const char *body)
{
    uint8_t key[32];

    return ka_link_read(link, key, am_str_of(body), KA_KEY_OWNER, f->self.app_id, NULL);
}

Test(keyagent_link, recovers_app_key_and_root_and_takes_either_recovery_form)
{
    struct ka_fixture f;
    struct ka_link link;
    uint8_t root[20], pub[33];
    char body[512], *chain0, *chain1;

    ka_fixture_open(&f);
    cr_assert_eq(am_secp_pub(pub, dn_fixture_root, NULL), AM_OK);
    cr_assert_eq(am_address_of_pub(root, AM_BIN(pub), NULL), AM_OK);
    ka_fixture_body(&f, KA_KEY_OWNER, body, sizeof body);
    cr_assert_eq(read_owner(&f, &link, body), AM_OK);
    cr_assert_arr_eq(link.app_pub, f.guest.app_pub, 33);
    cr_assert(link.has_kms);
    cr_assert_arr_eq(link.kms_root, root, 20);
    cr_assert(link.app_sig[64] == 27 || link.app_sig[64] == 28);
    cr_assert(link.kms_sig[64] == 27 || link.kms_sig[64] == 28);
    /* recovery ids 0/1 as real agents give them, 27/28 as some doubles do; 2 is neither */
    chain0 = strstr(body, "[\"") + 2 + 128;
    chain1 = strstr(body, "\",\"signature_chain") != NULL ? chain0 + 2 + 3 + 128 : NULL;
    cr_assert_not_null(chain1);
    cr_assert(memcmp(chain0, "00", 2) == 0 || memcmp(chain0, "01", 2) == 0);
    memcpy(chain0, chain0[1] == '0' ? "1b" : "1c", 2);
    memcpy(chain1, chain1[1] == '0' ? "1b" : "1c", 2);
    cr_assert_eq(read_owner(&f, &link, body), AM_OK);
    cr_assert_arr_eq(link.kms_root, root, 20);
    memcpy(chain0, "02", 2);
    cr_assert_eq(read_owner(&f, &link, body), AM_INVALID_ARGUMENT);
}

Test(keyagent_link, takes_an_empty_second_entry_as_no_kms)
{
    struct ka_fixture f;
    struct ka_link link;
    char body[512];

    ka_fixture_open(&f);
    f.guest.kms_signature_len = 0;
    ka_fixture_body(&f, KA_KEY_OWNER, body, sizeof body);
    cr_assert_eq(read_owner(&f, &link, body), AM_OK);
    cr_assert_not(link.has_kms);
    cr_assert(am_is_zero(link.kms_root, 20));
}

/* secp256k1's order: n - s is the high twin of s, with the other recovery id. */
static void
make_high_s(uint8_t sig[static 65])
{
    static const uint8_t n[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                  0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48,
                                  0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41};
    int borrow = 0;

    for (int i = 31; i >= 0; i--) {
        int d = n[i] - sig[32 + i] - borrow;

        borrow = d < 0;
        sig[32 + i] = (uint8_t)(d + (borrow ? 256 : 0));
    }
    sig[64] ^= 1;
}

Test(keyagent_link, refuses_high_s_in_either_entry)
{
    struct ka_fixture f;
    struct ka_link link;
    struct dn_key k;
    char body[512], key[65], chain0[131], chain1[131];

    ka_fixture_open(&f);
    make_high_s(f.guest.kms_signature);
    ka_fixture_body(&f, KA_KEY_OWNER, body, sizeof body);
    cr_assert_eq(read_owner(&f, &link, body), AM_INVALID_ARGUMENT);
    make_high_s(f.guest.kms_signature); /* and back */
    ka_fixture_body(&f, KA_KEY_OWNER, body, sizeof body);
    cr_assert_eq(read_owner(&f, &link, body), AM_OK);
    cr_assert_eq(dn_guest_key(&f.guest, &k, am_str_of("attestmesh-binding-v1"),
                              am_str_of("ethereum"), false, NULL),
                 AM_OK);
    make_high_s(k.chain0);
    am_hex(key, k.key, 32);
    am_hex(chain0, k.chain0, 65);
    am_hex(chain1, f.guest.kms_signature, 65);
    snprintf(body, sizeof body, "{\"key\":\"%s\",\"signature_chain\":[\"%s\",\"%s\"]}", key, chain0,
             chain1);
    cr_assert_eq(read_owner(&f, &link, body), AM_INVALID_ARGUMENT);
}

Test(keyagent_link, refuses_keys_of_another_shape_and_leaves_none_behind)
{
    static const char *const bodies[] = {
        "{\"key\":\"" A20 "\",\"signature_chain\":[\"\",\"\"]}",
        "{\"key\":\"" A32 "\",\"signature_chain\":[\"\",\"\"]}",
        "{\"key\":\"" A32 "\",\"signature_chain\":[]}",
        "{\"key\":\"" A32 "\"}",
        "{\"signature_chain\":[\"\",\"\"]}",
        "{\"key\":\"0000000000000000000000000000000000000000000000000000000000000000\","
        "\"signature_chain\":[\"" A32 A32 "00\",\"\"]}",
        "null",
    };
    struct ka_fixture f;
    struct ka_link link;
    uint8_t key[32];

    ka_fixture_open(&f);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        memset(key, 0xee, sizeof key);
        cr_assert_eq(
            ka_link_read(&link, key, am_str_of(bodies[i]), KA_KEY_OWNER, f.self.app_id, NULL),
            AM_INVALID_ARGUMENT, "%s", bodies[i]);
        cr_assert(am_is_zero(key, sizeof key));
        cr_assert(am_is_zero(link.app_pub, 33));
    }
}

Test(keyagent_link, refuses_a_chain_for_another_key_or_by_another_root)
{
    static const uint8_t other_root[32] = {[31] = 9};
    struct am_error err = {0};
    struct ka_fixture f;
    struct ka_link link;
    char body[512], other[512];

    ka_fixture_open(&f);
    ka_fixture_body(&f, KA_KEY_OWNER, body, sizeof body);
    ka_fixture_body(&f, KA_KEY_CSK, other, sizeof other);
    /* the key of one answer with the chain of another */
    memcpy(strstr(body, "\"key\":\"") + 7, strstr(other, "\"key\":\"") + 7, 64);
    cr_assert_eq(read_owner(&f, &link, body), AM_OK); /* something recovers .. */
    cr_assert_eq(ka_link_join(&f.self, false, &link, KA_KEY_OWNER, &err), AM_UNAUTHENTICATED);
    cr_assert_not_null(strstr(err.text, "app key")); /* .. but a stranger */

    cr_assert_eq(dn_guest_issue(&f.guest, other_root, NULL), AM_OK);
    ka_fixture_body(&f, KA_KEY_OWNER, body, sizeof body);
    cr_assert_eq(read_owner(&f, &link, body), AM_OK);
    cr_assert_eq(ka_link_join(&f.self, false, &link, KA_KEY_OWNER, NULL), AM_UNAUTHENTICATED);
}
