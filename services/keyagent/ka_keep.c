/*  ka_keep -- the CSK on its ways into the process, out of it, and to the disk and back.  */
#include "ka_keep.h"

#include "../../common/base/am_file.h"
#include "../../common/base/am_log.h"
#include "../../common/base/am_secret.h"
#include "../../common/crypto/am_curve.h"
#include "../../common/wire/am_member.h"
#include "ka_cache.h"

#include <sodium.h>
#include <string.h>

static struct ka_cache_scope
scope_of(const struct keyagent *k, const uint8_t commitment[static 32])
{
    return (struct ka_cache_scope){k->view.cluster, k->id.self.member, commitment};
}

static void
save(struct keyagent *k)
{
    const struct ka_cache_scope scope = scope_of(k, k->csk.commitment);
    uint8_t nonce[KA_CACHE_NONCE], file[KA_CACHE_MAX];
    struct am_error err = {0};
    size_t len;

    randombytes_buf(nonce, sizeof nonce);
    if (ka_cache_wrap(file, &len, &scope, nonce, k->id.keys->key[KA_KEY_WRAP], k->csk_key, &err) !=
            AM_OK ||
        am_file_write(k->settings->state_dir, KA_CACHE_FILE, am_bin_of(file, len), &err) != AM_OK)
        am_log(AM_WARN, "csk.not_cached", "reason=\"%s\"", err.text);
}

static int
hold(struct keyagent *k, const uint8_t key[static 32], enum ka_csk_source source,
     struct am_error *err)
{
    uint8_t commitment[32];
    int rc;

    am_csk_commitment(commitment, key);
    if ((rc = ka_csk_take(&k->csk, &k->view, commitment, source, err)) != AM_OK)
        return rc;
    memcpy(k->csk_key, key, AM_CSK_LEN);
    k->cache_pending = false;
    return AM_OK;
}

int
ka_keep_take(struct keyagent *k, const uint8_t key[static 32], enum ka_csk_source source,
             struct am_error *err)
{
    uint8_t commitment[32];
    int rc;

    am_csk_commitment(commitment, key);
    if (source == KA_CSK_PULLED && k->csk.held && memcmp(k->csk.commitment, commitment, 32) == 0)
        return AM_OK;
    if ((rc = hold(k, key, source, err)) != AM_OK)
        return rc;
    save(k);
    ka_publish_csk(k);
    return AM_OK;
}

static void
drop(struct keyagent *k, const char *why)
{
    struct am_error err = {0};

    am_wipe(k->csk_key, AM_CSK_LEN);
    am_log(AM_WARN, "csk.wiped", "reason=\"%s\"", why);
    if (am_file_remove(k->settings->state_dir, KA_CACHE_FILE, &err) != AM_OK)
        am_log(AM_WARN, "csk.cache_stays", "reason=\"%s\"", err.text);
}

/* key: 32 bytes in locked memory */
static int
load(struct keyagent *k, uint8_t *key, struct am_error *err)
{
    const struct ka_cache_scope scope = scope_of(k, k->view.commitment);
    uint8_t file[KA_CACHE_MAX];
    size_t len;
    int rc;

    if ((rc = am_file_read(k->settings->state_dir, KA_CACHE_FILE, file, sizeof file, &len, err)) !=
            0 ||
        (rc = ka_cache_unwrap(key, am_bin_of(file, len), &scope, k->id.keys->key[KA_KEY_WRAP],
                              err)) != 0)
        return rc;
    return hold(k, key, KA_CSK_CACHED, err);
}

static void
look(struct keyagent *k)
{
    struct am_error err = {0};
    void *key = am_secret_alloc(AM_CSK_LEN, &err);
    int rc = key != NULL ? load(k, key, &err) : AM_RESOURCE_EXHAUSTED;

    am_secret_free(&key);
    k->cache_pending = false;
    if (rc == AM_OK)
        am_log(AM_INFO, "csk.cached", "file=\"%s/" KA_CACHE_FILE "\"", k->settings->state_dir);
    else
        am_log(rc == AM_NOT_FOUND ? AM_INFO : AM_WARN, "csk.cache_ignored", "reason=\"%s\"",
               err.text);
    ka_publish_csk(k);
}

void
ka_keep_judge(struct keyagent *k)
{
    const char *why;

    if (ka_csk_must_wipe(&k->csk, &k->view, &why)) {
        drop(k, why);
        ka_publish_csk(k);
    }
    if (k->csk.held || !k->view.has_commitment ||
        (k->cache_looked && memcmp(k->cache_for, k->view.commitment, 32) == 0))
        return;
    k->cache_looked = true;
    memcpy(k->cache_for, k->view.commitment, 32);
    look(k);
}
