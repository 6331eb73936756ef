/*  fuzz_eth -- return data, logs, call data and RLP: no input may break a decoder, and what one
 *  takes must come out again byte for byte.
 */
#include "../../common/eth/eth_call.h"
#include "../../common/eth/eth_log.h"
#include "../../common/eth/eth_ret.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
calls(struct am_bin in)
{
    static uint8_t out[1 << 20];
    struct eth_buf b = ETH_BUF(out);
    struct eth_execute x;
    struct eth_register r;
    struct eth_send s;

    if (eth_parse_execute(&x, in, NULL) == AM_OK && am_is_zero(x.value, 32)) {
        AM_ASSERT(eth_call_execute(&b, x.target, x.inner, NULL) == AM_OK);
        AM_ASSERT(am_bin_eq(eth_bin(&b), in));
    }
    b.len = 0;
    if (eth_parse_register(&r, in, NULL) == AM_OK) {
        AM_ASSERT(eth_call_register(&b, &r, NULL) == AM_OK);
        AM_ASSERT(am_bin_eq(eth_bin(&b), in));
    }
    b.len = 0;
    if (eth_parse_send(&s, in, NULL) == AM_OK) {
        AM_ASSERT(eth_call_send(&b, s.recipient, s.envelope_id, s.ciphertext, NULL) == AM_OK);
        AM_ASSERT(am_bin_eq(eth_bin(&b), in));
    }
}

static void
returns(struct am_bin in)
{
    struct eth_result results[3];
    struct eth_indexer ix;
    struct eth_member m;
    struct am_str reason;
    uint8_t ids[4][32];
    size_t n;
    bool b;
    char text[64];

    (void)!eth_ret_aggregate3(results, 3, in, "fuzz", NULL);
    (void)!eth_ret_indexer(&ix, in, "fuzz", NULL);
    (void)!eth_ret_member(&m, in, "fuzz", NULL);
    (void)!eth_ret_words(ids, 4, &n, in, "fuzz", NULL);
    (void)!eth_ret_app_allowed(&b, &reason, in, "fuzz", NULL);
    eth_revert_text(text, sizeof text, in);
    AM_ASSERT(memchr(text, '\0', sizeof text) != NULL);
}

/* First byte: which event; then its topics; the rest is data. */
static void
logs(struct am_bin in)
{
    struct eth_log log = {.topic_count = 0};
    struct eth_event e;

    if (in.len < 2)
        return;
    log.topic_count = in.p[1] % 6;
    eth_topic(log.topics[0], (enum eth_event_id)(in.p[0] % ETH_EVENT_count));
    in = am_bin_of(in.p + 2, in.len - 2);
    for (size_t i = 1; i < ETH_TOPICS_MAX && in.len >= 32; i++) {
        memcpy(log.topics[i], in.p, 32);
        in = am_bin_of(in.p + 32, in.len - 32);
    }
    log.data = in;
    (void)!eth_log_decode(&e, &log, NULL);
}

static void
rlp(struct am_bin in)
{
    static uint8_t out[1 << 20];
    struct eth_buf b = ETH_BUF(out);
    struct eth_log log;

    if (eth_log_unrlp(&log, in, NULL) == AM_OK) {
        AM_ASSERT(eth_log_rlp(&b, &log, NULL) == AM_OK);
        AM_ASSERT(am_bin_eq(eth_bin(&b), in));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct am_bin in = {data, size};

    calls(in);
    returns(in);
    logs(in);
    rlp(in);
    return 0;
}
