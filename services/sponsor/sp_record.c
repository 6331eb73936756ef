/*  sp_record -- pure: what was decided last, as v1's record has it, and on which route.  */
#include "sp_record.h"

#include "../../common/base/am_text.h"

const char *
sp_route_text(enum sp_route route)
{
    static const char *const texts[] = {
#define X(name, text) text,
        SP_ROUTES(X)
#undef X
    };

    return texts[route];
}

/* A received one may be anything. */
static void
put_head(struct am_text *t, const char *name, const char *head)
{
    if (*head == '\0')
        return;
    am_text(t, ",\"%s\":", name);
    am_text_json(t, am_str_of(head));
}

void
sp_record_text(char out[static SP_RECORD_TEXT], const struct sp_record *r)
{
    struct am_text t = {out, SP_RECORD_TEXT, 0, false};
    char hex[41];

    out[0] = '\0';
    if (r->at_ms == 0)
        return;
    am_text(&t, "{\"at\":%lld,\"route\":\"%s\",\"stage\":\"%s\",\"ok\":%s,\"sponsor\":%s",
            (long long)r->at_ms, sp_route_text(r->route), r->stage, r->decided ? "true" : "false",
            r->deny == NULL ? "true" : "false");
    if (r->deny != NULL)
        am_text(&t, ",\"denyReason\":\"%s\"", r->deny);
    if (r->decided) {
        am_hex(hex, r->sender, 20);
        am_text(&t, ",\"sender\":\"0x%s\"", hex);
    }
    put_head(&t, "computedHead", r->computed);
    put_head(&t, "receivedHead", r->received);
    am_text(&t, "}");
}
