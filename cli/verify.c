/*  verify -- attestmesh verify: ask a node for evidence, or read a record of it, and judge it.  */
#include "../common/base/am_clock.h"
#include "../common/base/am_log.h"
#include "../common/crypto/am_hkdf.h"
#include "../common/evidence/am_evidence.h"
#include "../common/evidence/am_quote_verify.h"
#include "../common/net/am_http.h"
#include "cli.h"
#include "cli_file.h"
#include "verify_print.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONCE 32
#define ASK_MS 60000 /* a quote is made behind a lock, slowly */
#define URL_MAX 2048
#define COMPOSE_MAX (50u << 20)

static struct {
    const char *from, *compose_hash, *compose, *app_id;
    bool json;
} options;

struct answer {
    struct ev_loop *loop;
    uint8_t *bytes;
    size_t len;
    int code, status;
    struct am_error err;
};

static void
on_answer(void *arg, int code, const struct am_http_answer *http, const struct am_error *err)
{
    struct answer *a = arg;

    a->code = code;
    a->err = *err;
    a->status = http->status;
    if (code == AM_OK && (a->bytes = malloc(http->body.len + 1)) == NULL)
        a->code = am_fail(&a->err, AM_RESOURCE_EXHAUSTED, "no memory for the answer");
    if (a->bytes != NULL && http->body.len > 0)
        memcpy(a->bytes, http->body.p, http->body.len);
    a->len = http->body.len;
    ev_break(a->loop, EVBREAK_ALL);
}

/* 200 has evidence, 400 and 503 say why there is none (protocol page 6.4). */
static int
ask(struct answer *a, const char *base, const uint8_t nonce[static NONCE], struct am_error *err)
{
    char url[URL_MAX], hex[2 * NONCE + 1];
    size_t len = strlen(base);
    struct am_http *http = NULL;
    int r;

    am_hex(hex, nonce, NONCE);
    while (len > 0 && base[len - 1] == '/')
        len--;
    if (snprintf(url, sizeof url, "%.*s/attestation?nonce=0x%s", (int)len, base, hex) >=
        (int)sizeof url)
        return am_fail(err, AM_INVALID_ARGUMENT, "expected a URL of less than %d bytes", URL_MAX);
    if ((a->loop = ev_loop_new(EVFLAG_AUTO)) == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "no event loop");
    if ((r = am_http_open(&http, a->loop, err)) == AM_OK &&
        (r = am_http_get(http, url, ASK_MS, AM_EVIDENCE_MAX, on_answer, a, err)) == AM_OK) {
        ev_run(a->loop, 0);
        if ((r = a->code) != AM_OK)
            *err = a->err;
        else if (a->status != 200 && a->status != 400 && a->status != 503)
            r = am_fail(err, AM_UNAVAILABLE, "expected HTTP status 200, got %d", a->status);
    }
    am_http_close(&http);
    ev_loop_destroy(a->loop);
    return r;
}

/* The text may be the node's. */
static void
complain(struct am_error *err)
{
    for (char *p = err->text; *p != '\0'; p++)
        if (*p < 0x20 || *p > 0x7e)
            *p = '?';
    fprintf(stderr, "verify: %s\n", err->text);
}

static bool
is_url(const char *from)
{
    return strncmp(from, "http://", 7) == 0 || strncmp(from, "https://", 8) == 0;
}

/* nonce: written when a node was asked; *nonce_len says so. */
static int
fetch(struct am_evidence *e, uint8_t nonce[static NONCE], size_t *nonce_len, struct am_error *err)
{
    struct answer a = {0};
    int r;

    *nonce_len = 0;
    if (is_url(options.from)) {
        randombytes_buf(nonce, NONCE);
        *nonce_len = NONCE;
        r = ask(&a, options.from, nonce, err);
    } else {
        r = cli_file_read(&a.bytes, &a.len, options.from, AM_EVIDENCE_MAX, err);
    }
    if (r == AM_OK)
        r = am_evidence_read(e, am_bin_of(a.bytes, a.len), err);
    if (r == AM_OK && a.status != 0 && a.status != 200)
        r = am_fail(err, AM_UNAVAILABLE, "expected HTTP status 200, got %d", a.status);
    free(a.bytes);
    return r;
}

/* Out: compose_hash, app_id  what x points to, when they were given */
static int
expectations(struct am_expect *x, uint8_t compose_hash[static 32], uint8_t app_id[static 20],
             struct am_error *err)
{
    uint8_t *bytes;
    size_t len;
    int r;

    if (options.compose_hash != NULL) {
        if ((r = am_unhex(compose_hash, 32, am_str_of(options.compose_hash), "--compose-hash",
                          err)) != AM_OK)
            return r;
        x->compose_hash = compose_hash;
    }
    if (options.compose != NULL) {
        if ((r = cli_file_read(&bytes, &len, options.compose, COMPOSE_MAX, err)) != AM_OK)
            return r;
        am_sha256(compose_hash, bytes, len);
        free(bytes);
        x->compose_hash = compose_hash;
    }
    if (options.app_id != NULL) {
        if ((r = am_unhex(app_id, 20, am_str_of(options.app_id), "--app-id", err)) != AM_OK)
            return r;
        x->app_id = app_id;
    }
    return AM_OK;
}

static int
parse(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const char **value = strcmp(argv[i], "--compose-hash") == 0 ? &options.compose_hash
                             : strcmp(argv[i], "--compose") == 0    ? &options.compose
                             : strcmp(argv[i], "--app-id") == 0     ? &options.app_id
                                                                    : NULL;

        if (value != NULL && i + 1 < argc && *value == NULL)
            *value = argv[++i];
        else if (strcmp(argv[i], "--json") == 0)
            options.json = true;
        else if (value != NULL || *argv[i] == '-' || options.from != NULL)
            return -1;
        else
            options.from = argv[i];
    }
    return options.from != NULL && (options.compose == NULL || options.compose_hash == NULL) ? 0
                                                                                             : -1;
}

/* Exit status: never 0, as 0 would say "verified"; see CLI_VERIFY_* in cli.h. */
int
cli_verify(int argc, char **argv)
{
    static struct am_evidence evidence;
    struct am_verdict verdict;
    struct am_expect expect = {.root = am_intel_root};
    struct am_error err = {0};
    uint8_t nonce[NONCE], compose_hash[32], app_id[20];
    size_t nonce_len;
    int status;

    if (parse(argc, argv) != 0)
        return cli_usage("verify");
    am_log_open("verify", NULL, "error");
    if (expectations(&expect, compose_hash, app_id, &err) != AM_OK) {
        complain(&err);
        return CLI_USAGE;
    }
    if (fetch(&evidence, nonce, &nonce_len, &err) != AM_OK) {
        am_evidence_clear(&evidence);
        complain(&err);
        return CLI_VERIFY_NO_EVIDENCE;
    }
    expect.nonce = am_bin_of(nonce, nonce_len);
    expect.now = am_wall_ms() / 1000;
    am_evidence_judge(&verdict, &evidence, &expect);
    status = am_verdict_refusal(&verdict) == AM_CHECKS ? CLI_VERIFY_SIGNED : CLI_VERIFY_REFUSED;
    if (options.json)
        verify_print_json(&verdict, &evidence, status);
    else
        verify_print_page(&verdict, &evidence);
    am_evidence_clear(&evidence);
    return status;
}
