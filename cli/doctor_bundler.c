/*  doctor_bundler -- asks the bundler for free, and the paymaster when it may cost something.
 *
 *  The operation that is shown to them is never sent: it would publish the WireGuard key that is on
 *  chain already, which any sponsor pays for, on a nonce key of the doctor's own, with the dummy
 *  signature.
 */
#include "../common/crypto/am_keccak.h"
#include "../common/eth/eth_call.h"
#include "../common/eth/eth_op.h"
#include "../services/chain/chain_draft.h"
#include "doctor_world.h"

#include <stdlib.h>
#include <string.h>

static int
ask_entries(struct doctor_world *w, struct doctor_seen_entries *seen)
{
    json_t *list;
    int r = cli_rpc_u64(w->bundler, &seen->chain_id, "eth_chainId", json_array(), &seen->err);

    if (r != AM_OK && r != AM_UNIMPLEMENTED)
        return r;
    seen->err = (struct am_error){0};
    r = cli_rpc_call(w->bundler, &list, "eth_supportedEntryPoints", json_array(), &seen->err);

    if (r == AM_OK && !json_is_array(list))
        r = am_fail(&seen->err, AM_INVALID_ARGUMENT,
                    "bundler eth_supportedEntryPoints: expected an array, got another type");
    for (size_t i = 0; r == AM_OK && i < json_array_size(list) && i < 8; i++) {
        r = eth_json_fixed(seen->entries[i], 20, json_array_get(list, i),
                           "bundler eth_supportedEntryPoints", &seen->err);
        seen->count = i + 1;
    }
    json_decref(list);
    return r;
}

/* Keys as ERC-7769 has them.  Fees are zero: an account without a deposit can be estimated too. */
static json_t *
operation(const struct doctor_world *w)
{
    static const uint8_t purpose[] = "attestmesh.doctor.v1";
    uint8_t inner[128], data[512], key[32], nonce[32], zero[32] = {0};
    struct eth_buf in = ETH_BUF(inner), out = ETH_BUF(data);

    am_keccak256(key, purpose, sizeof purpose - 1);
    eth_op_nonce(nonce, key, 0);
    if (eth_call_publish_wg(&in, w->wg_pub, NULL) != AM_OK ||
        eth_call_execute(&out, w->cluster, eth_bin(&in), NULL) != AM_OK)
        return NULL;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "sender", eth_json_of_data(w->member, 20),
                     "nonce", eth_json_of_word(nonce), "callData", eth_json_of_data(data, out.len),
                     "maxFeePerGas", eth_json_of_word(zero), "maxPriorityFeePerGas",
                     eth_json_of_word(zero), "signature",
                     eth_json_of_data(chain_dummy_signature, 65));
}

static int
ask_estimate(struct doctor_world *w, struct doctor_seen_estimate *seen)
{
    json_t *gas;
    int r = cli_rpc_call(w->bundler, &gas, "eth_estimateUserOperationGas",
                         json_pack("[o, o]", operation(w), eth_json_of_data(w->s.entry_point, 20)),
                         &seen->err);

    if (r == AM_OK)
        r = eth_json_u64(&seen->verification_gas, json_object_get(gas, "verificationGasLimit"),
                         "bundler estimate verificationGasLimit", &seen->err);
    if (r == AM_OK)
        r = eth_json_u64(&seen->call_gas, json_object_get(gas, "callGasLimit"),
                         "bundler estimate callGasLimit", &seen->err);
    json_decref(gas);
    return r;
}

static json_t *
policy(const struct doctor_world *w, const char *name)
{
    return w->s.gas_policy_id[0] != '\0' ? json_pack("{s:s}", name, w->s.gas_policy_id)
                                         : json_object();
}

/* The dialects, in the order in which they are tried: the first that the provider knows counts. */
static json_t *
stub_erc7677(const struct doctor_world *w)
{
    return json_pack("[o, o, o, o]", operation(w), eth_json_of_data(w->s.entry_point, 20),
                     eth_json_of_u64(w->s.chain_id), policy(w, "policyId"));
}

static json_t *
stub_pimlico(const struct doctor_world *w)
{
    return json_pack("[o, o, o]", operation(w), eth_json_of_data(w->s.entry_point, 20),
                     policy(w, "sponsorshipPolicyId"));
}

static json_t *
stub_alchemy(const struct doctor_world *w)
{
    return json_pack("[{s:s, s:o, s:o, s:o}]", "policyId", w->s.gas_policy_id, "entryPoint",
                     eth_json_of_data(w->s.entry_point, 20), "dummySignature",
                     eth_json_of_data(chain_dummy_signature, 65), "userOperation", operation(w));
}

static const struct {
    const char *method;
    json_t *(*params)(const struct doctor_world *w);
} dialects[] = {
    {"pm_getPaymasterStubData", stub_erc7677},
    {"pm_sponsorUserOperation", stub_pimlico},
    {"alchemy_requestGasAndPaymasterAndData", stub_alchemy},
};

static int
ask_stub(struct doctor_world *w, struct doctor_seen_paymaster *seen)
{
    uint8_t *data = NULL;
    json_t *stub = NULL;
    int r = AM_UNIMPLEMENTED;

    for (size_t i = 0; r == AM_UNIMPLEMENTED && i < sizeof dialects / sizeof dialects[0]; i++) {
        seen->method = dialects[i].method;
        r = cli_rpc_call(w->paymaster, &stub, seen->method, dialects[i].params(w), &seen->err);
    }
    if (r == AM_UNIMPLEMENTED)
        return am_fail(&seen->err, r, "paymaster: it knows none of %s, %s and %s",
                       dialects[0].method, dialects[1].method, dialects[2].method);
    if (r != AM_OK)
        return r;
    seen->err = (struct am_error){0}; /* of a dialect that it does not know */
    r = eth_json_fixed(seen->paymaster, 20, json_object_get(stub, "paymaster"),
                       "paymaster's answer", &seen->err);
    if (r == AM_OK)
        r = eth_json_data(&data, &seen->data_len, json_object_get(stub, "paymasterData"),
                          "paymaster's answer", &seen->err);
    free(data);
    json_decref(stub);
    return r;
}

void
doctor_ask_bundler(struct doctor_world *w)
{
    struct doctor_seen_estimate estimate = {.registered = w->registered};
    struct doctor_seen_paymaster paymaster = {0};
    struct doctor_seen_entries entries = {.expected_chain_id = w->s.chain_id};

    if (doctor_may_ask(&w->report, DOCTOR_BUNDLER_ENTRY)) {
        memcpy(entries.expected, w->s.entry_point, 20);
        (void)ask_entries(w, &entries);
        doctor_judge_entries(&w->report, &entries);
    }
    if (doctor_may_ask(&w->report, DOCTOR_BUNDLER_ESTIMATE)) {
        if (estimate.registered)
            (void)ask_estimate(w, &estimate);
        doctor_judge_estimate(&w->report, &estimate);
    }
    if (!w->o->paid) {
        doctor_skip(&w->report.lines[DOCTOR_PAYMASTER], "it may cost money: give --paid");
    } else if (doctor_may_ask(&w->report, DOCTOR_PAYMASTER) && w->paymaster == NULL) {
        doctor_skip(&w->report.lines[DOCTOR_PAYMASTER], "ATTESTMESH_PAYMASTER_URL is not set");
    } else if (doctor_may_ask(&w->report, DOCTOR_PAYMASTER)) {
        (void)ask_stub(w, &paymaster);
        doctor_judge_paymaster(&w->report, &paymaster);
    }
}
