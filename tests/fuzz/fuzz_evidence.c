/*  fuzz_evidence -- quotes, event logs, answers, app-compose files: nothing breaks a reader, and
 *  nothing that was made up is signed by Intel.
 */
#include "../../common/evidence/am_compose.h"
#include "../../common/evidence/am_evidence.h"
#include "../../common/evidence/am_pck.h"
#include "../../common/evidence/am_quote_verify.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
quote(struct am_bin in)
{
    struct am_quote q;
    struct am_quote_signature s;

    if (am_quote_parse(&q, in, NULL) != AM_OK) {
        AM_ASSERT(q.whole.p == NULL && q.rtmr3 == NULL);
        return;
    }
    AM_ASSERT(q.signature_data.p + q.signature_data.len <= in.p + in.len);
    if (am_quote_parse_signature(&s, q.signature_data, NULL) == AM_OK)
        AM_ASSERT((const uint8_t *)s.certificates.p + s.certificates.len <= in.p + in.len);
}

static void
event_log(struct am_str in)
{
    static struct am_eventlog log;

    if (am_eventlog_replay(&log, in, NULL) != AM_OK)
        AM_ASSERT(log.events == 0 && !log.app_id.set);
    else if (log.order.code == AM_OK)
        AM_ASSERT(log.app_id.len == 20 && log.compose_hash.len == 32 && log.system_ready.set);
}

static void
evidence(struct am_bin in)
{
    static struct am_evidence e;
    const struct am_expect expect = {.root = am_intel_root, .now = 1764000000};
    struct am_verdict v;
    char words[512];

    if (am_evidence_read(&e, in, NULL) == AM_OK) {
        am_evidence_judge(&v, &e, &expect);
        am_verdict_words(words, sizeof words, &v);
        AM_ASSERT(am_verdict_refusal(&v) != AM_CHECKS);
    }
    am_evidence_clear(&e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct am_pck pck;

    quote(am_bin_of(data, size));
    event_log((struct am_str){(const char *)data, size});
    evidence(am_bin_of(data, size));
    (void)am_compose_canonical(am_bin_of(data, size), NULL);
    if (am_pck_read(&pck, (struct am_str){(const char *)data, size}, NULL) == AM_OK)
        (void)am_pck_check_chain(&pck, NULL);
    am_pck_clear(&pck);
    return 0;
}
