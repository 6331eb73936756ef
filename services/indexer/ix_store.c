/*  ix_store -- the events on disk: a cache that may be lost, never the truth.  */
#include "ix_store.h"

#include "../../common/base/am_log.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ix_store {
    sqlite3 *db;
    bool renewed;
};

/* temp_store: no other folder is open to us. */
static const char schema[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY;"
    "CREATE TABLE IF NOT EXISTS origin(cluster BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS cursor(id INTEGER PRIMARY KEY CHECK(id=1), block INTEGER NOT NULL,"
    " hash BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS event(block INTEGER NOT NULL, log_index INTEGER NOT NULL,"
    " tx_hash BLOB NOT NULL, topics BLOB NOT NULL, data BLOB NOT NULL,"
    " PRIMARY KEY(block, log_index)) WITHOUT ROWID;";

static int
broken(struct ix_store *s, const char *what, struct am_error *err)
{
    return am_fail(err, AM_DATA_LOSS, "event store: %s: %s", what, sqlite3_errmsg(s->db));
}

static int
run(struct ix_store *s, const char *sql, struct am_error *err)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? AM_OK : broken(s, sql, err);
}

/* 1: of this cluster (or new), 0: of another, negative: unreadable. */
static int
same_cluster(struct ix_store *s, const uint8_t cluster[static 20])
{
    sqlite3_stmt *q = NULL;
    int yes = -1, step;

    /* A page that is broken further in would be met later, and then at every start. */
    if (sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &q, NULL) != SQLITE_OK)
        return -1;
    step = sqlite3_step(q);
    yes = step == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(q, 0), "ok") == 0;
    sqlite3_finalize(q);
    if (!yes)
        return -1;
    if (sqlite3_prepare_v2(s->db, "SELECT cluster FROM origin", -1, &q, NULL) != SQLITE_OK)
        return -1;
    if ((step = sqlite3_step(q)) == SQLITE_ROW)
        yes =
            sqlite3_column_bytes(q, 0) == 20 && memcmp(sqlite3_column_blob(q, 0), cluster, 20) == 0;
    sqlite3_finalize(q);
    if (step != SQLITE_DONE)
        return yes;
    if (sqlite3_prepare_v2(s->db, "INSERT INTO origin VALUES(?)", -1, &q, NULL) != SQLITE_OK)
        return -1;
    sqlite3_bind_blob(q, 1, cluster, 20, SQLITE_STATIC);
    yes = sqlite3_step(q) == SQLITE_DONE ? 1 : -1;
    sqlite3_finalize(q);
    return yes;
}

static void
delete_files(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[640];

    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

int
ix_store_open(struct ix_store **out, const char *dir, const uint8_t cluster[static 20],
              struct am_error *err)
{
    struct ix_store *s = calloc(1, sizeof *s);
    char path[600];

    *out = NULL;
    if (s == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "event store: no memory");
    snprintf(path, sizeof path, "%s/events.sqlite", dir);
    for (int attempt = 0; attempt < 2; attempt++) {
        if (sqlite3_open(path, &s->db) == SQLITE_OK && run(s, schema, err) == AM_OK &&
            same_cluster(s, cluster) == 1) {
            s->renewed = attempt > 0;
            *out = s;
            return AM_OK;
        }
        am_log(AM_WARN, "store.begun_anew",
               "path=%s reason=\"of another cluster, or unreadable: %s\"", path,
               sqlite3_errmsg(s->db));
        sqlite3_close(s->db);
        s->db = NULL;
        delete_files(path);
    }
    free(s);
    return am_fail(err, AM_FAILED_PRECONDITION,
                   "event store: expected to create %s: is SIDECAR_STATE_DIR writable?", path);
}

void
ix_store_close(struct ix_store **s)
{
    if (*s == NULL)
        return;
    sqlite3_close((*s)->db);
    free(*s);
    *s = NULL;
}

bool
ix_store_renewed(const struct ix_store *s)
{
    return s->renewed;
}

int
ix_store_cursor(struct ix_store *s, struct ix_cursor *cursor, struct am_error *err)
{
    sqlite3_stmt *q = NULL;
    int step;

    memset(cursor, 0, sizeof *cursor);
    if (sqlite3_prepare_v2(s->db, "SELECT block, hash FROM cursor", -1, &q, NULL) != SQLITE_OK)
        return broken(s, "reading the cursor", err);
    if ((step = sqlite3_step(q)) == SQLITE_ROW && sqlite3_column_bytes(q, 1) == 32) {
        cursor->set = true;
        cursor->block = (uint64_t)sqlite3_column_int64(q, 0);
        memcpy(cursor->hash, sqlite3_column_blob(q, 1), 32);
    }
    sqlite3_finalize(q);
    return step == SQLITE_ROW || step == SQLITE_DONE ? AM_OK : broken(s, "reading the cursor", err);
}

int
ix_store_count(struct ix_store *s, uint64_t *count, struct am_error *err)
{
    sqlite3_stmt *q = NULL;
    int step = SQLITE_ERROR;

    *count = 0;
    if (sqlite3_prepare_v2(s->db, "SELECT count(*) FROM event", -1, &q, NULL) == SQLITE_OK &&
        (step = sqlite3_step(q)) == SQLITE_ROW)
        *count = (uint64_t)sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return step == SQLITE_ROW ? AM_OK : broken(s, "counting events", err);
}

/* SQLite counts to 2^63 - 1. */
static int
fits(uint64_t block, uint64_t log_index, struct am_error *err)
{
    if (block <= INT64_MAX && log_index <= INT64_MAX)
        return AM_OK;
    return am_fail(err, AM_OUT_OF_RANGE,
                   "event store: expected a position below 2^63, got %llu/%llu",
                   (unsigned long long)block, (unsigned long long)log_index);
}

static int
insert(struct ix_store *s, sqlite3_stmt *q, const struct ix_log *log, struct am_error *err)
{
    int r = fits(log->block_number, log->log_index, err);

    if (r != AM_OK)
        return r;
    sqlite3_bind_int64(q, 1, (sqlite3_int64)log->block_number);
    sqlite3_bind_int64(q, 2, (sqlite3_int64)log->log_index);
    sqlite3_bind_blob(q, 3, log->tx_hash, 32, SQLITE_STATIC);
    sqlite3_bind_blob(q, 4, log->topics, (int)(32 * log->topic_count), SQLITE_STATIC);
    sqlite3_bind_blob64(q, 5, log->data_len > 0 ? log->data : log->tx_hash, log->data_len,
                        SQLITE_STATIC);
    if (sqlite3_step(q) != SQLITE_DONE)
        return broken(s, "storing an event", err);
    sqlite3_reset(q);
    return AM_OK;
}

static int
set_cursor(struct ix_store *s, uint64_t block, const uint8_t hash[static 32], struct am_error *err)
{
    sqlite3_stmt *q = NULL;
    int r = AM_OK;

    if (sqlite3_prepare_v2(s->db, "REPLACE INTO cursor VALUES(1, ?, ?)", -1, &q, NULL) != SQLITE_OK)
        return broken(s, "storing the cursor", err);
    sqlite3_bind_int64(q, 1, (sqlite3_int64)block);
    sqlite3_bind_blob(q, 2, hash, 32, SQLITE_STATIC);
    if (sqlite3_step(q) != SQLITE_DONE)
        r = broken(s, "storing the cursor", err);
    sqlite3_finalize(q);
    return r;
}

static int
commit_or_undo(struct ix_store *s, int r, struct am_error *err)
{
    if (r == AM_OK && (r = run(s, "COMMIT", err)) == AM_OK)
        return AM_OK;
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return r;
}

int
ix_store_append(struct ix_store *s, const struct ix_log *logs, size_t count,
                const struct ix_cursor *cursor, struct am_error *err)
{
    sqlite3_stmt *q = NULL;
    int r;

    if ((r = fits(cursor->block, 0, err)) != AM_OK || (r = run(s, "BEGIN IMMEDIATE", err)) != AM_OK)
        return r;
    if (sqlite3_prepare_v2(s->db, "INSERT OR IGNORE INTO event VALUES(?, ?, ?, ?, ?)", -1, &q,
                           NULL) != SQLITE_OK)
        r = broken(s, "storing an event", err);
    for (size_t i = 0; r == AM_OK && i < count; i++)
        r = insert(s, q, &logs[i], err);
    sqlite3_finalize(q);
    if (r == AM_OK)
        r = set_cursor(s, cursor->block, cursor->hash, err);
    return commit_or_undo(s, r, err);
}

int
ix_store_rewind(struct ix_store *s, uint64_t block, struct am_error *err)
{
    static const uint8_t unknown[32];
    sqlite3_stmt *q = NULL;
    int r;

    if ((r = fits(block, 0, err)) != AM_OK || (r = run(s, "BEGIN IMMEDIATE", err)) != AM_OK)
        return r;
    if (sqlite3_prepare_v2(s->db, "DELETE FROM event WHERE block > ?", -1, &q, NULL) != SQLITE_OK)
        r = broken(s, "forgetting events", err);
    sqlite3_bind_int64(q, 1, (sqlite3_int64)block);
    if (r == AM_OK && sqlite3_step(q) != SQLITE_DONE)
        r = broken(s, "forgetting events", err);
    sqlite3_finalize(q);
    if (r == AM_OK)
        r = set_cursor(s, block, unknown, err);
    return commit_or_undo(s, r, err);
}

static bool
read_row(sqlite3_stmt *q, struct ix_log *log)
{
    int topics = sqlite3_column_bytes(q, 3);

    memset(log, 0, sizeof *log);
    log->block_number = (uint64_t)sqlite3_column_int64(q, 0);
    log->log_index = (uint64_t)sqlite3_column_int64(q, 1);
    if (sqlite3_column_bytes(q, 2) != 32 || topics < 32 || topics > 128 || topics % 32 != 0)
        return false;
    memcpy(log->tx_hash, sqlite3_column_blob(q, 2), 32);
    memcpy(log->topics, sqlite3_column_blob(q, 3), (size_t)topics);
    log->topic_count = (size_t)topics / 32;
    log->data = (uint8_t *)(uintptr_t)sqlite3_column_blob(q, 4);
    log->data_len = (size_t)sqlite3_column_bytes(q, 4);
    return true;
}

int
ix_store_after(struct ix_store *s, uint64_t block, uint64_t log_index, const uint8_t *topic0,
               ix_store_fn *fn, void *arg, struct am_error *err)
{
    sqlite3_stmt *q = NULL;
    struct ix_log log;
    bool readable = true;
    int step;

    if (block > INT64_MAX)
        return AM_OK; /* nothing is stored after such a block; after such an index much may be */
    if (log_index > INT64_MAX)
        log_index = INT64_MAX;
    if (sqlite3_prepare_v2(s->db,
                           "SELECT block, log_index, tx_hash, topics, data FROM event"
                           " WHERE (block, log_index) > (?1, ?2)"
                           " AND (?3 IS NULL OR substr(topics, 1, 32) = ?3)"
                           " ORDER BY block, log_index",
                           -1, &q, NULL) != SQLITE_OK)
        return broken(s, "reading events", err);
    sqlite3_bind_int64(q, 1, (sqlite3_int64)block);
    sqlite3_bind_int64(q, 2, (sqlite3_int64)log_index);
    if (topic0 != NULL)
        sqlite3_bind_blob(q, 3, topic0, 32, SQLITE_STATIC);
    while ((step = sqlite3_step(q)) == SQLITE_ROW && (readable = read_row(q, &log)) &&
           fn(arg, &log))
        ;
    sqlite3_finalize(q);
    if (!readable)
        return am_fail(err, AM_DATA_LOSS, "event store: expected a whole event at %llu/%llu",
                       (unsigned long long)log.block_number, (unsigned long long)log.log_index);
    return step == SQLITE_ROW || step == SQLITE_DONE ? AM_OK : broken(s, "reading events", err);
}
