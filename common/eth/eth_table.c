/*  eth_table -- every function, event and custom error of the contracts, by name.  */
#include "eth_table.h"

#include <string.h>

struct row {
    const char *name, *signature;
    uint32_t selector;
};

static const struct row fns[] = {
    {"", "", 0},
#define ETH_FN(name, signature, selector) {#name, signature, selector},
#include "eth_abi.def"
};

static const struct row errors[] = {
    {"", "", 0},
#define ETH_ERROR(name, signature, selector) {#name, signature, selector},
#include "eth_abi.def"
};

static const struct {
    const char *name, *signature;
    uint64_t topic[4];
} events[] = {
    {"", "", {0, 0, 0, 0}},
#define ETH_EVENT(name, signature, a, b, c, d) {#name, signature, {a, b, c, d}},
#include "eth_abi.def"
};

/* A number that is no row of the list reads as "none". */
static size_t
clamp(unsigned id, size_t count)
{
    return id < count ? id : 0;
}

uint32_t
eth_selector(enum eth_fn fn)
{
    return fns[clamp(fn, ETH_FN_count)].selector;
}

const char *
eth_fn_name(enum eth_fn fn)
{
    return fns[clamp(fn, ETH_FN_count)].name;
}

const char *
eth_fn_signature(enum eth_fn fn)
{
    return fns[clamp(fn, ETH_FN_count)].signature;
}

static unsigned
find(const struct row *rows, unsigned count, struct am_bin data)
{
    if (data.len < 4)
        return 0;
    for (unsigned i = 1; i < count; i++)
        if (rows[i].selector == am_rd32(data.p))
            return i;
    return 0;
}

enum eth_fn
eth_fn_of(struct am_bin call_data)
{
    return (enum eth_fn)find(fns, ETH_FN_count, call_data);
}

void
eth_topic(uint8_t out[static 32], enum eth_event_id id)
{
    for (size_t i = 0; i < 4; i++)
        am_be64(out + 8 * i, events[clamp(id, ETH_EVENT_count)].topic[i]);
}

const char *
eth_event_name(enum eth_event_id id)
{
    return events[clamp(id, ETH_EVENT_count)].name;
}

const char *
eth_event_signature(enum eth_event_id id)
{
    return events[clamp(id, ETH_EVENT_count)].signature;
}

enum eth_event_id
eth_event_of(const uint8_t topic[static 32])
{
    uint8_t own[32];

    for (unsigned i = 1; i < ETH_EVENT_count; i++) {
        eth_topic(own, (enum eth_event_id)i);
        if (memcmp(own, topic, 32) == 0)
            return (enum eth_event_id)i;
    }
    return ETH_EVENT_none;
}

uint32_t
eth_error_selector(enum eth_error_id id)
{
    return errors[clamp(id, ETH_ERROR_count)].selector;
}

const char *
eth_error_name(enum eth_error_id id)
{
    return errors[clamp(id, ETH_ERROR_count)].name;
}

const char *
eth_error_signature(enum eth_error_id id)
{
    return errors[clamp(id, ETH_ERROR_count)].signature;
}

enum eth_error_id
eth_error_of(struct am_bin revert_data)
{
    return (enum eth_error_id)find(errors, ETH_ERROR_count, revert_data);
}
