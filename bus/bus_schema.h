/*  bus_schema -- the C face of messages/: structs, enums and names, made by the preprocessor.
 *
 *  Vocabulary of a .def file (first argument of a field: the struct's name):
 *    STRUCT(name, doc)                       an element of an ARRAY; ends with END(name)
 *    FACT(service, name, SINGLE|KEYED, doc)  topic "service.name", struct service_name; KEYED: the
 *                                            first field is the key
 *    REQUEST(service, name, callers, doc)    method "service.name", struct service_name
 *    REPLY(service, name)                    ends the request, begins struct service_name_reply
 *    COMMAND(service, name, callers, doc)    a REQUEST whose repeats (same caller, same
 *                                            idempotency_key) get the first answer again
 *    U64(s, field, max, flags, doc)   BOOL(s, field, flags, doc)
 *    STR(s, field, max, flags, doc)   BIN(s, field, min, max, flags, doc)   lengths in bytes
 *    ARRAY(s, field, struct, max, flags, doc)   C: struct <struct> field[max]; size_t field_count;
 *    flags: REQ | OPT, with SECRET where a value may not be shown.  An absent OPT field is 0, false
 *    or length 0.
 *
 *  From FACT(chain, view) come struct chain_view and BUS_TOPIC_chain_view; from REQUEST(chain,
 * send) struct chain_send, struct chain_send_reply and BUS_METHOD_chain_send.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef BUS_SCHEMA_H
#define BUS_SCHEMA_H

#include "../common/base/am_bytes.h"

#define BUS_SCHEMA_VERSION                                                                         \
    1 /* changes when an old reader would misread; others are refused by name */

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

#define FACT(service, name, kind, doc) struct service##_##name {
#define REQUEST(service, name, callers, doc) struct service##_##name {
#define COMMAND(service, name, callers, doc) struct service##_##name {
/* end_: C has no empty struct */
#define REPLY(service, name)                                                                       \
    uint8_t end_;                                                                                  \
    }                                                                                              \
    ;                                                                                              \
    struct service##_##name##_reply {
#define STRUCT(name, doc) struct name {
#define END(name)                                                                                  \
    uint8_t end_;                                                                                  \
    }                                                                                              \
    ;
#define U64(s, field, max, flags, doc) uint64_t field;
#define BOOL(s, field, flags, doc) bool field;
#define STR(s, field, max, flags, doc) struct am_str field;
#define BIN(s, field, min, max, flags, doc) struct am_bin field;
#define ARRAY(s, field, element, max, flags, doc)                                                  \
    struct element field[max];                                                                     \
    size_t field##_count;
#include "bus_each.h"

enum bus_topic {
#define FACT(service, name, kind, doc) BUS_TOPIC_##service##_##name,
#include "bus_each.h"
    BUS_TOPIC_COUNT
};

enum bus_method {
#define REQUEST(service, name, callers, doc) BUS_METHOD_##service##_##name,
#define COMMAND REQUEST
#include "bus_each.h"
    BUS_METHOD_COUNT
};

/* One row a message, struct or field, in the order of the .def files: a message is its row and the
 * field rows that follow it. */
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

enum bus_row_index {
#define STRUCT(name, doc) BUS_ROW_##name,
#define FACT(service, name, kind, doc) BUS_ROW_##service##_##name,
#define REQUEST(service, name, callers, doc) BUS_ROW_##service##_##name,
#define COMMAND REQUEST
#define REPLY(service, name) BUS_ROW_##service##_##name##_reply,
#define U64(s, field, max, flags, doc) BUS_ROW_##s##_DOT_##field,
#define BOOL(s, field, flags, doc) BUS_ROW_##s##_DOT_##field,
#define STR(s, field, max, flags, doc) BUS_ROW_##s##_DOT_##field,
#define BIN(s, field, min, max, flags, doc) BUS_ROW_##s##_DOT_##field,
#define ARRAY(s, field, element, max, flags, doc) BUS_ROW_##s##_DOT_##field,
#include "bus_each.h"
    BUS_ROW_COUNT
};
extern const struct bus_row bus_rows[]; /* ends with kind 0 */

/* Storage for any decoded message. */
union bus_any {
#define STRUCT(name, doc) struct name s_##name;
#define FACT(service, name, kind, doc) struct service##_##name service##_##name;
#define REQUEST(service, name, callers, doc) struct service##_##name service##_##name;
#define COMMAND REQUEST
#define REPLY(service, name) struct service##_##name##_reply service##_##name##_reply;
#include "bus_each.h"
};

/* Row of a topic, of a method's request, and of its reply. */
const struct bus_row *bus_topic_row(enum bus_topic topic);
const struct bus_row *bus_method_row(enum bus_method method);
const struct bus_row *bus_reply_row(enum bus_method method);

static inline bool
bus_is_field(const struct bus_row *row)
{
    return row->kind >= BUS_FIELD_U64;
}

/* "chain" for BUS_CHAIN; "unknown" past the last.  Static text. */
const char *bus_service_name(enum bus_service service);

/* The service, topic or method of that name, or -1. */
int bus_service_by_name(struct am_str name);
int bus_topic_by_name(struct am_str name);
int bus_method_by_name(struct am_str name);

#endif
