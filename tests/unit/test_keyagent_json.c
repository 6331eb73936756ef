/*  test_keyagent_json -- the reader of the agent's bytes: every cut, every excess.  */
#include "ka_http.h"
#include "ka_json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static int
read_two(const char *text, size_t len, struct am_str *key, struct am_str chain[2])
{
    const struct ka_json_field fields[] = {{"key", KA_JSON_PLAIN, true, key},
                                           {"signature_chain", KA_JSON_PLAINS2, false, chain}};

    return ka_json_read((struct am_str){text, len}, fields, 2, "test", NULL);
}

Test(keyagent_json, lends_what_is_asked_for_and_passes_over_the_rest)
{
    static const char text[] = " { \"x\" : [1,-2.5e+3,{\"y\":null},[]], \"key\" : \"ab\" , "
                               "\"signature_chain\":[\"c\",\"\"],"
                               "\"z\":\"\\u00e9\\\"\",\"t\":true,\"f\":false,\"o\":{} } \n";
    struct am_str key, chain[2];

    cr_assert_eq(read_two(text, strlen(text), &key, chain), AM_OK);
    cr_assert(am_str_eq(key, "ab"));
    cr_assert(key.p > text && key.p < text + sizeof text);
    cr_assert(am_str_eq(chain[0], "c"));
    cr_assert_eq(chain[1].len, 0);
    cr_assert_not_null(chain[1].p);
}

Test(keyagent_json, refuses_every_truncation)
{
    static const char text[] =
        "{\"x\":[1,{\"y\":-2.5e3}],\"key\":\"ab\",\"signature_chain\":[\"c\","
        "\"d\"],\"z\":\"\\u00e9\",\"n\":null}";
    struct am_str key, chain[2];

    for (size_t len = 0; len < sizeof text - 1; len++) {
        char cut[sizeof text]; /* its own memory, so that a sanitizer sees a read past the cut */

        memcpy(cut, text, len);
        cr_assert_eq(read_two(cut, len, &key, chain), AM_INVALID_ARGUMENT, "%zu", len);
        cr_assert_null(key.p);
        cr_assert_null(chain[1].p);
    }
    cr_assert_eq(read_two(text, sizeof text - 1, &key, chain), AM_OK);
}

Test(keyagent_json, refuses_what_is_not_strictly_the_object)
{
    static const char *const texts[] = {
        "",
        "null",
        "[]",
        "\"key\"",
        "{\"key\":\"a\"} x",
        "{\"key\":\"a\"}{}",
        "{\"key\":\"a\",}",
        "{\"key\":\"a\",\"key\":\"b\"}",
        "{\"key\":null}",
        "{\"key\":1}",
        "{\"key\":\"a\\n\"}",
        "{\"key\":\"a\nb\"}",
        "{\"kez\":\"a\"}",
        "{key:\"a\"}",
        "{\"key\":\"a\",\"n\":01}",
        "{\"key\":\"a\",\"n\":.5}",
        "{\"key\":\"a\",\"n\":1.}",
        "{\"key\":\"a\",\"n\":+1}",
        "{\"key\":\"a\",\"n\":nul}",
        "{\"key\":\"a\",\"n\":\"\\x\"}",
        "{\"key\":\"a\",\"n\":\"\\u12g4\"}",
        "{\"key\":\"a\",\"signature_chain\":[\"c\"]}",
        "{\"key\":\"a\",\"signature_chain\":[\"c\",\"d\",\"e\"]}",
        "{\"key\":\"a\",\"signature_chain\":[\"c\",null]}",
        "{\"key\":\"a\",\"signature_chain\":\"c\"}",
    };
    struct am_str key, chain[2];

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_eq(read_two(texts[i], strlen(texts[i]), &key, chain), AM_INVALID_ARGUMENT, "%s",
                     texts[i]);
}

Test(keyagent_json, bounds_depth_and_members)
{
    char text[4096] = "{\"key\":\"a\",\"d\":";
    struct am_str key, chain[2];
    size_t n = strlen(text);

    memset(text + n, '[', 15);
    memset(text + n + 15, ']', 15);
    strcpy(text + n + 30, "}");
    cr_assert_eq(read_two(text, strlen(text), &key, chain), AM_OK);
    memset(text + n, '[', 16);
    memset(text + n + 16, ']', 16);
    strcpy(text + n + 32, "}");
    cr_assert_eq(read_two(text, strlen(text), &key, chain), AM_INVALID_ARGUMENT);
    for (int members = 64; members <= 65; members++) {
        n = (size_t)sprintf(text, "{\"key\":\"a\"");
        for (int i = 1; i < members; i++)
            n += (size_t)sprintf(text + n, ",\"m%d\":0", i);
        strcpy(text + n, "}");
        cr_assert_eq(read_two(text, strlen(text), &key, chain),
                     members == 64 ? AM_OK : AM_INVALID_ARGUMENT);
    }
}

static int
head(const char *text, struct ka_http_head *h, bool *complete)
{
    return ka_http_read(h, complete, am_str_of(text), "test", NULL);
}

Test(keyagent_http, reads_a_head_and_waits_for_its_end)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nx: y\r\nContent-LENGTH:  12 \r\n\r\nrest";
    struct ka_http_head h;
    bool complete;

    cr_assert_eq(head(text, &h, &complete), AM_OK);
    cr_assert(complete);
    cr_assert_eq(h.status, 200);
    cr_assert_eq(h.body_len, 12);
    cr_assert_eq(h.head_len, sizeof text - 1 - 4);
    for (size_t len = 0; len < h.head_len; len++) {
        struct ka_http_head cut;

        cr_assert_eq(ka_http_read(&cut, &complete, (struct am_str){text, len}, "test", NULL),
                     AM_OK);
        cr_assert_not(complete);
    }
}

Test(keyagent_http, refuses_other_heads)
{
    static const char *const texts[] = {
        "SSH-2.0-x",
        "HTTP/2 200 OK\r\ncontent-length: 1\r\n\r\n",
        "HTTP/1.1 20 OK\r\ncontent-length: 1\r\n\r\n",
        "HTTP/1.1 2000 OK\r\ncontent-length: 1\r\n\r\n",
        "HTTP/1.1 099 OK\r\ncontent-length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: \r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0x1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 9999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
    };
    struct ka_http_head h;
    bool complete;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_eq(head(texts[i], &h, &complete), AM_INVALID_ARGUMENT, "%s", texts[i]);
}

Test(keyagent_http, knows_a_missing_method_by_status_and_words)
{
    static const char body[] = "{\n  \"error\": \"Service not found: Version\"\n}";
    struct am_str words = ka_http_words(am_str_of(body));

    cr_assert(am_str_eq(words, "Service not found: Version"));
    cr_assert(ka_http_no_method(400, words));
    cr_assert(ka_http_no_method(404, words));
    cr_assert_not(ka_http_no_method(500, words));
    cr_assert_not(ka_http_no_method(400, am_str_of("Report data is too long")));
    cr_assert_eq(ka_http_words(am_str_of("<html>")).len, 0);
    cr_assert_eq(ka_http_words(am_str_of("{\"error\":{\"code\":404}}")).len, 0);
}
