/*  test_guestagent -- the simulator against upstream's vectors, and its manners on the wire.  */
#include "guest_double.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY_OF_VMS "1091a4d6721f6a719ca57320e4975f7e237649131111ee1c5032f661dc1cfef2"

/* dstack page 7, V-A */
static const struct {
    const char *path, *purpose;
    bool ed25519;
    const char *key, *chain0;
} v_a[] = {
    {"/test/path", "test-purpose", false,
     "b9fbb7171185c421c58610a2acba8ceae93623ae47815618cbad1e98fc042cb7",
     "f50c51735a97072f0c98125ed61fc84e2fdb36e95990b9e57337dadc0e2a9712227f04e07209faecb8891d59ec144"
     "a6c13e411dc90b3423f28071bd3fe11978d01"},
    {"/", "test", true, "f6c1ed94488394d78e0a4e5ab75d62e9f085d73b0b555d0614fb90ca13d9464d",
     "7752352aa2ad8b337a3845661073fb42ef1b1d3313d8ce0b8976ccc21505e0c62e79eb7aaf9b51768b0f9762e6209"
     "8710ce4e8cabd450670b2fb0040e8551cb300"},
    {"", "", false, "aa221ae548b5a8f52fcb8687cfd873712f6a1232b2717e5ee3d58ab74f21905b",
     "64ce2f1b381d04f7404fda78bdc942c314d89b7069d97eea1897e51b249dd3b1700995cbf7efe7ff04195dd6e31f1"
     "53b702eeeeaffc5941510739dc39b9bd9cf01"},
    {"test/wallet", "ethereum", false,
     "143a1b5adb60fb8a1b39c908d98bdecf11e748f79034e09a4af94712baa93cd5",
     "4cd82bd2cbee0deb95b128a91a4b09fb0868a6a681f1e36ee0273e127fcf9b001f2f6609ff26dbbdd2db3e412fd6f"
     "7a756db067cec4cfa81409adf369778331700"},
    {"vms", "signing", false, KEY_OF_VMS,
     "51ec279eb0da3fb45335c2fd6badaf701905bf35f229912976c4ae3c9d649cf97f964473f2dce7118743bad84a6df"
     "707d11c9b5f0b38379204e14fd2c7baddba01"},
    {"vms", "signing", true, KEY_OF_VMS,
     "d61ff204728dae76ba4e29313003433d533d069f9c98ebb3382104145f1c664c59fac4326a86420ec3f450303d3a6"
     "75d595f546448076a464343bcc25143c4a300"},
};

static void
expect_hex(const uint8_t *p, size_t len, const char *want, const char *what)
{
    char got[2 * 128 + 1];

    am_hex(got, p, len);
    cr_assert_str_eq(got, want, "%s", what);
}

Test(guestagent, gives_the_keys_and_chains_of_upstreams_simulator)
{
    struct guest_double d;
    struct dn_key k;

    guest_double_open(&d, DN_COMPAT_0_5_11);
    expect_hex(d.guest.app_pub, 33,
               "02818494263695e8839122dbd88e281d7380622999df4e60a14befa0f2d096fc7c", "app pub");
    for (size_t i = 0; i < sizeof v_a / sizeof *v_a; i++) {
        cr_assert_eq(dn_guest_key(&d.guest, &k, am_str_of(v_a[i].path), am_str_of(v_a[i].purpose),
                                  v_a[i].ed25519, NULL),
                     AM_OK);
        expect_hex(k.key, 32, v_a[i].key, v_a[i].path);
        expect_hex(k.chain0, 65, v_a[i].chain0, v_a[i].path);
    }
    guest_double_close(&d);
}

/* dstack page 7, V-B: from the KMS root down */
Test(guestagent, issues_an_app_key_as_the_kms_does)
{
    struct dn_guest g = {0};
    struct dn_key k;

    unhex(g.app_id, 20, "a9019d1b2c3d4e5f60718293a4b5c6d7e8f90a1b");
    cr_assert_eq(dn_guest_issue(&g, dn_fixture_root, NULL), AM_OK);
    expect_hex(g.app_key, 32, "2ae51b5c23b22c9b9dc0b8263a8b0b5f003e6d6fbc60c7ebb88696136a4dac0b",
               "app key");
    expect_hex(g.app_pub, 33, "03f8669c2bf08c4deeb712b81d456cd1eadbf97872dfc5d5ca916edf605fc5b6fe",
               "app pub");
    expect_hex(
        g.kms_signature, 65,
        "00ac321fbbe6817c5de0720644e936b20046ff1c9226e0558a9c86856e8a1dd06bb7a7efae1cf3ec52255"
        "3c28627ea96c139d5dc9cdd5a1898c2406c074438d800",
        "chain[1]");
    cr_assert_eq(dn_guest_key(&g, &k, am_str_of("vms"), am_str_of("signing"), false, NULL), AM_OK);
    expect_hex(k.key, 32, "95c8e9f38d09b353ae49b806a17a0a72d5f96d208d5e0fec93e4b391a01c078b",
               "vms");
    expect_hex(
        k.chain0, 65,
        "77ae5ea476f00df11938fd1df3a65a4fbd9f92b64c816b9f29ee79a1e4ae74ed43269a36376b4ed838460"
        "ef3b56ba553cefa6e63def4a4487386f783f14295a001",
        "link 0 secp256k1");
    cr_assert_eq(dn_guest_key(&g, &k, am_str_of("vms"), am_str_of("signing"), true, NULL), AM_OK);
    expect_hex(
        k.chain0, 65,
        "181498cdcebe6cae41fe1474b3d8af53c7969a2fb20f9f20a5cdcc9d92f5596d500cf9605996ec2e55406"
        "666fee630d5882e5e97c2417e079c6f074ca6c7c57301",
        "link 0 ed25519");
}

/* dstack page 6.2: the registers of upstream's recording, up to the event that differs by KMS. */
Test(guestagent, quotes_version_4_with_the_report_data_and_replaying_registers)
{
    static const char app_id[] = "ddd202447c612b8bb8723d2ce3b9882b7cfc0ede203c36b15639cc80b181b61a7"
                                 "692850c5333a1c6effef82a73d0a4f2";
    uint8_t data[64];
    struct guest_double d;
    struct dn_quote q;

    memset(data, 0xab, sizeof data);
    guest_double_open(&d, DN_COMPAT_0_5_11);
    cr_assert_eq(dn_quote_make(&q, &d.guest, data, NULL), AM_OK);
    cr_assert_eq(q.bytes[0], 4);
    cr_assert_eq(q.bytes[4], 0x81);
    cr_assert_arr_eq(q.bytes + 568, data, sizeof data);
    cr_assert_arr_eq(q.bytes + 184, dn_mrtd, 48);
    cr_assert_arr_eq(q.bytes + 520, q.rtmr3, 48);
    cr_assert_not_null(strstr(q.events, app_id));
    free(q.events);
    guest_double_close(&d);
}

/* One request, sent whole; the answer as text. */
static const char *
ask(const struct guest_double *d, const char *request, bool half_close, bool *closed)
{
    static char out[65536];
    int fd = guest_double_dial(d);

    cr_assert_eq(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
    if (half_close)
        shutdown(fd, SHUT_WR);
    guest_double_read(d, fd, out, sizeof out, sizeof out, 150, closed);
    close(fd);
    return out;
}

#define POST(path, body)                                                                           \
    "POST " path " HTTP/1.1\r\nHost: l\r\nContent-Type: application/json\r\n" body
#define EMPTY "Content-Length: 2\r\n\r\n{}"

Test(guestagent, answers_after_half_close_and_then_closes)
{
    struct guest_double d;
    const char *answer;
    bool closed;

    guest_double_open(&d, DN_COMPAT_0_5_11);
    answer = ask(&d, POST("/Version", EMPTY), true, &closed);
    cr_assert(closed);
    cr_assert_not_null(strstr(answer, "\r\ncontent-length: 38\r\n"));
    cr_assert_not_null(strstr(answer, "{\"version\":\"0.5.11\",\"rev\":\"simulator\"}"));
    guest_double_close(&d);
}

Test(guestagent, keeps_the_connection_unless_asked_and_with_the_fault_even_then)
{
    static const char closing[] = POST("/Version", "Connection: close\r\n" EMPTY);
    struct guest_double d;
    bool closed;

    guest_double_open(&d, DN_COMPAT_0_5_11);
    ask(&d, POST("/Version", EMPTY), false, &closed);
    cr_assert_not(closed);
    ask(&d, closing, false, &closed);
    cr_assert(closed);
    d.guest.faults.fixed = "keep-open";
    cr_assert_not_null(strstr(ask(&d, closing, false, &closed), "200 OK"));
    cr_assert_not(closed);
    guest_double_close(&d);
}

Test(guestagent, answers_two_requests_that_came_together)
{
    static const char two[] = POST("/Version", EMPTY) POST("/DeriveKey", EMPTY);
    struct guest_double d;
    const char *answer;
    bool closed;

    guest_double_open(&d, DN_COMPAT_0_5_11);
    answer = ask(&d, two, true, &closed);
    cr_assert(closed);
    cr_assert_not_null(strstr(answer, "200 OK"));
    cr_assert_not_null(strstr(answer, "Service not found: DeriveKey"));
    guest_double_close(&d);
}

static void
expect_answer(enum dn_compat compat, const char *request, const char *status, const char *text)
{
    struct guest_double d;
    const char *answer;
    bool closed;

    guest_double_open(&d, compat);
    answer = ask(&d, request, true, &closed);
    cr_assert_not_null(strstr(answer, status), "%s\n%s", request, answer);
    cr_assert_not_null(strstr(answer, text), "%s\n%s", request, answer);
    guest_double_close(&d);
}

Test(guestagent, knows_no_method_in_each_versions_words)
{
    static const char derive[] = POST("/DeriveKey", EMPTY);

    expect_answer(DN_COMPAT_0_5_5, derive, " 400 ",
                  "{\n  \"error\": \"Service not found: DeriveKey\"");
    expect_answer(DN_COMPAT_0_5_11, derive, " 400 ",
                  "{\n  \"error\": \"Service not found: DeriveKey\"");
    expect_answer(DN_COMPAT_0_6_0, derive, " 404 ", "{\"error\":\"Service not found: DeriveKey\"}");
    expect_answer(DN_COMPAT_0_5_5, POST("/Version", EMPTY), " 400 ", "Service not found: Version");
    expect_answer(DN_COMPAT_0_6_0, POST("/v0/Version", EMPTY), " 200 ", "0.6.0");
    expect_answer(DN_COMPAT_0_5_11, POST("/v0/Version", EMPTY), " 404 ", "<!DOCTYPE html>");
}

Test(guestagent, reads_requests_by_upstreams_rules)
{
    const enum dn_compat c = DN_COMPAT_0_5_11;

    expect_answer(c, POST("/GetKey", "Content-Length: 13\r\n\r\n{\"path\":null}"), " 400 ",
                  "error");
    expect_answer(c, POST("/GetKey", "Content-Length: 21\r\n\r\n{\"algorithm\":\"secp3\"}"),
                  " 400 ", "Unsupported algorithm");
    expect_answer(c, POST("/GetKey", "Content-Length: 9\r\n\r\n{\"path\":1"), " 400 ", "error");
    expect_answer(c, POST("/GetKey", "Content-Length: 0\r\n\r\n"), " 200 ",
                  "aa221ae548b5a8f52fcb8687cfd873712f6a1232b2717e5ee3d58ab74f21905b");
    expect_answer(c, "GET //GetKey?path=vms&purpose=signing HTTP/1.1\r\nHost: l\r\n\r\n", " 200 ",
                  KEY_OF_VMS);
    expect_answer(c, POST("/GetKey/", EMPTY), " 404 ", "<!DOCTYPE html>");
    expect_answer(c, POST("/GetKey/", "Accept: application/json\r\n" EMPTY), " 404 ",
                  "\"reason\": \"Not Found\"");
    expect_answer(c, "GET / HTTP/1.1\r\nHost: l\r\n\r\n", " 422 ", "html");
    expect_answer(c, "POST /GetKey HTTP/1.1\r\nHost: l\r\n" EMPTY, " 400 ", "JSON only");
    expect_answer(c, "POST /Version?json HTTP/1.1\r\nHost: l\r\n" EMPTY, " 200 ", "0.5.11");
    expect_answer(c, POST("/Version", "Content-Length: 10485761\r\n\r\n"), " 400 ",
                  "payload too large");
    expect_answer(DN_COMPAT_0_6_0, POST("/Version", "Content-Length: 10485761\r\n\r\n"), " 413 ",
                  "payload too large");
    expect_answer(c, POST("/EmitEvent", EMPTY), " 200 ", "null");
    expect_answer(DN_COMPAT_0_6_0, POST("/EmitEvent", EMPTY), " 400 ", "removed in dstack 0.6.0");
}

/* Old agents do not know `algorithm`: a secp256k1 claim, and no warning. */
Test(guestagent, ignores_the_algorithm_up_to_0_5_5)
{
    static const char request[] = POST(
        "/GetKey", "Content-Length: 61\r\n\r\n"
                   "{\"path\":\"vms\",\"purpose\":\"signing\",\"algorithm\":\"ed25519\"}      ");

    expect_answer(DN_COMPAT_0_5_5, request, " 200 ", v_a[4].chain0);
    expect_answer(DN_COMPAT_0_5_11, request, " 200 ", v_a[5].chain0);
}

Test(guestagent, breaks_by_control_file_for_one_method_and_heals)
{
    struct guest_double d;
    char control[128];
    bool closed;
    FILE *f;

    guest_double_open(&d, DN_COMPAT_0_5_11);
    snprintf(control, sizeof control, "%s/control", d.dir);
    d.guest.faults.control = control;
    cr_assert_not_null(f = fopen(control, "w"));
    fputs("error-500@GetKey\n", f);
    fclose(f);
    cr_assert_not_null(strstr(ask(&d, POST("/GetKey", EMPTY), true, &closed), " 500 "));
    cr_assert_not_null(strstr(ask(&d, POST("/Version", EMPTY), true, &closed), " 200 "));
    unlink(control);
    cr_assert_not_null(strstr(ask(&d, POST("/GetKey", EMPTY), true, &closed), " 200 "));
    guest_double_close(&d);
}

Test(guestagent, refuses_a_fault_that_it_does_not_know)
{
    struct am_error err = {0};

    cr_assert_eq(dn_fault_check("stall@GetKey", &err), AM_OK);
    cr_assert_eq(dn_fault_check("stal", &err), AM_INVALID_ARGUMENT);
    cr_assert_not_null(strstr(err.text, "keep-open"));
}

/* dstack page 1.3, 1.4, 1.7: what differs between the columns. */
Test(guestagent, answers_as_each_column, .timeout = 60)
{
#define KEY(len, algorithm)                                                                        \
    POST("/GetKey",                                                                                \
         "Content-Length: " len "\r\n\r\n{\"path\":\"vms\",\"algorithm\":\"" algorithm "\"}")
    static const char k256[] = KEY("33", "k256"), prehashed[] = KEY("48", "secp256k1_prehashed");
    static const char info[] = POST("/Info", EMPTY), quote[] = POST("/GetQuote", EMPTY);
    static const char event[] = POST("/EmitEvent", EMPTY), version[] = POST("/Version", EMPTY);
    static const char of_user_data[] =
        "de47c9b27eb8d300dbb5f2c353e632c393262cf06340c4fa7f1b40c4cbd36f90";
    static const char of_nothing[] =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    static const struct {
        enum dn_compat compat;
        const char *request, *status, *text;
    } rows[] = {
        {DN_COMPAT_0_4_2, event, " 400 ", "Service not found: EmitEvent"},
        {DN_COMPAT_0_4_2, info, " 200 ", "\"public_logs\":true"},
        {DN_COMPAT_0_5_0, event, " 200 ", "null"},
        {DN_COMPAT_0_5_0, info, " 200 ", "\"public_logs\":true"},
        {DN_COMPAT_0_5_3, info, " 200 ", "\"os_image_hash\":"},
        {DN_COMPAT_0_5_3, quote, " 200 ", "00\"}"},
        {DN_COMPAT_0_5_5, quote, " 200 ", "\"vm_config\":"},
        {DN_COMPAT_0_5_5, info, " 200 ", of_user_data},
        {DN_COMPAT_0_5_5, version, " 400 ", "Service not found: Version"},
        {DN_COMPAT_0_5_5, k256, " 200 ", KEY_OF_VMS},
        {DN_COMPAT_0_5_5, prehashed, " 200 ", KEY_OF_VMS},
        {DN_COMPAT_0_5_6, k256, " 400 ", "Unsupported algorithm"},
        {DN_COMPAT_0_5_6, prehashed, " 200 ", KEY_OF_VMS},
        {DN_COMPAT_0_5_6, info, " 200 ", of_nothing},
        {DN_COMPAT_0_5_6, info, " 200 ", "\"cloud_vendor\":"},
        {DN_COMPAT_0_5_6, version, " 400 ", "Service not found: Version"},
        {DN_COMPAT_0_5_11, k256, " 200 ", KEY_OF_VMS},
        {DN_COMPAT_0_5_11, prehashed, " 400 ", "Unsupported algorithm"},
        {DN_COMPAT_0_5_11, version, " 200 ", "0.5.11"},
        {DN_COMPAT_NEXT, event, " 400 ", "Service not found: EmitEvent"},
        {DN_COMPAT_NEXT, quote, " 200 ", "\"attestation\":"},
        {DN_COMPAT_NEXT, version, " 200 ", "0.6.0-dev"},
        {DN_COMPAT_0_6_0, quote, " 200 ", "\"vm_config\":"},
        {DN_COMPAT_0_6_0, k256, " 200 ", KEY_OF_VMS},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_answer(rows[i].compat, rows[i].request, rows[i].status, rows[i].text);
}
