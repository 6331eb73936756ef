/*  ka_link -- what /Version, /Info and /GetKey answered, believed only as far as it checks out.  */
#include "ka_link.h"

#include "../../common/crypto/am_curve.h"
#include "../../common/crypto/am_secp.h"
#include "../../common/wire/am_dstack.h"
#include "ka_json.h"

#include <stdio.h>
#include <string.h>

#define FLOOR 0x000507 /* 0.5.7: one byte a number */

static const struct {
    const char *path, *purpose;
} rows[] = {
#define X(name, path, purpose, doc) {path, purpose},
    KA_KEY_LIST(X)
#undef X
};

const char *
ka_key_path(enum ka_key key)
{
    return rows[key].path;
}

const char *
ka_key_purpose(enum ka_key key)
{
    return rows[key].purpose;
}

void
ka_key_request(char out[static 160], enum ka_key key)
{
    int n = snprintf(out, 160, "{\"path\":\"%s\",\"purpose\":\"%s\"}", rows[key].path,
                     rows[key].purpose);

    AM_ASSERT(n > 0 && n < 160);
}

/* One number of a version, at most 255; *p moves behind it. */
static bool
part(const char **p, const char *end, unsigned *v)
{
    const char *from = *p;

    for (*v = 0; *p < end && **p >= '0' && **p <= '9'; (*p)++)
        if ((*v = *v * 10 + (unsigned)(**p - '0')) > 255)
            return false;
    return *p > from;
}

int
ka_version_read(char version[static 65], struct am_str body, struct am_error *err)
{
    struct am_str text;
    const struct ka_json_field fields[] = {{"version", KA_JSON_PLAIN, true, &text}};
    unsigned major, minor, patch;
    const char *p, *end;
    int rc;

    memset(version, 0, 65);
    if ((rc = ka_json_read(body, fields, 1, "guest agent /Version", err)) != AM_OK)
        return rc;
    p = text.p;
    end = text.p + text.len;
    if (p < end && *p == 'v')
        p++;
    if (text.len > 64 || !part(&p, end, &major) || p == end || *p++ != '.' ||
        !part(&p, end, &minor) || p == end || *p++ != '.' || !part(&p, end, &patch))
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "guest agent /Version: expected a version like 0.5.11, got %.*s",
                       (int)(text.len < 64 ? text.len : 64), text.p);
    if ((major << 16 | minor << 8 | patch) < FLOOR)
        return am_fail(err, AM_UNIMPLEMENTED,
                       "guest agent /Version: expected 0.5.7 or newer, got %.*s", (int)text.len,
                       text.p);
    memcpy(version, text.p, text.len);
    return AM_OK;
}

int
ka_info_read(struct ka_self *self, struct am_str body, struct am_error *err)
{
    struct am_str app, compose, instance, device;
    const struct ka_json_field fields[] = {{"app_id", KA_JSON_PLAIN, true, &app},
                                           {"compose_hash", KA_JSON_PLAIN, true, &compose},
                                           {"instance_id", KA_JSON_PLAIN, true, &instance},
                                           {"device_id", KA_JSON_PLAIN, true, &device}};
    int rc;

    if ((rc = ka_json_read(body, fields, 4, "guest agent /Info", err)) != 0 ||
        (rc = am_unhex(self->app_id, 20, app, "guest agent /Info app_id", err)) != 0 ||
        (rc = am_unhex(self->compose_hash, 32, compose, "guest agent /Info compose_hash", err)) !=
            0 ||
        (rc = am_unhex(self->device_id, 32, device, "guest agent /Info device_id", err)) != 0)
        return rc;
    self->instance_id_len = instance.len == 0 ? 0 : sizeof self->instance_id;
    return instance.len == 0 ? AM_OK
                             : am_unhex(self->instance_id, sizeof self->instance_id, instance,
                                        "guest agent /Info instance_id", err);
}

/* Recover the KMS root from the second entry, which may be empty. */
static int
read_kms(struct ka_link *link, struct am_str text, const char *purpose,
         const uint8_t app_id[static 20], const uint8_t chain0[static 65], struct am_error *err)
{
    static const char what[] = "guest agent /GetKey signature_chain[1]";
    uint8_t chain1[65];
    int rc;

    if (text.len == 0)
        return AM_OK;
    if ((rc = am_unhex(chain1, sizeof chain1, text, what, err)) != AM_OK)
        return rc;
    link->has_kms = true;
    return am_dstack_chain(link->app_pub, link->kms_root, link->app_sig, link->kms_sig,
                           am_str_of(purpose), link->pub, app_id, am_bin_of(chain0, 65),
                           AM_BIN(chain1), err);
}

int
ka_link_read(struct ka_link *link, uint8_t key[static 32], struct am_str body, enum ka_key which,
             const uint8_t app_id[static 20], struct am_error *err)
{
    static const char what[] = "guest agent /GetKey signature_chain[0]";
    struct am_str key_text, chain[2];
    const struct ka_json_field fields[] = {{"key", KA_JSON_PLAIN, true, &key_text},
                                           {"signature_chain", KA_JSON_PLAINS2, true, chain}};
    uint8_t chain0[65], digest[32];
    int rc;

    memset(link, 0, sizeof *link);
    memset(key, 0, 32);
    if ((rc = ka_json_read(body, fields, 2, "guest agent /GetKey", err)) != 0 ||
        (rc = am_unhex_secret(key, 32, key_text, "guest agent /GetKey key", err)) != 0 ||
        (rc = am_unhex(chain0, sizeof chain0, chain[0], what, err)) != 0 ||
        (rc = am_secp_pub(link->pub, key, err)) != 0 ||
        (rc = am_dstack_app_digest(digest, am_str_of(rows[which].purpose), AM_BIN(link->pub),
                                   err)) != 0 ||
        (rc = am_sig_normalise(link->app_sig, AM_BIN(chain0), what, err)) != 0 ||
        (rc = am_secp_recover(link->app_pub, digest, link->app_sig, AM_V_ETH, err)) != 0 ||
        (rc = read_kms(link, chain[1], rows[which].purpose, app_id, chain0, err)) != 0) {
        memset(link, 0, sizeof *link);
        am_wipe(key, 32);
        am_wrap(err, "key %s", rows[which].path);
        return rc;
    }
    return AM_OK;
}

int
ka_link_join(struct ka_self *self, bool first, const struct ka_link *link, enum ka_key which,
             struct am_error *err)
{
    char here[67], there[67];

    if (first) {
        memcpy(self->app_pub, link->app_pub, sizeof self->app_pub);
        memcpy(self->kms_root, link->kms_root, sizeof self->kms_root);
        self->has_kms = link->has_kms;
        return AM_OK;
    }
    am_hex(here, link->app_pub, sizeof link->app_pub);
    am_hex(there, self->app_pub, sizeof self->app_pub);
    if (strcmp(here, there) != 0)
        return am_fail(err, AM_UNAUTHENTICATED,
                       "guest agent /GetKey %s: expected a chain signed by app key %s, got %s",
                       rows[which].path, there, here);
    am_hex(here, link->kms_root, sizeof link->kms_root);
    am_hex(there, self->kms_root, sizeof self->kms_root);
    if (self->has_kms != link->has_kms || strcmp(here, there) != 0)
        return am_fail(err, AM_UNAUTHENTICATED,
                       "guest agent /GetKey %s: expected a chain to KMS root 0x%s, got %s%s",
                       rows[which].path, there, link->has_kms ? "0x" : "none",
                       link->has_kms ? here : "");
    return AM_OK;
}

int
ka_self_derive(struct ka_self *self, const struct ka_keys *keys, const struct ka_link *owner,
               struct am_error *err)
{
    int rc;

    memcpy(self->owner_pub, owner->pub, sizeof self->owner_pub);
    memcpy(self->app_sig, owner->app_sig, sizeof self->app_sig);
    memcpy(self->kms_sig, owner->kms_sig, sizeof self->kms_sig);
    if ((rc = am_x25519_pub(self->x_pub, keys->key[KA_KEY_IDENTITY], err)) != 0 ||
        (rc = am_ed25519_pub(self->ed25519_pub, keys->key[KA_KEY_IDENTITY], err)) != 0 ||
        (rc = am_x25519_pub(self->wg_pub, keys->key[KA_KEY_WIREGUARD], err)) != 0)
        return rc;
    return am_address_of_pub(self->owner, AM_BIN(self->owner_pub), err);
}
