/*  fuzz_sponsor -- bodies that strangers send to the sponsor: three readers, and then the policy.
 *
 *  The first byte chooses the reader.  What the policy approves, with every fact a yes, must be
 * what it promises: execute of a listed function on the sender's own cluster, without value.
 */
#include "../../common/eth/eth_call.h"
#include "../../services/sponsor/sp_auth.h"
#include "../../services/sponsor/sp_policy.h"
#include "../../services/sponsor/sp_rpc.h"
#include "../../services/sponsor/sp_webhook.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sp_op op;
static struct sp_ask ask;

/* Whether there is an operation to judge. */
static bool
read_rpc(struct am_bin body)
{
    const struct sp_served served = {.chain_id = 31337};
    struct sp_rpc_request rq;
    struct am_error err = {0};
    int number = 0, r = sp_rpc_read(&rq, &op, &number, body, &served, &err);
    char *text = r == AM_OK ? sp_rpc_denial(&rq, SP_RPC_FAILURE, op.sender)
                            : sp_rpc_error(&rq, number, err.text);

    AM_ASSERT(text != NULL && (r == AM_OK || number < 0));
    AM_ASSERT(r != AM_OK || op.call_data_len <= SP_CALL_DATA_MAX);
    free(text);
    json_decref(rq.id);
    ask = (struct sp_ask){.chain_given = true,
                          .chain_id = 31337,
                          .call_data = am_bin_of(op.call_data, op.call_data_len)};
    return r == AM_OK;
}

static void
judge(void)
{
    struct sp_facts facts = {.is = {SP_YES, SP_YES, SP_YES, SP_YES, SP_YES}};
    struct sp_rules rules = {.chain_id = 31337};
    struct am_error err = {0};
    struct eth_execute call;
    enum sp_fact need;

    ask.token = true;
    memset(facts.cluster, 0xaa, 20);
    if (sp_policy_judge(&need, &rules, &ask, &facts) != SP_APPROVED)
        return;
    AM_ASSERT(ask.chain_given && ask.chain_id == 31337);
    AM_ASSERT(eth_parse_execute(&call, ask.call_data, &err) == AM_OK);
    AM_ASSERT(memcmp(call.target, facts.cluster, 20) == 0 && am_is_zero(call.value, 32));
    AM_ASSERT(eth_fn_of(call.inner) != ETH_FN_none);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct am_bin body = am_bin_of(data + 1, size - 1);
    uint8_t key[SP_PIMLICO_KEY_MAX];
    char text[512] = "";
    size_t len;

    if (size < 2)
        return 0;
    switch (data[0] % 4) {
    case 0:
        if (sp_alchemy_read(&ask, &op, body) == NULL)
            judge();
        break;
    case 1:
        if (sp_pimlico_read(&ask, &op, body) == NULL)
            judge();
        break;
    case 2:
        if (read_rpc(body))
            judge();
        break;
    default: /* an operator's mistake, at worst; but it is decoded by hand */
        memcpy(text, body.p, body.len < sizeof text - 1 ? body.len : sizeof text - 1);
        if (sp_pimlico_key(key, &len, text, NULL) == AM_OK)
            AM_ASSERT(len > 0 && len <= SP_PIMLICO_KEY_MAX);
    }
    return 0;
}
