/*  ka_userop -- which user operations the owner key signs, and their hash.  */
#include "ka_userop.h"

#include "../../common/eth/eth_call.h"
#include "../../common/eth/eth_op.h"
#include "ka_proof.h"

#include <string.h>

typedef int check_fn(const struct ka_userop_rules *rules, struct am_bin inner,
                     struct am_error *err);

static int
own_word(enum eth_fn fn, struct am_bin inner, const uint8_t own[static 32], const char *what,
         struct am_error *err)
{
    uint8_t word[32];
    int rc = eth_parse_word(word, fn, inner, err);

    if (rc != AM_OK)
        return rc;
    if (memcmp(word, own, sizeof word) != 0)
        return am_fail(err, AM_PERMISSION_DENIED, "%s: expected the own %s, got another",
                       eth_fn_name(fn), what);
    return AM_OK;
}

static int
check_register(const struct ka_userop_rules *rules, struct am_bin inner, struct am_error *err)
{
    return ka_proof_check(rules->self, rules->view, inner, err);
}

static int
check_commitment(const struct ka_userop_rules *rules, struct am_bin inner, struct am_error *err)
{
    if (!rules->csk_held)
        return am_fail(err, AM_PERMISSION_DENIED,
                       "setCskCommitment: expected a CSK to be held here, got none");
    return own_word(ETH_FN_setCskCommitment, inner, rules->commitment, "commitment", err);
}

static int
check_ed25519(const struct ka_userop_rules *rules, struct am_bin inner, struct am_error *err)
{
    return own_word(ETH_FN_publishEd25519Key, inner, rules->self->ed25519_pub, "key", err);
}

static int
check_wg(const struct ka_userop_rules *rules, struct am_bin inner, struct am_error *err)
{
    return own_word(ETH_FN_publishWgKey, inner, rules->self->wg_pub, "key", err);
}

static int
check_send(const struct ka_userop_rules *rules, struct am_bin inner, struct am_error *err)
{
    struct eth_send send;

    (void)rules; /* a message may go to whom the application wants; the contract knows members */
    return eth_parse_send(&send, inner, err);
}

/* The whole list of what the owner key may do. */
static const struct {
    enum eth_fn fn;
    check_fn *check;
} allowed[] = {
    {ETH_FN_dstack_register, check_register},
    {ETH_FN_setCskCommitment, check_commitment},
    {ETH_FN_publishEd25519Key, check_ed25519},
    {ETH_FN_publishWgKey, check_wg},
    {ETH_FN_send, check_send},
};

static int
check_inner(const struct ka_userop_rules *rules, struct am_bin inner, struct am_error *err)
{
    enum eth_fn fn = eth_fn_of(inner);

    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (allowed[i].fn == fn)
            return allowed[i].check(rules, inner, err);
    return am_fail(err, AM_PERMISSION_DENIED,
                   "user operation: expected an inner call on the list, got %s 0x%08x",
                   eth_fn_name(fn), inner.len >= 4 ? am_rd32(inner.p) : 0);
}

static int
check_outer(const struct ka_userop_rules *rules, struct am_bin call_data, struct am_error *err)
{
    struct eth_execute x;
    int rc;

    if (!rules->view->known)
        return am_fail(err, AM_UNAVAILABLE,
                       "chain.view: expected a view before anything is signed, got none yet");
    if ((rc = eth_parse_execute(&x, call_data, err)) != AM_OK)
        return rc;
    if (memcmp(x.target, rules->view->cluster, 20) != 0)
        return am_fail(err, AM_PERMISSION_DENIED,
                       "execute target: expected the own cluster, got another address");
    if (!am_is_zero(x.value, sizeof x.value))
        return am_fail(err, AM_PERMISSION_DENIED, "execute value: expected 0, got more");
    return check_inner(rules, x.inner, err);
}

int
ka_userop_judge(uint8_t hash[static 32], const struct ka_userop_rules *rules,
                const struct keyagent_sign_operation *op, struct am_error *err)
{
    struct eth_op packed = {.call_data = op->call_data,
                            .paymaster_and_data = op->paymaster_and_data};
    int rc;

    memset(hash, 0, 32);
    rc = check_outer(rules, op->call_data, err);
    if (rc == AM_NOT_FOUND || rc == AM_INVALID_ARGUMENT) {
        /* what does not parse canonically is not on the list */
        if (err != NULL)
            err->code = AM_PERMISSION_DENIED;
        return AM_PERMISSION_DENIED;
    }
    if (rc != AM_OK)
        return rc;
    memcpy(packed.sender, rules->self->member, sizeof packed.sender);
    memcpy(packed.nonce, op->nonce.p, sizeof packed.nonce);
    memcpy(packed.account_gas_limits, op->account_gas_limits.p, sizeof packed.account_gas_limits);
    memcpy(packed.pre_verification_gas, op->pre_verification_gas.p,
           sizeof packed.pre_verification_gas);
    memcpy(packed.gas_fees, op->gas_fees.p, sizeof packed.gas_fees);
    eth_op_hash(hash, &packed, rules->entry_point, rules->chain_id);
    return AM_OK;
}
