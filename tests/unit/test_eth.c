/*  test_eth -- table, words, ABI, RLP, logs, operations: refusals first, then worked examples.  */
#include "../../common/crypto/am_keccak.h"
#include "../../common/crypto/am_secp.h"
#include "../../common/eth/eth_call.h"
#include "../../common/eth/eth_log.h"
#include "../../common/eth/eth_op.h"
#include "../../common/eth/eth_ret.h"
#include "../../common/eth/eth_rlp.h"
#include "examples.h"

#include <criterion/criterion.h>
#include <string.h>

static struct am_bin
hex(const char *text)
{
    static uint8_t ring[16][4096];
    static size_t next;
    uint8_t *out = ring[next++ % 16];
    size_t len;

    cr_assert_eq(am_unhex_some(out, 4096, &len, am_str_of(text), "test", NULL), AM_OK);
    return (struct am_bin){out, len};
}

static void
same(struct am_bin got, const char *want)
{
    cr_assert(am_bin_eq(got, hex(want)));
}

static int
quantity(const char *text)
{
    uint8_t word[32];
    int rc;

    memset(word, 1, 32);
    rc = eth_quantity_read(word, am_str_of(text), "test", NULL);
    cr_assert(rc == AM_OK || am_is_zero(word, 32));
    return rc;
}

Test(quantity, refuses_every_other_shape)
{
    static const char *const bad[] = {"",     "0",     "0x",   "x1",   "1",    "0X1",
                                      "0x00", "0x01",  "0xg",  " 0x1", "0x1 ", "-0x1",
                                      "0x-1", "0x0x1", "0x1x", "0xx"};
    char text[80] = "0x1";
    uint64_t v = 3;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(quantity(bad[i]), AM_INVALID_ARGUMENT, "%s", bad[i]);
    memset(text + 3, '0', 64);
    cr_assert_eq(quantity(text), AM_OUT_OF_RANGE);
    text[66] = '\0';
    cr_assert_eq(quantity(text), AM_OK);
    cr_assert_eq(eth_quantity_read_u64(&v, am_str_of("0x10000000000000000"), "t", NULL),
                 AM_OUT_OF_RANGE);
    cr_assert_eq(v, 0);
    cr_assert_eq(eth_quantity_read_u64(&v, am_str_of("0xffffffffffffffff"), "t", NULL), AM_OK);
    cr_assert_eq(v, UINT64_MAX);
    cr_assert_eq(eth_quantity_read_u64(&v, am_str_of("0x0"), "t", NULL), AM_OK);
    cr_assert_eq(v, 0);
    eth_quantity_u64(text, 0);
    cr_assert_str_eq(text, "0x0");
    eth_quantity_u64(text, 0x1092);
    cr_assert_str_eq(text, "0x1092");
}

Test(address, refuses_wrong_checksum_and_shape)
{
    static const char good[] = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"; /* EIP-55 */
    char text[ETH_ADDRESS_TEXT];
    uint8_t a[20];

    cr_assert_eq(eth_address_read(a, am_str_of(good), "t", NULL), AM_OK);
    eth_address_text(text, a);
    cr_assert_str_eq(text, good);
    for (size_t cut = 0; cut < 42; cut++)
        cr_assert_eq(eth_address_read(a, (struct am_str){good, cut}, "t", NULL),
                     AM_INVALID_ARGUMENT);
    text[5] = 'E'; /* an e that the checksum wants small */
    text[2] = '5';
    cr_assert_str_neq(text, good);
    cr_assert_eq(eth_address_read(a, am_str_of(text), "t", NULL), AM_INVALID_ARGUMENT);
    cr_assert(am_is_zero(a, 20));
    cr_assert_eq(
        eth_address_read(a, am_str_of("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"), "t", NULL),
        AM_OK);
    cr_assert_eq(
        eth_address_read(a, am_str_of("0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED"), "t", NULL),
        AM_OK);
}

Test(table, every_number_is_the_hash_of_its_signature)
{
    uint8_t hash[32], topic[32];

    for (unsigned i = 1; i < ETH_FN_count; i++) {
        const char *s = eth_fn_signature((enum eth_fn)i);

        am_keccak256(hash, s, strlen(s));
        cr_expect_eq(eth_selector((enum eth_fn)i), am_rd32(hash), "%s is 0x%08x", s, am_rd32(hash));
        cr_expect_eq(eth_fn_of(am_bin_of(hash, 4)), i, "%s twice", s);
    }
    for (unsigned i = 1; i < ETH_EVENT_count; i++) {
        const char *s = eth_event_signature((enum eth_event_id)i);

        am_keccak256(hash, s, strlen(s));
        eth_topic(topic, (enum eth_event_id)i);
        cr_expect_arr_eq(topic, hash, 32, "%s", s);
        cr_expect_eq(eth_event_of(hash), i, "%s twice", s);
    }
    for (unsigned i = 1; i < ETH_ERROR_count; i++) {
        const char *s = eth_error_signature((enum eth_error_id)i);

        am_keccak256(hash, s, strlen(s));
        cr_expect_eq(eth_error_selector((enum eth_error_id)i), am_rd32(hash), "%s", s);
        cr_expect_eq(eth_error_of(am_bin_of(hash, 4)), i, "%s twice", s);
    }
    cr_assert_eq(eth_fn_of(hex("537d49")), ETH_FN_none);
    cr_assert_eq(eth_fn_of(hex("00000000")), ETH_FN_none);
    cr_assert_str_eq(eth_fn_name(ETH_FN_count), "");
}

static void
revert_is(const char *data, const char *want)
{
    char text[64];

    eth_revert_text(text, sizeof text, hex(data));
    cr_assert_str_eq(text, want);
}

/* Error(text), FailedOp(0, text) or FailedOpWithRevert(0, text, nothing), and each truncation. */
static void
encoded_is(enum eth_error_id id, const char *text, const char *want)
{
    uint8_t bytes[512];
    struct eth_buf out = ETH_BUF(bytes);
    struct eth_enc e;
    size_t hole, last = 0;
    char got[64];

    am_be32(bytes, eth_error_selector(id));
    out.len = 4;
    eth_enc_start(&e, &out);
    if (id != ETH_ERROR_Error)
        eth_enc_u64(&e, 0);
    hole = eth_enc_hole(&e);
    if (id == ETH_ERROR_FailedOpWithRevert)
        last = eth_enc_hole(&e);
    eth_enc_fill(&e, hole);
    eth_enc_bytes(&e, am_bin_of(text, strlen(text)));
    if (last != 0) {
        eth_enc_fill(&e, last);
        eth_enc_bytes(&e, am_bin_of(NULL, 0));
    }
    cr_assert_eq(eth_enc_end(&e, 0, "test", NULL), AM_OK);
    eth_revert_text(got, sizeof got, eth_bin(&out));
    cr_assert_str_eq(got, want);
    for (size_t cut = 4; cut < out.len; cut++) {
        eth_revert_text(got, sizeof got, am_bin_of(bytes, cut));
        cr_assert_str_eq(got, eth_error_name(id));
    }
}

Test(revert, reads_as_an_operator_needs_it)
{
    char tiny[8];

    revert_is("", "no reason given");
    revert_is("0102", "2 bytes that are no reason");
    revert_is("deadbeef00", "0xdeadbeef (5 bytes)");
    revert_is("3d30ea79", "NotOurMember");
    revert_is("08c379a0", "Error");
    revert_is("4e487b710000000000000000000000000000000000000000000000000000000000000011",
              "Panic 0x11");
    encoded_is(ETH_ERROR_Error, "hi \x7f", "Error: hi ?");
    encoded_is(ETH_ERROR_FailedOp, "AA24 sig", "FailedOp 0: AA24 sig");
    encoded_is(ETH_ERROR_FailedOpWithRevert, "AA23", "FailedOp 0: AA23");
    eth_revert_text(tiny, sizeof tiny, hex("3d30ea79"));
    cr_assert_str_eq(tiny, "NotOurM");
}

#define ZEROS_31 "00000000000000000000000000000000000000000000000000000000000000"

Test(revert, shows_arguments_by_the_signature)
{
    char text[256];

    revert_is("fce698f7" ZEROS_31 "40", "ECDSAInvalidSignatureLength(64)");
    revert_is("fce698f7" ZEROS_31, "ECDSAInvalidSignatureLength");
    revert_is("fce698f7" ZEROS_31 "4000", "ECDSAInvalidSignatureLength");
    revert_is("9996b315000000000000000000000000f39fd6e51aad88f6f4ce6ab8827279cfffb92266",
              "AddressEmptyCode(0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266)");
    revert_is("9996b315ff0000000000000000000000f39fd6e51aad88f6f4ce6ab8827279cfffb92266",
              "AddressEmptyCode");
    eth_revert_text(text, sizeof text, hex("d78bce0cff" ZEROS_31));
    cr_assert_str_eq(text, "ECDSAInvalidSignatureS(0xff" ZEROS_31 ")");
    eth_revert_text(text, sizeof text, hex("fce698f7ff" ZEROS_31));
    cr_assert_str_eq(text, "ECDSAInvalidSignatureLength(0xff" ZEROS_31 ")");
}

Test(revert, shows_what_an_operation_failed_on_inside)
{
    char text[128];

    eth_revert_text(text, sizeof text,
                    hex("65c8fd4d" ZEROS_31 "00" ZEROS_31 "60" ZEROS_31 "a0" ZEROS_31 "0d"
                        "41413233207265766572746564"
                        "00000000000000000000000000000000000000" ZEROS_31 "04"
                        "3d30ea79"
                        "00000000000000000000000000000000000000000000000000000000"));
    cr_assert_str_eq(text, "FailedOp 0: AA23 reverted: NotOurMember");
}

/* (uint256[1 word], bytes, bytes32[]) with a dirty byte at `at`, or none. */
static int
decode_three(struct am_bin b)
{
    struct eth_dec d, list;
    struct am_bin text;
    uint8_t word[32];
    uint64_t v;
    size_t n;

    eth_dec_start(&d, b, 3, "test", NULL);
    eth_dec_u64(&d, 1000, &v);
    eth_dec_bytes(&d, &text);
    eth_dec_array(&list, &d, 1, 2, &n);
    for (size_t i = 0; i < n; i++)
        eth_dec_word(&list, word);
    eth_dec_leave(&d, &list);
    return eth_dec_end(&d);
}

Test(abi, reader_takes_one_encoding_only)
{
    uint8_t bytes[512];
    struct eth_buf out = ETH_BUF(bytes);
    struct eth_enc e;
    size_t text, list;

    eth_enc_start(&e, &out);
    eth_enc_u64(&e, 1000);
    text = eth_enc_hole(&e);
    list = eth_enc_hole(&e);
    eth_enc_fill(&e, text);
    eth_enc_bytes(&e, hex("0102030405"));
    eth_enc_fill(&e, list);
    eth_enc_u64(&e, 2);
    eth_enc_word(&e, bytes);
    eth_enc_word(&e, bytes);
    cr_assert_eq(eth_enc_end(&e, 0, "test", NULL), AM_OK);
    cr_assert_eq(out.len, 8 * 32);
    cr_assert_eq(decode_three(eth_bin(&out)), AM_OK);
    for (size_t cut = 0; cut < out.len; cut++)
        cr_assert_eq(decode_three(am_bin_of(bytes, cut)), AM_INVALID_ARGUMENT, "%zu", cut);
    for (size_t i = 0; i < 32; i++) {
        bytes[out.len + i] = 0;
        cr_assert_eq(decode_three(am_bin_of(bytes, out.len + i + 1)), AM_INVALID_ARGUMENT);
    }
    for (size_t i = 0; i < 6 * 32; i++) { /* every byte but the five of the text and the elements */
        bool free_byte = i >= 4 * 32 && i < 4 * 32 + 5;
        bool lower = i == 31 || i == 30; /* the number may be any up to 1000 */

        bytes[i] ^= 0x80;
        if (!free_byte && !lower)
            cr_assert_eq(decode_three(eth_bin(&out)), AM_INVALID_ARGUMENT, "byte %zu", i);
        bytes[i] ^= 0x80;
    }
    bytes[31]++; /* 1001: limit + 1 */
    cr_assert_eq(decode_three(eth_bin(&out)), AM_INVALID_ARGUMENT);
}

Test(abi, writer_stops_at_the_cap_and_leaves_nothing)
{
    uint8_t bytes[228], to[32] = {1};

    for (size_t cap = 0; cap <= sizeof bytes; cap++) {
        struct eth_buf out = {bytes, cap, 0};
        int rc = eth_call_send(&out, to, to, am_bin_of(to, 32), NULL);

        cr_assert_eq(rc, cap < 164 ? AM_RESOURCE_EXHAUSTED : AM_OK, "%zu", cap);
        cr_assert_eq(out.len, cap < 164 ? 0 : 164);
    }
}

Test(rlp, refuses_longer_forms_and_truncation)
{
    static const char *const bad[] = {"",
                                      "8100",
                                      "817f",
                                      "b800",
                                      "b8",
                                      "b90000",
                                      "b837",
                                      "f800",
                                      "f7",
                                      "c1",
                                      "82ff",
                                      "bfffffffffffffffff",
                                      "ffffffffffffffffff",
                                      "b90010",
                                      "f90000"};
    struct am_bin item, in;
    bool list;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        in = hex(bad[i]);
        cr_assert_eq(eth_rlp_next(&item, &list, &in, NULL), AM_INVALID_ARGUMENT, "%s", bad[i]);
    }
    in = hex("8180c000");
    cr_assert_eq(eth_rlp_next(&item, &list, &in, NULL), AM_OK);
    same(item, "80");
    cr_assert_eq(eth_rlp_next(&item, &list, &in, NULL), AM_OK);
    cr_assert(list && item.len == 0);
    cr_assert_eq(eth_rlp_next(&item, &list, &in, NULL), AM_OK);
    same(item, "00");
    cr_assert_eq(in.len, 0);
}

Test(rlp, writes_and_reads_at_the_length_edges)
{
    static const size_t sizes[] = {0, 1, 2, 55, 56, 255, 256, 3000};
    static uint8_t data[3000], bytes[3100];

    memset(data, 0x81, sizeof data);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct eth_buf out = ETH_BUF(bytes), tight;
        struct am_bin in, item;
        bool list;

        cr_assert_eq(eth_rlp_bytes(&out, am_bin_of(data, sizes[i]), NULL), AM_OK);
        cr_assert_eq(out.len, eth_rlp_bytes_size(am_bin_of(data, sizes[i])));
        in = eth_bin(&out);
        cr_assert_eq(eth_rlp_next(&item, &list, &in, NULL), AM_OK);
        cr_assert(!list && am_bin_eq(item, am_bin_of(data, sizes[i])) && in.len == 0);
        tight = (struct eth_buf){bytes, out.len - 1, 0};
        cr_assert_eq(eth_rlp_bytes(&tight, am_bin_of(data, sizes[i]), NULL), AM_RESOURCE_EXHAUSTED);
    }
}

Test(word, adds_compares_and_refuses_overflow)
{
    uint8_t max[32], one[32], out[32];

    memset(max, 0xff, 32);
    eth_word_u64(one, 1);
    cr_assert(!eth_word_add(out, max, one));
    cr_assert(am_is_zero(out, 32));
    eth_word_u64(max, UINT64_MAX);
    cr_assert(eth_word_add(max, max, one));
    cr_assert(max[23] == 1 && am_is_zero(max + 24, 8));
    cr_assert(eth_word_cmp(one, max) < 0 && eth_word_cmp(max, max) == 0);
}

Test(rlp, a_long_head_begins_at_56_bytes)
{
    uint8_t bytes[60] = {0};
    struct am_bin item, in;
    bool list;

    for (int list_too = 0; list_too < 2; list_too++) {
        bytes[0] = list_too ? 0xf8 : 0xb8;
        bytes[1] = 55;
        in = am_bin_of(bytes, 57);
        cr_assert_eq(eth_rlp_next(&item, &list, &in, NULL), AM_INVALID_ARGUMENT);
        bytes[1] = 56;
        in = am_bin_of(bytes, 58);
        cr_assert_eq(eth_rlp_next(&item, &list, &in, NULL), AM_OK);
        cr_assert(item.len == 56 && list == (list_too == 1));
    }
}
