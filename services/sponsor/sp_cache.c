/*  sp_cache -- what the chain has said, for as long as it may be believed: a yes long, a no short.
 */
#include "sp_cache.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 4

struct entry {
    uint8_t subject[1 + 20 + 20], value[20];
    int64_t until_ms; /* 0: empty */
};

struct table {
    struct entry *entries;
    size_t sets;
    int64_t age_ms;
    uint64_t written;
};

struct sp_cache {
    uint8_t secret[crypto_shorthash_KEYBYTES];
    struct table yes, no;
};

static void
flatten(uint8_t out[static 41], const struct sp_subject *s)
{
    out[0] = (uint8_t)s->fact;
    memcpy(out + 1, s->cluster, 20);
    memcpy(out + 21, s->account, 20);
}

static struct entry *
set_of(const struct sp_cache *c, const struct table *t, const uint8_t subject[static 41])
{
    uint8_t hash[crypto_shorthash_BYTES];

    crypto_shorthash(hash, subject, 41, c->secret);
    return &t->entries[WAYS * (am_rd64(hash) % t->sets)];
}

static const struct entry *
find(const struct sp_cache *c, const struct table *t, const uint8_t subject[static 41],
     int64_t now_ms)
{
    const struct entry *set = set_of(c, t, subject);

    for (size_t i = 0; i < WAYS; i++)
        if (set[i].until_ms > now_ms && memcmp(set[i].subject, subject, 41) == 0)
            return &set[i];
    return NULL;
}

int
sp_cache_open(struct sp_cache **out, const uint8_t secret[static 16], int64_t yes_ms, int64_t no_ms,
              struct am_error *err)
{
    struct sp_cache *c = calloc(1, sizeof *c);

    *out = NULL;
    if (c == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "sponsor: no memory for its cache");
    memcpy(c->secret, secret, sizeof c->secret);
    c->yes =
        (struct table){calloc(SP_CACHE_YES, sizeof(struct entry)), SP_CACHE_YES / WAYS, yes_ms, 0};
    c->no = (struct table){calloc(SP_CACHE_NO, sizeof(struct entry)), SP_CACHE_NO / WAYS, no_ms, 0};
    *out = c;
    if (c->yes.entries != NULL && c->no.entries != NULL)
        return AM_OK;
    sp_cache_close(out);
    return am_fail(err, AM_RESOURCE_EXHAUSTED, "sponsor: no memory for its cache");
}

void
sp_cache_close(struct sp_cache **cache)
{
    if (*cache == NULL)
        return;
    free((*cache)->yes.entries);
    free((*cache)->no.entries);
    free(*cache);
    *cache = NULL;
}

enum sp_truth
sp_cache_get(struct sp_cache *c, uint8_t value[static 20], const struct sp_subject *subject,
             int64_t now_ms)
{
    uint8_t flat[41];
    const struct entry *e;

    memset(value, 0, 20);
    flatten(flat, subject);
    if ((e = find(c, &c->yes, flat, now_ms)) != NULL) {
        memcpy(value, e->value, 20);
        return SP_YES;
    }
    return find(c, &c->no, flat, now_ms) != NULL ? SP_NO : SP_UNASKED;
}

/* Another answer to the same question is no longer true. */
static void
forget(struct sp_cache *c, struct table *t, const uint8_t flat[static 41])
{
    struct entry *set = set_of(c, t, flat);

    for (size_t i = 0; i < WAYS; i++)
        if (memcmp(set[i].subject, flat, 41) == 0)
            set[i].until_ms = 0;
}

void
sp_cache_put(struct sp_cache *c, const struct sp_subject *subject, enum sp_truth truth,
             const uint8_t value[static 20], int64_t now_ms, int64_t max_ms)
{
    struct table *t = truth == SP_YES ? &c->yes : &c->no;
    struct entry *set, *victim;
    uint8_t flat[41];

    if (truth != SP_YES && truth != SP_NO)
        return; /* what is not known is not kept */
    flatten(flat, subject);
    forget(c, &c->yes, flat);
    forget(c, &c->no, flat);
    victim = set = set_of(c, t, flat);
    for (size_t i = 1; i < WAYS; i++)
        if (set[i].until_ms < victim->until_ms)
            victim = &set[i];
    memcpy(victim->subject, flat, sizeof flat);
    memcpy(victim->value, value, 20);
    victim->until_ms = now_ms + (t->age_ms < max_ms ? t->age_ms : max_ms);
    t->written++;
}

uint64_t
sp_cache_written(const struct sp_cache *cache, enum sp_truth truth)
{
    return truth == SP_YES ? cache->yes.written : cache->no.written;
}
