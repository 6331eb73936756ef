/*  ka_json -- a strict JSON reader that works in place: no tree, no copy, no allocation.
 *
 *  The guest agent's answers carry keys, so nothing here copies what it reads: a text that is
 *  asked for is lent from the caller's (locked) memory, and an error names places, never contents.
 *
 *  Source: RFC 8259; ours: one object, no name twice, nothing behind it, at most 16 levels.
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_JSON_H
#define KA_JSON_H

#include "../../common/base/am_bytes.h"

#define KA_JSON_DEPTH 16

enum ka_json_kind {
    KA_JSON_PLAIN,   /* a string without escapes: hex, a version */
    KA_JSON_TEXT,    /* a string, lent as it stands, escapes and all */
    KA_JSON_PLAINS2, /* exactly two plain strings in an array */
};

struct ka_json_field {
    const char *name;
    enum ka_json_kind kind;
    bool needed;
    struct am_str *out; /* one, or two for PLAINS2; borrowed from the text, empty when absent */
};

/* Read the members that `fields` names; others are checked for form and passed over.
 *
 * In:      text    the whole document; borrowed by what is written to the fields
 *          what    names the boundary in errors, e.g. "/GetKey"
 * Returns: AM_OK, or AM_INVALID_ARGUMENT: not one JSON object, a name twice, bytes behind it, a
 *          needed member absent or of another kind.  All outputs are empty then.
 */
int ka_json_read(struct am_str text, const struct ka_json_field *fields, size_t count,
                 const char *what, struct am_error *err) AM_MUST_CHECK;

/* A text as KA_JSON_TEXT lends it, escapes undone.  ASCII alone: nothing that is asked for has
 * more.
 *
 * Out:     out     cap bytes, no NUL
 * Returns: AM_OK, AM_RESOURCE_EXHAUSTED (cap), AM_INVALID_ARGUMENT (beyond ASCII, or a NUL) */
int ka_json_unescape(char *out, size_t cap, size_t *len, struct am_str text, const char *what,
                     struct am_error *err) AM_MUST_CHECK;

#endif
