/*  sp_policy -- who gets free gas: the operator's list of app ids.  */
#include "sp_policy.h"

#include "../../common/eth/eth_word.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int
sp_policy_load(struct sp_policy *policy, const char *path, struct am_error *err)
{
    static struct sp_policy fresh;
    char line[128], what[64];
    FILE *f = fopen(path, "re");
    int r = AM_OK;

    if (f == NULL)
        return am_fail(err, AM_NOT_FOUND, "ATTESTMESH_SPONSOR_APPS: cannot read %s: %s", path,
                       strerror(errno));
    fresh.count = 0;
    for (int n = 1; r == AM_OK && fgets(line, sizeof line, f) != NULL; n++) {
        line[strcspn(line, "#\r\n \t")] = '\0';
        if (*line == '\0')
            continue;
        snprintf(what, sizeof what, "ATTESTMESH_SPONSOR_APPS line %d", n);
        if (fresh.count == SP_APPS_MAX)
            r = am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: more than %d apps", what, SP_APPS_MAX);
        else
            r = am_unhex(fresh.apps[fresh.count++], 20, am_str_of(line), what, err);
    }
    fclose(f);
    if (r == AM_OK)
        *policy = fresh;
    return r;
}

int
sp_policy_check(const struct sp_policy *policy, const uint8_t sender[static 20],
                struct am_error *err)
{
    char text[ETH_ADDRESS_TEXT];

    for (size_t i = 0; i < policy->count; i++)
        if (memcmp(policy->apps[i], sender, 20) == 0)
            return AM_OK;
    eth_address_text(text, sender);
    return am_fail(err, AM_PERMISSION_DENIED, "sponsor: app %s is not on the operator's list",
                   text);
}
