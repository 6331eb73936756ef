/*  test_chain_ledger -- the ledger survives, refuses what is not its own, and starts anew.  */
#include "../../services/chain/chain_ledger.h"

#include "am_clock.h"
#include "am_keccak.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];
static const uint8_t cluster[20] = {0xc1}, member[20] = {0x3e}, other[20] = {0x77};
static uint8_t call_data[300] = {0xb6, 0x1d, 0x27, 0xf6};

static void
start(void)
{
    snprintf(dir, sizeof dir, "/tmp/ledger.XXXXXX");
    cr_assert(mkdtemp(dir) != NULL);
}

static void
stop(void)
{
    char command[96];

    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    cr_assert(system(command) == 0);
}

TestSuite(chain_ledger, .init = start, .fini = stop);

static struct chain_ledger *
open_as(const uint8_t *who)
{
    struct chain_ledger *l;
    struct am_error err = {0};

    cr_assert(chain_ledger_open(&l, dir, 31337, cluster, who, &err) == AM_OK, "%s", err.text);
    return l;
}

static struct chain_work
example(enum chain_state state)
{
    struct chain_work w = {.purpose = CHAIN_MESSAGE,
                           .state = state,
                           .sequence = 3,
                           .spent = true,
                           .key = {9, (uint8_t)state},
                           .value = {5},
                           .from_block = 11,
                           .floor = 12,
                           .user_op_hash = {6},
                           .tx_hash = {7},
                           .block = 13,
                           .gas_used = 14,
                           .attempts = 2,
                           .reason = "AA25 invalid account nonce"};

    am_keccak256(w.call_hash, call_data, sizeof call_data);
    return w;
}

struct found {
    struct chain_work w[CHAIN_STATE_COUNT + 1];
    size_t call_data_len[CHAIN_STATE_COUNT + 1], count;
};

static void
take(void *arg, const struct chain_work *w, struct am_bin data, int64_t touched)
{
    struct found *f = arg;

    cr_assert(am_wall_ms() - touched < 60000 && touched <= am_wall_ms());
    f->w[f->count] = *w;
    f->call_data_len[f->count++] = data.len;
}

static struct found
rows(struct chain_ledger *l)
{
    struct found f = {.count = 0};
    struct am_error err = {0};

    cr_assert(chain_ledger_each(l, 64, take, &f, &err) == AM_OK, "%s", err.text);
    return f;
}

static void
save(struct chain_ledger *l, const struct chain_work *w, size_t len)
{
    struct am_error err = {0};

    cr_assert(chain_ledger_save(l, w, am_bin_of(call_data, len), &err) == AM_OK, "%s", err.text);
}

Test(chain_ledger, a_killed_writer_leaves_every_state_readable)
{
    struct chain_ledger *l;
    struct found f;
    int status;
    pid_t child = fork();

    if (child == 0) {
        l = open_as(member);
        for (int s = 0; s < CHAIN_STATE_COUNT; s++) {
            struct chain_work w = example((enum chain_state)s);

            save(l, &w, sizeof call_data);
        }
        raise(SIGKILL); /* no close, no flush */
    }
    cr_assert(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    l = open_as(member);
    f = rows(l);
    cr_assert(f.count == CHAIN_STATE_COUNT);
    for (size_t i = 0; i < f.count; i++) {
        struct chain_work w = example(f.w[i].state);

        cr_assert(memcmp(&f.w[i].key, w.key, CHAIN_KEY) == 0);
        cr_assert(f.w[i].sequence == 3 && f.w[i].spent && f.w[i].from_block == 11 &&
                  f.w[i].floor == 12 && f.w[i].block == 13 && f.w[i].gas_used == 14 &&
                  f.w[i].attempts == 2);
        cr_assert(memcmp(f.w[i].value, w.value, 32) == 0 &&
                  memcmp(f.w[i].user_op_hash, w.user_op_hash, 32) == 0 &&
                  memcmp(f.w[i].tx_hash, w.tx_hash, 32) == 0);
        cr_assert_str_eq(f.w[i].reason, w.reason);
        cr_assert(f.call_data_len[i] == sizeof call_data);
    }
    chain_ledger_close(&l);
}

Test(chain_ledger, one_row_a_key_and_call_data_stays)
{
    struct chain_ledger *l = open_as(member);
    struct chain_work w = example(CHAIN_ASKED);
    struct found f;

    save(l, &w, sizeof call_data);
    w.state = CHAIN_SENT;
    save(l, &w, 0);
    f = rows(l);
    cr_assert(f.count == 1 && f.w[0].state == CHAIN_SENT && f.call_data_len[0] == sizeof call_data);
    chain_ledger_close(&l);
}

static size_t
aside(void)
{
    char pattern[96];
    glob_t g = {0};
    size_t n;

    snprintf(pattern, sizeof pattern, "%s/*.aside", dir);
    n = glob(pattern, 0, NULL, &g) == 0 ? g.gl_pathc : 0;
    globfree(&g);
    return n;
}

Test(chain_ledger, another_member_begins_anew)
{
    struct chain_ledger *l = open_as(member);
    struct chain_work w = example(CHAIN_SENT);

    save(l, &w, sizeof call_data);
    chain_ledger_close(&l);
    l = open_as(other);
    cr_assert(rows(l).count == 0 && aside() == 1);
    chain_ledger_close(&l);
    l = open_as(other);
    cr_assert(aside() == 1, "its own file is not set aside");
    chain_ledger_close(&l);
}

static void
spoil(long at, const char *bytes, size_t len)
{
    char path[96];
    FILE *f;

    snprintf(path, sizeof path, "%s/ledger.sqlite", dir);
    f = fopen(path, "r+b");
    cr_assert(f != NULL && fseek(f, at, SEEK_SET) == 0 && fwrite(bytes, 1, len, f) == len);
    fclose(f);
}

Test(chain_ledger, garbage_begins_anew)
{
    struct chain_ledger *l = open_as(member);
    struct chain_work w = example(CHAIN_SENT);

    save(l, &w, sizeof call_data);
    chain_ledger_close(&l);
    spoil(0, "this is no database at all, sorry", 33);
    l = open_as(member);
    cr_assert(rows(l).count == 0 && aside() == 1);
    save(l, &w, sizeof call_data);
    cr_assert(rows(l).count == 1);
    chain_ledger_close(&l);
}

Test(chain_ledger, a_row_whose_call_data_was_changed_is_no_row)
{
    struct chain_ledger *l = open_as(member);
    struct chain_work w = example(CHAIN_SENT);

    w.call_hash[0] ^= 1;
    save(l, &w, sizeof call_data);
    cr_assert(rows(l).count == 0);
    chain_ledger_close(&l);
}

Test(chain_ledger, file_is_private)
{
    struct chain_ledger *l = open_as(member);
    char path[96];
    struct stat st;

    snprintf(path, sizeof path, "%s/ledger.sqlite", dir);
    cr_assert(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    chain_ledger_close(&l);
}

Test(chain_ledger, no_folder_is_an_error_with_its_name)
{
    struct chain_ledger *l;
    struct am_error err = {0};

    cr_assert(chain_ledger_open(&l, "/nonexistent/x", 1, cluster, member, &err) ==
              AM_FAILED_PRECONDITION);
    cr_assert(l == NULL && strstr(err.text, "/nonexistent/x") != NULL);
}

Test(chain_ledger, a_killed_writer_leaves_what_was_spent_today)
{
    struct chain_budget b = {.day = 20000, .spent = {[CHAIN_MESSAGE] = {7, 900}}}, back = {0};
    struct am_error err = {0};
    struct chain_ledger *l;
    int status;
    pid_t child = fork();

    if (child == 0) {
        l = open_as(member);
        if (chain_ledger_spend(l, &b, CHAIN_MESSAGE, &err) != AM_OK)
            _exit(1);
        b.spent[CHAIN_MESSAGE].count++;
        if (chain_ledger_spend(l, &b, CHAIN_MESSAGE, &err) != AM_OK ||
            chain_ledger_spend(l, &b, CHAIN_COMMIT, &err) != AM_OK)
            _exit(1);
        raise(SIGKILL);
    }
    cr_assert(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    l = open_as(member);
    cr_assert(chain_ledger_spent(l, &back, &err) == AM_OK, "%s", err.text);
    cr_assert(back.day == 20000 && back.spent[CHAIN_MESSAGE].count == 8 &&
              back.spent[CHAIN_MESSAGE].gas == 900 && back.spent[CHAIN_COMMIT].count == 0);
    chain_ledger_close(&l);
}

Test(chain_ledger, one_from_before_the_days_is_kept)
{
    struct chain_ledger *l = open_as(member);
    struct chain_work w = example(CHAIN_SENT);
    struct chain_budget b = {0};
    struct am_error err = {0};
    char command[128];

    save(l, &w, sizeof call_data);
    chain_ledger_close(&l);
    snprintf(command, sizeof command, "%s/ledger.sqlite", dir);
    {
        sqlite3 *db;

        cr_assert(sqlite3_open(command, &db) == SQLITE_OK &&
                  sqlite3_exec(db, "DROP TABLE daily", NULL, NULL, NULL) == SQLITE_OK);
        sqlite3_close(db);
    }
    l = open_as(member);
    cr_assert(rows(l).count == 1 && aside() == 0);
    cr_assert(chain_ledger_spent(l, &b, &err) == AM_OK && b.day == 0, "%s", err.text);
    chain_ledger_close(&l);
}
