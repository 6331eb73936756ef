/*  ka_dstack -- the attestor that is the dstack guest agent.  */
#include "ka_attestor.h"

#include <stdio.h>
#include <string.h>

static const char *const methods[] = {"Version", "Info", "GetKey", "GetQuote"};

const char *
ka_what_name(enum ka_what what)
{
    return methods[what];
}

static int
ask(struct ka_ask **out, struct ev_loop *loop, const char *socket,
    const struct ka_question *question, double deadline_s, ka_agent_fn *fn, void *arg,
    struct am_error *err)
{
    char json[192] = "{}", hex[129];

    if (question->what == KA_ASK_KEY) {
        ka_key_request(json, question->key);
    } else if (question->what == KA_ASK_QUOTE) {
        am_hex(hex, question->report_data, 64);
        snprintf(json, sizeof json, "{\"report_data\":\"%s\"}", hex);
    }
    return ka_agent_ask(out, loop, socket, methods[question->what], json,
                        question->what == KA_ASK_KEY, deadline_s, fn, arg, err);
}

const struct ka_attestor ka_dstack = {
    .name = "dstack",
    .upgrade = "upgrade the dstack OS image to 0.5.7 or newer",
    .ask = ask,
    .cancel = ka_agent_cancel,
    .read_version = ka_version_read,
    .read_info = ka_info_read,
    .read_key = ka_link_read,
    .read_quote = ka_quote_read,
};
