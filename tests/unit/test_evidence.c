/*  test_evidence -- quotes of a root of our own: refused by the pin, and by each check in turn.  */
#include "../../common/evidence/am_pck.h"
#include "../../common/evidence/am_quote_verify.h"
#include "evidence_flip.h"
#include "evidence_made.h"
#include "slow.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct made made;
static struct am_evidence evidence;
static struct am_verdict verdict;

static void
judge(const uint8_t *root)
{
    const struct am_expect expect = {.root = root, .now = MADE_NOW};

    memset(&evidence, 0, sizeof evidence);
    memcpy(evidence.quote_bytes, made.bytes, made.len);
    evidence.quote_len = made.len;
    am_evidence_judge(&verdict, &evidence, &expect);
}

/* With its root trusted, this check refuses and no earlier one does. */
static void
refused(enum am_check check, const char *why)
{
    char words[1024];

    made_quote(&made);
    judge(made.root);
    am_verdict_words(words, sizeof words, &verdict);
    cr_expect_eq(am_verdict_refusal(&verdict), check, "%s", words);
    cr_expect_not_null(strstr(words, why), "%s: %s", why, words);
    memset(&made, 0, sizeof made);
}

Test(evidence, a_root_of_ones_own_is_refused_unless_it_is_the_one_trusted)
{
    char words[1024];

    made_quote(&made);
    judge(am_intel_root);
    am_verdict_words(words, sizeof words, &verdict);
    cr_assert_eq(am_verdict_refusal(&verdict), AM_CHECK_root, "%s", words);
    cr_assert_not_null(strstr(words, "refused: not signed by Intel: root: "), "%s", words);
    judge(made.root);
    am_verdict_words(words, sizeof words, &verdict);
    cr_assert_eq(am_verdict_refusal(&verdict), AM_CHECKS, "%s", words);
    cr_assert_str_eq(words, "signed by Intel, TCB not evaluated");
    cr_assert_eq(verdict.checks[AM_CHECK_tcb].outcome, AM_NOT_DONE);
}

Test(evidence, certificates_that_do_not_chain_are_refused)
{
    made.leaf_is_ca = true;
    refused(AM_CHECK_certificates, "certificate");
    made.leaf_without_extension = true;
    refused(AM_CHECK_certificates, "expected Intel's extension");
    made.leaf_unnamed_issuer = true;
    refused(AM_CHECK_certificates, "certificate");
    made.issuer_is_no_ca = true;
    refused(AM_CHECK_certificates, "invalid CA certificate");
    made.issuer_signs_itself = true;
    refused(AM_CHECK_certificates, "certificate");
    made.issuer_not_strict = true; /* RFC 5280 4.2.1.9 */
    refused(AM_CHECK_certificates, "Basic Constraints of CA cert not marked critical");
    made.leaf_skips_issuer = true;
    refused(AM_CHECK_certificates, "each must be signed by the next");
    made.root_for_none = true;
    refused(AM_CHECK_certificates, "path length constraint exceeded");
}

Test(evidence, certificates_out_of_date_are_refused_with_the_date)
{
    made.expired_leaf = true;
    refused(AM_CHECK_dates, "PCK certificate: expired at 2026-05-27T");
    made.future_issuer = true;
    refused(AM_CHECK_dates, "its issuer: not valid before 2026-05-29T");
}

static void
enclave_of_another(uint8_t *report)
{
    report[128] ^= 1;
}

static void
enclave_for_sgx(uint8_t *report)
{
    report[256] = 1;
}

static void
enclave_under_debug(uint8_t *report)
{
    report[48] |= 2;
}

static void
enclave_with_more_in_its_frames(uint8_t *report)
{
    report[16] = 1;
}

static void
enclave_for_another_key(uint8_t *report)
{
    report[320] ^= 1;
}

static void
enclave_with_more_to_say(uint8_t *report)
{
    report[383] = 1;
}

Test(evidence, another_quoting_enclave_is_refused_though_the_pck_key_signed_it)
{
    made.touch_qe = enclave_of_another;
    refused(AM_CHECK_qe_identity, "its signer is not Intel");
    made.touch_qe = enclave_for_sgx;
    refused(AM_CHECK_qe_identity, "expected product 2, got 1");
    made.touch_qe = enclave_under_debug;
    refused(AM_CHECK_qe_identity, "0x17: debug");
    made.touch_qe = enclave_with_more_in_its_frames;
    refused(AM_CHECK_qe_identity, "expected miscselect 0");
    made.touch_qe = enclave_for_another_key;
    refused(AM_CHECK_attestation_key, "it vouches for another key");
    made.touch_qe = enclave_with_more_to_say;
    refused(AM_CHECK_attestation_key, "it vouches for another key");
    made.other_pck_key = true;
    refused(AM_CHECK_qe_signature, "does not verify");
    made.other_attestation_key = true;
    refused(AM_CHECK_quote_signature, "does not verify");
}

static void
td_under_debug(uint8_t *quote)
{
    quote[168] = 1;
}

static void
td_of_another_module(uint8_t *quote)
{
    quote[112 + 47] = 1;
}

Test(evidence, a_td_that_can_be_looked_into_is_refused)
{
    made.touch_quote = td_under_debug;
    refused(AM_CHECK_debug, "got 0x01");
    made.touch_quote = td_of_another_module;
    refused(AM_CHECK_td_module, "mr_signer_seam");
}

/* The made chain with its first certificate's DER as `change` leaves it; returns am_pck_read's. */
static int
read_changed(size_t (*change)(uint8_t *der, size_t len), struct am_error *err)
{
    BIO *in, *out = BIO_new(BIO_s_mem());
    char *name, *header, *pem;
    uint8_t *der, changed[4096];
    struct am_pck pck;
    long len;
    int r;

    made_quote(&made);
    in = BIO_new_mem_buf(made.bytes + 1258, (int)made.len - 1258 - 1);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(PEM_read_bio(in, &name, &header, &der, &len), 1);
        memcpy(changed, der, (size_t)len);
        if (i == 0)
            len = (long)change(changed, (size_t)len);
        PEM_write_bio(out, name, "", changed, len);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    len = BIO_get_mem_data(out, &pem);
    r = am_pck_read(&pck, (struct am_str){pem, (size_t)len}, err);
    am_pck_clear(&pck);
    BIO_free(in);
    BIO_free(out);
    return r;
}

static size_t
as_it_is(uint8_t *der, size_t len)
{
    (void)der;
    return len;
}

static size_t
with_a_byte_behind(uint8_t *der, size_t len)
{
    der[len] = 0;
    return len + 1;
}

/* 30 82 hh ll as 30 83 00 hh ll: BER allows it, DER does not. */
static size_t
with_a_long_length(uint8_t *der, size_t len)
{
    memmove(der + 3, der + 2, len - 2);
    der[1] = 0x83;
    der[2] = 0;
    return len + 1;
}

Test(evidence, a_certificate_has_one_writing)
{
    struct am_error err = {0};
    struct am_pck pck;
    uint8_t *a;

    cr_assert_eq(read_changed(as_it_is, &err), AM_OK, "%s", err.text);
    cr_assert_eq(read_changed(with_a_byte_behind, &err), AM_INVALID_ARGUMENT);
    cr_assert_eq(read_changed(with_a_long_length, &err), AM_INVALID_ARGUMENT);
    cr_assert_str_eq(err.text, "PCK certificate: expected an X.509 certificate in DER");
    a = memchr(made.bytes + 1258 + 28, 'A', made.len - 1258 - 28);
    *a ^= 0xff;
    cr_assert_eq(
        am_pck_read(&pck, (struct am_str){(char *)made.bytes + 1258, made.len - 1258 - 1}, &err),
        AM_INVALID_ARGUMENT);
    cr_assert_str_eq(err.text, "PCK certificate: expected base64, got 0xbe");
    am_pck_clear(&pck);
}

Test(verdict, of_nothing_done_is_a_refusal)
{
    char words[1024];

    am_verdict_words(words, sizeof words, &verdict);
    cr_assert_str_eq(words, "refused: not said of these keys, or not now: answer: not done");
    for (enum am_check i = 0; i < AM_CHECKS; i++)
        if (i != AM_CHECK_root)
            am_verdict_set(&verdict, i, AM_PASSED, "%s", "");
    cr_assert_eq(am_verdict_refusal(&verdict), AM_CHECK_root);
    am_verdict_set(&verdict, AM_CHECK_root, AM_REFUSED, "a\033b");
    am_verdict_set(&verdict, AM_CHECK_root, AM_PASSED, "%s", "");
    cr_assert_eq(am_verdict_refusal(&verdict), AM_CHECK_root, "a refusal stays");
    cr_assert_str_eq(verdict.checks[AM_CHECK_root].why, "a?b");
}

static size_t regions;

static void
on_flip(void *arg, const struct flip *f)
{
    (void)arg;
    regions++;
    cr_expect_str_empty(f->missed, "%s: %s", f->region, f->missed);
    cr_expect(f->tried > 0 || f->bytes == 0, "%s", f->region);
}

/* The recorded quotes have every byte changed (tests/integration/evidence); these are everywhere.
 */
Test(evidence, no_byte_of_it_can_be_changed, .timeout = 300)
{
    const uint8_t app_id[20] = {1}, hash[32] = {2};
    uint8_t rtmr[4][48];
    char *log = made_log(rtmr, app_id, hash);
    struct flip_how how = {.root = made.root,
                           .now = MADE_NOW,
                           .stride = 5 * (size_t)slow_factor(),
                           .certificates = true,
                           .fn = on_flip};

    memcpy(made.bytes + 376, rtmr, sizeof rtmr);
    made_quote(&made);
    flip_quote(am_bin_of(made.bytes, made.len), &how);
    flip_log(am_bin_of(made.bytes, made.len), log, &how);
    cr_assert_eq(regions, 22);
    free(log);
}

/* ---- the whole answer ---- */

static struct am_report_keys keys = {{1}, {2}, {3}, {4}, {5}};
static const uint8_t nonce[32] = {9}, app_id[20] = {6}, compose_hash[32] = {7};

/* v1's answer of a good node, to our nonce, changed by `change`; judged against `expect`. */
static void
judge_answer(void (*change)(json_t *root), struct am_expect expect)
{
    uint8_t rtmr[4][48];
    char *log = made_log(rtmr, app_id, compose_hash), *text;
    struct am_error err = {0};
    json_t *root;

    memset(&made, 0, sizeof made);
    memcpy(made.bytes + 376, rtmr, sizeof rtmr);
    made.bytes[232] = 1;
    memcpy(made.bytes + 233, compose_hash, 32);
    am_report_data(made.bytes + 568, &keys, AM_BIN(nonce));
    made_quote(&made);
    text = made_answer(&made, &keys, AM_BIN(nonce), log);
    root = json_loads(text, 0, NULL);
    if (change != NULL)
        change(root);
    free(text);
    text = json_dumps(root, JSON_COMPACT);
    am_evidence_clear(&evidence);
    cr_assert_eq(am_evidence_read(&evidence, am_bin_of(text, strlen(text)), &err), AM_OK, "%s",
                 err.text);
    expect.root = made.root;
    expect.now = MADE_NOW;
    am_evidence_judge(&verdict, &evidence, &expect);
    json_decref(root);
    free(text);
    free(log);
}

static void
says(enum am_check check, const char *why)
{
    char words[1024];

    am_verdict_words(words, sizeof words, &verdict);
    cr_expect_eq(am_verdict_refusal(&verdict), check, "%s", words);
    cr_expect_not_null(strstr(words, why), "%s: %s", why, words);
}

Test(answer, of_a_good_node_passes_whatever_can_be_checked)
{
    judge_answer(NULL, (struct am_expect){
                           .nonce = AM_BIN(nonce), .compose_hash = compose_hash, .app_id = app_id});
    says(AM_CHECKS, "signed by Intel, TCB not evaluated");
    for (enum am_check i = 0; i < AM_CHECKS; i++)
        cr_expect_eq(verdict.checks[i].outcome,
                     i == AM_CHECK_tcb || i == AM_CHECK_image || i == AM_CHECK_key_provider
                         ? AM_NOT_DONE
                         : AM_PASSED,
                     "%s: %s", am_check_name(i), verdict.checks[i].why);
}

Test(answer, as_a_record_proves_no_freshness)
{
    judge_answer(NULL, (struct am_expect){0});
    says(AM_CHECKS, "signed by Intel, TCB not evaluated");
    cr_assert_eq(verdict.checks[AM_CHECK_fresh].outcome, AM_NOT_DONE);
    cr_assert_eq(verdict.checks[AM_CHECK_report_data_nonce].outcome, AM_PASSED);
    cr_assert_eq(verdict.checks[AM_CHECK_compose_hash].outcome, AM_NOT_DONE);
}

static void
other_key(json_t *root)
{
    json_object_set_new(
        json_object_get(root, "identity"), "wg_pub",
        json_string("0000000000000000000000000000000000000000000000000000000000000000"));
}

static void
other_nonce(json_t *root)
{
    json_object_set_new(root, "nonce", json_string("0x01"));
}

static void
no_nonce(json_t *root)
{
    json_object_set_new(root, "nonce", json_null());
}

static void
no_log(json_t *root)
{
    json_object_del(root, "event_log");
}

static void
log_as_array(json_t *root)
{
    const char *text = json_string_value(json_object_get(root, "event_log"));

    json_object_set_new(root, "event_log", json_loads(text, 0, NULL));
}

static void
short_key(json_t *root)
{
    json_object_set_new(json_object_get(root, "identity"), "x_pub", json_string("00"));
}

static void
says_another_hash(json_t *root)
{
    json_object_set_new(
        root, "dstack",
        json_pack("{s:s}", "compose_hash",
                  "0000000000000000000000000000000000000000000000000000000000000000"));
}

static void
says_another_mrtd(json_t *root)
{
    json_object_set_new(root, "measurements", json_pack("{s:s}", "mrtd", "00"));
}

static void
only_a_quote(json_t *root)
{
    json_t *bytes = json_incref(json_object_get(json_object_get(root, "quote"), "bytes"));

    json_object_clear(root);
    json_object_set_new(root, "quote", bytes);
}

Test(answer, that_is_wrong_is_refused_by_name)
{
    const struct am_expect ours = {.nonce = AM_BIN(nonce)}, record = {0};
    const uint8_t zero[32] = {0};

    judge_answer(other_key, record);
    says(AM_CHECK_report_data_keys, "its first half");
    judge_answer(other_nonce, ours);
    says(AM_CHECK_report_data_nonce, "its second half");
    cr_expect_eq(verdict.checks[AM_CHECK_fresh].outcome, AM_REFUSED);
    judge_answer(no_nonce, record);
    says(AM_CHECK_report_data_nonce, "expected zeros");
    judge_answer(NULL, (struct am_expect){.nonce = AM_BIN(zero)});
    says(AM_CHECK_fresh, "expected the one that was sent");
    judge_answer(short_key, ours);
    says(AM_CHECK_answer, "x_pub: expected 32 bytes of hex, got 1");
    judge_answer(says_another_hash, ours);
    says(AM_CHECK_answer, "compose_hash: the answer says other than the evidence");
    judge_answer(says_another_mrtd, ours);
    says(AM_CHECK_answer, "mrtd: the answer says other than the evidence");
    judge_answer(only_a_quote, ours);
    says(AM_CHECK_report_data_keys, "without the keys");
    judge_answer(NULL, (struct am_expect){.nonce = AM_BIN(nonce), .compose_hash = zero});
    says(AM_CHECK_compose_hash, "refused: other code than expected: compose_hash: the event log");
    judge_answer(NULL, (struct am_expect){.nonce = AM_BIN(nonce), .app_id = zero});
    says(AM_CHECK_app_id, "the event log has 0600");
}

Test(answer, without_event_log_shows_no_code)
{
    judge_answer(no_log, (struct am_expect){.nonce = AM_BIN(nonce)});
    says(AM_CHECKS, "signed by Intel");
    cr_assert_eq(verdict.checks[AM_CHECK_rtmr3].outcome, AM_NOT_DONE);
    judge_answer(no_log, (struct am_expect){.compose_hash = compose_hash});
    says(AM_CHECK_compose_hash, "the evidence does not show it");
    judge_answer(log_as_array, (struct am_expect){.compose_hash = compose_hash});
    says(AM_CHECKS, "signed by Intel");
}

Test(answer, that_is_none_is_told_from_a_bad_one)
{
    static const struct {
        const char *text;
        int code;
        const char *why;
    } others[] = {
        {"", AM_INVALID_ARGUMENT, "got 0 other bytes"},
        {"<html>", AM_INVALID_ARGUMENT, "got 6 other bytes"},
        {"{", AM_INVALID_ARGUMENT, "expected evidence in JSON"},
        {"{\"a\":1,\"a\":2}", AM_INVALID_ARGUMENT, "duplicate"},
        {"abc", AM_INVALID_ARGUMENT, "whole bytes of hex"},
        {"{\"available\":false,\"errors\":{\"quote\":\"no \\u001b[2J agent\"}}", AM_UNAVAILABLE,
         "the node has no evidence: quote: no ?[2J agent"},
        {"{\"available\":false,\"error\":\"nonce: empty\"}", AM_UNAVAILABLE, "nonce: empty"},
    };
    struct am_error err = {0};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        cr_expect_eq(
            am_evidence_read(&evidence, am_bin_of(others[i].text, strlen(others[i].text)), &err),
            others[i].code, "%s", others[i].text);
        cr_expect_not_null(strstr(err.text, others[i].why), "%s", err.text);
        am_evidence_clear(&evidence);
    }
}
