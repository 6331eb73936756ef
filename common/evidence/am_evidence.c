/*  am_evidence -- what a node shows of itself, judged.  */
#include "am_evidence.h"

#include "am_quote_verify.h"

#include <jansson.h>
#include <string.h>

static void
judge_log(struct am_verdict *v, struct am_evidence *e)
{
    const uint8_t *want[4] = {e->quote.rtmr0, e->quote.rtmr1, e->quote.rtmr2, e->quote.rtmr3};
    struct am_error err = {0};

    if (e->log_text == NULL) {
        for (enum am_check i = AM_CHECK_event_log; i <= AM_CHECK_mr_config_id; i++)
            am_verdict_set(v, i, AM_NOT_DONE, "there is no event log");
        return;
    }
    if (am_verdict_judge(v, AM_CHECK_event_log,
                         am_eventlog_replay(&e->log, am_str_of(e->log_text), &err), &err) != AM_OK)
        return;
    for (int i = 0; i < 4; i++) {
        char got[97];

        am_hex(got, e->log.rtmr[i], 48);
        if (memcmp(e->log.rtmr[i], want[i], 48) == 0)
            am_verdict_set(v, AM_CHECK_rtmr0 + (unsigned)i, AM_PASSED, "%s", "");
        else
            am_verdict_set(v, AM_CHECK_rtmr0 + (unsigned)i, AM_REFUSED,
                           "RTMR%d: the log replays to %s, not to what the quote has", i, got);
    }
    am_verdict_judge(v, AM_CHECK_event_digests, e->log.digests.code, &e->log.digests);
    am_verdict_judge(v, AM_CHECK_events, e->log.order.code, &e->log.order);
}

/* Form 1 is the compose hash itself; later ones hash more than we are told. */
static void
judge_config_id(struct am_verdict *v, const struct am_evidence *e)
{
    const uint8_t *id = e->quote.mr_config_id;

    if (!e->log.compose_hash.set)
        return;
    if (am_is_zero(id, 48))
        am_verdict_set(v, AM_CHECK_mr_config_id, AM_NOT_DONE, "it is not set");
    else if (id[0] != 1)
        am_verdict_set(v, AM_CHECK_mr_config_id, AM_NOT_DONE, "form %u is not evaluated", id[0]);
    else if (memcmp(id + 1, e->log.compose_hash.bytes, 32) == 0 && am_is_zero(id + 33, 15))
        am_verdict_set(v, AM_CHECK_mr_config_id, AM_PASSED, "%s", "");
    else
        am_verdict_set(v, AM_CHECK_mr_config_id, AM_REFUSED,
                       "mr_config_id: it holds another compose hash than the event log");
}

static void
judge_report_data(struct am_verdict *v, const struct am_evidence *e, const struct am_expect *x)
{
    const struct am_bin nonce = {e->nonce, e->nonce_len};
    uint8_t want[64];
    bool keys, bound;

    if (!e->has_keys) {
        for (enum am_check i = AM_CHECK_report_data_keys; i <= AM_CHECK_fresh; i++)
            am_verdict_set(v, i, x->nonce.len > 0 ? AM_REFUSED : AM_NOT_DONE,
                           "it comes without the keys that it should be bound to");
        return;
    }
    am_report_data(want, &e->keys, nonce);
    keys = memcmp(want, e->quote.report_data, 32) == 0;
    bound = memcmp(want + 32, e->quote.report_data + 32, 32) == 0;
    am_verdict_set(v, AM_CHECK_report_data_keys, keys ? AM_PASSED : AM_REFUSED, "%s",
                   keys ? "" : "report data: its first half is not the hash of these keys");
    am_verdict_set(v, AM_CHECK_report_data_nonce, bound ? AM_PASSED : AM_REFUSED, "%s",
                   bound            ? ""
                   : nonce.len == 0 ? "report data: expected zeros behind the keys' hash"
                                    : "report data: its second half is not the nonce's hash");
    if (x->nonce.len == 0)
        am_verdict_set(v, AM_CHECK_fresh, AM_NOT_DONE,
                       "the nonce is the record's own: this may be old");
    else if (am_bin_eq(nonce, x->nonce) && bound)
        am_verdict_set(v, AM_CHECK_fresh, AM_PASSED, "%s", "");
    else
        am_verdict_set(v, AM_CHECK_fresh, AM_REFUSED, "nonce: expected the one that was sent");
}

/* One text of the answer against the bytes that are evidence; what is not said is not wrong. */
static int
agrees(const json_t *object, const char *key, const uint8_t *want, size_t len, struct am_error *err)
{
    const char *said = json_string_value(json_object_get(object, key));
    uint8_t got[64];

    if (said == NULL)
        return AM_OK;
    if (am_unhex(got, len, am_str_of(said), key, NULL) == AM_OK && memcmp(got, want, len) == 0)
        return AM_OK;
    return am_fail(err, AM_INVALID_ARGUMENT, "%s: the answer says other than the evidence", key);
}

static int
check_answer(const struct am_evidence *e, struct am_error *err)
{
    const json_t *m = json_object_get(e->tree, "measurements"),
                 *d = json_object_get(e->tree, "dstack");
    const struct am_eventlog *log = &e->log;
    int r = e->answer.code;

    if (r != AM_OK) {
        *err = e->answer;
        return r;
    }
    if (e->quote.whole.len > 0) {
#define SAID(name, offset, len)                                                                    \
    if (r == AM_OK)                                                                                \
        r = agrees(m, #name, e->quote.name, len, err);
        AM_QUOTE_BODY(SAID)
#undef SAID
        if (r == AM_OK)
            r = agrees(e->tree, "report_data", e->quote.report_data, 64, err);
    }
    if (r == AM_OK && log->app_id.set)
        r = agrees(d, "app_id", log->app_id.bytes, 20, err);
    if (r == AM_OK && log->compose_hash.set)
        r = agrees(d, "compose_hash", log->compose_hash.bytes, 32, err);
    if (r == AM_OK && log->instance_id.set)
        r = agrees(d, "instance_id", log->instance_id.bytes, log->instance_id.len, err);
    return r;
}

static void
judge_expected(struct am_verdict *v, enum am_check check, const struct am_event_value *got,
               const uint8_t *want, const char *option)
{
    char text[65];

    if (want == NULL) {
        am_verdict_set(v, check, AM_NOT_DONE, "nothing to compare with: give %s", option);
    } else if (!got->set) {
        am_verdict_set(v, check, AM_REFUSED, "the evidence does not show it");
    } else if (memcmp(got->bytes, want, got->len) != 0) {
        am_hex(text, got->bytes, got->len);
        am_verdict_set(v, check, AM_REFUSED, "the event log has %s", text);
    } else {
        am_verdict_set(v, check, AM_PASSED, "%s", "");
    }
}

void
am_evidence_judge(struct am_verdict *v, struct am_evidence *e, const struct am_expect *expect)
{
    struct am_error err = {0};
    int r;

    memset(v, 0, sizeof *v);
    if (e->answer.code == AM_OK) {
        r = am_quote_parse(&e->quote, am_bin_of(e->quote_bytes, e->quote_len), &err);
        if (am_verdict_judge(v, AM_CHECK_form, r, &err) == AM_OK) {
            am_quote_verify(v, &e->quote, expect->root, expect->now);
            judge_log(v, e);
            judge_config_id(v, e);
            judge_report_data(v, e, expect);
        }
    }
    am_verdict_judge(v, AM_CHECK_answer, check_answer(e, &err), &err);
    judge_expected(v, AM_CHECK_compose_hash, &e->log.compose_hash, expect->compose_hash,
                   "--compose-hash or --compose");
    judge_expected(v, AM_CHECK_app_id, &e->log.app_id, expect->app_id, "--app-id");
    am_verdict_set(v, AM_CHECK_image, AM_NOT_DONE, "no image's measurements are known here");
    am_verdict_set(v, AM_CHECK_key_provider, AM_NOT_DONE,
                   "compare the key_provider of the event log with the KMS that you trust");
}
