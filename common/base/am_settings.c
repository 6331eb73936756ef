/*  am_settings -- the environment, read once, through one typed table.  */
#include "am_settings.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum kind { KIND_STR, KIND_U64, KIND_BOOL, KIND_ADDR };
enum flag { KEEP = 0, NEED = 1, SECRET = 2 };

struct row {
    const char *name, *def, *doc;
    uint64_t number, min, max;
    size_t offset;
    unsigned readers, flags;
    enum kind kind;
};

#define KEYAGENT AM_READ_KEYAGENT
#define CHAIN AM_READ_CHAIN
#define MESH AM_READ_MESH
#define INDEXER AM_READ_INDEXER
#define API AM_READ_API
#define SPONSOR AM_READ_SPONSOR
#define DOCTOR AM_READ_DOCTOR
#define ALL AM_READ_ALL
#define AT(field) offsetof(struct am_settings, field)
static const struct row rows[] = {
#define STR(readers, field, name, def, flags, doc)                                                 \
    {name, def, doc, 0, 0, 0, AT(field), readers, flags, KIND_STR},
#define U64(readers, field, name, def, min, max, flags, doc)                                       \
    {name, "", doc, def, min, max, AT(field), readers, flags, KIND_U64},
#define BOOL(readers, field, name, def, flags, doc)                                                \
    {name, "", doc, def, 0, 1, AT(field), readers, flags, KIND_BOOL},
#define ADDR(readers, field, name, def, flags, doc)                                                \
    {name, def, doc, 0, 0, 0, AT(field), readers, flags, KIND_ADDR},
#include "settings.def"
};
#define ROWS (sizeof rows / sizeof rows[0])

static const char *
lookup(char *const *env, const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);

    for (; *env != NULL; env++)
        if (strncmp(*env, name, n) == 0 && strncmp(*env + n, suffix, m) == 0 &&
            (*env)[n + m] == '=')
            return *env + n + m + 1;
    return NULL;
}

/* Levenshtein distance, capped by the length of our names; only for the hint in an error. */
static size_t
distance(const char *a, size_t alen, const char *b)
{
    size_t row[128], blen = strlen(b);

    if (blen >= 128)
        return SIZE_MAX;
    for (size_t j = 0; j <= blen; j++)
        row[j] = j;
    for (size_t i = 1; i <= alen; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= blen; j++) {
            size_t swap = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            if (row[j] + 1 < swap)
                swap = row[j] + 1;
            if (row[j - 1] + 1 < swap)
                swap = row[j - 1] + 1;
            row[j] = swap;
        }
    }
    return row[blen];
}

static bool
is_row(const char *name, size_t len)
{
    for (size_t i = 0; i < ROWS; i++) {
        size_t n = strlen(rows[i].name);

        if (strncmp(name, rows[i].name, n) != 0)
            continue;
        if (len == n ||
            ((rows[i].flags & SECRET) != 0 && len == n + 5 && strncmp(name + n, "_FILE", 5) == 0))
            return true;
    }
    return false;
}

static int
refuse_unknown(char *const *env, struct am_error *err)
{
    static const char prefix[] = "ATTESTMESH_";

    for (; *env != NULL; env++) {
        size_t len = strcspn(*env, "="), best = SIZE_MAX;
        const char *nearest = "";

        if (strncmp(*env, prefix, sizeof prefix - 1) != 0 || is_row(*env, len))
            continue;
        for (size_t i = 0; i < ROWS; i++) {
            size_t d = len < 128 ? distance(*env, len, rows[i].name) : SIZE_MAX;

            if (d < best) {
                best = d;
                nearest = rows[i].name;
            }
        }
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "environment: %.*s is no setting of AttestMesh; the nearest is %s",
                       len < 100 ? (int)len : 100, *env, nearest);
    }
    return AM_OK;
}

static int
read_file(char out[static AM_SETTING_TEXT], const char *name, const char *path,
          struct am_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return am_fail(err, AM_FAILED_PRECONDITION, "%s_FILE: cannot open %s: %s", name, path,
                       strerror(errno));
    n = read(fd, out, AM_SETTING_TEXT);
    close(fd);
    if (n < 0 || n >= AM_SETTING_TEXT) {
        sodium_memzero(out, AM_SETTING_TEXT);
        return am_fail(err, AM_FAILED_PRECONDITION, "%s_FILE: expected fewer than %d bytes in %s",
                       name, AM_SETTING_TEXT, path);
    }
    while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == '\r'))
        n--;
    out[n] = '\0';
    return AM_OK;
}

static int
parse_u64(uint64_t *out, const struct row *row, const char *text, struct am_error *err)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || *out < row->min ||
        *out > row->max)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "%s: expected a decimal number from %llu to %llu, got \"%.40s\"", row->name,
                       (unsigned long long)row->min, (unsigned long long)row->max, text);
    return AM_OK;
}

static int
store(struct am_settings *s, const struct row *row, const char *text, struct am_error *err)
{
    void *at = (char *)s + row->offset;
    bool yes = strcmp(text, "true") == 0;

    switch (row->kind) {
    case KIND_STR:
        if (strlen(text) >= AM_SETTING_TEXT)
            return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected fewer than %d bytes, got %zu",
                           row->name, AM_SETTING_TEXT, strlen(text));
        strcpy(at, text);
        return AM_OK;
    case KIND_U64:
        return parse_u64(at, row, text, err);
    case KIND_BOOL:
        if (!yes && strcmp(text, "false") != 0)
            return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected true or false, got \"%.40s\"",
                           row->name, text);
        memcpy(at, &yes, sizeof yes);
        return AM_OK;
    case KIND_ADDR:
        return am_unhex(at, 20, am_str_of(text), row->name, err);
    }
    return am_fail(err, AM_INTERNAL, "%s: no such kind of setting", row->name);
}

static int
load_row(struct am_settings *s, const struct row *row, char *const *env, struct am_error *err)
{
    const char *text = lookup(env, row->name, ""), *path = NULL;
    char from_file[AM_SETTING_TEXT];
    int r;

    if ((row->flags & SECRET) != 0)
        path = lookup(env, row->name, "_FILE");
    if (text != NULL && path != NULL)
        return am_fail(err, AM_INVALID_ARGUMENT, "%s: set it or %s_FILE, not both", row->name,
                       row->name);
    if (path != NULL) {
        if ((r = read_file(from_file, row->name, path, err)) == AM_OK)
            r = store(s, row, from_file, err);
        sodium_memzero(from_file, sizeof from_file);
        return r;
    }
    if (text == NULL || *text == '\0') {
        if ((row->flags & NEED) != 0)
            return am_fail(err, AM_INVALID_ARGUMENT, "%s: must be set: %s", row->name, row->doc);
        text = row->def;
        if (row->kind == KIND_U64 || row->kind == KIND_BOOL) {
            if (row->kind == KIND_U64)
                *(uint64_t *)(void *)((char *)s + row->offset) = row->number;
            else
                *(bool *)((char *)s + row->offset) = row->number != 0;
            return AM_OK;
        }
        if (*text == '\0')
            return AM_OK;
    }
    return store(s, row, text, err);
}

int
am_settings_load(struct am_settings *s, enum am_reader reader, char *const *env,
                 struct am_error *err)
{
    int r;

    memset(s, 0, sizeof *s);
    if ((r = refuse_unknown(env, err)) != AM_OK)
        return r;
    for (size_t i = 0; i < ROWS; i++) {
        if ((rows[i].readers & reader) == 0)
            continue;
        if ((r = load_row(s, &rows[i], env, err)) != AM_OK) {
            sodium_memzero(s, sizeof *s);
            return r;
        }
    }
    return AM_OK;
}

void
am_settings_doc(void (*line)(void *arg, const char *text), void *arg)
{
    static const char *const names[] = {"keyagent", "chain",   "mesh", "tunnel", "indexer",
                                        "api",      "sponsor", "cli",  "doctor"};
    char text[640];

    for (size_t i = 0; i < ROWS; i++) {
        char readers[96] = "";
        char def[64];

        for (unsigned b = 0; rows[i].readers != ALL && b < sizeof names / sizeof names[0]; b++)
            if ((rows[i].readers & 1u << b) != 0) {
                strcat(readers, *readers != '\0' ? ", " : "");
                strcat(readers, names[b]);
            }
        if (rows[i].kind == KIND_U64)
            snprintf(def, sizeof def, "%llu", (unsigned long long)rows[i].number);
        else
            snprintf(def, sizeof def, "%s", rows[i].def);
        snprintf(text, sizeof text, "| %s | %s | %s | %s%s |", rows[i].name,
                 rows[i].readers == ALL ? "all" : readers,
                 (rows[i].flags & NEED) != 0 ? "(must be set)" : def, rows[i].doc,
                 (rows[i].flags & SECRET) != 0 ? "; a secret, or a file named by NAME_FILE" : "");
        line(arg, text);
    }
}
