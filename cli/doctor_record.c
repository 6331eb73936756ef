/*  doctor_record -- the transcript of one visit: what was asked and what came, without secrets.  */
#include "doctor_record.h"

#include "../common/eth/rpc/eth_rpc_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAGMENT 12 /* bytes of a secret that may not be found in a transcript */

int
doctor_record_open(struct doctor_record *record, struct am_error *err)
{
    record->exchanges = json_array();
    return record->exchanges != NULL ? AM_OK
                                     : am_fail(err, AM_RESOURCE_EXHAUSTED, "record: no memory");
}

void
doctor_record_close(struct doctor_record *record)
{
    json_decref(record->exchanges);
    record->exchanges = NULL;
}

static void
add(struct doctor_record *record, const char *boundary, const char *url, json_t *exchange)
{
    char host[ETH_RPC_HOST_TEXT];

    json_object_set_new(exchange, "boundary", json_string(boundary));
    if (url != NULL) {
        eth_rpc_url_host(host, url);
        json_object_set_new(exchange, "host", json_string(host));
    }
    json_array_append_new(record->exchanges, exchange);
}

/* The client's words are "<where> <method>: expected a result, got error <n>: <message>". */
static const char *
message_of(const char *words)
{
    static const char mark[] = "got error ";
    const char *at = strstr(words, mark), *colon = at != NULL ? strstr(at, ": ") : NULL;

    return colon != NULL ? colon + 2 : words;
}

/* ERC-7677's context and its like carry the policy id, which may be worth money. */
static json_t *
without_context(const json_t *params)
{
    json_t *copy = json_deep_copy(params);

    for (size_t i = 1; i < json_array_size(copy); i++)
        if (json_is_object(json_array_get(copy, i)))
            json_array_set_new(copy, i, json_object());
    if (json_object_get(json_array_get(copy, 0), "policyId") != NULL)
        json_object_set_new(json_array_get(copy, 0), "policyId", json_string(""));
    return copy;
}

void
doctor_record_rpc(struct doctor_record *record, const char *boundary, const char *url,
                  const char *method, const json_t *params, const json_t *result,
                  int64_t error_code, const char *words)
{
    json_t *exchange;

    if (record == NULL)
        return;
    exchange = json_pack("{s:s, s:o}", "method", method, "params",
                         strcmp(boundary, "paymaster") == 0 ? without_context(params)
                                                            : json_deep_copy(params));
    if (result != NULL)
        json_object_set_new(exchange, "result", json_deep_copy(result));
    else
        json_object_set_new(exchange, "error",
                            json_pack("{s:I, s:s}", "code",
                                      (json_int_t)(error_code != 0 ? error_code : -32000),
                                      "message", message_of(words)));
    add(record, boundary, url, exchange);
}

void
doctor_record_get(struct doctor_record *record, const char *boundary, const char *url,
                  const char *path, int status, const json_t *body)
{
    json_t *exchange;

    if (record == NULL)
        return;
    exchange = json_pack("{s:s%, s:i}", "get", path, strcspn(path, "?"), "status", status);
    if (body != NULL)
        json_object_set_new(exchange, "body", json_deep_copy(body));
    add(record, boundary, url, exchange);
}

void
doctor_record_fact(struct doctor_record *record, const char *boundary, const char *method,
                   json_t *value)
{
    if (record == NULL)
        json_decref(value);
    else
        add(record, boundary, NULL, json_pack("{s:s, s:o}", "method", method, "result", value));
}

/* What of a secret must not be in a transcript: all of it, or, of a URL, each longer piece of its
 * user, path and query. */
static bool
leaks(const char *text, const char *secret)
{
    const char *at = strstr(secret, "://"), *user = at != NULL ? strchr(at + 3, '@') : NULL;
    char piece[512];

    if (*secret == '\0')
        return false;
    if (at == NULL)
        return strlen(secret) >= FRAGMENT && strstr(text, secret) != NULL;
    at += 3;
    if (user == NULL) /* the host is shown */
        at += strcspn(at, "/?");
    while (*at != '\0') {
        size_t n = strcspn(at, "/?&=@:");

        if (n >= FRAGMENT && n < sizeof piece) {
            memcpy(piece, at, n);
            piece[n] = '\0';
            if (strstr(text, piece) != NULL)
                return true;
        }
        at += n;
        at += *at != '\0';
        if (user != NULL && at == user + 1) { /* behind the user comes the host */
            at += strcspn(at, "/?");
            user = NULL;
        }
    }
    return false;
}

static int
write_all(const char *path, const char *text, struct am_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    size_t len = strlen(text), done = 0;

    while (fd >= 0 && done < len) {
        ssize_t n = write(fd, text + done, len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (fd < 0 || done < len || close(fd) != 0)
        return am_fail(err, AM_UNAVAILABLE, "record: cannot write %s: %s", path, strerror(errno));
    return AM_OK;
}

int
doctor_record_write(const struct doctor_record *record, const char *path, int64_t now_s,
                    const char *const *secrets, size_t count, struct am_error *err)
{
    json_t *root = json_pack("{s:i, s:I, s:O}", "transcript", 1, "recorded_at", (json_int_t)now_s,
                             "exchanges", record->exchanges);
    char *text = json_dumps(root, JSON_INDENT(1) | JSON_ENSURE_ASCII);
    int r = text != NULL ? AM_OK : am_fail(err, AM_RESOURCE_EXHAUSTED, "record: no memory");

    json_decref(root);
    for (size_t i = 0; r == AM_OK && i < count; i++)
        if (leaks(text, secrets[i]))
            r = am_fail(err, AM_DATA_LOSS,
                        "record: a secret setting came back in an answer; nothing is written");
    if (r == AM_OK)
        r = write_all(path, text, err);
    free(text);
    return r;
}
