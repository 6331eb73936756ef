/*  verify_print -- what attestmesh verify says: a page for a person, or JSON.  */
#include "verify_print.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define WORDS 1024
#define FACT (AM_EVENT_VALUE_MAX + 1)

typedef void fact_fn(void *arg, const char *name, const char *text);

static void
hex_fact(fact_fn *fn, void *arg, const char *name, const uint8_t *p, size_t len)
{
    char text[2 * 64 + 3] = "0x";

    am_hex(text + 2, p, len);
    fn(arg, name, text);
}

static void
ascii_fact(fact_fn *fn, void *arg, const char *name, const struct am_event_value *value)
{
    char text[FACT];
    size_t n = 0;

    for (; n < value->len; n++)
        text[n] = value->bytes[n] < 0x20 || value->bytes[n] > 0x7e ? '?' : (char)value->bytes[n];
    text[n] = '\0';
    fn(arg, name, text);
}

/* Names as in /attestation's JSON, values of the quote and the event log. */
static void
facts(const struct am_evidence *e, fact_fn *fn, void *arg)
{
    const struct am_eventlog *log = &e->log;

    if (e->has_keys) {
        hex_fact(fn, arg, "cluster", e->keys.cluster, 20);
        hex_fact(fn, arg, "member_contract", e->keys.member, 20);
        hex_fact(fn, arg, "x_pub", e->keys.x_pub, 32);
        hex_fact(fn, arg, "wg_pub", e->keys.wg_pub, 32);
        hex_fact(fn, arg, "ed25519_pub", e->keys.ed25519_pub, 32);
    }
    if (log->app_id.set)
        hex_fact(fn, arg, "app_id", log->app_id.bytes, 20);
    if (log->compose_hash.set)
        hex_fact(fn, arg, "compose_hash", log->compose_hash.bytes, 32);
    if (log->instance_id.set)
        hex_fact(fn, arg, "instance_id", log->instance_id.bytes, log->instance_id.len);
    if (log->os_image_hash.set)
        hex_fact(fn, arg, "os_image_hash", log->os_image_hash.bytes, log->os_image_hash.len);
    if (log->key_provider.set)
        ascii_fact(fn, arg, "key_provider", &log->key_provider);
    if (e->quote.whole.len > 0) {
        hex_fact(fn, arg, "tee_tcb_svn", e->quote.tee_tcb_svn, 16);
        hex_fact(fn, arg, "mr_seam", e->quote.mr_seam, 48);
        hex_fact(fn, arg, "mrtd", e->quote.mrtd, 48);
        hex_fact(fn, arg, "rtmr0", e->quote.rtmr0, 48);
        hex_fact(fn, arg, "rtmr1", e->quote.rtmr1, 48);
        hex_fact(fn, arg, "rtmr2", e->quote.rtmr2, 48);
        hex_fact(fn, arg, "rtmr3", e->quote.rtmr3, 48);
        hex_fact(fn, arg, "report_data", e->quote.report_data, 64);
    }
}

static void
print_fact(void *arg, const char *name, const char *text)
{
    (void)arg;
    printf("%-18s %s\n", name, text);
}

/* One reason behind several checks is told once, behind the last. */
static bool
same_next(const struct am_verdict *v, enum am_check i)
{
    return i + 1 < AM_CHECKS && v->checks[i].outcome == v->checks[i + 1].outcome &&
           strcmp(v->checks[i].why, v->checks[i + 1].why) == 0;
}

void
verify_print_page(const struct am_verdict *v, const struct am_evidence *e)
{
    static const char *const marks[] = {"not done", "ok", "FAIL"};
    char words[WORDS];

    puts("what it says of itself:");
    facts(e, print_fact, NULL);
    putchar('\n');
    for (enum am_check i = 0; i < AM_CHECKS; i++) {
        printf("%-9s %-18s %s\n", marks[v->checks[i].outcome], am_check_name(i), am_check_text(i));
        if (*v->checks[i].why != '\0' && !same_next(v, i))
            printf("%-28s %s\n", "", v->checks[i].why);
    }
    am_verdict_words(words, sizeof words, v);
    printf("\nverdict: %s\n", words);
}

static void
json_fact(void *arg, const char *name, const char *text)
{
    json_object_set_new(arg, name, json_string(text));
}

void
verify_print_json(const struct am_verdict *v, const struct am_evidence *e, int status)
{
    static const char *const outcomes[] = {"not_done", "ok", "refused"};
    json_t *checks = json_array(), *evidence = json_object(), *root;
    char words[WORDS];

    for (enum am_check i = 0; i < AM_CHECKS; i++)
        json_array_append_new(checks, json_pack("{s:s, s:s, s:s, s:s}", "name", am_check_name(i),
                                                "outcome", outcomes[v->checks[i].outcome], "text",
                                                am_check_text(i), "why", v->checks[i].why));
    facts(e, json_fact, evidence);
    am_verdict_words(words, sizeof words, v);
    root = json_pack("{s:s, s:i, s:o, s:o}", "verdict", words, "status", status, "checks", checks,
                     "evidence", evidence);
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(root);
}
