/*  ka_origin -- what made the identity of this node, written down once: identity.v1.  */
#include "ka_origin.h"

#include "../../common/base/am_file.h"
#include "../../common/base/am_log.h"
#include "ka_json.h"

#include <stdio.h>
#include <string.h>

#define VERSION "1"

enum field { FORM, ATTESTOR, APP_ID, KMS_ROOT, X_PUB, ED25519_PUB, WG_PUB, OWNER, FIELDS };

static const char *const names[FIELDS] = {"version", "attestor",    "app_id", "kms_root",
                                          "x_pub",   "ed25519_pub", "wg_pub", "owner"};

/* Every field as the file has it. */
struct texts {
    char text[FIELDS][65];
};

static void
make(struct texts *t, const char *attestor, const struct ka_self *self)
{
    memset(t, 0, sizeof *t);
    snprintf(t->text[FORM], sizeof t->text[FORM], "%s", VERSION);
    snprintf(t->text[ATTESTOR], sizeof t->text[ATTESTOR], "%s", attestor);
    am_hex(t->text[APP_ID], self->app_id, 20);
    if (self->has_kms)
        am_hex(t->text[KMS_ROOT], self->kms_root, 20);
    am_hex(t->text[X_PUB], self->x_pub, 32);
    am_hex(t->text[ED25519_PUB], self->ed25519_pub, 32);
    am_hex(t->text[WG_PUB], self->wg_pub, 32);
    am_hex(t->text[OWNER], self->owner, 20);
}

void
ka_origin_write(char out[static KA_ORIGIN_MAX], const char *attestor, const struct ka_self *self)
{
    struct texts t;
    size_t n = 0;

    make(&t, attestor, self);
    for (int i = 0; i < FIELDS; i++)
        n += (size_t)snprintf(out + n, KA_ORIGIN_MAX - n, "%s\"%s\":\"%s\"", i == 0 ? "{" : ",\n ",
                              names[i], t.text[i]);
    n += (size_t)snprintf(out + n, KA_ORIGIN_MAX - n, "}\n");
    AM_ASSERT(n < KA_ORIGIN_MAX);
}

int
ka_origin_judge(struct am_str record, const char *attestor, const struct ka_self *self,
                struct am_error *err)
{
    struct ka_json_field fields[FIELDS];
    struct am_str read[FIELDS];
    struct texts now;

    for (int i = 0; i < FIELDS; i++)
        fields[i] = (struct ka_json_field){names[i], KA_JSON_PLAIN, true, &read[i]};
    if (ka_json_read(record, fields, FIELDS, KA_ORIGIN_FILE, err) != AM_OK) {
        if (err != NULL)
            err->code = AM_DATA_LOSS;
        return AM_DATA_LOSS;
    }
    make(&now, attestor, self);
    if (!am_str_eq(read[FORM], VERSION))
        return am_fail(err, AM_DATA_LOSS, KA_ORIGIN_FILE ": expected version " VERSION ", got %.*s",
                       (int)(read[FORM].len < 16 ? read[FORM].len : 16), read[FORM].p);
    for (int i = ATTESTOR; i < FIELDS; i++)
        if (!am_str_eq(read[i], now.text[i]))
            return am_fail(err, AM_FAILED_PRECONDITION,
                           "key migration: " KA_ORIGIN_FILE " records %s %.*s, now it is %s",
                           names[i], (int)(read[i].len < 64 ? read[i].len : 64), read[i].p,
                           now.text[i][0] != '\0' ? now.text[i] : "none");
    return AM_OK;
}

int
ka_origin_hold(const char *dir, const char *attestor, const struct ka_self *self,
               struct am_error *err)
{
    struct am_error why = {0};
    char record[KA_ORIGIN_MAX];
    size_t len;
    int rc = am_file_read(dir, KA_ORIGIN_FILE, record, sizeof record, &len, err);

    if (rc == AM_OK)
        return ka_origin_judge((struct am_str){record, len}, attestor, self, err);
    if (rc == AM_OUT_OF_RANGE) {
        if (err != NULL)
            err->code = AM_DATA_LOSS;
        return AM_DATA_LOSS;
    }
    if (rc != AM_NOT_FOUND)
        return rc;
    ka_origin_write(record, attestor, self);
    if (am_file_write(dir, KA_ORIGIN_FILE, am_bin_of(record, strlen(record)), &why) != AM_OK)
        am_log(AM_WARN, "identity.unrecorded", "reason=\"%s\"", why.text);
    else
        am_log(AM_INFO, "identity.recorded", "file=\"%s/" KA_ORIGIN_FILE "\"", dir);
    return AM_OK;
}
