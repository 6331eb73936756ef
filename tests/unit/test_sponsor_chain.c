/*  test_sponsor_chain -- what the sponsor signs is what the real VerifyingPaymaster checks.  */
#include "../../cli/deploy.h"
#include "../../common/crypto/am_keccak.h"
#include "../../common/crypto/am_secp.h"
#include "../../common/eth/eth_abi.h"
#include "../../common/eth/eth_op.h"
#include "../../services/sponsor/sp_op.h"
#include "service_world.h"

#include <string.h>

#define OPERATOR_KEY "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
#define SPONSOR_KEY "0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"
#define OWNER_KEY "0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356"

#define OPERATION "(address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)"
#define GET_HASH "getHash(" OPERATION ",uint48,uint48)"
#define VALIDATE "validatePaymasterUserOp(" OPERATION ",bytes32,uint256)"
#define FAILED_OP "0x220266" /* FailedOp(uint256,string), in anvil's words */
#define HANDLE_OPS "handleOps(" OPERATION "[],address)"

static struct cli_rpc *rpc;
static struct cli_tx tx;
static struct deployment d;
static struct deploy how = {&tx, ARTIFACTS, AA, NULL, NULL};
static uint8_t signer_key[32], signer[20], owner_key[32], owner[20], account[20];
static struct am_error err;
static uint64_t now;

static uint8_t memory[65536];
static struct eth_buf call = ETH_BUF(memory);

static void
begin_call(const char *signature)
{
    uint8_t hash[32];

    am_keccak256(hash, signature, strlen(signature));
    memcpy(memory, hash, 4);
    call.len = 4;
}

/* The packed operation, with this paymasterAndData and signature. */
static void
put_operation(struct eth_enc *e, const struct eth_op *op, struct am_bin signature)
{
    size_t init, data, paymaster, sig;

    eth_enc_address(e, op->sender);
    eth_enc_word(e, op->nonce);
    init = eth_enc_hole(e);
    data = eth_enc_hole(e);
    eth_enc_word(e, op->account_gas_limits);
    eth_enc_word(e, op->pre_verification_gas);
    eth_enc_word(e, op->gas_fees);
    paymaster = eth_enc_hole(e);
    sig = eth_enc_hole(e);
    eth_enc_fill(e, init);
    eth_enc_bytes(e, op->init_code);
    eth_enc_fill(e, data);
    eth_enc_bytes(e, op->call_data);
    eth_enc_fill(e, paymaster);
    eth_enc_bytes(e, op->paymaster_and_data);
    eth_enc_fill(e, sig);
    eth_enc_bytes(e, signature);
}

/* fn(operation, a, b) */
static void
put_call(const char *signature, const struct eth_op *op, const uint8_t a[32], const uint8_t b[32])
{
    struct eth_enc e, inner;
    size_t hole;

    begin_call(signature);
    eth_enc_start(&e, &call);
    hole = eth_enc_hole(&e);
    eth_enc_word(&e, a);
    eth_enc_word(&e, b);
    eth_enc_fill(&e, hole);
    eth_enc_enter(&inner, &e);
    put_operation(&inner, op, am_bin_of(NULL, 0));
    eth_enc_leave(&e, &inner);
    cr_assert_eq(eth_enc_end(&e, 4, signature, &err), AM_OK, "%s", err.text);
}

static void
key_of(uint8_t key[32], uint8_t address[20], const char *text)
{
    cr_assert_eq(am_unhex(key, 32, am_str_of(text), "key", &err), AM_OK);
    cr_assert_eq(am_address_of_secret(address, key, &err), AM_OK);
}

/* SimpleAccountFactory.createAccount(owner, 0): an account with its own validation. */
static void
make_account(void)
{
    static const char create[] = "createAccount(address,uint256)";
    static const char predict[] = "getAddress(address,uint256)";
    json_t *artifact = json_load_file(AA "/SimpleAccountFactory.json", 0, NULL);
    struct cli_receipt receipt;
    uint8_t factory[20], ret[32];
    struct eth_enc e;
    size_t len;

    cr_assert_not_null(artifact);
    cr_assert_eq(am_unhex_some(memory, sizeof memory, &call.len,
                               am_str_of(json_string_value(json_object_get(artifact, "bytecode"))),
                               "bytecode", &err),
                 AM_OK, "%s", err.text);
    json_decref(artifact);
    eth_enc_start(&e, &call);
    eth_enc_address(&e, d.entry_point);
    cr_assert_eq(cli_tx_send(&tx, &receipt, NULL, 0, eth_bin(&call), &err), AM_OK, "%s", err.text);
    memcpy(factory, receipt.contract, 20);
    for (int i = 0; i < 2; i++) {
        begin_call(i == 0 ? predict : create);
        eth_enc_start(&e, &call);
        eth_enc_address(&e, owner);
        eth_enc_u64(&e, 0);
        if (i == 0) {
            cr_assert_eq(cli_tx_view(&tx, ret, 32, &len, factory, eth_bin(&call), &err), AM_OK,
                         "%s", err.text);
            memcpy(account, ret + 12, 20);
        } else {
            cr_assert_eq(cli_tx_send(&tx, &receipt, factory, 0, eth_bin(&call), &err), AM_OK, "%s",
                         err.text);
        }
    }
}

static void
start(void)
{
    char url[64];
    json_t *block;

    sw_begin();
    sw_anvil(url);
    key_of(signer_key, signer, SPONSOR_KEY);
    key_of(owner_key, owner, OWNER_KEY);
    cr_assert_eq(cli_rpc_open(&rpc, url, &err), AM_OK, "%s", err.text);
    cr_assert_eq(cli_tx_open(&tx, rpc, OPERATOR_KEY, &err), AM_OK, "%s", err.text);
    cr_assert_eq(deploy_infra(&how, &d, signer, &err), AM_OK, "%s", err.text);
    make_account();
    cr_assert_eq(
        cli_rpc_call(rpc, &block, "eth_getBlockByNumber", json_pack("[s, b]", "latest", 0), &err),
        AM_OK, "%s", err.text);
    now = strtoull(json_string_value(json_object_get(block, "timestamp")), NULL, 16);
    json_decref(block);
}

static void
stop(void)
{
    cli_tx_close(&tx);
    cli_rpc_close(&rpc);
    sw_end();
}

TestSuite(sponsor_chain, .init = start, .fini = stop, .timeout = 120);

/* execute(owner, 0, "") of the account; every gas field another number. */
static void
sponsored(struct sp_op *op)
{
    static const char execute[] = "execute(address,uint256,bytes)";
    struct eth_enc e;
    size_t hole;

    memset(op, 0, sizeof *op);
    memcpy(op->sender, account, 20);
    begin_call(execute);
    eth_enc_start(&e, &call);
    eth_enc_address(&e, owner);
    eth_enc_u64(&e, 0);
    hole = eth_enc_hole(&e);
    eth_enc_fill(&e, hole);
    eth_enc_bytes(&e, am_bin_of(NULL, 0));
    cr_assert_eq(eth_enc_end(&e, 4, execute, &err), AM_OK);
    memcpy(op->call_data, memory, call.len);
    op->call_data_len = call.len;
    eth_word_u64(op->call_gas, 60001);
    eth_word_u64(op->verification_gas, 150002);
    eth_word_u64(op->pre_verification_gas, 50003);
    eth_word_u64(op->max_fee, 3000000004);
    eth_word_u64(op->max_priority_fee, 1000000005);
    eth_word_u64(op->paymaster_verification_gas, 60006);
    eth_word_u64(op->paymaster_post_op_gas, 7);
}

/* As EntryPoint wants it; paymaster holds the bytes of paymasterAndData. */
static struct eth_op
packed(const struct sp_op *op, const uint8_t data[SP_DATA_LEN], struct eth_buf *paymaster)
{
    struct eth_op out = {.call_data = am_bin_of(op->call_data, op->call_data_len)};

    memcpy(out.sender, op->sender, 20);
    memcpy(out.nonce, op->nonce, 32);
    memcpy(out.pre_verification_gas, op->pre_verification_gas, 32);
    cr_assert_eq(eth_op_pair(out.account_gas_limits, op->verification_gas, op->call_gas, "", &err),
                 AM_OK);
    cr_assert_eq(eth_op_pair(out.gas_fees, op->max_priority_fee, op->max_fee, "", &err), AM_OK);
    paymaster->len = 0;
    cr_assert_eq(eth_op_paymaster(paymaster, d.paymaster, op->paymaster_verification_gas,
                                  op->paymaster_post_op_gas, am_bin_of(data, SP_DATA_LEN), &err),
                 AM_OK);
    out.paymaster_and_data = eth_bin(paymaster);
    return out;
}

static void
sign(uint8_t data[SP_DATA_LEN], const struct sp_op *op, uint64_t until)
{
    cr_assert_eq(sp_op_sign(data, op, d.paymaster, tx.chain_id, until, signer_key, &err), AM_OK,
                 "%s", err.text);
}

/* Who signed data, if the hash that was signed is the one of the contract. */
static void
signed_by(uint8_t address[20], const struct sp_op *op, const uint8_t data[SP_DATA_LEN],
          uint64_t until)
{
    static const uint8_t no_start[32];
    uint8_t memory_pm[512], hash[32], digest[32], word[32];
    struct eth_buf paymaster = ETH_BUF(memory_pm);
    struct eth_op whole = packed(op, data, &paymaster);
    size_t len;

    eth_word_u64(word, until);
    put_call(GET_HASH, &whole, word, no_start);
    cr_assert_eq(cli_tx_view(&tx, hash, 32, &len, d.paymaster, eth_bin(&call), &err), AM_OK, "%s",
                 err.text);
    cr_assert_eq(len, 32);
    am_eip191_32(digest, hash);
    cr_assert_eq(am_secp_recover_address(address, digest, data + 64, AM_V_ETH, &err), AM_OK, "%s",
                 err.text);
}

Test(sponsor_chain, the_hash_is_the_contracts)
{
    static struct sp_op op;
    uint8_t data[SP_DATA_LEN], address[20];
    uint8_t *const fields[] = {
        op.nonce,    op.call_gas,         op.verification_gas,           op.pre_verification_gas,
        op.max_fee,  op.max_priority_fee, op.paymaster_verification_gas, op.paymaster_post_op_gas,
        op.call_data};

    sponsored(&op);
    sign(data, &op, now + 600);
    signed_by(address, &op, data, now + 600);
    cr_assert_arr_eq(address, signer, 20);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        fields[i][31] ^= 1; /* no longer what was signed */
        signed_by(address, &op, data, now + 600);
        cr_expect_arr_neq(address, signer, 20, "field %zu is not in the hash", i);
        sign(data, &op, now + 600);
        signed_by(address, &op, data, now + 600);
        cr_expect_arr_eq(address, signer, 20, "field %zu is not where the contract has it", i);
    }
    signed_by(address, &op, data, now + 601);
    cr_assert_arr_neq(address, signer, 20);
}

Test(sponsor_chain, numbers_up_to_128_bits)
{
    static struct sp_op op;
    uint8_t data[SP_DATA_LEN], address[20];

    sponsored(&op);
    memset(op.nonce, 0xff, 32);
    memset(op.call_gas + 16, 0xff, 16);
    memset(op.max_priority_fee + 16, 0xfe, 16);
    memset(op.paymaster_post_op_gas + 16, 0xfd, 16);
    op.call_data_len = 0;
    sign(data, &op, now);
    signed_by(address, &op, data, now);
    cr_assert_arr_eq(address, signer, 20);
}

/* What validatePaymasterUserOp says to EntryPoint: validAfter 6, validUntil 6, 20 bytes of verdict.
 */
static void
validate(uint8_t verdict[32], const struct eth_op *op)
{
    static const uint8_t none[32];
    struct cli_tx entry_point = tx;
    uint8_t ret[160];
    size_t len;

    memcpy(entry_point.from, d.entry_point, 20);
    put_call(VALIDATE, op, none, none);
    cr_assert_eq(
        cli_tx_view(&entry_point, ret, sizeof ret, &len, d.paymaster, eth_bin(&call), &err), AM_OK,
        "%s", err.text);
    cr_assert_geq(len, 64);
    memcpy(verdict, ret + 32, 32);
}

Test(sponsor_chain, the_paymaster_accepts_it_until_its_hour)
{
    static struct sp_op op;
    uint8_t data[SP_DATA_LEN], pm[512], verdict[32];
    struct eth_buf paymaster = ETH_BUF(pm);
    struct eth_op whole;

    sponsored(&op);
    sign(data, &op, now + 600);
    whole = packed(&op, data, &paymaster);
    validate(verdict, &whole);
    cr_assert(am_is_zero(verdict + 12, 20), "no signature failure");
    cr_assert(am_is_zero(verdict, 6), "validAfter");
    cr_assert_eq(am_rd64(verdict + 4) & 0xffffffffffff, now + 600, "validUntil");
    op.call_gas[31] ^= 1;
    whole = packed(&op, data, &paymaster);
    validate(verdict, &whole);
    cr_assert_eq(verdict[31], 1, "another operation with this signature");
}

static int
handle(const struct eth_op *op, struct cli_receipt *receipt)
{
    uint8_t hash[32], digest[32], sig[65];
    struct eth_enc e, ops, one;
    size_t array, element;

    eth_op_hash(hash, op, d.entry_point, tx.chain_id);
    am_eip191_32(digest, hash);
    cr_assert_eq(am_secp_sign(sig, digest, owner_key, AM_V_ETH, &err), AM_OK);
    begin_call(HANDLE_OPS);
    eth_enc_start(&e, &call);
    array = eth_enc_hole(&e);
    eth_enc_address(&e, tx.from);
    eth_enc_fill(&e, array);
    eth_enc_u64(&e, 1);
    eth_enc_enter(&ops, &e);
    element = eth_enc_hole(&ops);
    eth_enc_fill(&ops, element);
    eth_enc_enter(&one, &ops);
    put_operation(&one, op, AM_BIN(sig));
    eth_enc_leave(&ops, &one);
    eth_enc_leave(&e, &ops);
    cr_assert_eq(eth_enc_end(&e, 4, HANDLE_OPS, &err), AM_OK, "%s", err.text);
    return cli_tx_send(&tx, receipt, d.entry_point, 0, eth_bin(&call), &err);
}

Test(sponsor_chain, an_account_without_ether_acts_through_the_real_entry_point)
{
    static struct sp_op op;
    uint8_t data[SP_DATA_LEN], pm[512];
    struct eth_buf paymaster = ETH_BUF(pm);
    struct cli_receipt receipt;
    struct eth_op whole;

    sponsored(&op);
    sign(data, &op, now - 1); /* its hour is over */
    whole = packed(&op, data, &paymaster);
    cr_assert_neq(handle(&whole, &receipt), AM_OK);
    cr_assert_not_null(strstr(err.text, FAILED_OP), "%s", err.text);
    sign(data, &op, now + 600);
    whole = packed(&op, data, &paymaster);
    cr_assert_eq(handle(&whole, &receipt), AM_OK, "%s", err.text);
    cr_assert_gt(receipt.gas_used, 21000);
    cr_assert_neq(handle(&whole, &receipt), AM_OK, "once");
    cr_assert_not_null(strstr(err.text, FAILED_OP), "%s", err.text);
}
