/*  ix_resume -- pure: indexer-cursor.v1, and from which block reading goes on.  */
#include "ix_resume.h"

#include <string.h>

#define VERSION 1
enum { AT_CLUSTER = 1, AT_MEMBER = 21, AT_BLOCK = 53, AT_INDEX = 61 };

void
ix_resume_encode(uint8_t out[static IX_RESUME_BYTES], const struct ix_owner *owner,
                 struct ix_position at)
{
    out[0] = VERSION;
    memcpy(out + AT_CLUSTER, owner->cluster, 20);
    memcpy(out + AT_MEMBER, owner->member_id, 32);
    am_be64(out + AT_BLOCK, at.block);
    am_be64(out + AT_INDEX, at.log_index);
}

int
ix_resume_decode(struct ix_position *at, struct am_bin file, const struct ix_owner *owner,
                 struct am_error *err)
{
    *at = (struct ix_position){0};
    if (file.len != IX_RESUME_BYTES)
        return am_fail(err, AM_INVALID_ARGUMENT, IX_RESUME_FILE ": expected %d bytes, got %zu",
                       IX_RESUME_BYTES, file.len);
    if (file.p[0] != VERSION)
        return am_fail(err, AM_INVALID_ARGUMENT, IX_RESUME_FILE ": expected version %d, got %d",
                       VERSION, file.p[0]);
    if (memcmp(file.p + AT_CLUSTER, owner->cluster, 20) != 0)
        return am_fail(err, AM_FAILED_PRECONDITION,
                       IX_RESUME_FILE ": expected the own cluster, got another");
    if (memcmp(file.p + AT_MEMBER, owner->member_id, 32) != 0)
        return am_fail(err, AM_FAILED_PRECONDITION,
                       IX_RESUME_FILE ": expected the own member id, got another");
    *at = (struct ix_position){am_rd64(file.p + AT_BLOCK), am_rd64(file.p + AT_INDEX)};
    return AM_OK;
}

int
ix_resume_block(uint64_t *block, struct ix_position at, uint64_t head, struct am_error *err)
{
    *block = 0;
    if (at.block > head && at.block - head > IX_RESUME_AHEAD)
        return am_fail(err, AM_FAILED_PRECONDITION,
                       IX_RESUME_FILE ": expected at most block %llu, got %llu",
                       (unsigned long long)head + IX_RESUME_AHEAD, (unsigned long long)at.block);
    if (at.log_index == UINT64_MAX)
        *block = at.block;
    else
        *block = at.block > 0 ? at.block - 1 : 0;
    return AM_OK;
}

bool
ix_resume_moves(struct ix_position at, uint64_t block)
{
    return block > at.block || (block == at.block && at.log_index != UINT64_MAX);
}
