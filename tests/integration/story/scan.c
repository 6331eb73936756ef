/*  scan -- look for known secrets wherever bytes stay: files, argv, environments, memory.  */
#include "scan.h"

#include "../../../common/wire/am_dstack.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INNER 30u /* of 32 bytes: the first and the last may be clamped */
#define FORM_MAX 64u
#define CHUNK (1u << 20)

/* The one table: which program may hold which key, of its own node alone; the CSK of the cluster.
 * Whoever is not named may hold none: chain, mesh and its helper, indexer, api, up, tap, the chain,
 * the bundler, the sponsor. */
#define BIT(name) (1u << SCAN_##name)
static const struct {
    const char *program;
    uint32_t keys;
} table[] = {
    {"guest-agent", BIT(APP) | BIT(IDENTITY) | BIT(WIREGUARD) | BIT(OWNER) | BIT(CSK)},
    {"attestmesh-keyagent", BIT(IDENTITY) | BIT(WIREGUARD) | BIT(OWNER) | BIT(CSK)},
    {"wireguard-go", BIT(WIREGUARD)},
};
#undef BIT

struct form {
    uint8_t bytes[FORM_MAX];
    size_t len;
    unsigned id; /* node * SCAN_KEY_COUNT + enum scan_key */
    const char *name;
};

static const struct {
    const char *path, *text;
} kinds[] = {
#define X(name, path, text) {path, text},
    SCAN_KEYS(X)
#undef X
};

static struct {
    uint8_t key[SCAN_NODES][SCAN_KEY_COUNT][32];
    struct form forms[SCAN_NODES * SCAN_KEY_COUNT * 7];
    size_t count;
    uint8_t starts[65536]; /* whether any form begins with these two bytes */
    unsigned originator;
    struct scan_found *out; /* of the walk under way */
} scan;

static void
add_form(unsigned id, const char *name, const void *p, size_t len)
{
    struct form *f = &scan.forms[scan.count++];

    *f = (struct form){.len = len, .id = id, .name = name};
    memcpy(f->bytes, p, len);
    scan.starts[f->bytes[0] << 8 | f->bytes[1]] = 1;
}

static void
add_base64(unsigned id, const uint8_t *inner, size_t before)
{
    static const char *const names[] = {"base64", "base64 after 1 byte", "base64 after 2 bytes"};
    uint8_t padded[INNER + 2] = {0};
    char text[64];
    size_t from = (8 * before + 5) / 6, to = 8 * (before + INNER) / 6;

    memcpy(padded + before, inner, INNER);
    sodium_bin2base64(text, sizeof text, padded, before + INNER, sodium_base64_VARIANT_ORIGINAL);
    add_form(id, names[before], text + from, to - from); /* the rest depends on the neighbours */
}

static void
add_key(unsigned id, const uint8_t key[static 32])
{
    const uint8_t *inner = key + 1;
    uint8_t reversed[INNER];
    char hex[2 * INNER + 1];

    for (size_t i = 0; i < INNER; i++)
        reversed[i] = inner[INNER - 1 - i];
    add_form(id, "raw", inner, INNER);
    add_form(id, "raw, last byte first", reversed, INNER);
    am_hex(hex, inner, INNER);
    add_form(id, "hex", hex, 2 * INNER);
    for (size_t i = 0; i < 2 * INNER; i++)
        hex[i] = (char)toupper((unsigned char)hex[i]);
    add_form(id, "hex in capitals", hex, 2 * INNER);
    for (size_t before = 0; before < 3; before++)
        add_base64(id, inner, (before + 1) % 3); /* inner is one byte into the key */
}

void
scan_open(struct e2e *t, unsigned originator)
{
    struct am_error err = {0};
    uint8_t root[32];

    scan.originator = originator;
    e2e_need(t, am_unhex(root, 32, am_str_of(DN_KMS_ROOT_KEY), "KMS root", &err), &err, "keys");
    for (unsigned n = 0; n < SCAN_NODES; n++)
        for (unsigned k = 0; k < SCAN_KEY_COUNT; k++) {
            uint8_t *key = scan.key[n][k];
            int r = k == SCAN_APP
                        ? am_dstack_app_key(key, root, t->world.nodes[n].member, &err)
                        : am_dstack_key(key, scan.key[n][SCAN_APP], am_str_of(kinds[k].path), &err);

            e2e_need(t, r, &err, "keys");
            add_key(n * SCAN_KEY_COUNT + k, key);
        }
}

const uint8_t *
scan_key_of(unsigned node, enum scan_key key)
{
    return scan.key[node][key];
}

size_t
scan_forms(void)
{
    return scan.count;
}

struct am_bin
scan_form(size_t i)
{
    return am_bin_of(scan.forms[i].bytes, scan.forms[i].len);
}

static void
found(struct scan_found *out, const char *where, const struct form *f, uint32_t may)
{
    if ((may & 1u << f->id) != 0) {
        out->allowed++;
        return;
    }
    if (out->places < sizeof out->where / sizeof out->where[0])
        snprintf(out->where[out->places], sizeof out->where[0], "%s of node %u as %s in %s",
                 kinds[f->id % SCAN_KEY_COUNT].text, f->id / SCAN_KEY_COUNT + 1, f->name, where);
    out->places++;
}

void
scan_bytes(struct scan_found *out, const char *where, const uint8_t *p, size_t len, uint32_t may)
{
    out->bytes += len;
    for (size_t i = 0; i + 1 < len; i++) {
        if (scan.starts[p[i] << 8 | p[i + 1]] == 0)
            continue;
        for (size_t k = 0; k < scan.count; k++)
            if (scan.forms[k].len <= len - i &&
                memcmp(p + i, scan.forms[k].bytes, scan.forms[k].len) == 0)
                found(out, where, &scan.forms[k], may);
    }
}

/* Whole, NUL-terminated, malloc; NULL when it cannot be read. */
static uint8_t *
slurp(const char *path, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    size_t cap = 65536;
    uint8_t *p = fd < 0 ? NULL : malloc(cap);
    ssize_t n;

    *len = 0;
    while (p != NULL && (n = read(fd, p + *len, cap - *len - 1)) > 0)
        if ((*len += (size_t)n) + 1 == cap && (p = realloc(p, cap *= 2)) == NULL)
            abort();
    if (p != NULL)
        p[*len] = '\0';
    if (fd >= 0)
        close(fd);
    return p;
}

static int
on_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    uint8_t *p;
    size_t len;

    (void)ftw;
    if (type != FTW_F || !S_ISREG(st->st_mode) || (p = slurp(path, &len)) == NULL)
        return 0;
    scan.out->looked++;
    scan_bytes(scan.out, path, p, len, 0);
    free(p);
    return 0;
}

void
scan_files(struct scan_found *out, const char *dir)
{
    *out = (struct scan_found){0};
    scan.out = out;
    nftw(dir, on_file, 16, FTW_PHYS);
}

/* What pid may hold: by its program's name, of the node that its pid, argv or environment names. */
static uint32_t
allowance(const struct e2e *t, pid_t pid, const char *program, const char *seen, size_t len)
{
    uint32_t may = 0;

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (unsigned n = 0; n < SCAN_NODES && strcmp(table[i].program, program) == 0; n++) {
            const struct dn_node *node = &t->world.nodes[n];
            char dir[520];
            int dir_len = snprintf(dir, sizeof dir, "%s/", node->dir);

            if (pid != node->wireguard && memmem(seen, len, dir, (size_t)dir_len) == NULL)
                continue;
            may |= table[i].keys << n * SCAN_KEY_COUNT;
            if ((table[i].keys & 1u << SCAN_CSK) != 0)
                may |= 1u << (scan.originator * SCAN_KEY_COUNT + SCAN_CSK);
        }
    return may;
}

/* What a core would hold: memory that is written, or belongs to no file. */
static bool
in_core(const char *line, unsigned long long *from, unsigned long long *to)
{
    char perms[5], path[64] = "";
    unsigned long inode;

    if (sscanf(line, "%llx-%llx %4s %*x %*s %lu %63s", from, to, perms, &inode, path) < 4)
        return false;
    return perms[0] == 'r' && (perms[1] == 'w' || inode == 0) && strcmp(path, "[vvar]") != 0 &&
           strcmp(path, "[vsyscall]") != 0;
}

static void
scan_region(struct scan_found *out, const char *where, int mem, unsigned long long from,
            unsigned long long to, uint32_t may)
{
    static uint8_t chunk[CHUNK + FORM_MAX];
    size_t kept = 0;

    while (from < to) {
        size_t want = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
        ssize_t n = pread(mem, chunk + kept, want, (off_t)from);

        if (n <= 0) /* a page that is not there any more */
            return;
        scan_bytes(out, where, chunk, kept + (size_t)n, may);
        from += (unsigned long long)n;
        n += (ssize_t)kept;
        kept = n < (ssize_t)FORM_MAX - 1 ? (size_t)n : FORM_MAX - 1;
        memmove(chunk, chunk + n - kept, kept);
    }
}

static void
scan_memory(struct scan_found *out, pid_t pid, const char *program, uint32_t may)
{
    unsigned long long from, to;
    char path[64], where[128], line[512];
    uint64_t before = out->bytes;
    FILE *maps;
    int mem;

    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    maps = fopen(path, "re");
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    mem = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(where, sizeof where, "the memory of %s (%d)", program, (int)pid);
    while (maps != NULL && mem >= 0 && fgets(line, sizeof line, maps) != NULL)
        if (in_core(line, &from, &to))
            scan_region(out, where, mem, from, to, may);
    if (maps != NULL)
        fclose(maps);
    if (mem >= 0)
        close(mem);
    out->looked++;
    if (out->bytes == before)
        out->refused++;
}

static void
scan_process(struct scan_found *out, const struct e2e *t, pid_t pid)
{
    char path[64], where[128], name[256] = "";
    uint8_t *argv, *env;
    size_t argv_len, env_len;
    uint32_t may;

    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    argv = slurp(path, &argv_len);
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    env = slurp(path, &env_len);
    if (argv != NULL && argv_len > 0) {
        snprintf(name, sizeof name, "%s", (const char *)argv);
        memmove(name, basename(name), strlen(basename(name)) + 1);
        may = allowance(t, pid, name, (const char *)argv, argv_len) |
              (env != NULL ? allowance(t, pid, name, (const char *)env, env_len) : 0);
        snprintf(where, sizeof where, "argv of %s (%d)", name, (int)pid);
        scan_bytes(out, where, argv, argv_len, 0);
        snprintf(where, sizeof where, "environment of %s (%d)", name, (int)pid);
        if (env != NULL)
            scan_bytes(out, where, env, env_len, 0);
        scan_memory(out, pid, name, may);
    }
    free(argv);
    free(env);
}

void
scan_processes(struct scan_found *out, const struct e2e *t)
{
    DIR *proc = opendir("/proc");
    struct dirent *e;

    *out = (struct scan_found){0};
    while (proc != NULL && (e = readdir(proc)) != NULL) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

        if (pid > 0 && pid != getpid())
            scan_process(out, t, pid);
    }
    if (proc != NULL)
        closedir(proc);
}
