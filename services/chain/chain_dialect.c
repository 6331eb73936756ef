/*  chain_dialect -- how a provider is asked for gas, price and sponsor: one row for each dialect.
 */
#include "chain_dialect.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *text;
    enum chain_stage stages[CHAIN_STAGES];
} dialects[] = {
#define X(name, text, a, b, c, d)                                                                  \
    {#text, {CHAIN_STAGE_##a, CHAIN_STAGE_##b, CHAIN_STAGE_##c, CHAIN_STAGE_##d}},
    CHAIN_DIALECTS(X)
#undef X
};

struct question {
    const char *method;
    enum chain_provider at;
};

static const struct question stages[] = {
#define X(name, method, at) {method, CHAIN_AT_##at},
    CHAIN_STAGE_ROWS(X)
#undef X
};

static const struct question prices[] = {
#define X(name, method, at) {method, CHAIN_AT_##at},
    CHAIN_PRICES(X)
#undef X
};

int
chain_dialect_open(struct chain_speech *s, const char *setting, bool own_url, struct am_error *err)
{
    *s = (struct chain_speech){.own_url = own_url};
    if (strcmp(setting, "auto") == 0)
        return AM_OK;
    for (int i = 0; i < CHAIN_DIALECT_COUNT; i++)
        if (strcmp(setting, dialects[i].text) == 0) {
            s->dialect = (enum chain_dialect)i;
            s->settled = true;
        }
    if (!s->settled)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "ATTESTMESH_PAYMASTER_DIALECT: expected auto, erc7677, pimlico, alchemy or "
                       "none, got \"%.32s\"",
                       setting);
    if (s->dialect == CHAIN_DIALECT_NONE && own_url)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "ATTESTMESH_PAYMASTER_DIALECT: expected no ATTESTMESH_PAYMASTER_URL beside "
                       "none, got one");
    return AM_OK;
}

enum chain_stage
chain_dialect_stage(enum chain_dialect dialect, unsigned n, bool final)
{
    enum chain_stage stage = n < CHAIN_STAGES ? dialects[dialect].stages[n] : CHAIN_STAGE_READY;

    return stage == CHAIN_STAGE_DATA && final ? CHAIN_STAGE_READY : stage;
}

const char *
chain_dialect_text(enum chain_dialect dialect)
{
    return dialects[dialect].text;
}

static const struct question *
question_of(const struct chain_speech *s, enum chain_stage stage)
{
    return stage == CHAIN_STAGE_PRICE ? &prices[s->price] : &stages[stage];
}

const char *
chain_stage_method(const struct chain_speech *s, enum chain_stage stage)
{
    return question_of(s, stage)->method;
}

enum chain_provider
chain_stage_at(const struct chain_speech *s, enum chain_stage stage)
{
    return question_of(s, stage)->at;
}

/* Providers have a code for it (-32601, -32004), and some say it in words under another code. */
static bool
no_such_method(int code, int64_t error_code, const char *words)
{
    static const char *const said[] = {"unsupported method",
                                       "method not found",
                                       "method not supported",
                                       "method not available",
                                       "unknown method",
                                       "invalid method",
                                       "does not exist/is not available"};

    if (code == AM_UNIMPLEMENTED)
        return true;
    for (size_t i = 0; error_code != 0 && i < sizeof said / sizeof said[0]; i++)
        if (strcasestr(words, said[i]) != NULL)
            return true;
    return false;
}

/* A bundler that checks the method by a schema calls an unknown one an invalid request. */
static enum chain_heard
hear_price(struct chain_speech *s, const struct chain_speech *asked, int code, int64_t error_code,
           const char *words)
{
    if (code == AM_OK) {
        s->price = asked->price;
        s->price_settled = true;
        return CHAIN_HEARD_TAKE;
    }
    if (asked->price != s->price)
        return CHAIN_HEARD_AGAIN; /* another operation found out meanwhile */
    if (s->price_settled || s->price + 1 == CHAIN_PRICE_COUNT ||
        !(no_such_method(code, error_code, words) ||
          (s->price == CHAIN_PRICE_PIMLICO && code == AM_FAILED_PRECONDITION)))
        return CHAIN_HEARD_FAIL;
    s->price++;
    return CHAIN_HEARD_AGAIN;
}

/* Only the first question to the paymaster tells dialects apart. */
static bool
is_probe(enum chain_stage stage)
{
    return stage == CHAIN_STAGE_STUB || stage == CHAIN_STAGE_SPONSOR || stage == CHAIN_STAGE_GRANT;
}

enum chain_heard
chain_dialect_hear(struct chain_speech *s, const struct chain_speech *asked, enum chain_stage stage,
                   int code, int64_t error_code, const char *words)
{
    enum chain_dialect last = s->own_url ? CHAIN_DIALECT_ALCHEMY : CHAIN_DIALECT_NONE;

    if (stage == CHAIN_STAGE_PRICE)
        return hear_price(s, asked, code, error_code, words);
    if (asked->dialect != s->dialect)
        return CHAIN_HEARD_AGAIN; /* another operation found out meanwhile */
    if (!s->settled && is_probe(stage) && no_such_method(code, error_code, words)) {
        if (s->dialect == last) {
            s->dialect = 0; /* the next try asks all of them again */
            return CHAIN_HEARD_FAIL;
        }
        s->dialect++;
        return CHAIN_HEARD_AGAIN;
    }
    if (is_probe(stage) && code == AM_OK)
        s->settled = true; /* a refusal proves nothing: keys and limits are judged before methods */
    return code == AM_OK ? CHAIN_HEARD_TAKE : CHAIN_HEARD_FAIL;
}
