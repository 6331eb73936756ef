/*  api_access -- pure: which uid may ask for which key, and how often.  */
#include "api_access.h"

#include <string.h>

static struct api_grant *
find(struct api_access *a, uint32_t uid)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->grant[i].uid == uid)
            return &a->grant[i];
    return NULL;
}

static void
add(struct api_access *a, uint32_t uid, bool csk)
{
    struct api_grant *g = find(a, uid);

    if (g == NULL) {
        g = &a->grant[a->count++];
        *g = (struct api_grant){.uid = uid};
    }
    g->csk = g->csk || csk;
}

static int
read_uid(uint32_t *uid, struct am_str text, const char *setting, struct am_error *err)
{
    uint64_t n = 0;
    bool digits = text.len > 0 && text.len <= 10;

    for (size_t i = 0; digits && i < text.len; i++) {
        digits = text.p[i] >= '0' && text.p[i] <= '9';
        n = n * 10 + (uint64_t)(text.p[i] - '0');
    }
    *uid = (uint32_t)n;
    if (!digits || n >= UINT32_MAX)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "%s: expected decimal uids separated by commas, got \"%.*s\"", setting,
                       (int)(text.len < 40 ? text.len : 40), text.p);
    if (n == API_UID_OVERFLOW)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "%s: expected uids of this user namespace, got %d, which stands for all "
                       "others",
                       setting, API_UID_OVERFLOW);
    return AM_OK;
}

static int
read_list(struct api_access *a, const char *text, bool csk, const char *setting,
          struct am_error *err)
{
    size_t entries = 0, len;
    uint32_t uid;
    int r;

    do {
        len = strcspn(text, ",");
        if ((r = read_uid(&uid, (struct am_str){text, len}, setting, err)) != AM_OK)
            return r;
        if (++entries > API_UIDS_MAX)
            return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected at most %d uids, got more",
                           setting, API_UIDS_MAX);
        add(a, uid, csk);
        text += len;
    } while (*text++ == ',');
    return AM_OK;
}

int
api_access_read(struct api_access *access, const char *csk_uids, const char *derive_uids,
                uint32_t own, struct am_error *err)
{
    int r = AM_OK;

    *access = (struct api_access){0};
    if (*csk_uids == '\0')
        add(access, own, true);
    else
        r = read_list(access, csk_uids, true, "ATTESTMESH_CSK_UIDS", err);
    if (r == AM_OK && *derive_uids != '\0')
        r = read_list(access, derive_uids, false, "ATTESTMESH_DERIVE_UIDS", err);
    if (r != AM_OK)
        *access = (struct api_access){0};
    return r;
}

int64_t
api_bucket_take(struct api_bucket *bucket, int64_t now_ms, int64_t burst, int64_t refill_ms)
{
    int64_t full = bucket->full_ms > now_ms ? bucket->full_ms : now_ms;
    int64_t wait = full - now_ms - (burst - 1) * refill_ms;

    if (wait > 0)
        return wait;
    bucket->full_ms = full + refill_ms;
    return 0;
}

int
api_access_ask(struct api_access *access, uint32_t uid, enum api_right right, int64_t now_ms,
               struct am_error *err)
{
    struct api_grant *g = uid == API_UID_OVERFLOW ? NULL : find(access, uid);
    int64_t wait;

    if (right == API_ANYBODY)
        return AM_OK;
    if (g == NULL || (right == API_READ_CSK && !g->csk))
        return am_fail(err, AM_PERMISSION_DENIED,
                       "uid %lu may not: it is not in %s of the node's api", (unsigned long)uid,
                       right == API_READ_CSK ? "ATTESTMESH_CSK_UIDS" : "ATTESTMESH_DERIVE_UIDS");
    if ((wait = api_bucket_take(&g->bucket, now_ms, API_BURST, API_REFILL_MS)) > 0)
        return am_fail(err, AM_RESOURCE_EXHAUSTED,
                       "uid %lu: expected at most %d key requests at once and one each %d ms; ask "
                       "again in %lld ms",
                       (unsigned long)uid, API_BURST, API_REFILL_MS, (long long)wait);
    return AM_OK;
}

bool
api_access_log_refusal(struct api_access *access, int64_t now_ms, uint64_t *unlogged)
{
    *unlogged = access->unlogged;
    if (api_bucket_take(&access->refusals, now_ms, API_REFUSALS_BURST, API_REFUSALS_REFILL_MS) >
        0) {
        access->unlogged++;
        return false;
    }
    access->unlogged = 0;
    return true;
}
