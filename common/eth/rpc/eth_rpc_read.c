/*  eth_rpc_read -- decide what one HTTP answer says to each element of a JSON-RPC request.  */
#include "eth_rpc_read.h"

#include "eth_limit.h"

#include <stdio.h>
#include <string.h>

#define SHOWN 96 /* bytes of a body that is no JSON */

static int
code_of_error(const char *method, int status, int64_t code, const char *text)
{
    switch (eth_limit_of(method, status, code, text)) {
    case ETH_LIMIT_RATE:
        return AM_RESOURCE_EXHAUSTED;
    case ETH_LIMIT_RANGE:
    case ETH_LIMIT_RESULTS:
        return AM_OUT_OF_RANGE;
    case ETH_LIMIT_NONE:
        break;
    }
    switch (code) {
    case -32601: /* method not found */
    case -32004: /* EIP-1474: method not supported */
        return AM_UNIMPLEMENTED;
    default:
        return AM_FAILED_PRECONDITION;
    }
}

static int
code_of_status(int status)
{
    if (status == 429)
        return AM_RESOURCE_EXHAUSTED;
    if (status == 401 || status == 403)
        return AM_PERMISSION_DENIED;
    return status >= 500 ? AM_UNAVAILABLE : AM_INVALID_ARGUMENT;
}

static void
refuse_all(struct eth_rpc_answer *answers, const struct eth_rpc_asked *asked, int code,
           const char *expected, const char *got)
{
    for (size_t i = 0; i < asked->count; i++)
        answers[i].code = am_fail(&answers[i].err, code, "%s %s: expected %s, got %s", asked->where,
                                  asked->methods[i], expected, got);
}

static void
take_error(struct eth_rpc_answer *a, const char *where, const char *method, int status,
           const json_t *error)
{
    const json_t *code = json_object_get(error, "code");
    const json_t *message = json_object_get(error, "message");

    if (!json_is_integer(code) || !json_is_string(message)) {
        a->code = am_fail(&a->err, AM_INVALID_ARGUMENT,
                          "%s %s: expected an error with code and message, got another shape",
                          where, method);
        return;
    }
    a->error_code = json_integer_value(code);
    a->error_data = json_object_get(error, "data");
    a->said = json_string_value(message);
    a->code = am_fail(&a->err, code_of_error(method, status, a->error_code, a->said),
                      "%s %s: expected a result, got error %lld: %s", where, method,
                      (long long)a->error_code, json_string_value(message));
}

static void
take_one(struct eth_rpc_answer *a, const struct eth_rpc_asked *asked, size_t i, const json_t *reply)
{
    const char *where = asked->where, *method = asked->methods[i];
    const json_t *error = json_object_get(reply, "error");
    json_t *result = json_object_get(reply, "result");
    const char *version = json_string_value(json_object_get(reply, "jsonrpc"));

    if (version == NULL || strcmp(version, "2.0") != 0)
        a->code = am_fail(&a->err, AM_INVALID_ARGUMENT,
                          "%s %s: expected jsonrpc \"2.0\", got another version", where, method);
    else if ((error == NULL) == (result == NULL))
        a->code =
            am_fail(&a->err, AM_INVALID_ARGUMENT, "%s %s: expected one of result and error, got %s",
                    where, method, error == NULL ? "neither" : "both");
    else if (error != NULL)
        take_error(a, where, method, asked->status, error);
    else if (json_is_null(result))
        a->code =
            am_fail(&a->err, AM_NOT_FOUND, "%s %s: expected a value, got null", where, method);
    else {
        a->code = AM_OK;
        a->result = result;
    }
}

/* An error for the request as a whole has id null: the server could not read which one it was. */
static bool
is_whole_error(const json_t *reply)
{
    return json_is_null(json_object_get(reply, "id")) &&
           json_is_object(json_object_get(reply, "error"));
}

static void
take_single(struct eth_rpc_answer *answers, const struct eth_rpc_asked *asked, const json_t *reply)
{
    const json_t *id = json_object_get(reply, "id");

    if (is_whole_error(reply)) {
        for (size_t i = 0; i < asked->count; i++)
            take_one(&answers[i], asked, i, reply);
    } else if (asked->count != 1) {
        refuse_all(answers, asked, AM_INVALID_ARGUMENT, "an array for a batch", "one object");
    } else if (!json_is_integer(id) || (uint64_t)json_integer_value(id) != asked->first_id) {
        refuse_all(answers, asked, AM_INVALID_ARGUMENT, "the id that was asked", "another id");
    } else {
        take_one(&answers[0], asked, 0, reply);
    }
}

static void
take_batch(struct eth_rpc_answer *answers, const struct eth_rpc_asked *asked, const json_t *replies)
{
    bool seen[ETH_RPC_BATCH_MAX] = {false};

    if (asked->count == 1) {
        refuse_all(answers, asked, AM_INVALID_ARGUMENT, "an object", "an array");
        return;
    }
    refuse_all(answers, asked, AM_INVALID_ARGUMENT, "an element with its id", "none");
    for (size_t k = 0; k < json_array_size(replies); k++) {
        const json_t *reply = json_array_get(replies, k), *id = json_object_get(reply, "id");
        uint64_t i =
            json_is_integer(id) ? (uint64_t)json_integer_value(id) - asked->first_id : UINT64_MAX;

        if (i >= asked->count || seen[i]) { /* no element of such an answer can be trusted */
            memset(answers, 0, asked->count * sizeof *answers);
            refuse_all(answers, asked, AM_INVALID_ARGUMENT, "each id that was asked, once",
                       "a strange or repeated id");
            return;
        }
        seen[i] = true;
        answers[i] = (struct eth_rpc_answer){0};
        take_one(&answers[i], asked, i, reply);
    }
}

/* Show the start of what is no JSON: an operator knows a proxy's error page at a glance. */
static void
take_text(struct eth_rpc_answer *answers, const struct eth_rpc_asked *asked, int status,
          struct am_bin body, const char *content_type, const char *why)
{
    char got[SHOWN + 160];

    snprintf(got, sizeof got, "HTTP %d %.40s (%.48s): \"%.*s\"", status, content_type, why,
             body.len < SHOWN ? (int)body.len : SHOWN, body.len > 0 ? (const char *)body.p : "");
    refuse_all(answers, asked, code_of_status(status), "JSON", got);
}

void
eth_rpc_read(struct eth_rpc_answer *answers, json_t **tree, const struct eth_rpc_asked *asked,
             struct am_bin body, const char *content_type)
{
    int status = asked->status;
    json_error_t why;

    memset(answers, 0, asked->count * sizeof *answers);
    *tree = body.len == 0 ? NULL
                          : json_loadb((const char *)body.p, body.len,
                                       JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    if (*tree == NULL) {
        take_text(answers, asked, status, body, content_type, body.len == 0 ? "empty" : why.text);
        return;
    }
    if (json_is_array(*tree))
        take_batch(answers, asked, *tree);
    else if (json_is_object(*tree))
        take_single(answers, asked, *tree);
    else
        refuse_all(answers, asked, AM_INVALID_ARGUMENT, "an object", "another JSON value");
    if (status == 200)
        return;
    for (size_t i = 0; i < asked->count; i++) /* an error object's words say more than a status */
        if (answers[i].error_code == 0) {
            answers[i] = (struct eth_rpc_answer){0};
            answers[i].code =
                am_fail(&answers[i].err, code_of_status(status), "%s %s: expected HTTP 200, got %d",
                        asked->where, asked->methods[i], status);
        }
}

void
eth_rpc_url_host(char out[static ETH_RPC_HOST_TEXT], const char *url)
{
    const char *host = strstr(url, "://"), *at;
    size_t len;

    host = host != NULL ? host + 3 : url;
    len = strcspn(host, "/?#");
    at = memchr(host, '@', len);
    if (at != NULL) {
        len -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    if (len >= ETH_RPC_HOST_TEXT)
        len = ETH_RPC_HOST_TEXT - 1;
    memcpy(out, host, len);
    out[len] = '\0';
}

static void
scrub_word(char *text, const char *word, size_t len)
{
    char key[512];
    char *at;

    if (len < 16 || len >= sizeof key)
        return;
    memcpy(key, word, len);
    key[len] = '\0';
    while ((at = strstr(text, key)) != NULL)
        memset(at, '*', len);
}

void
eth_rpc_scrub(char *text, const char *url)
{
    static const char separators[] = "/?&=#@:";
    char host[ETH_RPC_HOST_TEXT];
    const char *p = strstr(url, "://");

    eth_rpc_url_host(host, url);
    p = p != NULL ? p + 3 : url;
    while (*p != '\0') {
        size_t len = strcspn(p, separators);

        if (strncmp(host, p, len) != 0) /* the host may be shown */
            scrub_word(text, p, len);
        p += len;
        p += strspn(p, separators);
    }
}

uint64_t
eth_rpc_blocks(const char *method, const json_t *params)
{
    const json_t *filter = json_array_get(params, 0);
    uint64_t from, to;

    if (strcmp(method, "eth_getLogs") != 0 ||
        eth_json_u64(&from, json_object_get(filter, "fromBlock"), "", NULL) != AM_OK ||
        eth_json_u64(&to, json_object_get(filter, "toBlock"), "", NULL) != AM_OK || to < from)
        return 0;
    return to - from + 1;
}
