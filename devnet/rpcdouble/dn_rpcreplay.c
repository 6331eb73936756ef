/*  dn_rpcreplay -- answers as a provider once did: the transcript of `attestmesh doctor --record`.
 */
#include "dn_rpcreplay.h"

#include "../../common/base/am_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static json_t *
exchange(const struct dn_rpc_replay *replay, size_t i)
{
    return json_array_get(json_object_get(replay->transcript, "exchanges"), i);
}

static bool
is(const json_t *object, const char *name, const char *value)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL && strcmp(text, value) == 0;
}

int
dn_replay_open(struct dn_rpc_replay *replay, const char *path, const char *boundary,
               struct am_error *err)
{
    size_t count = 0;

    memset(replay, 0, sizeof *replay);
    replay->boundary = boundary;
    replay->transcript = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    if (replay->transcript == NULL)
        return am_fail(err, AM_NOT_FOUND, "replay: expected a transcript in %s, got none", path);
    for (size_t i = 0; exchange(replay, i) != NULL; i++)
        count += is(exchange(replay, i), "boundary", boundary);
    if (json_integer_value(json_object_get(replay->transcript, "transcript")) != 1 || count == 0) {
        dn_replay_close(replay);
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "replay: expected version 1 with exchanges of %s in %s", boundary, path);
    }
    replay->age_s = am_wall_ms() / 1000 -
                    json_integer_value(json_object_get(replay->transcript, "recorded_at"));
    return AM_OK;
}

void
dn_replay_close(struct dn_rpc_replay *replay)
{
    json_decref(replay->transcript);
    replay->transcript = NULL;
}

/* Whose parameters are all of the question, and whose may differ from visit to visit. */
static bool
needs_params(const char *method)
{
    return strcmp(method, "eth_call") == 0 || strcmp(method, "eth_getCode") == 0;
}

/* The first that fits and was not told yet, or the last that fits. */
static json_t *
find(const struct dn_rpc_replay *replay, const char *method, const json_t *params)
{
    json_t *last = NULL, *other = NULL, *e;

    for (size_t i = 0; (e = exchange(replay, i)) != NULL; i++) {
        if (!is(e, "boundary", replay->boundary) || !is(e, "method", method))
            continue;
        other = e;
        if (!json_equal(json_object_get(e, "params"), params))
            continue;
        last = e;
        if (json_object_get(e, "told") == NULL)
            break;
    }
    if (last == NULL && !needs_params(method))
        last = other;
    if (last != NULL)
        json_object_set_new(last, "told", json_true());
    return last;
}

static void
move_on(json_t *result, int64_t age_s)
{
    const char *text = json_string_value(json_object_get(result, "timestamp"));
    char moved[32];
    int64_t time_s;

    if (text == NULL)
        return;
    time_s = (int64_t)strtoull(text, NULL, 16) + age_s;
    snprintf(moved, sizeof moved, "0x%llx", (unsigned long long)time_s);
    json_object_set_new(result, "timestamp", json_string(moved));
}

json_t *
dn_replay_answer(void *arg, const char *method, const json_t *params)
{
    struct dn_rpc_replay *replay = arg;
    const json_t *e = find(replay, method, params);
    json_t *result = json_deep_copy(json_object_get(e, "result"));

    if (e == NULL)
        return json_pack("{s:{s:i, s:s}}", "error", "code", -32000, "message",
                         "the transcript has no answer to this");
    if (result == NULL)
        return json_pack("{s:O}", "error", json_object_get(e, "error"));
    if (strcmp(method, "eth_getBlockByNumber") == 0)
        move_on(result, replay->age_s);
    return json_pack("{s:o}", "result", result);
}

void
dn_replay_get(void *arg, int fd, const char *request)
{
    const struct dn_rpc_replay *replay = arg;
    char path[256] = "", head[160], *text = NULL;
    size_t len = strcspn(request + 4, "? \r\n");
    int status = 404;
    const json_t *e;

    snprintf(path, sizeof path, "%.*s", (int)(len < sizeof path ? len : 0), request + 4);
    for (size_t i = 0; (e = exchange(replay, i)) != NULL; i++)
        if (is(e, "boundary", replay->boundary) && is(e, "get", path)) {
            status = (int)json_integer_value(json_object_get(e, "status"));
            text = json_dumps(json_object_get(e, "body"), JSON_COMPACT);
            break;
        }
    snprintf(head, sizeof head,
             "HTTP/1.1 %d Recorded\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
             "Connection: close\r\n\r\n",
             status, text != NULL ? strlen(text) : 0);
    (void)!send(fd, head, strlen(head), MSG_NOSIGNAL);
    if (text != NULL)
        (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
    free(text);
}
