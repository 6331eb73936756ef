/*  boot -- what a node says when it cannot come up: a broken guest agent, settings that are wrong.
 */
#include "boot_node.h"

#include "../../../common/base/am_clock.h"
#include "../../../common/base/am_exit.h"
#include "../../../common/base/am_file.h"
#include "../../../common/eth/eth_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define SHOWN_MS 2000    /* the promise: the trouble is in /healthz so soon */
#define HEALTHY_MS 40000 /* a silent agent is given up after 20 s; then registration and CSK */
#define EXIT_MS 40000
#define STAYS_MS 8000 /* more blocks than the suite needs to be certain of anything */
#define OTHER_KMS_ROOT_KEY "5b4d532d726f6f742d746573742d6b65792d646f2d6e6f742d75736521212102"

static const struct boot_settings right;

/* Every way in which an agent can fail, and the words that tell it from the others. */
static const struct trouble {
    const char *name, *fault, *says; /* fault NULL: no agent at all */
} troubles[] = {
    {"absent", NULL, "cannot connect"},
    {"500", "error-500", "expected status 200, got 500"},
    {"garbage", "garbage", "expected HTTP/1.1"},
    {"half an answer", "truncated", "expected the whole body, got the end"},
    {"silence", "stall", "no answer yet"},
};
#define TROUBLES (sizeof troubles / sizeof troubles[0])

/* How long it took until /healthz is booting with these words, or -1; the last answer in body. */
static int64_t
until_shown(struct e2e *t, const struct dn_node *node, const char *says, char *body, size_t cap)
{
    int64_t start = am_mono_ms();

    for (; am_mono_ms() - start <= SHOWN_MS; e2e_pause(t, 50))
        if (boot_healthz(node, body, cap) && strstr(body, "\"phase\":\"booting\"") != NULL &&
            strstr(body, "guest agent") != NULL && strstr(body, says) != NULL)
            return am_mono_ms() - start;
    return -1;
}

static bool
is_healthy(struct e2e *t, void *arg)
{
    const struct watch *w = e2e_watch(t, arg);

    return w->heard && w->healthy && w->live && strcmp(w->phase, "healthy") == 0;
}

static bool
is_gone(struct e2e *t, void *arg)
{
    return !e2e_watch(t, arg)->heard;
}

static void
stop(struct e2e *t, struct dn_node *node)
{
    boot_stop(node);
    e2e_check(t, e2e_until(t, is_gone, node, 5000) >= 0, "it is stopped", "%s", "");
}

/* The trouble ends, and nothing else is done. */
static void
recovers(struct e2e *t, struct dn_node *node, const char *name)
{
    char body[4096] = "";
    int64_t took;
    int status;

    if (node->guest_agent == 0)
        boot_agent(t, node, NULL, &right);
    else
        boot_fault(t, node, NULL);
    took = e2e_until(t, is_healthy, node, HEALTHY_MS);
    e2e_check(t, took >= 0, "healthy when the agent is back", "after %s: %lld ms; %s", name,
              (long long)took, e2e_watch(t, node)->reason);
    e2e_check(t,
              dn_alive(&node->up, &status) && boot_log_count(node, "service.started") == 5 &&
                  boot_log_count(node, "service.ended") == 0,
              "without a restart of anything", "%u started, %u ended",
              boot_log_count(node, "service.started"), boot_log_count(node, "service.ended"));
    e2e_check(t,
              boot_healthz(node, body, sizeof body) &&
                  strstr(body, "\"phase\":\"healthy\"") != NULL &&
                  strstr(body, "guest agent") == NULL,
              "/healthz says so", "%s", body);
}

static void
each_trouble_at_boot(struct e2e *t, struct dn_node *node)
{
    char body[4096] = "";

    for (size_t i = 0; i < TROUBLES; i++) {
        const struct trouble *x = &troubles[i];
        int64_t took;

        if (x->fault != NULL)
            boot_agent(t, node, x->fault, &right);
        boot_up(t, node, &right);
        took = until_shown(t, node, x->says, body, sizeof body);
        e2e_check(t, took >= 0, "in /healthz within 2 s of the start", "%s: %lld ms; %s", x->name,
                  (long long)took, body);
        recovers(t, node, x->name);
        stop(t, node);
    }
}

/* In one life: what was said of the last trouble may not stand for the next. */
static void
one_trouble_after_another(struct e2e *t, struct dn_node *node)
{
    char body[4096] = "";

    boot_up(t, node, &right);
    for (size_t i = 0; i < TROUBLES; i++) {
        const struct trouble *x = &troubles[i];
        int64_t took;

        if (x->fault != NULL && node->guest_agent == 0)
            boot_agent(t, node, x->fault, &right);
        else if (x->fault != NULL)
            boot_fault(t, node, x->fault);
        took = until_shown(t, node, x->says, body, sizeof body);
        e2e_check(t, took >= 0, "in /healthz within 2 s of the change", "%s: %lld ms; %s", x->name,
                  (long long)took, body);
    }
    recovers(t, node, "one after the other");
    stop(t, node);
}

static bool
has_ended(struct e2e *t, void *arg)
{
    struct dn_node *node = arg;
    siginfo_t info = {0};

    (void)t;
    return waitid(P_PID, (id_t)node->up, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == node->up;
}

static void
leaves_with(struct e2e *t, struct dn_node *node, const char *what, int code, const char *says,
            const struct boot_settings *s)
{
    int64_t took;
    int status = -1;

    boot_agent(t, node, NULL, s);
    boot_up(t, node, s);
    took = e2e_until(t, has_ended, node, EXIT_MS);
    if (took >= 0)
        dn_alive(&node->up, &status);
    e2e_check(t, took >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == code, what,
              "expected exit status %d, got wait status %d after %lld ms", code, status,
              (long long)took);
    e2e_check(t, boot_log_count(node, am_exit_advice(code)) == 1,
              "the log says what an operator can do", "%s", am_exit_advice(code));
    e2e_check(t, boot_log_count(node, says) >= 1, "and what was expected and what came", "%s",
              says);
    e2e_check(t, boot_log_count(node, "service.started") == 5, "nothing was started twice", "%u",
              boot_log_count(node, "service.started"));
    stop(t, node);
}

/* What only looks like it: nothing of the chain can be known, so nothing is concluded. */
static void
stays(struct e2e *t, struct dn_node *node)
{
    const struct boot_settings s = {.rpc_url = "http://10.77.0.254:1"};

    boot_agent(t, node, NULL, &s);
    boot_up(t, node, &s);
    e2e_check(t,
              e2e_until(t, has_ended, node, STAYS_MS) < 0 &&
                  boot_log_count(node, "service.ended") == 0,
              "an RPC that does not answer is no reason to leave", "%d ms", STAYS_MS);
    stop(t, node);
}

/* A second factory of the same code, which the cluster does not know. */
static void
foreign_factory(struct e2e *t, uint8_t address[static 20])
{
    static uint8_t code[65536];
    struct deployment *d = &t->world.deployed;
    struct cli_receipt receipt = {0};
    struct am_error err = {0};
    char path[700];
    json_t *artifact;
    const char *hex;
    size_t len = 0;

    snprintf(path, sizeof path, "%s/contracts/artifacts/ClusterMemberFactory.json",
             t->paths.source);
    artifact = json_load_file(path, 0, NULL);
    hex = json_string_value(json_object_get(artifact, "bytecode"));
    e2e_need(t,
             am_unhex_some(code, sizeof code - 64, &len, am_str_of(hex != NULL ? hex : "?"),
                           "bytecode of ClusterMemberFactory", &err),
             &err, "artifact");
    json_decref(artifact);
    eth_word_address(code + len, d->member_implementation);
    eth_word_address(code + len + 32, t->world.operator_key.from);
    e2e_need(
        t, cli_tx_send(&t->world.operator_key, &receipt, NULL, 0, am_bin_of(code, len + 64), &err),
        &err, "foreign factory");
    memcpy(address, receipt.contract, 20);
}

/* What an operator does who wants the new keys. */
static void
forget_identity(struct e2e *t, const struct dn_node *node)
{
    struct am_error err = {0};
    char state[600];

    snprintf(state, sizeof state, "%s/state", node->dir);
    e2e_need(t, am_file_remove(state, "identity.v1", &err), &err, "identity.v1");
}

static bool
is_registered(struct e2e *t, void *arg)
{
    return e2e_watch(t, arg)->registered;
}

static void
of_a_foreign_factory(struct e2e *t)
{
    uint8_t known[20], data[36];
    struct eth_buf call = ETH_BUF(data);
    struct cli_receipt receipt;
    struct am_error err = {0};
    struct dn_node *node;
    int64_t took;

    memcpy(known, t->world.deployed.member_factory, 20);
    foreign_factory(t, t->world.deployed.member_factory);
    node = boot_machine(t);
    memcpy(t->world.deployed.member_factory, known, 20);
    leaves_with(t, node, "a member unknown to the factory", AM_EXIT_NOT_A_MEMBER, "NotOurMember",
                &right);
    e2e_need(t, eth_call_address(&call, ETH_FN_addAllowedAppId, node->member, &err), &err, "call");
    e2e_need(t,
             cli_tx_send(&t->world.operator_key, &receipt, t->world.deployed.cluster, 0,
                         eth_bin(&call), &err),
             &err, "addAllowedAppId");
    boot_agent(t, node, NULL, &right);
    boot_up(t, node, &right);
    took = e2e_until(t, is_registered, node, HEALTHY_MS);
    e2e_check(t, took >= 0, "the owner allows it, as advised: it registers", "%lld ms; %s",
              (long long)took, e2e_watch(t, node)->reason);
    stop(t, node);
}

int
main(void)
{
    static struct e2e t;
    struct am_error err = {0};
    struct dn_node *node;

    e2e_open(&t, "boot");
    node = boot_machine(&t);
    e2e_need(&t, dn_chain_tick(1, &err), &err, "blocks");
    each_trouble_at_boot(&t, node);
    one_trouble_after_another(&t, node);
    stays(&t, node);
    leaves_with(&t, node, "another chain than CHAIN_ID", AM_EXIT_WRONG_CHAIN,
                "expected CHAIN_ID 1, got", &(struct boot_settings){.chain_id = 1});
    leaves_with(&t, node, "a member contract without code", AM_EXIT_NO_CODE,
                "MEMBER_CONTRACT 0x0000",
                &(struct boot_settings){.member = "0x0000000000000000000000000000000000000001"});
    leaves_with(&t, node, "another KMS than recorded", AM_EXIT_KEY_MIGRATION,
                "key migration: identity.v1 records kms_root",
                &(struct boot_settings){.kms_root = OTHER_KMS_ROOT_KEY});
    forget_identity(&t, node);
    leaves_with(&t, node, "the own record with other keys", AM_EXIT_OTHER_KEYS,
                "the chain has another X25519 key",
                &(struct boot_settings){.kms_root = OTHER_KMS_ROOT_KEY});
    of_a_foreign_factory(&t);
    return e2e_close(&t);
}
