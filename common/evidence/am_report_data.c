/*  am_report_data -- what a node has its quote say: its public keys, and the asker's nonce.  */
#include "am_report_data.h"

#include "../crypto/am_keccak.h"

#include <string.h>

void
am_report_data(uint8_t out[static 64], const struct am_report_keys *keys, struct am_bin nonce)
{
    const struct am_bin parts[] = {AM_BIN(keys->cluster), AM_BIN(keys->member), AM_BIN(keys->x_pub),
                                   AM_BIN(keys->wg_pub), AM_BIN(keys->ed25519_pub)};

    am_keccak256_parts(out, parts, sizeof parts / sizeof *parts);
    memset(out + 32, 0, 32);
    if (nonce.len > 0)
        am_keccak256(out + 32, nonce.p, nonce.len);
}
