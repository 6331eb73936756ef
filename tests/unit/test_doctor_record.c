/*  test_doctor_record -- transcripts: what is kept, what is not, and how rpc-double plays them.  */
#include "../../cli/doctor_record.h"
#include "../../common/base/am_clock.h"
#include "dn_rpcreplay.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/attestmesh-record-XXXXXX";
static struct doctor_record record;

static void
begin(void)
{
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    close(fd);
    cr_assert_eq(doctor_record_open(&record, NULL), AM_OK);
}

static void
end(void)
{
    doctor_record_close(&record);
    unlink(path);
}

TestSuite(doctor_record, .init = begin, .fini = end);

#define URL "https://user-1234567890@rpc.example:8443/v2/path-1234567890?key=query-1234567890"

static void
hear(const char *boundary, const char *method, const char *params, const char *result)
{
    json_t *p = json_loads(params, 0, NULL), *r = json_loads(result, JSON_DECODE_ANY, NULL);

    doctor_record_rpc(&record, boundary, URL, method, p, r, 0,
                      "rpc@rpc.example x: expected a result, got error -32000: their words");
    json_decref(p);
    json_decref(r);
}

static int
write_now(struct am_error *err)
{
    const char *const secrets[] = {URL, "", "policy-1234567890"};

    return doctor_record_write(&record, path, am_wall_ms() / 1000 - 100, secrets, 3, err);
}

static const char *
text(void)
{
    static char all[65536];
    FILE *f = fopen(path, "re");
    size_t n = f != NULL ? fread(all, 1, sizeof all - 1, f) : 0;

    if (f != NULL)
        fclose(f);
    all[n] = '\0';
    return all;
}

Test(doctor_record, is_not_written_when_a_secret_came_back)
{
    static const char *const echoes[] = {"\"see /v2/path-1234567890\"", "\"query-1234567890\"",
                                         "\"user-1234567890\"", "\"of policy-1234567890\""};

    for (size_t i = 0; i < 4; i++) {
        struct am_error err = {0};

        hear("rpc", "eth_chainId", "[]", echoes[i]);
        cr_assert_eq(write_now(&err), AM_DATA_LOSS, "%s", echoes[i]);
        cr_assert_null(strstr(err.text, "1234567890"));
        cr_assert_str_eq(text(), "", "nothing is written");
        json_array_clear(record.exchanges);
    }
}

Test(doctor_record, keeps_hosts_and_addresses_and_no_more_of_a_url)
{
    struct stat st;

    hear("rpc", "eth_call", "[{\"to\":\"0x0000000071727de22e5e9d8baf0edac6f37da032\"}]", "\"0x\"");
    hear("paymaster", "pm_getPaymasterStubData",
         "[{\"sender\":\"0x01\"},\"0x02\",\"0x3\","
         "{\"policyId\":\"policy-1234567890\"}]",
         "{}");
    hear("paymaster", "alchemy_requestGasAndPaymasterAndData",
         "[{\"policyId\":\"policy-1234567890\"}]", "{}");
    doctor_record_get(&record, "sponsor", URL, "/identity?nonce=0x1234", 200, NULL);
    cr_assert_eq(write_now(NULL), AM_OK);
    cr_assert_null(strstr(text(), "1234567890"));
    cr_assert_null(strstr(text(), "nonce"));
    cr_assert_not_null(strstr(text(), "rpc.example:8443"));
    cr_assert_not_null(strstr(text(), "0x0000000071727de22e5e9d8baf0edac6f37da032"));
    cr_assert_not_null(strstr(text(), "\"/identity\""));
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
}

Test(doctor_record, does_nothing_without_a_transcript)
{
    doctor_record_rpc(NULL, "rpc", URL, "eth_chainId", NULL, NULL, 0, "");
    doctor_record_get(NULL, "sponsor", URL, "/identity", 200, NULL);
    doctor_record_fact(NULL, "guest_agent", "Info", json_object());
}

/* ---- replay ---- */

static struct dn_rpc_replay replay;

static void
answers(const char *method, const char *params, const char *expected)
{
    json_t *p = json_loads(params, 0, NULL), *a = dn_replay_answer(&replay, method, p);
    char *dumped = json_dumps(a, JSON_COMPACT);

    cr_assert_str_eq(dumped, expected);
    free(dumped);
    json_decref(a);
    json_decref(p);
}

Test(doctor_record, is_refused_by_who_has_no_part_in_it)
{
    FILE *f;

    cr_assert_eq(dn_replay_open(&replay, "/nowhere", "rpc", NULL), AM_NOT_FOUND);
    cr_assert_eq(dn_replay_open(&replay, path, "rpc", NULL), AM_NOT_FOUND);
    hear("rpc", "eth_chainId", "[]", "\"0x1\"");
    cr_assert_eq(write_now(NULL), AM_OK);
    cr_assert_eq(dn_replay_open(&replay, path, "bundler", NULL), AM_INVALID_ARGUMENT);
    f = fopen(path, "we");
    fputs("{\"transcript\":2,\"exchanges\":[{\"boundary\":\"rpc\"}]}", f);
    fclose(f);
    cr_assert_eq(dn_replay_open(&replay, path, "rpc", NULL), AM_INVALID_ARGUMENT);
}

Test(doctor_record, is_played_as_it_was)
{
    hear("bundler", "eth_chainId", "[]", "\"0x2\"");
    hear("rpc", "eth_chainId", "[]", "\"0x1\"");
    hear("rpc", "eth_call", "[{\"to\":\"0xaa\"}]", "\"0x11\"");
    hear("rpc", "eth_getCode", "[\"0xaa\"]", "");
    hear("rpc", "eth_blockNumber", "[]", "\"0x5\"");
    hear("rpc", "eth_blockNumber", "[]", "\"0x6\"");
    hear("rpc", "eth_getLogs", "[{\"fromBlock\":\"0x1\"}]", "[]");
    hear("rpc", "eth_getBlockByNumber", "[\"latest\",false]", "{\"timestamp\":\"0x10\"}");
    cr_assert_eq(write_now(NULL), AM_OK);
    cr_assert_eq(dn_replay_open(&replay, path, "rpc", NULL), AM_OK);
    cr_assert(replay.age_s >= 100 && replay.age_s < 160);
    replay.age_s = 100;
    answers("eth_chainId", "[]", "{\"result\":\"0x1\"}");
    answers("eth_call", "[{\"to\":\"0xaa\"}]", "{\"result\":\"0x11\"}");
    answers("eth_call", "[{\"to\":\"0xbb\"}]",
            "{\"error\":{\"code\":-32000,\"message\":\"the transcript has no answer to this\"}}");
    answers("eth_getCode", "[\"0xaa\"]",
            "{\"error\":{\"code\":-32000,\"message\":\"their words\"}}");
    answers("eth_blockNumber", "[]", "{\"result\":\"0x5\"}");
    answers("eth_blockNumber", "[]", "{\"result\":\"0x6\"}");
    answers("eth_blockNumber", "[]", "{\"result\":\"0x6\"}");
    answers("eth_getLogs", "[{\"fromBlock\":\"0x9\"}]", "{\"result\":[]}");
    answers("eth_getBlockByNumber", "[\"latest\",false]", "{\"result\":{\"timestamp\":\"0x74\"}}");
    dn_replay_close(&replay);
}
