/*  test_compose_hash -- which writing of an app-compose file is the canonical one.  */
#include "../../common/evidence/am_compose.h"

#include <criterion/criterion.h>
#include <string.h>

static int
judge(const char *text, struct am_error *err)
{
    return am_compose_canonical(am_bin_of(text, strlen(text)), err);
}

Test(compose, in_canonical_form_is_said_to_be_so)
{
    static const char *const good[] = {
        /* dstack page 5: hashed the same by bytes and by SDK */
        "{\"allowed_envs\":[\"B\",\"A\"],\"docker_compose_file\":\"services:\\n  a:\\n    image: "
        "x@sha256:00\\n\",\"kms_enabled\":true,\"manifest_version\":2,\"name\":\"h\xc3\xa9llo "
        "<&>\",\"pre_launch_script\":\"\",\"runner\":\"docker-compose\"}",
        "{}",
        "{\"a\":[],\"b\":{},\"c\":[1,-2,0.5,null,false,\"\\\"\\\\\\b\\n\\r\\t\\u0001\\u001f/\"]}",
        "{\"a\":1,\"aa\":2,\"b\":3}",
    };
    struct am_error err = {0};

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_expect_eq(judge(good[i], &err), AM_OK, "%s: %s", good[i], err.text);
}

Test(compose, in_another_form_is_told_where_it_differs)
{
    static const struct {
        const char *text;
        int code;
        const char *why;
    } others[] = {
        {"{\"b\":1,\"a\":2}", AM_FAILED_PRECONDITION, "byte 10: this key belongs before"},
        {"{\"ab\":1,\"a\":2}", AM_FAILED_PRECONDITION, "this key belongs before"},
        {"{\"a\":{\"y\":1,\"x\":2}}", AM_FAILED_PRECONDITION, "this key belongs before"},
        {"{\"a\": 1}", AM_FAILED_PRECONDITION, "byte 5: expected a value and no blank"},
        {"{ \"a\":1}", AM_FAILED_PRECONDITION, "byte 1: expected a string and no blank"},
        {"{\"a\":1 }", AM_FAILED_PRECONDITION, "no blank before it"},
        {"{\"a\" :1}", AM_FAILED_PRECONDITION, "no blank before it"},
        {"{\"a\":[1, 2]}", AM_FAILED_PRECONDITION, "no blank before it"},
        {"{\"a\":1}\n", AM_FAILED_PRECONDITION, "something behind the last brace"},
        {" {\"a\":1}", AM_FAILED_PRECONDITION, "no blank before it"},
        {"{\"a\":\"\\/\"}", AM_FAILED_PRECONDITION, "an escape that is longer"},
        {"{\"a\":\"\\u003c\"}", AM_FAILED_PRECONDITION, "an escape that is longer"},
        {"{\"a\":\"\\u00e9\"}", AM_FAILED_PRECONDITION, "an escape that is longer"},
        {"{\"a\":\"\\u001F\"}", AM_FAILED_PRECONDITION, "an escape that is longer"},
        {"{\"a\":\"\\u000a\"}", AM_FAILED_PRECONDITION, "an escape that is longer"},
        {"{\"a\":1.0}", AM_FAILED_PRECONDITION, "a number that JavaScript"},
        {"{\"a\":1e3}", AM_FAILED_PRECONDITION, "a number that JavaScript"},
        {"{\"a\":-0}", AM_FAILED_PRECONDITION, "a number that JavaScript"},
        {"{\"a\":1234567890123456}", AM_FAILED_PRECONDITION, "a number that JavaScript"},
        {"{\"\xc3\xa9\":1}", AM_UNIMPLEMENTED, "not judged"},
        {"{\"a\":1,\"a\":2}", AM_INVALID_ARGUMENT, "duplicate"},
        {"{\"a\":\"\xff\"}", AM_INVALID_ARGUMENT, "expected a JSON object"},
        {"\xef\xbb\xbf{}", AM_INVALID_ARGUMENT, "expected a JSON object"},
        {"{\"a\":1", AM_INVALID_ARGUMENT, "expected a JSON object"},
        {"[1]", AM_INVALID_ARGUMENT, "another value"},
        {"services:\n", AM_INVALID_ARGUMENT, "expected a JSON object"},
        {"", AM_INVALID_ARGUMENT, "expected a JSON object"},
    };
    struct am_error err = {0};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        cr_expect_eq(judge(others[i].text, &err), others[i].code, "%s: %s", others[i].text,
                     err.text);
        cr_expect_not_null(strstr(err.text, others[i].why), "%s: %s", others[i].text, err.text);
    }
}

Test(compose, has_a_deepest_nesting)
{
    char text[256] = "{\"a\":";

    memset(text + 5, '[', 64);
    memset(text + 69, ']', 64);
    strcpy(text + 133, "}");
    cr_assert_eq(judge(text, NULL), AM_OK);
    memset(text + 5, '[', 65);
    memset(text + 70, ']', 65);
    strcpy(text + 135, "}");
    cr_assert_eq(judge(text, NULL), AM_OUT_OF_RANGE);
}
