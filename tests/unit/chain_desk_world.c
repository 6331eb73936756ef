/*  chain_desk_world -- a desk between a keyagent, a bundler and a paymaster of the test's own
 * making.
 */
#include "chain_desk_world.h"

#include "am_clock.h"
#include "am_log.h"
#include "am_secp.h"
#include "eth_op.h"
#include "slow.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_ID 31337
#define PM                                                                                         \
    "\"paymaster\":\"0x4444444444444444444444444444444444444444\",\"paymasterData\":\"0xdead\","   \
    "\"paymasterVerificationGasLimit\":\"0x10\",\"paymasterPostOpGasLimit\":\"0x1\""
#define LIMITS                                                                                     \
    "\"callGasLimit\":\"0x64\",\"verificationGasLimit\":\"0x64\",\"preVerificationGas\":\"0x3\""

struct desk_world dw;

static struct ev_loop *loop;
static struct bus *chain_bus, *keyagent_bus;
static struct am_http *http;
static struct dn_rpc_double *server;
static struct eth_rpc *rpc;
static char dir[64];
static uint8_t signed_hash[32];
static struct am_error err;

static json_t *
error_of(int code, const char *message)
{
    return json_pack("{s:{s:i,s:s}}", "error", "code", code, "message", message);
}

static json_t *
result_of(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

    cr_assert(value != NULL, "%s", text);
    return json_pack("{s:o}", "result", value);
}

/* ethers and viem refuse odd hex, ECDSA.recover reverts on what recovers nobody. */
static json_t *
judge_dummy(const char *hex)
{
    static const uint8_t digest[32] = {1};
    uint8_t signature[65], signer[20];

    if (hex == NULL || strlen(hex) % 2 != 0) {
        dw.bad_dummies++;
        return error_of(-32602, "invalid argument: hex string of odd length");
    }
    if (strlen(hex) != 132 || am_unhex(signature, 65, am_str_of(hex), "signature", NULL) != AM_OK ||
        am_secp_recover_address(signer, digest, signature, AM_V_ETH, NULL) != AM_OK) {
        dw.bad_dummies++;
        return error_of(-32500, "AA23 reverted: ECDSAInvalidSignature()");
    }
    return NULL;
}

static json_t *
answer_nonce(const json_t *params)
{
    const char *data = json_string_value(json_object_get(json_array_get(params, 0), "data"));
    char text[72];

    cr_assert(data != NULL && strlen(data) == 138);
    snprintf(text, sizeof text, "\"0x%.48s%016llx\"", data + 90, (unsigned long long)dw.sequence);
    return result_of(text);
}

static json_t *
answer_send(const json_t *op)
{
    char text[72] = "\"0x", hex[65];

    snprintf(dw.nonces[dw.sends % 8], 67, "%s", json_string_value(json_object_get(op, "nonce")));
    dw.sends++;
    if (dw.refuse_send != NULL && dw.sends <= dw.refuse_sends)
        return error_of(-32500, dw.refuse_send);
    am_hex(hex, signed_hash, 32);
    if (dw.other_hash)
        hex[0] = hex[0] == '1' ? '2' : '1';
    snprintf(text, sizeof text, "\"0x%s\"", hex);
    return result_of(text);
}

static json_t *
answer_receipt(void)
{
    char text[400], hex[65];

    if (dw.receipt_block == 0)
        return result_of("null");
    am_hex(hex, signed_hash, 32);
    snprintf(text, sizeof text,
             "{\"userOpHash\":\"0x%s\",\"success\":true,\"actualGasUsed\":\"0x64\",\"receipt\":"
             "{\"blockNumber\":\"0x%llx\",\"transactionHash\":\"0x%s\"}}",
             hex, (unsigned long long)dw.receipt_block, hex);
    return result_of(text);
}

static json_t *
answer_sponsor(const char *method, const json_t *params)
{
    const json_t *first = json_array_get(params, 0);
    bool grant = strncmp(method, "alchemy_", 8) == 0;
    json_t *bad = judge_dummy(
        json_string_value(json_object_get(first, grant ? "dummySignature" : "signature")));

    dw.sponsors++;
    if (bad != NULL)
        return bad;
    if (dw.refuse_sponsor != NULL)
        return error_of(-32500, dw.refuse_sponsor);
    if (grant)
        return result_of("{" PM "," LIMITS
                         ",\"maxFeePerGas\":\"0x7\",\"maxPriorityFeePerGas\":\"0x6\"}");
    return result_of(strcmp(method, "pm_sponsorUserOperation") == 0 ? "{" PM "," LIMITS "}"
                                                                    : "{" PM "}");
}

static bool
speaks(const char *method)
{
    static const struct {
        enum chain_dialect dialect;
        const char *start;
    } rows[] = {{CHAIN_DIALECT_ERC7677, "pm_getPaymaster"},
                {CHAIN_DIALECT_PIMLICO, "pm_sponsor"},
                {CHAIN_DIALECT_ALCHEMY, "alchemy_"}};

    for (size_t i = 0; i < 3; i++)
        if (rows[i].dialect == dw.speaks &&
            strncmp(method, rows[i].start, strlen(rows[i].start)) == 0)
            return true;
    return false;
}

static json_t *
answer(void *arg, const char *method, const json_t *params)
{
    const json_t *first = json_array_get(params, 0);
    json_t *bad;

    (void)arg;
    if (strcmp(method, "eth_call") == 0)
        return answer_nonce(params);
    if (dw.no_price && strcmp(method, "eth_gasPrice") == 0)
        return error_of(-32000, "backend is down");
    if (strcmp(method, "eth_gasPrice") == 0)
        return result_of("\"0x5\"");
    if (strcmp(method, "eth_sendUserOperation") == 0)
        return answer_send(first);
    if (strcmp(method, "eth_getUserOperationReceipt") == 0)
        return answer_receipt();
    if (strcmp(method, "eth_estimateUserOperationGas") == 0) {
        bad = judge_dummy(json_string_value(json_object_get(first, "signature")));
        return bad != NULL ? bad : result_of("{" LIMITS "}");
    }
    return speaks(method) ? answer_sponsor(method, params) : error_of(-32601, "no such method");
}

static void
serve_sign(void *arg, struct bus_request *request, const void *message)
{
    const struct keyagent_sign_operation *m = message;
    static const uint8_t entry_point[20] = {0xee};
    struct keyagent_sign_operation_reply reply = {.user_op_hash = AM_BIN(signed_hash)};
    uint8_t signature[65] = {1};
    struct eth_op op = {.call_data = m->call_data, .paymaster_and_data = m->paymaster_and_data};

    (void)arg;
    memcpy(op.sender, dw.view.member, 20);
    memcpy(op.nonce, m->nonce.p, 32);
    memcpy(op.account_gas_limits, m->account_gas_limits.p, 32);
    memcpy(op.pre_verification_gas, m->pre_verification_gas.p, 32);
    memcpy(op.gas_fees, m->gas_fees.p, 32);
    eth_op_hash(signed_hash, &op, entry_point, CHAIN_ID);
    reply.signature = AM_BIN(signature);
    bus_reply(request, &reply);
}

static bool
is_fresh(void *arg)
{
    (void)arg;
    return true;
}

static void
on_changed(void *arg, const struct chain_work *w)
{
    (void)arg;
    snprintf(dw.state, sizeof dw.state, "%s", chain_state_text(w->state));
    snprintf(dw.reason, sizeof dw.reason, "%s", w->reason);
}

static void
on_poke(void *arg)
{
    (void)arg;
}

static void
on_fatal(void *arg, int code, const char *reason)
{
    (void)arg;
    cr_assert(false, "%d %s", code, reason);
}

static struct bus *
open_bus(enum bus_service who)
{
    const struct bus_options options = {.run = dir, .self = who, .loop = loop};
    struct bus *bus;

    cr_assert(bus_open(&bus, &options, &err) == AM_OK, "%s", err.text);
    return bus;
}

void
dw_start(void)
{
    struct dn_rpc_options o = {.answer = answer};
    char url[64];

    am_log_open("test", NULL, "error");
    cr_assert(am_crypto_init(&err) == AM_OK);
    snprintf(dir, sizeof dir, "/tmp/desk.XXXXXX");
    cr_assert(mkdtemp(dir) != NULL);
    loop = o.loop = ev_loop_new(EVFLAG_AUTO);
    cr_assert(dn_rpc_open(&server, &o, &err) == AM_OK, "%s", err.text);
    cr_assert(am_http_open(&http, loop, &err) == AM_OK, "%s", err.text);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", dn_rpc_port(server));
    cr_assert(eth_rpc_open(&rpc, http, loop, "rpc", url, &err) == AM_OK, "%s", err.text);
    keyagent_bus = open_bus(BUS_KEYAGENT);
    chain_bus = open_bus(BUS_CHAIN);
    cr_assert(bus_serve(keyagent_bus, BUS_METHOD_keyagent_sign_operation, serve_sign, NULL, &err) ==
              AM_OK);
    dw = (struct desk_world){.self = {.ready = true, .ed25519_pub = {3}},
                             .view = {.registered = true,
                                      .ed25519_on_chain = true,
                                      .count = 1,
                                      .member = {0x3e},
                                      .member_id = {7},
                                      .cluster = {0xc1}}};
    dw.view.peers[0].id[0] = 7;
}

void
dw_stop(void)
{
    char command[96];

    chain_desk_stop(dw.desk);
    eth_rpc_close(&rpc);
    am_http_close(&http);
    bus_close(&chain_bus);
    bus_close(&keyagent_bus);
    chain_desk_close(&dw.desk);
    dn_rpc_close(&server);
    ev_loop_destroy(loop);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    cr_assert(system(command) == 0);
}

void
dw_open(const char *dialect, uint64_t tries_cap)
{
    struct chain_desk_options o = {.loop = loop,
                                   .bus = chain_bus,
                                   .rpc = rpc,
                                   .bundler = rpc,
                                   .self = &dw.self,
                                   .state_dir = dir,
                                   .policy_id = "",
                                   .dialect = dialect,
                                   .chain_id = CHAIN_ID,
                                   .confirmations = 2,
                                   .poll_ms = 100,
                                   .entry_point = {0xee},
                                   .poke = on_poke,
                                   .fresh = is_fresh,
                                   .changed = on_changed,
                                   .fatal = on_fatal};

    for (int i = 0; i < CHAIN_PURPOSE_COUNT; i++)
        o.caps[i] = (struct chain_spent){tries_cap, UINT32_MAX};
    cr_assert(chain_desk_open(&dw.desk, &o, &err) == AM_OK, "%s", err.text);
    dw_look(10, false);
}

void
dw_publish(const char *dialect, uint64_t tries_cap)
{
    const char *state;

    dw_open(dialect, tries_cap);
    cr_assert(chain_desk_ask(dw.desk, &state, CHAIN_PUBLISH, dw.self.ed25519_pub, "test", &err) ==
                  AM_OK,
              "%s", err.text);
}

void
dw_look(uint64_t block, bool published)
{
    dw.view.number = block;
    dw.view.hash[0] = (uint8_t)block;
    dw.view.peers[0].ed25519_pub[0] = published ? 3 : 0;
    cr_assert(chain_desk_look(dw.desk, &dw.view, &err) == AM_OK, "%s", err.text);
}

static void
on_tick(struct ev_loop *l, ev_timer *w, int events)
{
    (void)l, (void)w, (void)events;
}

bool
dw_until(const char *state, int ms)
{
    int64_t end = am_mono_ms() + ms * slow_factor();
    ev_timer tick;

    ev_timer_init(&tick, on_tick, 0.05, 0.05); /* or the loop waits past the end */
    ev_timer_start(loop, &tick);
    while (strcmp(dw.state, state) != 0 && am_mono_ms() < end)
        ev_run(loop, EVRUN_ONCE);
    ev_timer_stop(loop, &tick);
    return strcmp(dw.state, state) == 0;
}

void
dw_turn(int ms)
{
    (void)dw_until("no such state", ms);
}

unsigned
dw_asked(const char *method)
{
    return dn_rpc_asked(server, method);
}
