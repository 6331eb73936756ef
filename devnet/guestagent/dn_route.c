/*  dn_route -- from a path to a method, by the rules of Rocket and prpc.  */
#include "dn_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What Rocket itself says, before any handler: no "Service not found" in it. */
static void
answer_rocket(struct dn_answer *a, int status, const char *reason, bool json)
{
    static const char page[] = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                               "<title>%d %s</title></head><body><h1>%d: %s</h1></body></html>";

    a->status = status;
    if (json) {
        dn_answer_json(a, status,
                       json_pack("{s:{s:i, s:s, s:s}}", "error", "code", status, "reason", reason,
                                 "description", "The requested resource could not be found."),
                       JSON_INDENT(2));
    } else if ((a->body = malloc(sizeof page + 128)) != NULL) {
        a->type = "text/html; charset=utf-8";
        a->len = (size_t)snprintf(a->body, sizeof page + 128, page, status, reason, status, reason);
    }
}

static int
hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;

    return at != NULL ? (int)(at - digits) : -1;
}

/* a=b&c=d as an object of strings; %XX and '+' undone. */
static json_t *
query_json(const char *query)
{
    json_t *o = json_object();
    char pair[4096], *part, *rest = pair;

    snprintf(pair, sizeof pair, "%s", query);
    while ((part = strsep(&rest, "&")) != NULL) {
        char *value = strchr(part, '='), *to;

        if (value == NULL)
            continue;
        *value++ = '\0';
        to = value;
        for (const char *from = value; *from != '\0'; from++) {
            int hi = from[0] == '%' ? hex_digit(from[1]) : -1;
            int lo = hi >= 0 ? hex_digit(from[2]) : -1;

            *to++ = lo >= 0 ? (char)(hi * 16 + lo) : *from == '+' ? ' ' : *from;
            from += lo >= 0 ? 2 : 0;
        }
        *to = '\0';
        json_object_set_new(o, part, json_string(value));
    }
    return o;
}

static bool
wants_json(const struct dn_request *rq, bool get)
{
    const char *q = rq->query;

    if (get || rq->json_type)
        return true;
    return strncmp(q, "json", 4) == 0 || strstr(q, "&json") != NULL;
}

/* NULL: the answer says why. */
static json_t *
read_request(const struct dn_guest *g, const struct dn_request *rq, bool get, struct dn_answer *a)
{
    json_error_t why;
    json_t *in;

    if (rq->too_large) {
        dn_answer_error(a, g->compat == DN_COMPAT_0_6_0 ? 413 : 400,
                        "failed to read data: payload too large");
        return NULL;
    }
    if (!wants_json(rq, get)) {
        dn_answer_error(a, 400,
                        "this simulator speaks JSON only: send content-type: application/json");
        return NULL;
    }
    if (get)
        return query_json(rq->query);
    if (rq->body.len == 0)
        return json_object();
    in = json_loadb((const char *)rq->body.p, rq->body.len, JSON_REJECT_DUPLICATES, &why);
    if (in == NULL || !json_is_object(in)) {
        dn_answer_error(a, 400, in == NULL ? why.text : "invalid type: expected a map");
        json_decref(in);
        return NULL;
    }
    return in;
}

/* The method of a path with exactly one segment, or NULL. */
static const char *
method_of(const struct dn_guest *g, const char *path)
{
    if (g->compat == DN_COMPAT_0_6_0 && strncmp(path, "/v0/", 4) == 0)
        path += 3;
    return path[0] == '/' && path[1] != '\0' && strchr(path + 1, '/') == NULL ? path + 1 : NULL;
}

void
dn_guest_handle(void *arg, const struct dn_request *rq, struct dn_answer *a)
{
    const struct dn_guest *g = arg;
    const bool get = strcmp(rq->verb, "GET") == 0 || strcmp(rq->verb, "HEAD") == 0;
    const char *method = method_of(g, rq->path);
    json_t *in;

    if (strcmp(rq->path, "/") == 0 && get) {
        answer_rocket(a, 422, "Unprocessable Entity", rq->accept_json);
        return;
    }
    if (method == NULL || (!get && strcmp(rq->verb, "POST") != 0)) {
        answer_rocket(a, 404, "Not Found", rq->accept_json);
        return;
    }
    a->fault = dn_fault_now(&g->faults, method);
    if (a->fault == DN_FAULT_ERROR_400 || a->fault == DN_FAULT_ERROR_500) {
        dn_answer_error(a, a->fault == DN_FAULT_ERROR_400 ? 400 : 500, "injected failure");
        return;
    }
    if ((in = read_request(g, rq, get, a)) == NULL)
        return;
    dn_guest_dispatch(g, method, in, a);
    json_decref(in);
    if (a->fault == DN_FAULT_BAD_JSON && a->len > 2)
        a->len -= 2;
}
