/*  ops_page -- the ledger as a table for a terminal, or as JSON for a program.  */
#include "ops_page.h"

#include <jansson.h>
#include <string.h>
#include <time.h>

static void
copy(uint8_t *out, size_t len, struct am_bin in)
{
    memset(out, 0, len);
    if (in.len == len)
        memcpy(out, in.p, len);
}

void
ops_page_rows(struct ops_page *page, const struct chain_operations_reply *reply)
{
    page->row_count = reply->operations_count < OPS_ROWS ? reply->operations_count : OPS_ROWS;
    for (size_t i = 0; i < page->row_count; i++) {
        const struct chain_op *o = &reply->operations[i];
        struct ops_row *r = &page->rows[i];

        copy(r->key, sizeof r->key, o->key);
        copy(r->user_op_hash, sizeof r->user_op_hash, o->user_op_hash);
        copy(r->tx_hash, sizeof r->tx_hash, o->tx_hash);
        r->sequence = o->sequence;
        r->block_number = o->block_number;
        r->gas_used = o->gas_used;
        r->attempts = o->attempts;
        r->age_ms = o->age_ms;
        r->next_ms = o->next_ms;
        am_str_copy(r->purpose, sizeof r->purpose, o->purpose);
        am_str_copy(r->state, sizeof r->state, o->state);
        am_str_copy(r->reason, sizeof r->reason, o->reason);
    }
}

void
ops_page_costs(struct ops_page *page, const struct chain_spending_reply *reply)
{
    page->cost_count = reply->costs_count < OPS_COSTS ? reply->costs_count : OPS_COSTS;
    page->day = reply->day;
    am_str_copy(page->stopped, sizeof page->stopped, reply->stopped);
    for (size_t i = 0; i < page->cost_count; i++) {
        const struct chain_cost *c = &reply->costs[i];

        page->costs[i] = (struct ops_cost){
            .tries = c->tries, .tries_cap = c->tries_cap, .gas = c->gas, .gas_cap = c->gas_cap};
        am_str_copy(page->costs[i].purpose, sizeof page->costs[i].purpose, c->purpose);
    }
}

void
ops_age_text(char out[static 8], uint64_t ms)
{
    static const struct {
        uint64_t ms;
        char unit;
    } units[] = {{86400000, 'd'}, {3600000, 'h'}, {60000, 'm'}, {1000, 's'}};
    size_t i = 0;

    while (i < 3 && ms < 2 * units[i].ms) /* "90m" says more than "1h" */
        i++;
    if (ms / units[i].ms > 99999)
        snprintf(out, 8, ">99999%c", units[i].unit);
    else
        snprintf(out, 8, "%u%c", (unsigned)(ms / units[i].ms), units[i].unit);
}

/* The first bytes in hex, or "-" for none: enough to find it in a log. */
static const char *
hash_text(char out[static 20], const uint8_t hash[static 32])
{
    if (am_is_zero(hash, 32)) {
        snprintf(out, 20, "-");
    } else {
        memcpy(out, "0x", 2);
        am_hex(out + 2, hash, 6);
        strcat(out, "..");
    }
    return out;
}

static const char *
number_text(char out[static 24], uint64_t n)
{
    snprintf(out, 24, n > 0 ? "%llu" : "-", (unsigned long long)n);
    return out;
}

/* A constant key is a name; others are hashes. */
static const char *
key_text(char out[static 28], const uint8_t key[static 24])
{
    size_t len = 0;

    while (len < 24 && key[len] >= 0x20 && key[len] < 0x7f)
        len++;
    if (len > 0 && len < 24 && am_is_zero(key + len, 24 - len)) {
        memcpy(out, key, len);
        out[len] = '\0';
    } else {
        memcpy(out, "0x", 2);
        am_hex(out + 2, key, 6);
        strcat(out, "..");
    }
    return out;
}

static void
print_row(const struct ops_row *r, FILE *f)
{
    char key[28], hash[20], block[24], gas[24], age[8], next[8];

    ops_age_text(age, r->age_ms);
    ops_age_text(next, r->next_ms);
    fprintf(f, "%-9s %-19s %3llu  %-9s %-16s %9s %8s %5s\n", r->purpose, key_text(key, r->key),
            (unsigned long long)r->sequence, r->state, hash_text(hash, r->user_op_hash),
            number_text(block, r->block_number), number_text(gas, r->gas_used), age);
    if (r->reason[0] != '\0')
        fprintf(f, "          %s\n", r->reason);
    if (r->attempts > 0)
        fprintf(f, "          %llu failed %s%s%s\n", (unsigned long long)r->attempts,
                r->attempts == 1 ? "try" : "tries", r->next_ms > 0 ? ", the next in " : "",
                r->next_ms > 0 ? next : "");
}

static void
print_costs(const struct ops_page *page, FILE *f)
{
    time_t day = (time_t)page->day * 86400;
    char date[16] = "?";
    struct tm tm;

    if (gmtime_r(&day, &tm) != NULL)
        (void)strftime(date, sizeof date, "%Y-%m-%d", &tm);
    fprintf(f, "%-10s  %7s %7s  %12s %12s\n", date, "tries", "cap", "gas", "cap");
    for (size_t i = 0; i < page->cost_count; i++) {
        const struct ops_cost *c = &page->costs[i];

        fprintf(f, "%-10s  %7llu %7llu  %12llu %12llu%s\n", c->purpose,
                (unsigned long long)c->tries, (unsigned long long)c->tries_cap,
                (unsigned long long)c->gas, (unsigned long long)c->gas_cap,
                c->tries >= c->tries_cap || c->gas >= c->gas_cap ? "  stopped" : "");
    }
    if (page->stopped[0] != '\0')
        fprintf(f, "%s\n", page->stopped);
}

void
ops_page_print(const struct ops_page *page, FILE *f)
{
    fprintf(f, "%-9s %-19s %3s  %-9s %-16s %9s %8s %5s\n", "PURPOSE", "KEY", "SEQ", "STATE", "HASH",
            "BLOCK", "GAS", "AGE");
    for (size_t i = 0; i < page->row_count; i++)
        print_row(&page->rows[i], f);
    if (page->row_count == 0)
        fprintf(f, "no operation yet\n");
    fprintf(f, "\n");
    print_costs(page, f);
}

static json_t *
json_hex(const uint8_t *p, size_t len)
{
    char hex[67] = "0x";

    if (am_is_zero(p, len))
        return json_null();
    am_hex(hex + 2, p, len);
    return json_string(hex);
}

static json_t *
row_json(const struct ops_row *r)
{
    return json_pack("{s:s, s:o, s:I, s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:s}", "purpose",
                     r->purpose, "key", json_hex(r->key, 24), "sequence", (json_int_t)r->sequence,
                     "state", r->state, "user_op_hash", json_hex(r->user_op_hash, 32), "tx_hash",
                     json_hex(r->tx_hash, 32), "block_number", (json_int_t)r->block_number,
                     "gas_used", (json_int_t)r->gas_used, "attempts", (json_int_t)r->attempts,
                     "age_ms", (json_int_t)r->age_ms, "next_ms", (json_int_t)r->next_ms, "reason",
                     r->reason);
}

void
ops_page_json(const struct ops_page *page, FILE *f)
{
    json_t *rows = json_array(), *costs = json_array(), *root;

    for (size_t i = 0; i < page->row_count; i++)
        json_array_append_new(rows, row_json(&page->rows[i]));
    for (size_t i = 0; i < page->cost_count; i++) {
        const struct ops_cost *c = &page->costs[i];

        json_array_append_new(costs, json_pack("{s:s, s:I, s:I, s:I, s:I}", "purpose", c->purpose,
                                               "tries", (json_int_t)c->tries, "tries_cap",
                                               (json_int_t)c->tries_cap, "gas", (json_int_t)c->gas,
                                               "gas_cap", (json_int_t)c->gas_cap));
    }
    root = json_pack("{s:o, s:I, s:s, s:o}", "operations", rows, "day", (json_int_t)page->day,
                     "stopped", page->stopped, "costs", costs);
    json_dumpf(root, f, JSON_INDENT(2));
    fputc('\n', f);
    json_decref(root);
}
