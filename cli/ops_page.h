/*  ops_page -- the ledger as a table for a terminal, or as JSON for a program.
 *
 *  Pure but for the stream that it writes to.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef OPS_PAGE_H
#define OPS_PAGE_H

#include "../bus/bus_schema.h"

#include <stdio.h>

#define OPS_ROWS 64
#define OPS_COSTS 8

struct ops_row {
    uint8_t key[24], user_op_hash[32], tx_hash[32]; /* hashes: zero while unknown */
    uint64_t sequence, block_number, gas_used, attempts, age_ms, next_ms;
    char purpose[17], state[17], reason[257];
};

struct ops_cost {
    char purpose[17];
    uint64_t tries, tries_cap, gas, gas_cap;
};

struct ops_page {
    struct ops_row rows[OPS_ROWS];
    struct ops_cost costs[OPS_COSTS];
    size_t row_count, cost_count;
    uint64_t day; /* UTC, since 1970 */
    char stopped[257];
};

/* Take over what chain answered. */
void ops_page_rows(struct ops_page *page, const struct chain_operations_reply *reply);
void ops_page_costs(struct ops_page *page, const struct chain_spending_reply *reply);

void ops_page_print(const struct ops_page *page, FILE *f);
void ops_page_json(const struct ops_page *page, FILE *f);

/* "4s", "12m", "3h", "9d": out has at least 8 bytes. */
void ops_age_text(char out[static 8], uint64_t ms);

#endif
