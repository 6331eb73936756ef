/*  sp_store -- what was granted today, on disk: the counters of the caps, and the last decisions.
 */
#include "sp_store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum kind { SENDER, CLUSTER };

/* synchronous=FULL: in WAL, only that waits for the disk at each commit. */
static const char schema[] =
    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "PRAGMA temp_store=MEMORY; BEGIN EXCLUSIVE;"
    "CREATE TABLE IF NOT EXISTS spent(day INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " who BLOB NOT NULL, ops INTEGER NOT NULL, gwei INTEGER NOT NULL,"
    " PRIMARY KEY(day, kind, who)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS last(which INTEGER PRIMARY KEY, decision TEXT NOT NULL); COMMIT;";

enum statement { READ_SPENT, ADD_SPENT, FORGET, KEEP_LAST, READ_LAST, STATEMENTS };

static const char *const sql[STATEMENTS] = {
    [READ_SPENT] = "SELECT ops, gwei FROM spent WHERE day=? AND kind=? AND who=?",
    [ADD_SPENT] = ("INSERT INTO spent VALUES(?1, ?2, ?3, 1, ?4) ON CONFLICT DO UPDATE"
                   " SET ops=ops+1, gwei=min(gwei, 4611686018427387904)+?4"),
    [FORGET] = "DELETE FROM spent WHERE day<?",
    [KEEP_LAST] = "REPLACE INTO last VALUES(?, ?)",
    [READ_LAST] = "SELECT decision FROM last WHERE which=?",
};

struct sp_store {
    sqlite3 *db;
    sqlite3_stmt *q[STATEMENTS];
    bool open;   /* a transaction with grants */
    bool failed; /* one of them is counted by half: none of this turn may leave */
};

static int
broken(struct sp_store *s, int code, const char *what, struct am_error *err)
{
    return am_fail(err, code, "sponsor store: %s: %s", what, sqlite3_errmsg(s->db));
}

static bool
run(struct sp_store *s, const char *text)
{
    return sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK;
}

static int
is_whole(void *arg, int columns, char **values, char **names)
{
    (void)columns, (void)names;
    *(bool *)arg = values[0] != NULL && strcmp(values[0], "ok") == 0;
    return 0;
}

static int
prepare(struct sp_store *s, const char *path, struct am_error *err)
{
    bool whole = false;

    if (sqlite3_open(path, &s->db) != SQLITE_OK || !run(s, schema))
        return broken(s, AM_FAILED_PRECONDITION, path, err);
    if (sqlite3_exec(s->db, "PRAGMA quick_check(1)", is_whole, &whole, NULL) != SQLITE_OK || !whole)
        return am_fail(err, AM_FAILED_PRECONDITION,
                       "sponsor store: %s is damaged: move it away to begin today's counts anew",
                       path);
    for (size_t i = 0; i < STATEMENTS; i++)
        if (sqlite3_prepare_v2(s->db, sql[i], -1, &s->q[i], NULL) != SQLITE_OK)
            return broken(s, AM_FAILED_PRECONDITION, path, err);
    return AM_OK;
}

int
sp_store_open(struct sp_store **out, const char *dir, struct am_error *err)
{
    struct sp_store *s = calloc(1, sizeof *s);
    char path[600];
    int r;

    *out = NULL;
    if (s == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "sponsor store: no memory");
    (void)mkdir(dir, 0700); /* what is wrong with it is told by who opens the file */
    snprintf(path, sizeof path, "%s/sponsor.sqlite", dir);
    if ((r = prepare(s, path, err)) != AM_OK)
        sp_store_close(&s);
    *out = s;
    return r;
}

void
sp_store_close(struct sp_store **s)
{
    if (*s == NULL)
        return;
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize((*s)->q[i]);
    sqlite3_close((*s)->db);
    free(*s);
    *s = NULL;
}

static int
read_spent(struct sp_store *s, uint64_t *ops, uint64_t *gwei, uint64_t day, enum kind kind,
           const uint8_t who[static 20], struct am_error *err)
{
    sqlite3_stmt *q = s->q[READ_SPENT];
    int step;

    sqlite3_bind_int64(q, 1, (sqlite3_int64)day);
    sqlite3_bind_int(q, 2, (int)kind);
    sqlite3_bind_blob(q, 3, who, 20, SQLITE_STATIC);
    if ((step = sqlite3_step(q)) == SQLITE_ROW) {
        *ops = (uint64_t)sqlite3_column_int64(q, 0);
        *gwei = (uint64_t)sqlite3_column_int64(q, 1);
    }
    sqlite3_reset(q);
    return step == SQLITE_ROW || step == SQLITE_DONE
               ? AM_OK
               : broken(s, AM_DATA_LOSS, "reading a counter", err);
}

int
sp_store_spent(struct sp_store *s, struct sp_spent *spent, uint64_t day,
               const uint8_t sender[static 20], const uint8_t cluster[static 20],
               struct am_error *err)
{
    uint64_t unused;
    int r;

    memset(spent, 0, sizeof *spent);
    if ((r = read_spent(s, &spent->sender_ops, &unused, day, SENDER, sender, err)) != AM_OK)
        return r;
    return read_spent(s, &spent->cluster_ops, &spent->cluster_gwei, day, CLUSTER, cluster, err);
}

static bool
step_once(sqlite3_stmt *q)
{
    bool done = sqlite3_step(q) == SQLITE_DONE;

    sqlite3_reset(q);
    return done;
}

static bool
add_spent(struct sp_store *s, uint64_t day, enum kind kind, const uint8_t who[static 20],
          uint64_t gwei)
{
    sqlite3_stmt *q = s->q[ADD_SPENT];

    sqlite3_bind_int64(q, 1, (sqlite3_int64)day);
    sqlite3_bind_int(q, 2, (int)kind);
    sqlite3_bind_blob(q, 3, who, 20, SQLITE_STATIC);
    sqlite3_bind_int64(q, 4, gwei < INT64_MAX / 2 ? (sqlite3_int64)gwei : INT64_MAX / 2);
    return step_once(q);
}

static bool
begin(struct sp_store *s, uint64_t day)
{
    if (s->open)
        return true;
    if (!run(s, "BEGIN IMMEDIATE"))
        return false;
    s->open = true;
    sqlite3_bind_int64(s->q[FORGET], 1, (sqlite3_int64)day - 1);
    return step_once(s->q[FORGET]);
}

int
sp_store_add(struct sp_store *s, uint64_t day, const uint8_t sender[static 20],
             const uint8_t cluster[static 20], uint64_t gwei, struct am_error *err)
{
    if (begin(s, day) && add_spent(s, day, SENDER, sender, gwei) &&
        add_spent(s, day, CLUSTER, cluster, gwei))
        return AM_OK;
    s->failed = true;
    return broken(s, AM_DATA_LOSS, "counting a grant", err);
}

static bool
keep_last(struct sp_store *s, const char *const last[static SP_LAST_COUNT])
{
    for (int i = 0; i < SP_LAST_COUNT; i++) {
        if (last[i] == NULL)
            continue;
        sqlite3_bind_int(s->q[KEEP_LAST], 1, i);
        sqlite3_bind_text(s->q[KEEP_LAST], 2, last[i], -1, SQLITE_STATIC);
        if (!step_once(s->q[KEEP_LAST]))
            return false;
    }
    return true;
}

int
sp_store_commit(struct sp_store *s, const char *const last[static SP_LAST_COUNT],
                struct am_error *err)
{
    bool failed = s->failed;

    if (!s->open)
        return AM_OK;
    s->open = s->failed = false;
    if (!failed && keep_last(s, last) && run(s, "COMMIT"))
        return AM_OK;
    broken(s, AM_DATA_LOSS, "making grants durable", err);
    run(s, "ROLLBACK");
    return AM_DATA_LOSS;
}

int
sp_store_last(struct sp_store *s, enum sp_last which, char **text, struct am_error *err)
{
    sqlite3_stmt *q = s->q[READ_LAST];
    int step;

    *text = NULL;
    sqlite3_bind_int(q, 1, (int)which);
    if ((step = sqlite3_step(q)) == SQLITE_ROW)
        *text = strdup((const char *)sqlite3_column_text(q, 0));
    sqlite3_reset(q);
    return step == SQLITE_ROW || step == SQLITE_DONE
               ? AM_OK
               : broken(s, AM_DATA_LOSS, "reading the last decision", err);
}
