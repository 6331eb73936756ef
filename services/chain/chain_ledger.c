/*  chain_ledger -- operations on disk, durable before anybody is asked to pay.  */
#include "chain_ledger.h"

#include "am_clock.h"
#include "am_keccak.h"
#include "am_log.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORM 1
#define APPLICATION_ID 0x41744d4c /* "AtML" */

struct chain_ledger {
    sqlite3 *db;
    char path[640];
};

static const char schema[] =
    "CREATE TABLE owner(chain_id INTEGER NOT NULL, cluster BLOB NOT NULL, member BLOB NOT NULL);"
    "CREATE TABLE operation("
    " key BLOB PRIMARY KEY CHECK(length(key)=24), purpose TEXT NOT NULL, state TEXT NOT NULL,"
    " sequence INTEGER NOT NULL, spent INTEGER NOT NULL, value BLOB NOT NULL,"
    " call_hash BLOB NOT NULL, call_data BLOB, from_block INTEGER NOT NULL,"
    " floor INTEGER NOT NULL, user_op_hash BLOB NOT NULL, tx_hash BLOB NOT NULL,"
    " block INTEGER NOT NULL, gas_used INTEGER NOT NULL, attempts INTEGER NOT NULL,"
    " reason TEXT NOT NULL, touched INTEGER NOT NULL) WITHOUT ROWID;";

/* Younger than the form: a ledger from before it is as good. */
static const char daily[] = "CREATE TABLE IF NOT EXISTS daily(purpose TEXT PRIMARY KEY,"
                            " day INTEGER NOT NULL, count INTEGER NOT NULL, gas INTEGER NOT NULL)"
                            " WITHOUT ROWID";

static const char upsert[] =
    "INSERT INTO operation VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)"
    " ON CONFLICT(key) DO UPDATE SET purpose=?2,state=?3,sequence=?4,spent=?5,value=?6,"
    "call_hash=?7,call_data=coalesce(?8,call_data),from_block=?9,floor=?10,user_op_hash=?11,"
    "tx_hash=?12,block=?13,gas_used=?14,attempts=?15,reason=?16,touched=?17";

static int
fail(const struct chain_ledger *l, const char *doing, struct am_error *err)
{
    return am_fail(err, AM_INTERNAL, "ledger %s: expected to %s, got %s", l->path, doing,
                   l->db != NULL ? sqlite3_errmsg(l->db) : "no database");
}

/* One blob of the one row that says whose ledger this is. */
static bool
same_owner(struct chain_ledger *l, uint64_t chain_id, const uint8_t *cluster, const uint8_t *member)
{
    sqlite3_stmt *q = NULL;
    bool same = false;

    if (sqlite3_prepare_v2(l->db,
                           "SELECT count(*) = 1 AND min(chain_id = ?1 AND cluster = ?2 AND member "
                           "= ?3) FROM owner",
                           -1, &q, NULL) == SQLITE_OK &&
        sqlite3_bind_int64(q, 1, (sqlite3_int64)chain_id) == SQLITE_OK &&
        sqlite3_bind_blob(q, 2, cluster, 20, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_bind_blob(q, 3, member, 20, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW)
        same = sqlite3_column_int(q, 0) == 1;
    sqlite3_finalize(q);
    return same;
}

static int
number_of(struct chain_ledger *l, const char *sql)
{
    sqlite3_stmt *q = NULL;
    int n = -1;

    if (sqlite3_prepare_v2(l->db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        n = sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    return n;
}

static bool
whole(struct chain_ledger *l)
{
    sqlite3_stmt *q = NULL;
    bool ok = false;

    if (sqlite3_prepare_v2(l->db, "PRAGMA integrity_check(1)", -1, &q, NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW)
        ok = strcmp((const char *)sqlite3_column_text(q, 0), "ok") == 0;
    sqlite3_finalize(q);
    return ok;
}

static int
begin(struct chain_ledger *l, uint64_t chain_id, const uint8_t *cluster, const uint8_t *member,
      struct am_error *err)
{
    sqlite3_stmt *q = NULL;
    char sql[96];
    int rc = AM_OK;

    snprintf(sql, sizeof sql, "PRAGMA application_id=%d; PRAGMA user_version=%d;", APPLICATION_ID,
             FORM);
    if (sqlite3_exec(l->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(l->db, schema, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(l->db, sql, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(l->db, "INSERT INTO owner VALUES(?1,?2,?3)", -1, &q, NULL) !=
            SQLITE_OK ||
        sqlite3_bind_int64(q, 1, (sqlite3_int64)chain_id) != SQLITE_OK ||
        sqlite3_bind_blob(q, 2, cluster, 20, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_bind_blob(q, 3, member, 20, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_step(q) != SQLITE_DONE ||
        sqlite3_exec(l->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        rc = fail(l, "begin a new ledger", err);
    sqlite3_finalize(q);
    return rc;
}

static int
connect(struct chain_ledger *l, struct am_error *err)
{
    int fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return am_fail(err, AM_FAILED_PRECONDITION,
                       "ledger %s: expected a file that can be written, got %m", l->path);
    close(fd);
    if (sqlite3_open_v2(l->path, &l->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        return fail(l, "open", err);
    sqlite3_busy_timeout(l->db, 1000);
    /* Nobody shares the file: one connection holds it, so a second chain on it fails at once.  And
     * no other folder is open to us, so nothing is kept in a temporary file. */
    sqlite3_exec(l->db,
                 "PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=FULL;"
                 "PRAGMA temp_store=MEMORY;",
                 NULL, NULL, NULL);
    return AM_OK;
}

static int
set_aside(struct chain_ledger *l, const char *why, struct am_error *err)
{
    char old[700];

    sqlite3_close(l->db);
    l->db = NULL;
    snprintf(old, sizeof old, "%s.%lld.aside", l->path, (long long)am_wall_ms());
    if (rename(l->path, old) != 0)
        return am_fail(err, AM_FAILED_PRECONDITION, "ledger %s: expected to set aside (%s), got %m",
                       l->path, why);
    am_log(AM_WARN, "ledger.set_aside", "file=%s reason=\"%s\"", old, why);
    snprintf(old, sizeof old, "%s-journal", l->path); /* of the file that is gone */
    (void)unlink(old);
    return connect(l, err);
}

int
chain_ledger_open(struct chain_ledger **ledger, const char *dir, uint64_t chain_id,
                  const uint8_t cluster[static 20], const uint8_t member[static 20],
                  struct am_error *err)
{
    struct chain_ledger *l = calloc(1, sizeof *l);
    const char *why = NULL;
    int rc, tables;

    *ledger = NULL;
    if (l == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "ledger: no memory");
    snprintf(l->path, sizeof l->path, "%s/ledger.sqlite", dir);
    rc = connect(l, err);
    if (rc != AM_OK)
        goto out;
    tables = number_of(l, "SELECT count(*) FROM sqlite_master");
    if (tables < 0 || (tables > 0 && !whole(l)))
        why = "damaged, or no SQLite file";
    else if (tables > 0 && (number_of(l, "PRAGMA application_id") != APPLICATION_ID ||
                            number_of(l, "PRAGMA user_version") != FORM))
        why = "another form";
    else if (tables > 0 && !same_owner(l, chain_id, cluster, member))
        why = "of another chain, cluster or member";
    if (why != NULL)
        rc = set_aside(l, why, err);
    if (rc == AM_OK && (why != NULL || tables == 0))
        rc = begin(l, chain_id, cluster, member, err);
    if (rc == AM_OK && sqlite3_exec(l->db, daily, NULL, NULL, NULL) != SQLITE_OK)
        rc = fail(l, "add the table of days", err);
out:
    if (rc == AM_OK)
        *ledger = l;
    else
        chain_ledger_close(&l);
    return rc;
}

void
chain_ledger_close(struct chain_ledger **ledger)
{
    if (*ledger != NULL)
        sqlite3_close((*ledger)->db);
    free(*ledger);
    *ledger = NULL;
}

static bool
bind_all(sqlite3_stmt *q, const struct chain_work *w, struct am_bin call_data)
{
    int bad = 0;

    bad |= sqlite3_bind_blob(q, 1, w->key, CHAIN_KEY, SQLITE_STATIC);
    bad |= sqlite3_bind_text(q, 2, chain_purpose_text(w->purpose), -1, SQLITE_STATIC);
    bad |= sqlite3_bind_text(q, 3, chain_state_name(w->state), -1, SQLITE_STATIC);
    bad |= sqlite3_bind_int64(q, 4, (sqlite3_int64)w->sequence);
    bad |= sqlite3_bind_int(q, 5, w->spent);
    bad |= sqlite3_bind_blob(q, 6, w->value, 32, SQLITE_STATIC);
    bad |= sqlite3_bind_blob(q, 7, w->call_hash, 32, SQLITE_STATIC);
    bad |= call_data.len == 0
               ? sqlite3_bind_null(q, 8)
               : sqlite3_bind_blob(q, 8, call_data.p, (int)call_data.len, SQLITE_STATIC);
    bad |= sqlite3_bind_int64(q, 9, (sqlite3_int64)w->from_block);
    bad |= sqlite3_bind_int64(q, 10, (sqlite3_int64)w->floor);
    bad |= sqlite3_bind_blob(q, 11, w->user_op_hash, 32, SQLITE_STATIC);
    bad |= sqlite3_bind_blob(q, 12, w->tx_hash, 32, SQLITE_STATIC);
    bad |= sqlite3_bind_int64(q, 13, (sqlite3_int64)w->block);
    bad |= sqlite3_bind_int64(q, 14, (sqlite3_int64)w->gas_used);
    bad |= sqlite3_bind_int64(q, 15, (sqlite3_int64)w->attempts);
    bad |= sqlite3_bind_text(q, 16, w->reason, -1, SQLITE_STATIC);
    bad |= sqlite3_bind_int64(q, 17, (sqlite3_int64)am_wall_ms());
    return bad == SQLITE_OK;
}

int
chain_ledger_save(struct chain_ledger *ledger, const struct chain_work *w, struct am_bin call_data,
                  struct am_error *err)
{
    sqlite3_stmt *q = NULL;
    int rc = AM_OK;

    if (sqlite3_prepare_v2(ledger->db, upsert, -1, &q, NULL) != SQLITE_OK ||
        !bind_all(q, w, call_data) || sqlite3_step(q) != SQLITE_DONE)
        rc = fail(ledger, "save an operation", err);
    sqlite3_finalize(q);
    return rc;
}

static bool
blob(uint8_t *out, size_t len, sqlite3_stmt *q, int column)
{
    if (sqlite3_column_bytes(q, column) != (int)len)
        return false;
    memcpy(out, sqlite3_column_blob(q, column), len);
    return true;
}

static const char *
text(sqlite3_stmt *q, int column)
{
    const unsigned char *t = sqlite3_column_text(q, column);

    return t != NULL ? (const char *)t : "";
}

/* A row that does not read back as it was written is no row. */
static bool
read_row(struct chain_work *w, struct am_bin *call_data, sqlite3_stmt *q)
{
    int purpose = chain_purpose_by_text(text(q, 1)), state = chain_state_by_name(text(q, 2));
    uint8_t hash[32];

    *w = (struct chain_work){0};
    if (purpose < 0 || state < 0 || !blob(w->key, CHAIN_KEY, q, 0) || !blob(w->value, 32, q, 5) ||
        !blob(w->call_hash, 32, q, 6) || !blob(w->user_op_hash, 32, q, 10) ||
        !blob(w->tx_hash, 32, q, 11))
        return false;
    w->purpose = (enum chain_purpose)purpose;
    w->state = (enum chain_state)state;
    w->sequence = (uint64_t)sqlite3_column_int64(q, 3);
    w->spent = sqlite3_column_int(q, 4) != 0;
    w->from_block = (uint64_t)sqlite3_column_int64(q, 8);
    w->floor = (uint64_t)sqlite3_column_int64(q, 9);
    w->block = (uint64_t)sqlite3_column_int64(q, 12);
    w->gas_used = (uint64_t)sqlite3_column_int64(q, 13);
    w->attempts = (uint64_t)sqlite3_column_int64(q, 14);
    snprintf(w->reason, sizeof w->reason, "%s", text(q, 15));
    *call_data = am_bin_of(sqlite3_column_blob(q, 7), (size_t)sqlite3_column_bytes(q, 7));
    if (call_data->len == 0)
        return true;
    am_keccak256(hash, call_data->p, call_data->len);
    return memcmp(hash, w->call_hash, 32) == 0;
}

int
chain_ledger_each(struct chain_ledger *ledger, size_t max, chain_ledger_fn *fn, void *arg,
                  struct am_error *err)
{
    sqlite3_stmt *q = NULL;
    int step = SQLITE_ERROR, rc = AM_OK;

    if (sqlite3_prepare_v2(ledger->db,
                           "SELECT key,purpose,state,sequence,spent,value,call_hash,call_data,"
                           "from_block,floor,user_op_hash,tx_hash,block,gas_used,attempts,reason,"
                           "touched FROM operation ORDER BY touched DESC LIMIT ?1",
                           -1, &q, NULL) != SQLITE_OK ||
        sqlite3_bind_int64(q, 1, (sqlite3_int64)max) != SQLITE_OK)
        goto out;
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        struct chain_work w;
        struct am_bin call_data;

        if (read_row(&w, &call_data, q))
            fn(arg, &w, call_data, sqlite3_column_int64(q, 16));
        else
            am_log(AM_WARN, "ledger.bad_row", "file=%s", ledger->path);
    }
out:
    if (step != SQLITE_DONE)
        rc = fail(ledger, "read the operations", err);
    sqlite3_finalize(q);
    return rc;
}

int
chain_ledger_spend(struct chain_ledger *ledger, const struct chain_budget *b,
                   enum chain_purpose purpose, struct am_error *err)
{
    const struct chain_spent *spent = &b->spent[purpose];
    sqlite3_stmt *q = NULL;
    int rc = AM_OK;

    if (sqlite3_prepare_v2(ledger->db, "INSERT OR REPLACE INTO daily VALUES(?1,?2,?3,?4)", -1, &q,
                           NULL) != SQLITE_OK ||
        sqlite3_bind_text(q, 1, chain_purpose_text(purpose), -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_bind_int64(q, 2, (sqlite3_int64)b->day) != SQLITE_OK ||
        sqlite3_bind_int64(q, 3, (sqlite3_int64)spent->count) != SQLITE_OK ||
        sqlite3_bind_int64(q, 4, (sqlite3_int64)spent->gas) != SQLITE_OK ||
        sqlite3_step(q) != SQLITE_DONE)
        rc = fail(ledger, "save what was spent today", err);
    sqlite3_finalize(q);
    return rc;
}

int
chain_ledger_spent(struct chain_ledger *ledger, struct chain_budget *b, struct am_error *err)
{
    sqlite3_stmt *q = NULL;
    int step = SQLITE_ERROR, rc = AM_OK;

    if (sqlite3_prepare_v2(ledger->db, "SELECT purpose,day,count,gas FROM daily", -1, &q, NULL) ==
        SQLITE_OK)
        while ((step = sqlite3_step(q)) == SQLITE_ROW) {
            int purpose = chain_purpose_by_text(text(q, 0));

            if (purpose >= 0)
                chain_budget_restore(
                    b, (enum chain_purpose)purpose, (uint64_t)sqlite3_column_int64(q, 1),
                    (uint64_t)sqlite3_column_int64(q, 2), (uint64_t)sqlite3_column_int64(q, 3));
        }
    if (step != SQLITE_DONE)
        rc = fail(ledger, "read what was spent today", err);
    sqlite3_finalize(q);
    return rc;
}
