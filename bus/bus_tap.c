/*  bus_tap -- the conversation for eyes: mirrored redacted at the server, shown at the tapper.  */
#include "bus_int.h"

#include <inttypes.h>

#define TEXT_MAX 49152u  /* of a mirrored message: bus_trace.text */
#define LINE_MAX 262144u /* of a line: the largest view has 256 members */

struct bus_tapped {
    struct bus *bus;
    enum bus_service service;
    bus_tap_fn *fn;
    void *arg;
    struct bus_sock sock;
    char *line;
    LIST_ENTRY(bus_tapped) link;
};

void
bus_mirror(struct bus *bus, struct bus_trace *t, const struct bus_row *row, const void *message)
{
    struct bus_header h = bus_header_new(bus, bus->tap_sequence + 1);
    uint8_t *packed;
    char *text;
    size_t n;

    if (bus->taps <= 0 || (text = malloc(TEXT_MAX + BUS_FRAME_MAX)) == NULL)
        return;
    packed = (uint8_t *)text + TEXT_MAX;
    n = message != NULL ? bus_print(row, false, message, text, TEXT_MAX)
                        : bus_print_text(text, TEXT_MAX, 0, t->text);
    t->text = (struct am_str){text, n};
    bus->tap_sequence++;
    if (bus_encode(&bus_rows[BUS_ROW_bus_trace], t, packed, BUS_FRAME_MAX, &n, NULL) != AM_OK ||
        bus_send(&bus->pub, BUS_NOTHING, "tap", &h, am_bin_of(packed, n)) != 0)
        bus_drop(bus, AM_INTERNAL, "tap: expected to mirror %.*s", (int)t->method.len, t->method.p);
    free(text);
}

/* {"service":"chain","event":"...","at_ms":N, and the line is open for more */
static size_t
start(struct bus_tapped *t, const char *event)
{
    int64_t at = t->bus->header != NULL ? (int64_t)t->bus->header->wall_ms : am_wall_ms();

    return (size_t)snprintf(t->line, LINE_MAX,
                            "{\"service\":\"%s\",\"event\":\"%s\",\"at_ms\":%" PRId64,
                            bus_service_name(t->service), event, at);
}

static void
on_fact(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    static const char *const events[] = {"fact", "retracted", "synced", "lost"};
    struct bus_tapped *t = arg;
    const struct bus_row *row = bus_topic_row(topic);
    size_t n = start(t, events[change]);

    n += (size_t)snprintf(t->line + n, LINE_MAX - n, ",\"name\":\"%s\"", row->name);
    if (fact != NULL) {
        n += (size_t)snprintf(t->line + n, LINE_MAX - n, ",\"value\":");
        n += bus_print(row, change == BUS_RETRACTED, fact, t->line + n, LINE_MAX - n - 2);
    }
    snprintf(t->line + n, LINE_MAX - n, "}");
    t->fn(t->arg, t->service, t->line);
}

static void
show(struct bus_tapped *t, const struct bus_trace *x)
{
    size_t n = start(t, am_str_eq(x->event, "reply") ? "reply" : "request");

    n += (size_t)snprintf(t->line + n, LINE_MAX - n, ",\"name\":");
    n = bus_print_text(t->line, LINE_MAX, n, x->method);
    n += (size_t)snprintf(t->line + n, LINE_MAX - n, ",\"caller\":");
    n = bus_print_text(t->line, LINE_MAX, n, x->caller);
    n += (size_t)snprintf(t->line + n, LINE_MAX - n, ",\"correlation\":");
    n = bus_print_text(t->line, LINE_MAX, n, x->correlation);
    n += (size_t)snprintf(t->line + n, LINE_MAX - n, ",\"call\":%" PRIu64, x->call);
    if (am_str_eq(x->event, "reply"))
        n += (size_t)snprintf(t->line + n, LINE_MAX - n, ",\"status\":\"%s\",\"took_ms\":%" PRIu64,
                              am_err_name(-(int)x->status), x->took_ms);
    snprintf(t->line + n, LINE_MAX - n, ",\"value\":%.*s}", (int)x->text.len, x->text.p);
    for (char *p = t->line; *p != '\0'; p++) /* the text is another process's */
        if (*p < 0x20 || *p == 0x7f)
            *p = '?';
    t->fn(t->arg, t->service, t->line);
}

static bool
on_trace(void *arg)
{
    struct bus_tapped *t = arg;
    struct bus_frames f;
    struct bus_header h;
    struct bus_trace x;
    struct am_error err;

    if (!bus_take_from(&t->sock, t->service, &f, &h))
        return false;
    t->bus->header = &h;
    if (f.n > 0 &&
        bus_decode(&bus_rows[BUS_ROW_bus_trace], false, &x, bus_frame(&f, 2), &err) == AM_OK)
        show(t, &x);
    else if (f.n > 0)
        bus_drop(t->bus, err.code, "%s", err.text);
    t->bus->header = NULL;
    bus_frames_free(&f);
    return true;
}

int
bus_tap(struct bus *bus, enum bus_service service, bus_tap_fn *fn, void *arg, struct am_error *err)
{
    struct bus_tapped *t = calloc(1, sizeof *t);
    char at[128];
    int r;

    if (t == NULL || (t->line = malloc(LINE_MAX)) == NULL) {
        free(t);
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "tap: expected memory, got none");
    }
    t->bus = bus;
    t->service = service;
    t->fn = fn;
    t->arg = arg;
    LIST_INSERT_HEAD(&bus->tapped, t, link); /* bus_close frees it, whatever fails below */
    r = bus_sock_open(&t->sock, bus, ZMQ_SUB, bus_service_name(service),
                      bus_address(at, bus, service, "pub"), on_trace, t, err);
    if (r == AM_OK)
        zmq_setsockopt(t->sock.zmq, ZMQ_SUBSCRIBE, "tap", strlen("tap"));
    for (int i = 0; i < BUS_TOPIC_COUNT && r == AM_OK; i++)
        if (bus_topic_row((enum bus_topic)i)->service == service)
            r = bus_follow(bus, (enum bus_topic)i, on_fact, t, err);
    return r;
}

void
bus_tap_close(struct bus *bus)
{
    struct bus_tapped *t;

    while ((t = LIST_FIRST(&bus->tapped)) != NULL) {
        LIST_REMOVE(t, link);
        bus_sock_close(&t->sock);
        free(t->line);
        free(t);
    }
}
