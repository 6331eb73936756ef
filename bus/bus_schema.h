/*  bus_schema -- the C face of messages/: structs, enums and one table, made by the preprocessor.
 *
 *  messages/all.def tells how messages are written.  From FACT(chain, view) come struct chain_view
 *  and BUS_TOPIC_chain_view; from REQUEST(chain, send) struct chain_send, struct chain_send_reply
 *  and BUS_METHOD_chain_send.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef BUS_SCHEMA_H
#define BUS_SCHEMA_H

#include "../common/base/am_bytes.h"

/* Changes when an old reader would misread; another version is refused by name. */
#ifndef BUS_SCHEMA_VERSION
#define BUS_SCHEMA_VERSION 1
#endif

/* Every process that may speak.  CLI is whoever may tap and ask for status. */
#define BUS_SERVICES(X)                                                                            \
    X(KEYAGENT, keyagent)                                                                          \
    X(CHAIN, chain)                                                                                \
    X(MESH, mesh)                                                                                  \
    X(TUNNEL, tunnel)                                                                              \
    X(INDEXER, indexer)                                                                            \
    X(API, api)                                                                                    \
    X(CLI, cli)

enum bus_service {
#define X(upper, lower) BUS_##upper,
    BUS_SERVICES(X)
#undef X
        BUS_SERVICE_COUNT
};

/* end_: C has no empty struct */
#define MESSAGE(s, kind, of, name, callers, doc) struct s {
#define FIELD(s, field, kind, type, min, max, flags, doc) type field;
#define ARRAY(s, field, element, max, flags, doc)                                                  \
    struct element field[max];                                                                     \
    size_t field##_count;
#define END(s)                                                                                     \
    uint8_t end_;                                                                                  \
    }                                                                                              \
    ;
#include "messages/each.def"

enum bus_topic {
#define FACT(service, name, kind, doc) BUS_TOPIC_##service##_##name,
#include "messages/each.def"
    BUS_TOPIC_COUNT
};

enum bus_method {
#define REQUEST(service, name, callers, doc) BUS_METHOD_##service##_##name,
#define COMMAND REQUEST
#include "messages/each.def"
    BUS_METHOD_COUNT
};

enum bus_kind {
    BUS_STRUCT = 1,
    BUS_FACT_SINGLE,
    BUS_FACT_KEYED,
    BUS_REQUEST,
    BUS_COMMAND,
    BUS_REPLY,
    BUS_FIELD_U64,
    BUS_FIELD_BOOL,
    BUS_FIELD_STR,
    BUS_FIELD_BIN,
    BUS_FIELD_ARRAY,
};

enum { BUS_REQ = 0, BUS_OPT = 1, BUS_SECRET = 2 }; /* flags of a field */

struct bus_row {
    enum bus_kind kind;
    unsigned flags;   /* of a field; callers (bit 1 << enum bus_service) of a request */
    const char *name; /* "view" of a field or struct, "chain.view" of a message */
    const char *doc;
    size_t offset;            /* of a field in its struct; else the size of the struct */
    size_t count_offset;      /* of an array's count */
    uint64_t min, max;        /* value of a u64, length of a str or bin, elements of an array */
    enum bus_service service; /* of a fact, a request and a reply */
    int element;              /* of an array: index of its STRUCT row */
};

/* In the order of the .def files: a message is its row and the field rows that follow it. */
extern const struct bus_row bus_rows[]; /* ends with kind 0 */

enum bus_row_index {
#define MESSAGE(s, kind, of, name, callers, doc) BUS_ROW_##s,
#define FIELD(s, field, kind, type, min, max, flags, doc) BUS_ROW_##s##_DOT_##field,
#include "messages/each.def"
    BUS_ROW_COUNT
};

union bus_any { /* storage for any decoded message */
#define MESSAGE(s, kind, of, name, callers, doc) struct s s;
#include "messages/each.def"
};

static inline bool
bus_is_field(const struct bus_row *row)
{
    return row->kind >= BUS_FIELD_U64;
}

/* Row of a topic, of a method's request, and of its reply. */
const struct bus_row *bus_topic_row(enum bus_topic topic);
const struct bus_row *bus_method_row(enum bus_method method);
const struct bus_row *bus_reply_row(enum bus_method method);

/* "chain" for BUS_CHAIN; "unknown" past the last.  Static text. */
const char *bus_service_name(enum bus_service service);

/* The service, topic or method of that name, or -1. */
int bus_service_by_name(struct am_str name);
int bus_topic_by_name(struct am_str name);
int bus_method_by_name(struct am_str name);

#endif
