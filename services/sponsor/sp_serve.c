/*  sp_serve -- the routes of the sponsor: v1's webhook, the paymaster service, and what tells of
 * both.  */
#include "sp_exchange.h"

#include "../../common/base/am_clock.h"
#include "sp_identity.h"
#include "sp_metrics.h"
#include "sp_webhook.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OF_CASE(c) ((struct sp_exchange *)(void *)((char *)(c)-offsetof(struct sp_exchange, c)))

static void
say(struct sp_exchange *x, unsigned status, const char *text)
{
    sp_exchange_answer(x, status, strdup(text));
}

static const char *
argument(const struct sp_exchange *x, const char *name)
{
    return sp_exchange_value(x, MHD_GET_ARGUMENT_KIND, name);
}

static bool
has_token(const struct sp_exchange *x)
{
    return sp_token_is(x->sp->secrets->webhook_token, argument(x, "token"));
}

static void
alchemy_done(struct sp_case *c)
{
    char text[96];

    if (c->reason == SP_APPROVED)
        snprintf(text, sizeof text, "{\"approved\":true}");
    else
        snprintf(text, sizeof text, "{\"approved\":false,\"reason\":\"%s\"}",
                 sp_reason_text(c->reason));
    say(OF_CASE(c), 200, text);
}

static void
alchemy(struct sp_exchange *x)
{
    char text[64];
    const char *wrong;

    if (*x->sp->secrets->webhook_token == '\0') {
        say(x, 500, "{\"error\":\"server-misconfigured\"}");
        return;
    }
    if ((wrong = sp_alchemy_read(&x->c.ask, &x->op, am_bin_of(x->body, x->len))) != NULL) {
        sp_gate_note(x->sp->gate, SP_ALCHEMY, "parse", wrong, NULL, NULL);
        snprintf(text, sizeof text, "{\"error\":\"%s\"}", wrong);
        say(x, 400, text);
        return;
    }
    x->c.route = SP_ALCHEMY;
    x->c.ask.token = has_token(x);
    x->c.counts = true;
    x->c.done = alchemy_done;
    sp_gate_judge(x->sp->gate, &x->c);
}

static void
pimlico_done(struct sp_case *c)
{
    say(OF_CASE(c), 200, c->reason == SP_APPROVED ? "{\"sponsor\":true}" : "{\"sponsor\":false}");
}

/* svix's header, or the one of the standard that came of it. */
static const char *
header(const struct sp_exchange *x, const char *standard, const char *svix)
{
    const char *value = sp_exchange_value(x, MHD_HEADER_KIND, standard);

    return value != NULL ? value : sp_exchange_value(x, MHD_HEADER_KIND, svix);
}

static void
pimlico(struct sp_exchange *x)
{
    const struct sp_signed s = {
        .id = header(x, "webhook-id", "svix-id"),
        .timestamp = header(x, "webhook-timestamp", "svix-timestamp"),
        .signatures = header(x, "webhook-signature", "svix-signature"),
        .body = am_bin_of(x->body, x->len),
    };
    const char *wrong;
    char text[96];

    if (!x->sp->pimlico) {
        say(x, 503, "{\"error\":\"pimlico-route-disabled\"}");
        return;
    }
    snprintf(x->received, sizeof x->received, "%s", s.signatures != NULL ? s.signatures : "");
    wrong = sp_pimlico_check(x->computed, &s, x->sp->secrets->pimlico_key, x->sp->pimlico_key_len,
                             (uint64_t)am_wall_ms() / 1000);
    if (wrong != NULL) {
        sp_gate_note(x->sp->gate, SP_PIMLICO, "verify", wrong, x->computed, x->received);
        snprintf(text, sizeof text, "{\"error\":\"bad-signature\",\"reason\":\"%s\"}", wrong);
        say(x, 401, text);
        return;
    }
    if ((wrong = sp_pimlico_read(&x->c.ask, &x->op, s.body)) != NULL) {
        sp_gate_note(x->sp->gate, SP_PIMLICO, "parse", wrong, x->computed, x->received);
        say(x, 200, "{\"sponsor\":false}");
        return;
    }
    x->c.route = SP_PIMLICO;
    x->c.ask.token = true;
    x->c.counts = true;
    x->c.computed = x->computed;
    x->c.received = x->received;
    x->c.done = pimlico_done;
    sp_gate_judge(x->sp->gate, &x->c);
}

static struct sp_served
served(const struct sponsor *sp)
{
    struct sp_served s = {.chain_id = sp->rules.chain_id};

    memcpy(s.entry_point, sp->entry_point, 20);
    memcpy(s.paymaster, sp->paymaster, 20);
    return s;
}

static void
rpc_done(struct sp_case *c)
{
    struct sp_exchange *x = OF_CASE(c);
    const struct sp_served s = served(x->sp);
    uint8_t data[SP_DATA_LEN];
    struct am_error err = {0};

    if (c->reason != SP_APPROVED)
        sp_exchange_answer(x, 200, sp_rpc_denial(&x->rpc, c->reason, c->ask.sender));
    else if (sp_op_sign(data, &x->op, s.paymaster, s.chain_id,
                        (uint64_t)am_wall_ms() / 1000 + x->sp->valid_s, x->sp->secrets->key,
                        &err) != AM_OK)
        sp_exchange_answer(x, 200, sp_rpc_error(&x->rpc, -32602, err.text));
    else
        sp_exchange_answer(x, 200, sp_rpc_result(&x->rpc, &s, data));
}

static void
rpc(struct sp_exchange *x)
{
    const char *token = x->sp->secrets->rpc_token;
    const struct sp_served s = served(x->sp);
    struct am_error err = {0};
    int number;

    if (sp_rpc_read(&x->rpc, &x->op, &number, am_bin_of(x->body, x->len), &s, &err) != AM_OK) {
        sp_gate_note(x->sp->gate, SP_ERC7677, "parse", "malformed-request", NULL, NULL);
        sp_exchange_answer(x, 200, sp_rpc_error(&x->rpc, number, err.text));
        return;
    }
    x->c.route = SP_ERC7677;
    memcpy(x->c.ask.sender, x->op.sender, 20);
    x->c.ask.call_data = am_bin_of(x->op.call_data, x->op.call_data_len);
    x->c.ask.chain_id = s.chain_id; /* sp_rpc_read refuses another */
    x->c.ask.chain_given = true;
    x->c.ask.token = *token == '\0' || sp_token_is(token, argument(x, "token"));
    x->c.counts = !x->rpc.stub; /* a stub is signed for no gas at all: it can pay for nothing */
    x->c.gwei = sp_op_gwei(&x->op);
    x->c.done = rpc_done;
    sp_gate_judge(x->sp->gate, &x->c);
}

static void
tell_last(struct sp_exchange *x, enum sp_last which)
{
    const char *last = sp_gate_last(x->sp->gate, which);

    if (!has_token(x))
        say(x, 401, "{\"error\":\"unauthorized\"}");
    else
        say(x, 200, *last != '\0' ? last : "{\"empty\":true}");
}

static void
pimlico_status(struct sp_exchange *x)
{
    tell_last(x, SP_LAST_PIMLICO);
}

static void
last_decision(struct sp_exchange *x)
{
    tell_last(x, SP_LAST_ANY);
}

static void
on_cluster(void *arg, enum sp_truth truth, const uint8_t value[static 20])
{
    struct sp_exchange *x = arg;
    struct am_error err = {0};
    bool room = false;
    char text[64];

    (void)value;
    if (truth == SP_UNKNOWN) {
        say(x, 503, "{\"error\":\"rpc-failure\"}");
    } else if (sp_gate_room(x->sp->gate, x->cluster, &room, &err) != AM_OK) {
        say(x, 500, "{\"error\":\"internal-error\"}");
    } else {
        snprintf(text, sizeof text, "{\"deployed\":%s,\"sponsored\":%s}",
                 truth == SP_YES ? "true" : "false", truth == SP_YES && room ? "true" : "false");
        say(x, 200, text);
    }
}

static void
ask_fact(struct sp_exchange *x, enum sp_fact fact,
         void (*fn)(void *arg, enum sp_truth truth, const uint8_t value[static 20]))
{
    static const uint8_t nothing[20];
    enum sp_truth truth;

    x->waiter = (struct sp_waiter){.fn = fn, .arg = x};
    truth = sp_gate_fact(x->sp->gate, fact, x->cluster, &x->waiter);
    if (truth != SP_UNASKED)
        fn(x, truth, nothing);
}

static void
check(struct sp_exchange *x)
{
    const char *cluster = argument(x, "cluster");
    struct am_error err = {0};

    if (cluster == NULL ||
        eth_address_read(x->cluster, am_str_of(cluster), "cluster", &err) != AM_OK)
        say(x, 400, "{\"error\":\"missing-or-invalid-cluster\"}");
    else
        ask_fact(x, SP_DEPLOYED, on_cluster);
}

static void
on_chain(void *arg, enum sp_truth truth, const uint8_t value[static 20])
{
    (void)value;
    if (truth == SP_YES)
        say(arg, 200, "{\"ok\":true}");
    else
        say(arg, 503, "{\"ok\":false}");
}

static void
healthz(struct sp_exchange *x)
{
    ask_fact(x, SP_RIGHT_CHAIN, on_chain);
}

static void
metrics(struct sp_exchange *x)
{
    x->type = "text/plain; version=0.0.4";
    sp_exchange_answer(x, 200, sp_metrics(x->sp));
}

static void
identity(struct sp_exchange *x)
{
    unsigned status;
    char *text = sp_identity_answer(x->sp, &status, argument(x, "nonce"));

    sp_exchange_answer(x, status, text);
}

sp_route_fn *
sp_route_of(const char *method, const char *path)
{
    static const struct {
        const char *method, *path;
        sp_route_fn *fn;
    } routes[] = {
        {"POST", "/", alchemy},
        {"POST", "/pimlico", pimlico},
        {"POST", "/rpc", rpc},
        {"GET", "/pimlico-status", pimlico_status},
        {"GET", "/last-decision", last_decision},
        {"GET", "/check", check},
        {"GET", "/healthz", healthz},
        {"GET", "/metrics", metrics},
        {"GET", "/identity", identity},
    };

    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        if (strcmp(method, routes[i].method) == 0 && strcmp(path, routes[i].path) == 0)
            return routes[i].fn;
    return NULL;
}
