/*  cli_file -- a whole file that the operator named.  */
#include "cli_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
cli_file_read(uint8_t **bytes, size_t *len, const char *path, size_t max, struct am_error *err)
{
    uint8_t *p = malloc(max + 1); /* one more shows that there is more */
    FILE *f = fopen(path, "re");
    int r = AM_OK;

    *bytes = NULL;
    *len = 0;
    if (p == NULL)
        r = am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: no memory for %zu bytes", path, max);
    else if (f == NULL || ((*len = fread(p, 1, max + 1, f)) <= max && ferror(f)))
        r = am_fail(err, AM_NOT_FOUND, "%s: %s", path, strerror(errno));
    else if (*len > max)
        r = am_fail(err, AM_OUT_OF_RANGE, "%s: expected at most %zu bytes", path, max);
    if (f != NULL)
        fclose(f);
    if (r != AM_OK) {
        free(p);
        *len = 0;
        return r;
    }
    *bytes = p;
    return AM_OK;
}
