/*  mesh_endpoints -- pure: the file of direct UDP endpoints, `member-contract ip:port` a line  */
#include "mesh_endpoints.h"

#include <string.h>

static struct am_str
trimmed(struct am_str s)
{
    while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.len--;
    }
    while (s.len > 0 && strchr(" \t\r", s.p[s.len - 1]) != NULL && s.p[s.len - 1] != '\0')
        s.len--;
    return s;
}

static int
parse_line(struct mesh_endpoints *out, struct am_str line, unsigned number, struct am_error *err)
{
    size_t n = out->count, cut = 0;
    int r;

    while (cut < line.len && line.p[cut] != ' ' && line.p[cut] != '\t')
        cut++;
    if (n == MESH_ENDPOINTS_MAX)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "endpoints line %u: expected at most %d lines",
                       number, MESH_ENDPOINTS_MAX);
    r = am_unhex(out->row[n].contract, 20, (struct am_str){line.p, cut}, "member contract", err);
    if (r != AM_OK)
        return am_wrap(err, "endpoints line %u", number);
    if (mesh_endpoints_of(out, out->row[n].contract).ip != 0)
        return am_fail(err, AM_INVALID_ARGUMENT, "endpoints line %u: the member comes twice",
                       number);
    if (!mesh_endpoint_parse(&out->row[n].at,
                             trimmed((struct am_str){line.p + cut, line.len - cut})))
        return am_fail(err, AM_INVALID_ARGUMENT, "endpoints line %u: expected IPv4:port", number);
    out->count++;
    return AM_OK;
}

int
mesh_endpoints_parse(struct mesh_endpoints *out, struct am_str text, struct am_error *err)
{
    struct am_str line;
    unsigned number = 0;
    int r = AM_OK;

    memset(out, 0, sizeof *out);
    if (text.len > MESH_ENDPOINTS_FILE)
        r = am_fail(err, AM_RESOURCE_EXHAUSTED, "endpoints: expected at most %d bytes, got %zu",
                    MESH_ENDPOINTS_FILE, text.len);
    while (r == AM_OK && mesh_next(&line, &text, '\n')) {
        number++;
        line = trimmed(line);
        if (line.len > 0 && line.p[0] != '#')
            r = parse_line(out, line, number, err);
    }
    if (r != AM_OK)
        memset(out, 0, sizeof *out);
    return r;
}

struct mesh_endpoint
mesh_endpoints_of(const struct mesh_endpoints *e, const uint8_t contract[static 20])
{
    for (size_t i = 0; i < e->count; i++)
        if (memcmp(e->row[i].contract, contract, 20) == 0)
            return e->row[i].at;
    return (struct mesh_endpoint){0};
}
