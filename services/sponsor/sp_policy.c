/*  sp_policy -- who gets free gas: the operator's list of app ids.  */
#include "sp_policy.h"

#include "../../common/eth/eth_word.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"

static int
read_line(struct sp_policy *policy, const char *line, size_t len, int n, struct am_error *err)
{
    size_t at = strspn(line, BLANKS), end = at + strcspn(line + at, "#" BLANKS);
    size_t rest = end + strspn(line + end, BLANKS);
    char what[64];

    snprintf(what, sizeof what, "ATTESTMESH_SPONSOR_APPS line %d", n);
    if (strlen(line) != len || (rest < len && line[rest] != '#'))
        return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected one app id, got more", what);
    if (at == end)
        return AM_OK;
    if (policy->count == SP_APPS_MAX)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: more than %d apps", what, SP_APPS_MAX);
    return am_unhex(policy->apps[policy->count++], 20, (struct am_str){line + at, end - at}, what,
                    err);
}

int
sp_policy_load(struct sp_policy *policy, const char *path, struct am_error *err)
{
    static struct sp_policy fresh;
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    int r = AM_OK;

    if (f == NULL)
        return am_fail(err, AM_NOT_FOUND, "ATTESTMESH_SPONSOR_APPS: cannot read %s: %s", path,
                       strerror(errno));
    fresh.count = 0;
    for (int n = 1; r == AM_OK && (len = getline(&line, &cap, f)) >= 0; n++)
        r = read_line(&fresh, line, (size_t)len, n, err);
    if (r == AM_OK && !feof(f)) /* half a list, or a folder, is no list */
        r = am_fail(err, AM_NOT_FOUND, "ATTESTMESH_SPONSOR_APPS: cannot read %s: %s", path,
                    strerror(errno));
    fclose(f);
    free(line);
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
