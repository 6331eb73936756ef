/*  fuzz_grpc_frame -- whatever a peer sends: pieces do not matter, decoding undoes encoding.  */
#include "../../common/net/am_grpc_frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

/* The same bytes in two pieces must end as they do in one. */
static void
check_reader(const uint8_t *p, size_t len, size_t cut)
{
    struct am_grpc_reader one = {0}, two = {0};
    int a = am_grpc_reader_feed(&one, p, len, NULL);
    int b = am_grpc_reader_feed(&two, p, cut, NULL);

    if (b == AM_OK)
        b = am_grpc_reader_feed(&two, p + cut, len - cut, NULL);
    AM_ASSERT(a == b);
    AM_ASSERT(one.cap <= AM_GRPC_MESSAGE_MAX && two.cap <= AM_GRPC_MESSAGE_MAX);
    if (a == AM_OK) {
        AM_ASSERT(am_grpc_reader_whole(&one) == am_grpc_reader_whole(&two));
        AM_ASSERT(one.len == two.len);
        AM_ASSERT(one.len == 0 || memcmp(one.message, two.message, one.len) == 0);
        AM_ASSERT(!am_grpc_reader_whole(&one) || one.len + AM_GRPC_PREFIX_BYTES == len);
    }
    am_grpc_reader_clear(&one);
    am_grpc_reader_clear(&two);
}

static void
check_text(const uint8_t *p, size_t len)
{
    struct am_str text = {(const char *)p, len};
    char *plain = malloc(len + 1), *coded = malloc(3 * len + 1), *again = malloc(len + 1);
    char timeout[AM_GRPC_TIMEOUT_BYTES];
    int64_t ms, back;
    size_t n;

    AM_ASSERT(plain != NULL && coded != NULL && again != NULL);
    n = am_grpc_percent_decode(plain, len + 1, text);
    AM_ASSERT(n <= len && strlen(plain) == n);
    AM_ASSERT(am_grpc_percent_encode(coded, 3 * len + 1, plain) >= n);
    AM_ASSERT(am_grpc_percent_decode(again, len + 1, am_str_of(coded)) == n);
    AM_ASSERT(memcmp(plain, again, n + 1) == 0);
    if (am_grpc_timeout_read(&ms, text, NULL) == AM_OK) {
        am_grpc_timeout_write(timeout, ms);
        AM_ASSERT(am_grpc_timeout_read(&back, am_str_of(timeout), NULL) == AM_OK);
        AM_ASSERT(back >= ms); /* rounded up, never down */
    }
    AM_ASSERT(am_grpc_status_read(text) <= AM_OK);
    free(plain);
    free(coded);
    free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    if (len == 0)
        return 0;
    check_reader(p + 1, len - 1, p[0] % len);
    check_text(p, len);
    return 0;
}
