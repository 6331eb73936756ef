/*  api_agent_keys -- keys for the application: from keyagent in a box, on in locked memory, wiped.
 */
#include "api_agent_int.h"

#include "../../common/base/am_secret.h"
#include "../../common/crypto/am_once.h"

#include "keys.pb-c.h"

#include <stdlib.h>
#include <string.h>

#define KEY_MS 2000 /* keyagent's time */
#define KEY_BYTES 32
#define LABEL_MAX 128

struct key_call {
    struct api_ask ask;
    struct am_once *once;
    bool csk; /* else derived */
};

/* v1's ClusterSharedKey and our DerivedKey are the same bytes: field 1, 32 bytes. */
static int
answer(struct api_ask *ask, const uint8_t *key, struct am_error *err)
{
    uint8_t *message = am_secret_alloc(2 + KEY_BYTES, err);

    if (message == NULL)
        return AM_RESOURCE_EXHAUSTED;
    message[0] = 1 << 3 | 2;
    message[1] = KEY_BYTES;
    memcpy(message + 2, key, KEY_BYTES);
    am_grpc_reply_secret(ask->request, am_bin_of(message, 2 + KEY_BYTES));
    am_secret_free((void **)&message);
    return AM_OK;
}

/* The words of keyagent are for the log of keyagent; an application gets v1's. */
static void
refuse(struct api_ask *ask, int code, const struct am_error *err)
{
    if (code == AM_FAILED_PRECONDITION)
        api_ask_refuse(ask, AM_UNAVAILABLE, "CSK not yet acquired");
    else if (code == AM_UNAVAILABLE || code == AM_DEADLINE_EXCEEDED)
        api_ask_refuse(ask, AM_UNAVAILABLE, "the key agent does not answer");
    else
        api_ask_refuse(ask, code == AM_RESOURCE_EXHAUSTED ? code : AM_INTERNAL, err->text);
}

static void
on_key(void *arg, int code, const void *reply, const struct am_error *err)
{
    struct key_call *c = arg;
    struct am_error bad = {0};
    void *key = NULL;
    struct am_bin sealed;

    c->ask.agent->in_flight--;
    if (code != AM_OK) {
        bad = *err;
    } else {
        sealed = c->csk ? ((const struct keyagent_csk_give_reply *)reply)->sealed
                        : ((const struct keyagent_derive_reply *)reply)->sealed;
        if ((code = am_once_open(c->once, &key, KEY_BYTES, sealed, &bad)) == AM_OK)
            code = answer(&c->ask, key, &bad);
    }
    if (code == AM_OK)
        api_ask_answered(&c->ask);
    else
        refuse(&c->ask, code, &bad);
    am_secret_free(&key);
    am_once_free(&c->once);
    free(c);
}

static void
start(struct api_ask *ask, bool csk, struct am_str label)
{
    struct api_agent *agent = ask->agent;
    struct key_call *c = NULL;
    struct am_bin reply_to;
    struct am_error err = {0};
    int r;

    if (agent->in_flight == API_KEYS_IN_FLIGHT) {
        api_ask_refuse(ask, AM_RESOURCE_EXHAUSTED, "too many key requests wait for an answer");
        return;
    }
    if ((c = calloc(1, sizeof *c)) == NULL) {
        api_ask_refuse(ask, AM_RESOURCE_EXHAUSTED, "no memory for a key request");
        return;
    }
    c->ask = *ask;
    c->csk = csk;
    if ((r = am_once_make(&c->once, &reply_to, &err)) == AM_OK)
        r = csk ? bus_call(agent->o.bus, BUS_METHOD_keyagent_csk_give,
                           &(struct keyagent_csk_give){.reply_to = reply_to}, KEY_MS,
                           ask->correlation, on_key, c, &err)
                : bus_call(agent->o.bus, BUS_METHOD_keyagent_derive,
                           &(struct keyagent_derive){.label = label, .reply_to = reply_to}, KEY_MS,
                           ask->correlation, on_key, c, &err);
    if (r == AM_OK) {
        agent->in_flight++;
        return;
    }
    refuse(ask, r, &err);
    am_once_free(&c->once);
    free(c);
}

void
api_get_csk(struct api_ask *ask, struct am_bin message)
{
    (void)message; /* v1's Empty */
    start(ask, true, am_str_of(""));
}

/* A label that is read otherwise than it was written would be another key: no NUL that ends it
 * early, no second field that replaces it, no letters that look alike. */
static bool
is_label(const Attestmesh__Keys__V1__DeriveKeyRequest *q, size_t message_len)
{
    size_t len = strlen(q->label);

    for (size_t i = 0; i < len; i++)
        if (q->label[i] < 0x20 || q->label[i] > 0x7e)
            return false;
    return len >= 1 && len <= LABEL_MAX &&
           attestmesh__keys__v1__derive_key_request__get_packed_size(q) == message_len;
}

void
api_derive_key(struct api_ask *ask, struct am_bin message)
{
    Attestmesh__Keys__V1__DeriveKeyRequest *q =
        attestmesh__keys__v1__derive_key_request__unpack(NULL, message.len, message.p);

    if (q != NULL && is_label(q, message.len))
        start(ask, false, am_str_of(q->label));
    else
        api_ask_refuse(ask, AM_INVALID_ARGUMENT,
                       "label: expected 1 to 128 printable ASCII characters");
    if (q != NULL)
        attestmesh__keys__v1__derive_key_request__free_unpacked(q, NULL);
}
