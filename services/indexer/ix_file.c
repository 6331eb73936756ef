/*  ix_file -- indexer-cursor.v1 on disk: taken once by an empty store, written behind the store. */
#include "ix_file.h"

#include "../../common/base/am_clock.h"
#include "../../common/base/am_file.h"
#include "../../common/base/am_log.h"

#include <string.h>

static int
look(struct ix_file *f, struct am_error *err)
{
    uint8_t bytes[IX_RESUME_BYTES];
    size_t len;
    int r = am_file_read(f->dir, IX_RESUME_FILE, bytes, sizeof bytes, &len, err);

    f->there = r != AM_NOT_FOUND;
    if (r == AM_OK)
        r = ix_resume_decode(&f->at, am_bin_of(bytes, len), &f->owner, err);
    else if (r == AM_NOT_FOUND)
        r = AM_OK;
    if (r != AM_OK && !f->refused)
        am_log(AM_WARN, "cursor_file.refused", "reason=\"%s\"", err->text);
    f->refused = r != AM_OK;
    am_str_copy(f->reason, sizeof f->reason, am_str_of(f->refused ? err->text : ""));
    return r;
}

int
ix_file_begin(struct ix_file *f, struct ix_cursor *cursor, struct ix_store *store, uint64_t start,
              uint64_t head, struct am_error *err)
{
    struct am_error why = {0};
    uint64_t block = start > 0 ? start - 1 : head > 0 ? head - 1 : 0;
    int seen, r;

    seen = look(f, &why);
    if ((r = ix_store_cursor(store, cursor, err)) != AM_OK || cursor->set)
        return r;
    if (seen != AM_OK) {
        *err = why;
        return seen;
    }
    /* A store that was broken is read again from the start; the file knows of no event in it. */
    if (f->there && !(start > 0 && ix_store_renewed(store)) &&
        (r = ix_resume_block(&block, f->at, head, err)) != AM_OK)
        return r;
    if ((r = ix_store_rewind(store, block, err)) != AM_OK)
        return r;
    am_log(AM_INFO, "cursor.begun", "block=%llu from=%s", (unsigned long long)block,
           f->there ? IX_RESUME_FILE : "settings");
    *cursor = (struct ix_cursor){.set = true, .block = block};
    return AM_OK;
}

void
ix_file_moved(struct ix_file *f, uint64_t block, bool now)
{
    uint8_t bytes[IX_RESUME_BYTES];
    struct am_error err = {0};
    int64_t ms = am_mono_ms();
    struct ix_position at = {block, UINT64_MAX};

    if (!now && ms < f->due_ms)
        return;
    f->due_ms = ms + IX_FILE_APART_MS;
    if ((f->refused && look(f, &err) != AM_OK) || (f->there && !ix_resume_moves(f->at, block)))
        return;
    ix_resume_encode(bytes, &f->owner, at);
    if (am_file_write(f->dir, IX_RESUME_FILE, AM_BIN(bytes), &err) != AM_OK) {
        am_log(AM_WARN, "cursor_file.not_written", "reason=\"%s\"", err.text);
        return;
    }
    f->there = true;
    f->at = at;
}
