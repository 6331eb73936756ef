/*  scan -- the secrets of a devnet node, and the search for them in any bytes.  */
#include "scan.h"

#include "../../../common/wire/am_dstack.h"
#include "../../../devnet/dn_chain.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define INNER 30u /* of 32 bytes: the first and the last may be clamped */
#define FORMS 7   /* of a key */

struct form {
    uint8_t bytes[SCAN_FORM_MAX];
    size_t len;
    unsigned id; /* node * SCAN_KEY_COUNT + enum scan_key */
    const char *name;
};

static const struct {
    const char *path, *text;
} kinds[] = {
#define X(name, path, text) {path, text},
    SCAN_KEYS(X)
#undef X
};

static struct {
    uint8_t key[SCAN_NODES][SCAN_KEY_COUNT][32];
    struct form forms[SCAN_NODES * SCAN_KEY_COUNT * FORMS];
    size_t count;
    uint8_t starts[65536]; /* whether any form begins with these two bytes */
} scan;

static void
add_form(unsigned id, const char *name, const void *p, size_t len)
{
    struct form *f = &scan.forms[scan.count++];

    *f = (struct form){.len = len, .id = id, .name = name};
    memcpy(f->bytes, p, len);
    scan.starts[f->bytes[0] << 8 | f->bytes[1]] = 1;
}

static void
add_base64(unsigned id, const uint8_t *inner, size_t before)
{
    static const char *const names[] = {"base64", "base64 after 1 byte", "base64 after 2 bytes"};
    uint8_t padded[INNER + 2] = {0};
    char text[64];
    size_t from = (8 * before + 5) / 6, to = 8 * (before + INNER) / 6;

    memcpy(padded + before, inner, INNER);
    sodium_bin2base64(text, sizeof text, padded, before + INNER, sodium_base64_VARIANT_ORIGINAL);
    add_form(id, names[before], text + from, to - from); /* the rest depends on the neighbours */
}

static void
add_key(unsigned id, const uint8_t key[static 32])
{
    const uint8_t *inner = key + 1;
    uint8_t reversed[INNER];
    char hex[2 * INNER + 1];

    for (size_t i = 0; i < INNER; i++)
        reversed[i] = inner[INNER - 1 - i];
    add_form(id, "raw", inner, INNER);
    add_form(id, "raw, last byte first", reversed, INNER);
    am_hex(hex, inner, INNER);
    add_form(id, "hex", hex, 2 * INNER);
    for (size_t i = 0; i < 2 * INNER; i++)
        hex[i] = (char)toupper((unsigned char)hex[i]);
    add_form(id, "hex in capitals", hex, 2 * INNER);
    for (size_t before = 0; before < 3; before++)
        add_base64(id, inner, (before + 1) % 3); /* inner is one byte into the key */
}

int
scan_add(unsigned node, const uint8_t app_id[static 20], struct am_error *err)
{
    uint8_t root[32];
    int r = am_unhex(root, 32, am_str_of(DN_KMS_ROOT_KEY), "KMS root", err);

    for (unsigned k = 0; k < SCAN_KEY_COUNT && r == AM_OK; k++) {
        uint8_t *key = scan.key[node][k];

        r = k == SCAN_APP
                ? am_dstack_app_key(key, root, app_id, err)
                : am_dstack_key(key, scan.key[node][SCAN_APP], am_str_of(kinds[k].path), err);
        if (r == AM_OK)
            add_key(node * SCAN_KEY_COUNT + k, key);
    }
    return r;
}

const uint8_t *
scan_key_of(unsigned node, enum scan_key key)
{
    return scan.key[node][key];
}

static void
found(struct scan_found *out, const char *where, const struct form *f, uint32_t may)
{
    if ((may & 1u << f->id) != 0) {
        out->allowed++;
        return;
    }
    if (out->places < sizeof out->where / sizeof out->where[0])
        snprintf(out->where[out->places], sizeof out->where[0], "%s of node %u as %s in %s",
                 kinds[f->id % SCAN_KEY_COUNT].text, f->id / SCAN_KEY_COUNT + 1, f->name, where);
    out->places++;
}

void
scan_bytes(struct scan_found *out, const char *where, const uint8_t *p, size_t len, uint32_t may)
{
    out->bytes += len;
    for (size_t i = 0; i + 1 < len; i++) {
        if (scan.starts[p[i] << 8 | p[i + 1]] == 0)
            continue;
        for (size_t k = 0; k < scan.count; k++)
            if (scan.forms[k].len <= len - i &&
                memcmp(p + i, scan.forms[k].bytes, scan.forms[k].len) == 0)
                found(out, where, &scan.forms[k], may);
    }
}

/* As bytes, hex or base64. */
static size_t
write_as(char text[static 256], int form, const uint8_t plain[static 64])
{
    if (form == 0) {
        memcpy(text, plain, 64);
        return 64;
    }
    if (form == 1)
        sodium_bin2hex(text, 256, plain, 64);
    else
        sodium_bin2base64(text, 256, plain, 64, sodium_base64_VARIANT_ORIGINAL);
    return strlen(text);
}

unsigned
scan_missed(unsigned nodes, unsigned *tried)
{
    static const int offsets[] = {0, 1, 2, 5};
    uint8_t plain[64];
    char text[256];
    unsigned missed = 0;

    *tried = 0;
    for (unsigned id = 0; id < nodes * SCAN_KEY_COUNT; id++)
        for (size_t o = 0; o < sizeof offsets / sizeof offsets[0]; o++) {
            randombytes_buf(plain, sizeof plain);
            memcpy(plain + offsets[o], scan.key[id / SCAN_KEY_COUNT][id % SCAN_KEY_COUNT], 32);
            for (int form = 0; form < 3; form++) {
                struct scan_found f = {0};

                scan_bytes(&f, "", (const uint8_t *)text, write_as(text, form, plain), 0);
                ++*tried;
                missed += f.places != 1;
            }
        }
    sodium_memzero(plain, sizeof plain);
    return missed;
}
