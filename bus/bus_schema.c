/*  bus_schema -- the table of all messages and their fields, and names looked up in it.  */
#include "bus_schema.h"

static const char *const service_names[] = {
#define X(upper, lower) #lower,
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
#define AT(s, f) offsetof(struct s, f)

const struct bus_row bus_rows[] = {
#define MESSAGE(s, kind, of, name, callers, doc)                                                   \
    {kind, callers, name, doc, sizeof(struct s), 0, 0, 0, (enum bus_service)(of), 0},
#define FIELD(s, f, kind, type, min, max, flags, doc)                                              \
    {kind, flags, #f, doc, AT(s, f), 0, min, max, 0, 0},
#define ARRAY(s, f, e, max, flags, doc)                                                            \
    {BUS_FIELD_ARRAY, flags, #f, doc, AT(s, f), AT(s, f##_count), 0, max, 0, BUS_ROW_##e},
#include "messages/each.def"
    {0},
};

static const int topic_rows[] = {
#define FACT(service, name, kind, doc) BUS_ROW_##service##_##name,
#include "messages/each.def"
};
static const int method_rows[] = {
#define REQUEST(service, name, callers, doc) BUS_ROW_##service##_##name,
#define COMMAND REQUEST
#include "messages/each.def"
};

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
    const struct bus_row *row = bus_method_row(method) + 1;

    while (bus_is_field(row))
        row++;
    return row;
}

const char *
bus_service_name(enum bus_service service)
{
    return (unsigned)service < BUS_SERVICE_COUNT ? service_names[service] : "unknown";
}

int
bus_service_by_name(struct am_str name)
{
    int i = BUS_SERVICE_COUNT - 1;

    while (i >= 0 && !am_str_eq(name, service_names[i]))
        i--;
    return i;
}

int
bus_topic_by_name(struct am_str name)
{
    int i = BUS_TOPIC_COUNT - 1;

    while (i >= 0 && !am_str_eq(name, bus_rows[topic_rows[i]].name))
        i--;
    return i;
}

int
bus_method_by_name(struct am_str name)
{
    int i = BUS_METHOD_COUNT - 1;

    while (i >= 0 && !am_str_eq(name, bus_rows[method_rows[i]].name))
        i--;
    return i;
}
