/*  compose_hash -- attestmesh compose-hash: SHA-256 of a file's exact bytes, as dstack measures it.
 */
#include "../common/crypto/am_hkdf.h"
#include "../common/evidence/am_compose.h"
#include "cli.h"
#include "cli_file.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX (50u << 20) /* bytes that the newest dstack takes */
#define OLD_MAX (256u << 10) /* dstack 0.5.x */

/* Exit status: 0 the hash is on stdout, whatever was warned of on stderr; 1 no such file; 64 usage.
 * Source: dstack page 5 */
int
cli_compose_hash(int argc, char **argv)
{
    struct am_error err = {0};
    uint8_t *bytes, hash[32];
    char text[65];
    size_t len;

    if (argc != 1)
        return cli_usage("compose-hash");
    if (cli_file_read(&bytes, &len, argv[0], FILE_MAX, &err) != AM_OK) {
        fprintf(stderr, "compose-hash: %s\n", err.text);
        return 1;
    }
    am_sha256(hash, bytes, len);
    am_hex(text, hash, 32);
    printf("%s\n", text);
    if (am_compose_canonical(am_bin_of(bytes, len), &err) != AM_OK)
        fprintf(stderr,
                "warning: not in canonical form: %s\n"
                "warning: the hash is that of these exact bytes. A tool that sorts keys or drops "
                "blanks first gets another one: deploy this file as it is.\n",
                err.text);
    if (len > OLD_MAX)
        fprintf(stderr, "warning: %zu bytes; dstack 0.5.x takes at most %u\n", len, OLD_MAX);
    free(bytes);
    return 0;
}
