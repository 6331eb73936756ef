/*  dn_fault -- mistakes that the guest-agent simulator makes on purpose, by name.  */
#include "dn_fault.h"

#include "../../common/base/am_log.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = {
#define X(name, text, doc) text,
    DN_FAULT_LIST(X)
#undef X
};

/* NONE also when the line speaks of another method; -1 when nothing is called so. */
static int
fault_of(const char *line, const char *method)
{
    const char *at = strchr(line, '@');
    size_t len = at != NULL ? (size_t)(at - line) : strlen(line);

    for (int i = 0; i < DN_FAULT_COUNT; i++) {
        if (strlen(names[i]) != len || memcmp(names[i], line, len) != 0)
            continue;
        return at == NULL || strcmp(at + 1, method) == 0 ? i : DN_FAULT_NONE;
    }
    return -1;
}

int
dn_fault_check(const char *line, struct am_error *err)
{
#define X(name, text, doc) " " text
    static const char known[] = DN_FAULT_LIST(X);
#undef X

    if (fault_of(line, "") >= 0)
        return AM_OK;
    return am_fail(err, AM_INVALID_ARGUMENT, "fault: expected one of%s, got %.32s", known, line);
}

enum dn_fault
dn_fault_now(const struct dn_faults *f, const char *method)
{
    int found = f->fixed != NULL ? fault_of(f->fixed, method) : DN_FAULT_NONE;
    char line[80];
    FILE *file;

    if (found > DN_FAULT_NONE || f->control == NULL || (file = fopen(f->control, "re")) == NULL)
        return found > DN_FAULT_NONE ? (enum dn_fault)found : DN_FAULT_NONE;
    found = DN_FAULT_NONE;
    while (found == DN_FAULT_NONE && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] == '\0')
            continue;
        found = fault_of(line, method);
        if (found < 0) {
            am_log(AM_WARN, "fault.unknown", "line=\"%s\"", line);
            found = DN_FAULT_NONE;
        }
    }
    fclose(file);
    return (enum dn_fault)found;
}
