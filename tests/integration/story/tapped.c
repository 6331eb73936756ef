/*  tapped -- what `attestmesh tap` printed, read back: one JSON object a line.  */
#include "tapped.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
text_of(const json_t *line, const char *field)
{
    const char *text = json_string_value(json_object_get(line, field));

    return text != NULL ? text : "";
}

static json_int_t
at_of(const json_t *line)
{
    return json_integer_value(json_object_get(line, "at_ms"));
}

static void
insert(json_t *lines, json_t *line)
{
    size_t i = json_array_size(lines);

    while (i > 0 && at_of(json_array_get(lines, i - 1)) > at_of(line))
        i--;
    json_array_insert_new(lines, i, line);
}

bool
tapped_open(struct tapped *t, const char *path)
{
    FILE *f = fopen(path, "re");
    char *text = NULL;
    size_t cap = 0;

    *t = (struct tapped){.lines = json_array()};
    while (f != NULL && getline(&text, &cap, f) > 0) {
        json_t *line = strchr(text, '\n') != NULL ? json_loads(text, 0, NULL) : NULL;

        if (line != NULL)
            insert(t->lines, line);
        else if (strchr(text, '\n') != NULL) /* the last may still be under way */
            t->broken++;
    }
    free(text);
    if (f != NULL)
        fclose(f);
    return f != NULL;
}

void
tapped_close(struct tapped *t)
{
    json_decref(t->lines);
    t->lines = NULL;
}

static bool
says(const json_t *line, const char *field, const char *text)
{
    const json_t *v = json_object_get(json_object_get(line, "value"), field);

    if (json_is_boolean(v))
        return strcmp(text, json_is_true(v) ? "true" : "false") == 0;
    return json_is_string(v) && strcmp(text, json_string_value(v)) == 0;
}

static bool
is(const json_t *line, const char *event, const char *name)
{
    return strcmp(text_of(line, "event"), event) == 0 && strcmp(text_of(line, "name"), name) == 0;
}

size_t
tapped_find(const struct tapped *t, size_t from, const char *event, const char *name,
            const char *field, const char *text)
{
    for (size_t i = from; from != TAPPED_NONE && i < json_array_size(t->lines); i++) {
        const json_t *line = json_array_get(t->lines, i);

        if (is(line, event, name) && (field == NULL || says(line, field, text)))
            return i;
    }
    return TAPPED_NONE;
}

size_t
tapped_operation(const struct tapped *t, size_t from, const char *purpose, const char *state)
{
    size_t i = from;

    while ((i = tapped_find(t, i, "fact", "chain.operation", "state", state)) != TAPPED_NONE) {
        if (says(json_array_get(t->lines, i), "purpose", purpose))
            return i;
        i++;
    }
    return TAPPED_NONE;
}

static size_t
answer(const struct tapped *t, size_t at)
{
    static const char *const same[] = {"service", "name", "caller"};
    const json_t *request = json_array_get(t->lines, at);

    for (size_t i = at + 1; i < json_array_size(t->lines); i++) {
        const json_t *line = json_array_get(t->lines, i);
        bool match = strcmp(text_of(line, "event"), "reply") == 0 &&
                     json_equal(json_object_get(line, "call"), json_object_get(request, "call"));

        for (size_t k = 0; match && k < sizeof same / sizeof same[0]; k++)
            match = strcmp(text_of(line, same[k]), text_of(request, same[k])) == 0;
        if (match)
            return i;
    }
    return TAPPED_NONE;
}

size_t
tapped_reply(const struct tapped *t, size_t at)
{
    size_t i = at == TAPPED_NONE ? TAPPED_NONE : answer(t, at);
    const json_t *line = i == TAPPED_NONE ? NULL : json_array_get(t->lines, i);

    return line != NULL && strcmp(text_of(line, "status"), "OK") == 0 &&
                   json_is_integer(json_object_get(line, "took_ms"))
               ? i
               : TAPPED_NONE;
}

size_t
tapped_unanswered(const struct tapped *t, json_int_t ms, size_t *count)
{
    size_t n = json_array_size(t->lines), none = 0;
    json_int_t end = n > 0 ? at_of(json_array_get(t->lines, n - 1)) - ms : 0;

    *count = 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *line = json_array_get(t->lines, i);

        if (strcmp(text_of(line, "event"), "request") != 0 || at_of(line) > end)
            continue;
        (*count)++;
        none += answer(t, i) == TAPPED_NONE;
    }
    return none;
}
