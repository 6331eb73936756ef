/*  api_http_attest -- /attestation over HTTP: for any web page to read, and worth waiting for.  */
#include "api_http_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct waiting { /* a suspended connection */
    struct api_http *http;
    struct MHD_Connection *connection;
    struct api_answer answer;
};

/* v1's CORS: what is told here is for everybody. */
#define CORS                                                                                       \
    "Access-Control-Allow-Origin", "*", "Access-Control-Allow-Methods", "GET, OPTIONS",            \
        "Access-Control-Allow-Headers", "*", "Access-Control-Max-Age", "86400"

static enum MHD_Result
respond(struct MHD_Connection *c, struct api_answer answer)
{
    char seconds[16];
    const char *headers[] = {CORS, "Retry-After", seconds, NULL};

    snprintf(seconds, sizeof seconds, "%u", answer.retry_after_s);
    if (answer.retry_after_s == 0)
        headers[8] = NULL;
    return api_http_respond(c, answer.status, answer.text, "application/json", headers);
}

static void
on_answer(void *arg, struct api_answer answer)
{
    struct waiting *w = arg;

    w->answer = answer;
    MHD_resume_connection(w->connection);
    api_http_run(w->http);
}

static enum MHD_Result
ask(struct api_http *http, struct api_evidence *evidence, struct MHD_Connection *c,
    struct am_bin nonce, void **state)
{
    struct waiting *w = calloc(1, sizeof *w);
    struct api_answer answer;

    if (w == NULL)
        return MHD_NO;
    *w = (struct waiting){.http = http, .connection = c};
    if (api_evidence_ask(evidence, nonce, &answer, on_answer, w)) {
        free(w);
        return respond(c, answer);
    }
    *state = w;
    MHD_suspend_connection(c);
    return MHD_YES;
}

enum MHD_Result
api_http_attest(struct api_http *http, struct api_evidence *evidence, struct MHD_Connection *c,
                const char *method, void **state)
{
    static const char *const cors[] = {CORS, NULL};
    static const char *const allow[] = {CORS, "Allow", "GET, HEAD, OPTIONS", NULL};
    const char *text = NULL;
    uint8_t nonce[AM_NONCE_MAX];
    struct am_error err = {0};
    size_t len = 0, text_len = 0;

    if (strcmp(method, "OPTIONS") == 0)
        return api_http_respond(c, MHD_HTTP_NO_CONTENT, strdup(""), NULL, cors);
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return api_http_respond(c, MHD_HTTP_METHOD_NOT_ALLOWED,
                                strdup("{\"error\":\"method-not-allowed\"}"), "application/json",
                                allow);
    if (MHD_lookup_connection_value_n(c, MHD_GET_ARGUMENT_KIND, "nonce", 5, &text, &text_len) ==
            MHD_YES &&
        api_nonce_read(nonce, &len, (struct am_str){text, text != NULL ? text_len : 0}, &err) !=
            AM_OK)
        return respond(c, (struct api_answer){.status = MHD_HTTP_BAD_REQUEST,
                                              .text = api_attest_refusal(err.text)});
    return ask(http, evidence, c, am_bin_of(nonce, len), state);
}

enum MHD_Result
api_http_attest_again(struct MHD_Connection *c, void *state)
{
    struct waiting *w = state;
    struct api_answer answer = w->answer;

    w->answer.text = NULL;
    return respond(c, answer);
}

void
api_http_attest_end(void *state)
{
    struct waiting *w = state;

    free(w->answer.text); /* its client went before it came */
    free(w);
}
