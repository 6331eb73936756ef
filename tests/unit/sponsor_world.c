/*  sponsor_world -- the real sponsor before a chain of the test's own making.  */
#include "sponsor_world.h"

#include "../../common/eth/eth_call.h"
#include "eth_json.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND "0x84076765" /* MessageFacet.send */

uint8_t spw_a[20], spw_b[20], spw_nowhere[20];
static uint8_t factory[20], factory_v2[20], member_factory[20];
struct dn_rpc_double *spw_double;
unsigned spw_asked[SP_FACT_COUNT];
uint64_t spw_chain_id;
uint16_t spw_port;
pid_t *spw_process;
const char *spw_extra[SPW_ENV_MAX];
static unsigned starts;

void
spw_account(uint8_t out[static 20], enum spw_kind kind, unsigned n)
{
    memset(out, 0x10 + (int)kind, 16);
    am_be32(out + 16, n);
}

static json_t *
result(json_t *value)
{
    return json_pack("{s:o}", "result", value);
}

static json_t *
truth(bool yes)
{
    uint8_t word[32] = {0};

    word[31] = yes;
    return result(eth_json_of_data(word, 32));
}

static json_t *
revert(void)
{
    return json_pack("{s:{s:i, s:s, s:s}}", "error", "code", 3, "message", "execution reverted",
                     "data", "0x");
}

static json_t *
cluster_of(const uint8_t account[static 20])
{
    static const uint8_t *const clusters[] = {[SPW_MEMBER] = spw_a,
                                              [SPW_APP] = spw_a,
                                              [SPW_OF_B] = spw_b,
                                              [SPW_OF_NOWHERE] = spw_nowhere};
    int kind = account[0] - 0x10;
    uint8_t word[32];

    spw_asked[SP_CLUSTER_OF]++;
    if (kind < 0 || kind > SPW_OF_NOWHERE || clusters[kind] == NULL)
        return revert();
    eth_word_address(word, clusters[kind]);
    return result(eth_json_of_data(word, 32));
}

static json_t *
answer_call(const uint8_t to[static 20], struct am_bin data)
{
    const uint8_t *argument = data.len == 36 ? data.p + 16 : NULL;

    if (eth_fn_of(data) == ETH_FN_cluster && data.len == 4)
        return cluster_of(to);
    if (argument == NULL)
        return revert();
    switch (eth_fn_of(data)) {
    case ETH_FN_isDeployedCluster:
        spw_asked[SP_DEPLOYED]++;
        return truth((memcmp(to, factory, 20) == 0 && memcmp(argument, spw_a, 20) == 0) ||
                     (memcmp(to, factory_v2, 20) == 0 && memcmp(argument, spw_b, 20) == 0));
    case ETH_FN_allowedAppIds:
        spw_asked[SP_APP_ALLOWED]++;
        return truth(memcmp(to, spw_a, 20) == 0 && argument[0] == 0x10 + SPW_APP);
    case ETH_FN_isOurMember:
        spw_asked[SP_OUR_MEMBER]++;
        return truth(memcmp(to, member_factory, 20) == 0 &&
                     (argument[0] == 0x10 + SPW_MEMBER || argument[0] == 0x10 + SPW_OF_B ||
                      argument[0] == 0x10 + SPW_OF_NOWHERE));
    default:
        return revert();
    }
}

static json_t *
answer(void *arg, const char *method, const json_t *params)
{
    const json_t *call = json_array_get(params, 0);
    struct am_error err = {0};
    uint8_t to[20], *data = NULL;
    json_t *reply;
    size_t len;

    (void)arg;
    if (strcmp(method, "eth_chainId") == 0)
        return result(eth_json_of_u64(spw_chain_id));
    if (eth_json_fixed(to, 20, json_object_get(call, "to"), "to", &err) != AM_OK ||
        eth_json_data(&data, &len, json_object_get(call, "data"), "data", &err) != AM_OK)
        return revert();
    reply = answer_call(to, am_bin_of(data, len));
    free(data);
    return reply;
}

void
spw_begin(void)
{
    struct dn_rpc_options o = {.answer = answer};
    struct am_error err = {0};

    sw_begin();
    memset(spw_a, 0xaa, 20);
    memset(spw_b, 0xbb, 20);
    memset(spw_nowhere, 0xcc, 20);
    memset(factory, 0xf1, 20);
    memset(factory_v2, 0xf2, 20);
    memset(member_factory, 0xf3, 20);
    memset(spw_asked, 0, sizeof spw_asked);
    memset(spw_extra, 0, sizeof spw_extra);
    spw_chain_id = 31337;
    o.loop = sw_loop;
    cr_assert_eq(dn_rpc_open(&spw_double, &o, &err), AM_OK, "%s", err.text);
    spw_port = sw_port();
}

pid_t *
spw_run(const char *log)
{
    static char rpc[64], listen[64], state[96], factories[3][96];
    static const char *const names[] = {"CANONICAL_CLUSTER_FACTORY", "CANONICAL_CLUSTER_FACTORY_V2",
                                        "CANONICAL_MEMBER_FACTORY"};
    const uint8_t *const addresses[] = {factory, factory_v2, member_factory};
    const char *const argv[] = {SPONSOR, NULL};
    const char *env[12 + SPW_ENV_MAX] = {"CHAIN_ID=31337",
                                         "ATTESTMESH_PAYMASTER=" SPW_PAYMASTER,
                                         "ATTESTMESH_SPONSOR_KEY=0x" SPW_KEY_DIGITS,
                                         "ALCHEMY_WEBHOOK_TOKEN=" SPW_TOKEN,
                                         "PIMLICO_WEBHOOK_SECRET=" SPW_SECRET,
                                         rpc,
                                         listen,
                                         state};
    size_t n = 8;

    snprintf(rpc, sizeof rpc, "RPC_URL=http://127.0.0.1:%u", dn_rpc_port(spw_double));
    snprintf(listen, sizeof listen, "ATTESTMESH_SPONSOR_LISTEN=127.0.0.1:%u", spw_port);
    snprintf(state, sizeof state, "SIDECAR_STATE_DIR=%s/state", sw_dir);
    for (size_t i = 0; i < 3; i++) {
        char hex[41];

        am_hex(hex, addresses[i], 20);
        snprintf(factories[i], sizeof factories[i], "%s=0x%s", names[i], hex);
        env[n++] = factories[i];
    }
    for (size_t i = 0; i < SPW_ENV_MAX && spw_extra[i] != NULL; i++) { /* these go before */
        for (size_t k = 0; k < n; k++)
            if (strncmp(env[k], spw_extra[i], strcspn(env[k], "=") + 1) == 0)
                env[k] = env[--n];
        env[n++] = spw_extra[i];
    }
    return sw_start(log, argv, env);
}

void
spw_start(void)
{
    int64_t until = am_mono_ms() + 10000 * slow_factor();
    char log[32];
    int status;

    snprintf(log, sizeof log, "sponsor-%u.log", ++starts);
    spw_process = spw_run(log);
    do
        spw_get("/none", &status);
    while (status != 404 && am_mono_ms() < until);
    cr_assert_eq(status, 404, "%s", sw_log(log));
}

void
spw_stop(int sig)
{
    char log[32];

    snprintf(log, sizeof log, "sponsor-%u.log", starts);
    kill(*spw_process, sig);
    cr_assert_eq(sw_ended(spw_process, 5000), sig == SIGTERM ? 0 : -sig, "%s", sw_log(log));
    cr_assert_null(strstr(sw_log(log), SPW_KEY_DIGITS));
    cr_assert_null(strstr(sw_log(log), SPW_TOKEN));
}

void
spw_end(void)
{
    dn_rpc_close(&spw_double);
    sw_end();
}

const char *
spw_execute(const uint8_t target[static 20], const char *inner_hex)
{
    static char text[2 * 1024 + 3];
    uint8_t inner[256], out[1024];
    struct eth_buf call = ETH_BUF(out);
    struct am_error err = {0};
    size_t len;

    cr_assert_eq(am_unhex_some(inner, sizeof inner, &len, am_str_of(inner_hex), "inner", &err),
                 AM_OK);
    cr_assert_eq(eth_call_execute(&call, target, am_bin_of(inner, len), &err), AM_OK);
    strcpy(text, "0x");
    am_hex(text + 2, out, call.len);
    return text;
}

const char *
spw_alchemy(enum spw_kind kind, unsigned n, const char *call_data, const char *chain)
{
    static char body[8192];
    uint8_t account[20];
    char hex[41];

    spw_account(account, kind, n);
    am_hex(hex, account, 20);
    if (call_data == NULL)
        call_data = spw_execute(spw_a, SEND);
    snprintf(body, sizeof body,
             "{\"userOperation\":{\"sender\":\"0x%s\",\"nonce\":\"0x0\",\"callData\":\"%s\"},"
             "\"entryPoint\":\"" SPW_ENTRY_POINT "\"%s%s%s}",
             hex, call_data, chain != NULL ? ",\"chainId\":\"" : "", chain != NULL ? chain : "",
             chain != NULL ? "\"" : "");
    return body;
}

const char *
spw_url(const char *path)
{
    static char url[256];

    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", spw_port, path);
    return url;
}

const char *
spw_post(const char *path, const char *body, int *status)
{
    static struct sw_answer a;

    sw_post(&a, spw_url(path), body, strlen(body));
    *status = a.status;
    return a.body;
}

const char *
spw_get(const char *path, int *status)
{
    static struct sw_answer a;

    sw_get(&a, spw_url(path));
    *status = a.status;
    return a.body;
}

const char *
spw_raw(const char *path, const char *headers, const char *body, int *status)
{
    static char text[65536];
    int64_t until = am_mono_ms() + 10000 * slow_factor();
    int fd = sw_dial(spw_port), len;
    size_t got = 0;
    ssize_t n = -1;
    char *end;

    len = snprintf(text, sizeof text,
                   "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n"
                   "%s\r\n%s",
                   path, strlen(body), headers, body);
    cr_assert_eq(write(fd, text, (size_t)len), len);
    while (n != 0 && am_mono_ms() < until) { /* the double must go on answering meanwhile */
        ev_run(sw_loop, EVRUN_ONCE);
        n = recv(fd, text + got, sizeof text - 1 - got, MSG_DONTWAIT);
        got += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    text[got] = '\0';
    cr_assert_eq(sscanf(text, "HTTP/1.1 %d", status), 1, "%s", text);
    end = strstr(text, "\r\n\r\n");
    cr_assert_not_null(end);
    return end + 4;
}
