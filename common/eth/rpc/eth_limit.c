/*  eth_limit -- what a provider means by "limit exceeded", and how many blocks it takes at once. */
#include "eth_limit.h"

#include <ctype.h>
#include <string.h>

#define NEAR 24 /* characters between a number and the word "range" that it belongs to */

/* Words of one kind, in lower case.  Ranges before results: a text about both names the range. */
static const char *const range_words[] = {
    "block range",     "blocks range",  "range too large", "range is too", "range limit",
    "too many blocks", "maximum range", "max range",       "range exceed", "ranges over",
};
static const char *const result_words[] = {
    "more than",     "max results",   "too many results", "too many logs",
    "response size", "response too",  "query timeout",    "query exceeds",
    "logs matched",  "size exceeded", "result size",      "limit exceeded",
};
static const char *const rate_words[] = {
    "rate",          "per second",    "/second",    "too many requests", "request limit",
    "daily request", "compute units", "throughput", "request count",     "quota",
};

static bool
has(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasestr(text, words[i]) != NULL)
            return true;
    return false;
}
#define HAS(text, words) has(text, words, sizeof(words) / sizeof((words)[0]))

enum eth_limit_kind
eth_limit_of(const char *method, int status, int64_t code, const char *text)
{
    bool logs = strcmp(method, "eth_getLogs") == 0;

    if (status == 429 || code == 429)
        return ETH_LIMIT_RATE;
    if (code == 0)
        return ETH_LIMIT_NONE;
    if (logs && (HAS(text, range_words) || eth_limit_told(text) > 0))
        return ETH_LIMIT_RANGE;
    if (HAS(text, rate_words))
        return ETH_LIMIT_RATE;
    if (logs && (HAS(text, result_words) || code == -32005))
        return ETH_LIMIT_RESULTS;
    return code == -32005 ? ETH_LIMIT_RATE : ETH_LIMIT_NONE;
}

/* "10,000", "2K", "5": *end is behind it. */
static uint64_t
number(const char *p, const char **end)
{
    uint64_t v = 0;

    for (; isdigit((unsigned char)*p) || (*p == ',' && isdigit((unsigned char)p[1])); p++)
        if (*p != ',' && v < UINT32_MAX)
            v = v * 10 + (uint64_t)(*p - '0');
    if (*p == 'k' || *p == 'K') {
        v *= 1000;
        p++;
    }
    *end = p;
    return v;
}

/* The largest number near this word; 0: none is. */
static uint64_t
near(const char *text, const char *word)
{
    const char *p = word - text > NEAR ? word - NEAR : text, *to = word;
    uint64_t most = 0;

    while (*to != '\0' && to < word + NEAR)
        to++;
    while (p < to) {
        bool inside = p > text && isalnum((unsigned char)p[-1]); /* 0x1f is no count */
        uint64_t v;

        if (!isdigit((unsigned char)*p) || inside || p[1] == 'x') {
            p++;
            continue;
        }
        v = number(p, &p);
        most = v > most ? v : most;
    }
    return most;
}

uint64_t
eth_limit_told(const char *text)
{
    uint64_t told = 0;

    for (const char *p = strcasestr(text, "range"); p != NULL && told == 0;
         p = strcasestr(p + 1, "range"))
        told = near(text, p);
    return told;
}

void
eth_range_refused(struct eth_range *r, uint64_t asked, const char *text)
{
    uint64_t told = eth_limit_told(text);

    if (told > 0 && told < asked)
        r->told = r->take = told;
    else if (asked > 1)
        r->take = asked / 2;
    else
        r->take = 1;
}

/* Slowly: what was refused once is tried again a sixteenth at a time. */
void
eth_range_taken(struct eth_range *r, uint64_t asked)
{
    if (r->take == 0 || asked < r->take)
        return;
    r->take += r->take / 16 + 1;
    if (r->told > 0 && r->take > r->told)
        r->take = r->told;
}

uint64_t
eth_range_of(const struct eth_range *r, uint64_t wanted)
{
    uint64_t n = r->take > 0 && r->take < wanted ? r->take : wanted;

    return n > 0 ? n : 1;
}
