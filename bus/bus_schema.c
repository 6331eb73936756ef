/*  bus_schema -- the table of all messages and their fields, and names looked up in it.  */
#include "bus_schema.h"

#include <string.h>

static const char *const service_names[] = {
#define X(upper, lower) [BUS_##upper] = #lower,
    BUS_SERVICES(X)
#undef X
};
enum {
#define X(upper, lower) of_##lower = BUS_##upper,
    BUS_SERVICES(X)
#undef X
};

#define BY(service) (1u << BUS_##service)
#define REQ BUS_REQ
#define OPT BUS_OPT
#define SECRET BUS_SECRET
#define OF(service) (enum bus_service) of_##service
#define SIZE(type) sizeof(struct type), 0, 0, 0
#define AT(s, f) offsetof(struct s, f)

const struct bus_row bus_rows[] = {
#define STRUCT(name, doc) {BUS_STRUCT, 0, #name, doc, SIZE(name), 0, 0},
#define FACT(service, name, k, doc)                                                                \
    {BUS_FACT_##k, 0, #service "." #name, doc, SIZE(service##_##name), OF(service), 0},
#define REQUEST(service, name, who, doc)                                                           \
    {BUS_REQUEST, who, #service "." #name, doc, SIZE(service##_##name), OF(service), 0},
#define COMMAND(service, name, who, doc)                                                           \
    {BUS_COMMAND, who, #service "." #name, doc, SIZE(service##_##name), OF(service), 0},
#define REPLY(service, name)                                                                       \
    {BUS_REPLY, 0, #service "." #name, "", SIZE(service##_##name##_reply), OF(service), 0},
#define U64(s, f, max, flags, doc) {BUS_FIELD_U64, flags, #f, doc, AT(s, f), 0, 0, max, 0, 0},
#define BOOL(s, f, flags, doc) {BUS_FIELD_BOOL, flags, #f, doc, AT(s, f), 0, 0, 1, 0, 0},
#define STR(s, f, max, flags, doc) {BUS_FIELD_STR, flags, #f, doc, AT(s, f), 0, 0, max, 0, 0},
#define BIN(s, f, min, max, flags, doc)                                                            \
    {BUS_FIELD_BIN, flags, #f, doc, AT(s, f), 0, min, max, 0, 0},
#define ARRAY(s, f, e, max, flags, doc)                                                            \
    {BUS_FIELD_ARRAY, flags, #f, doc, AT(s, f), AT(s, f##_count), 0, max, 0, BUS_ROW_##e},
#include "bus_each.h"
    {0},
};

static const int topic_rows[] = {
#define FACT(service, name, kind, doc) BUS_ROW_##service##_##name,
#include "bus_each.h"
};
static const int method_rows[] = {
#define REQUEST(service, name, callers, doc) BUS_ROW_##service##_##name,
#define COMMAND REQUEST
#include "bus_each.h"
};
static const int reply_rows[] = {
#define REPLY(service, name) BUS_ROW_##service##_##name##_reply,
#include "bus_each.h"
};
_Static_assert(sizeof method_rows == sizeof reply_rows, "every request has its REPLY");

const struct bus_row *
bus_topic_row(enum bus_topic topic)
{
    AM_ASSERT((unsigned)topic < BUS_TOPIC_COUNT);
    return &bus_rows[topic_rows[topic]];
}

const struct bus_row *
bus_method_row(enum bus_method method)
{
    AM_ASSERT((unsigned)method < BUS_METHOD_COUNT);
    return &bus_rows[method_rows[method]];
}

const struct bus_row *
bus_reply_row(enum bus_method method)
{
    AM_ASSERT((unsigned)method < BUS_METHOD_COUNT);
    return &bus_rows[reply_rows[method]];
}

const char *
bus_service_name(enum bus_service service)
{
    return (unsigned)service < BUS_SERVICE_COUNT ? service_names[service] : "unknown";
}

int
bus_service_by_name(struct am_str name)
{
    for (int i = 0; i < BUS_SERVICE_COUNT; i++)
        if (am_str_eq(name, service_names[i]))
            return i;
    return -1;
}

int
bus_topic_by_name(struct am_str name)
{
    for (int i = 0; i < BUS_TOPIC_COUNT; i++)
        if (am_str_eq(name, bus_rows[topic_rows[i]].name))
            return i;
    return -1;
}

int
bus_method_by_name(struct am_str name)
{
    for (int i = 0; i < BUS_METHOD_COUNT; i++)
        if (am_str_eq(name, bus_rows[method_rows[i]].name))
            return i;
    return -1;
}
