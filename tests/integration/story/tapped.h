/*  tapped -- what `attestmesh tap` printed, read back: one JSON object a line.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORY_TAPPED_H
#define STORY_TAPPED_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define TAPPED_NONE ((size_t)-1)

struct tapped {
    json_t *lines; /* in the order of at_ms: the endpoints of several services were followed */
    size_t broken; /* lines that are no such object */
};

/* Returns: whether the file could be read; tapped_close is due in both cases */
bool tapped_open(struct tapped *t, const char *path);
void tapped_close(struct tapped *t);

/* Index of the first line from `from` on with this event and name, and value[field] as text "...",
 * "true" or "false"; field NULL: any value.  TAPPED_NONE passes through as from, and says none. */
size_t tapped_find(const struct tapped *t, size_t from, const char *event, const char *name,
                   const char *field, const char *text);
/* The same, in lines whose value also says purpose. */
size_t tapped_operation(const struct tapped *t, size_t from, const char *purpose,
                        const char *state);
/* The reply to the request at `at`, with status OK and a time; or TAPPED_NONE. */
size_t tapped_reply(const struct tapped *t, size_t at);
/* Requests with no reply among all but the last ms; *count: of all requests. */
size_t tapped_unanswered(const struct tapped *t, json_int_t ms, size_t *count);

#endif
