/*  eth_revert -- revert data as an operator reads it: the error by name, and its arguments.  */
#include "eth_table.h"

#include "eth_abi.h"

#include <stdio.h>
#include <string.h>

#define ARGUMENTS 8
#define DEPTH 2 /* reverts inside of reverts that are shown */

struct text {
    char *out;
    size_t cap, len;
};

static void
put(struct text *t, const char *s)
{
    while (*s != '\0' && t->len + 1 < t->cap)
        t->out[t->len++] = *s++;
    t->out[t->len] = '\0';
}

static void
put_printable(struct text *t, struct am_bin text)
{
    for (size_t i = 0; i < text.len && t->len + 1 < t->cap; i++)
        t->out[t->len++] = text.p[i] >= 0x20 && text.p[i] < 0x7f ? (char)text.p[i] : '?';
    t->out[t->len] = '\0';
}

static void
put_hex(struct text *t, const uint8_t *p, size_t len)
{
    char hex[67] = "0x";

    am_hex(hex + 2, p, len < 32 ? len : 32);
    put(t, hex);
    put(t, len > 32 ? ".." : "");
}

static void revert_text(struct text *t, struct am_bin data, unsigned depth);

/* Error and Panic are Solidity's own, FailedOp and its kin EntryPoint's: each has its form. */
static bool
put_known(struct text *t, enum eth_error_id id, struct am_bin args, unsigned depth)
{
    struct eth_dec d;
    struct am_bin text = {NULL, 0}, inner = {NULL, 0};
    uint64_t n = 0;
    char head[48];

    eth_dec_start(&d, args,
                  id == ETH_ERROR_FailedOpWithRevert ? 3
                  : id == ETH_ERROR_FailedOp         ? 2
                                                     : 1,
                  eth_error_name(id), NULL);
    if (id != ETH_ERROR_Error)
        eth_dec_u64(&d, UINT64_MAX, &n);
    if (id != ETH_ERROR_Panic)
        eth_dec_bytes(&d, &text);
    if (id == ETH_ERROR_FailedOpWithRevert)
        eth_dec_bytes(&d, &inner);
    if (eth_dec_end(&d) != AM_OK)
        return false;
    if (id == ETH_ERROR_Error)
        snprintf(head, sizeof head, "Error: ");
    else if (id == ETH_ERROR_Panic)
        snprintf(head, sizeof head, "Panic 0x%llx", (unsigned long long)n);
    else
        snprintf(head, sizeof head, "FailedOp %llu: ", (unsigned long long)n);
    put(t, head);
    put_printable(t, text);
    if (inner.len > 0 && depth < DEPTH) {
        put(t, ": ");
        revert_text(t, inner, depth + 1);
    }
    return true;
}

static void
put_number(struct text *t, const uint8_t word[static 32])
{
    char decimal[24];

    if (!am_is_zero(word, 24)) {
        put_hex(t, word, 32);
        return;
    }
    snprintf(decimal, sizeof decimal, "%llu", (unsigned long long)am_rd64(word + 24));
    put(t, decimal);
}

/* One argument of a type that eth_abi.def's errors have; false: a type that is not shown. */
static bool
put_argument(struct text *t, struct eth_dec *d, const char *type, size_t len)
{
    char address[ETH_ADDRESS_TEXT];
    uint8_t word[32];
    struct am_bin some = {NULL, 0};

    if (len > 4 && strncmp(type, "uint", 4) == 0) {
        eth_dec_word(d, word);
        put_number(t, word);
    } else if (len == 7 && strncmp(type, "address", 7) == 0) {
        eth_dec_address(d, word);
        eth_address_text(address, word);
        put(t, address);
    } else if (len > 5 && strncmp(type, "bytes", 5) == 0) {
        eth_dec_word(d, word);
        put_hex(t, word, 32);
    } else if (len == 6 && strncmp(type, "string", 6) == 0) {
        eth_dec_bytes(d, &some);
        put_printable(t, some);
    } else if (len == 5 && strncmp(type, "bytes", 5) == 0) {
        eth_dec_bytes(d, &some);
        put_hex(t, some.p, some.len);
    } else {
        return false;
    }
    return d->rc == AM_OK;
}

/* "Name(a, b)", after the signature; false, with nothing kept, where the bytes are not that. */
static bool
put_arguments(struct text *t, enum eth_error_id id, struct am_bin args)
{
    const char *type = strchr(eth_error_signature(id), '(') + 1;
    size_t start = t->len, heads = 1;
    struct eth_dec d;
    bool ok = true;

    for (const char *p = type; *p != '\0'; p++)
        heads += *p == ',';
    if (*type == ')' || heads > ARGUMENTS)
        return false;
    eth_dec_start(&d, args, heads, eth_error_name(id), NULL);
    put(t, eth_error_name(id));
    for (const char *sep = "("; ok && *type != '\0'; sep = ", ") {
        size_t len = strcspn(type, ",)");

        put(t, sep);
        ok = put_argument(t, &d, type, len);
        type += len + 1;
    }
    put(t, ")");
    if (ok && eth_dec_end(&d) == AM_OK)
        return true;
    t->len = start;
    return false;
}

static bool
is_known(enum eth_error_id id)
{
    return id == ETH_ERROR_Error || id == ETH_ERROR_Panic || id == ETH_ERROR_FailedOp ||
           id == ETH_ERROR_FailedOpWithRevert;
}

static void
revert_text(struct text *t, struct am_bin data, unsigned depth)
{
    enum eth_error_id id = eth_error_of(data);
    struct am_bin args;
    char head[64];

    if (id == ETH_ERROR_none) {
        if (data.len == 0)
            snprintf(head, sizeof head, "no reason given");
        else if (data.len < 4)
            snprintf(head, sizeof head, "%zu bytes that are no reason", data.len);
        else
            snprintf(head, sizeof head, "0x%08x (%zu bytes)", (unsigned)am_rd32(data.p), data.len);
        put(t, head);
        return;
    }
    args = am_bin_of(data.p + 4, data.len - 4);
    if (is_known(id) ? !put_known(t, id, args, depth) : !put_arguments(t, id, args))
        put(t, eth_error_name(id));
}

void
eth_revert_text(char *out, size_t cap, struct am_bin revert_data)
{
    struct text t = {out, cap, 0};

    out[0] = '\0';
    revert_text(&t, revert_data, 0);
}
