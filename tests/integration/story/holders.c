/*  holders -- which process may hold which key, and where keys are: files, memory, cores.  */
#include "holders.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (1u << 20)

/* The one table: which program may hold which key, of its own node alone; the CSK of the cluster.
 * Whoever is not named may hold none: chain, mesh and its helper, indexer, api, up, tap, the chain,
 * the bundler, the sponsor.  A key of ours may be in memory and in no core; the guest agent is a
 * double, and wireguard-go is not ours. */
#define BIT(name) (1u << SCAN_##name)
static const struct {
    const char *program;
    uint32_t memory, core;
} table[] = {
    {"guest-agent", BIT(APP) | BIT(IDENTITY) | BIT(WIREGUARD) | BIT(OWNER) | BIT(CSK),
     BIT(APP) | BIT(IDENTITY) | BIT(WIREGUARD) | BIT(OWNER) | BIT(CSK)},
    {"attestmesh-keyagent", BIT(IDENTITY) | BIT(WIREGUARD) | BIT(OWNER) | BIT(CSK), 0},
    {"wireguard-go", BIT(WIREGUARD), BIT(WIREGUARD)},
};
#undef BIT

struct may { /* bits of scan_bytes */
    uint32_t memory, core;
};

struct mapping { /* of /proc/PID/smaps */
    unsigned long long from, to;
    char perms[5], path[64], flags[256]; /* flags: " rd wr mr ..." */
    unsigned long inode, own_kb;         /* own_kb: pages that are no file's any more */
};

static unsigned originator;
static struct scan_found *walked; /* by the walk under way */

void
holders_open(struct e2e *t, unsigned first)
{
    struct am_error err = {0};

    originator = first;
    for (unsigned n = 0; n < SCAN_NODES; n++)
        e2e_need(t, scan_add(n, t->world.nodes[n].member, &err), &err, "keys");
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
    walked->looked++;
    scan_bytes(walked, path, p, len, 0);
    free(p);
    return 0;
}

void
holders_files(struct scan_found *out, const char *dir)
{
    *out = (struct scan_found){0};
    walked = out;
    nftw(dir, on_file, 16, FTW_PHYS);
}

/* What pid may hold: by its program's name, of the node that its pid, argv or environment names. */
static void
allow(struct may *may, const struct e2e *t, pid_t pid, const char *program, const uint8_t *seen,
      size_t len)
{
    const uint32_t csk = 1u << (originator * SCAN_KEY_COUNT + SCAN_CSK);

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (unsigned n = 0; n < SCAN_NODES && strcmp(table[i].program, program) == 0; n++) {
            const struct dn_node *node = &t->world.nodes[n];
            char dir[520];
            int dir_len = snprintf(dir, sizeof dir, "%s/", node->dir);

            if (pid != node->wireguard && memmem(seen, len, dir, (size_t)dir_len) == NULL)
                continue;
            may->memory |= table[i].memory << n * SCAN_KEY_COUNT;
            may->core |= table[i].core << n * SCAN_KEY_COUNT;
            may->memory |= (table[i].memory & 1u << SCAN_CSK) != 0 ? csk : 0;
            may->core |= (table[i].core & 1u << SCAN_CSK) != 0 ? csk : 0;
        }
}

/* The next mapping, all its lines; VmFlags is the last of them. */
static bool
next_mapping(FILE *smaps, struct mapping *m)
{
    struct mapping head;
    char line[512];
    unsigned long kb;

    *m = (struct mapping){.to = 0};
    while (fgets(line, sizeof line, smaps) != NULL) {
        head = (struct mapping){.to = 0};
        if (sscanf(line, "VmFlags:%255[^\n]", m->flags) == 1)
            return true;
        if (sscanf(line, "Anonymous: %lu", &kb) == 1 || sscanf(line, "Swap: %lu", &kb) == 1)
            m->own_kb += kb;
        else if (sscanf(line, "%llx-%llx %4s %*x %*s %lu %63s", &head.from, &head.to, head.perms,
                        &head.inode, head.path) >= 4)
            *m = head;
    }
    return false;
}

/* Memory that is written, or belongs to no file. */
static bool
in_memory(const struct mapping *m)
{
    return m->perms[0] == 'r' && (m->perms[1] == 'w' || m->inode == 0) &&
           strcmp(m->path, "[vvar]") != 0 && strcmp(m->path, "[vsyscall]") != 0;
}

/* What the kernel would write into a core; core(5), "Controlling which mappings are written":
 * the bits of the filter are private and shared memory of no file, private and shared of a file. */
static bool
in_core(const struct mapping *m, unsigned filter)
{
    bool unlinked = strstr(m->path, "(deleted)") != NULL || m->inode == 0;

    if (strstr(m->flags, " dd") != NULL || strstr(m->flags, " io") != NULL)
        return false;
    if (strstr(m->flags, " sh") != NULL)
        return (filter & (unlinked ? 2u : 8u)) != 0;
    return (m->own_kb > 0 && (filter & 1u) != 0) || (m->inode != 0 && (filter & 4u) != 0);
}

static void
scan_region(struct scan_found *out, const char *where, int mem, const struct mapping *m,
            uint32_t may)
{
    static uint8_t chunk[CHUNK + SCAN_FORM_MAX];
    unsigned long long from = m->from;
    size_t kept = 0;

    while (from < m->to) {
        size_t want = m->to - from < CHUNK ? (size_t)(m->to - from) : CHUNK;
        ssize_t n = pread(mem, chunk + kept, want, (off_t)from);

        if (n <= 0) /* a page that is not there any more */
            return;
        scan_bytes(out, where, chunk, kept + (size_t)n, may);
        from += (unsigned long long)n;
        n += (ssize_t)kept;
        kept = n < (ssize_t)SCAN_FORM_MAX - 1 ? (size_t)n : SCAN_FORM_MAX - 1;
        memmove(chunk, chunk + n - kept, kept);
    }
}

static unsigned
core_filter(pid_t pid)
{
    unsigned filter = 0xffffffffu; /* not readable: then everything */
    char path[64];
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/coredump_filter", (int)pid);
    if ((f = fopen(path, "re")) != NULL) {
        if (fscanf(f, "%x", &filter) != 1)
            filter = 0xffffffffu;
        fclose(f);
    }
    return filter;
}

static void
scan_memory(struct holders *out, pid_t pid, const char *program, const struct may *may)
{
    uint64_t before = out->memory.bytes;
    unsigned filter = core_filter(pid);
    char path[64], where[2][128];
    struct mapping m;
    FILE *smaps;
    int mem;

    snprintf(path, sizeof path, "/proc/%d/smaps", (int)pid);
    smaps = fopen(path, "re");
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    mem = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(where[0], sizeof where[0], "the memory of %s (%d)", program, (int)pid);
    snprintf(where[1], sizeof where[1], "a core of %s (%d)", program, (int)pid);
    while (smaps != NULL && mem >= 0 && next_mapping(smaps, &m)) {
        if (in_memory(&m))
            scan_region(&out->memory, where[0], mem, &m, may->memory);
        if (in_core(&m, filter))
            scan_region(&out->core, where[1], mem, &m, may->core);
    }
    if (smaps != NULL)
        fclose(smaps);
    if (mem >= 0)
        close(mem);
    out->memory.looked++;
    out->core.looked++;
    if (out->memory.bytes == before)
        out->memory.refused++;
}

void
holders_process(struct holders *out, const struct e2e *t, pid_t pid)
{
    char path[64], where[128], name[256] = "";
    struct may may = {0, 0};
    uint8_t *argv, *env;
    size_t argv_len, env_len;

    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    argv = slurp(path, &argv_len);
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    env = slurp(path, &env_len);
    if (argv != NULL && argv_len > 0) {
        snprintf(name, sizeof name, "%s", (const char *)argv);
        memmove(name, basename(name), strlen(basename(name)) + 1);
        allow(&may, t, pid, name, argv, argv_len);
        if (env != NULL)
            allow(&may, t, pid, name, env, env_len);
        snprintf(where, sizeof where, "argv of %s (%d)", name, (int)pid);
        scan_bytes(&out->memory, where, argv, argv_len, 0);
        snprintf(where, sizeof where, "environment of %s (%d)", name, (int)pid);
        if (env != NULL)
            scan_bytes(&out->memory, where, env, env_len, 0);
        scan_memory(out, pid, name, &may);
    }
    free(argv);
    free(env);
}

void
holders_processes(struct holders *out, const struct e2e *t)
{
    DIR *proc = opendir("/proc");
    struct dirent *e;

    *out = (struct holders){.core = {0}};
    while (proc != NULL && (e = readdir(proc)) != NULL) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

        if (pid > 0 && pid != getpid())
            holders_process(out, t, pid);
    }
    if (proc != NULL)
        closedir(proc);
}
