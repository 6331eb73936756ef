/*  chain_nonce -- which 192-bit nonce key an operation uses.  */
#include "chain_nonce.h"

#include "am_keccak.h"

#include <string.h>

static void
constant(uint8_t key[static CHAIN_KEY], const char *name)
{
    memset(key, 0, CHAIN_KEY);
    memcpy(key, name, strlen(name));
}

static void
hashed(uint8_t key[static CHAIN_KEY], struct am_bin a, struct am_bin b)
{
    const struct am_bin parts[] = {a, b};
    uint8_t hash[32];

    am_keccak256_parts(hash, parts, 2);
    memcpy(key, hash, CHAIN_KEY);
}

void
chain_nonce_register(uint8_t key[static CHAIN_KEY])
{
    constant(key, "attestmesh.register");
}

void
chain_nonce_commit(uint8_t key[static CHAIN_KEY])
{
    constant(key, "attestmesh.commit");
}

void
chain_nonce_publish(uint8_t key[static CHAIN_KEY], const uint8_t value[static 32])
{
    static const char domain[] = "attestmesh.publish";

    hashed(key, am_bin_of(domain, sizeof domain - 1), am_bin_of(value, 32));
}

void
chain_nonce_message(uint8_t key[static CHAIN_KEY], const uint8_t recipient[static 32],
                    const uint8_t envelope_id[static 32])
{
    hashed(key, am_bin_of(recipient, 32), am_bin_of(envelope_id, 32));
}
