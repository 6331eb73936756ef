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
    LIST_ENTRY(bus_tapped) link;
    char line[LINE_MAX];
};

void
bus_mirror(struct bus *bus, struct bus_trace *t, const struct bus_row *row, const void *message)
{
    static const struct bus_row *trace = &bus_rows[BUS_ROW_bus_trace];
    uint8_t packed[BUS_FRAME_MAX];
    char shown[TEXT_MAX];
    struct am_text text = {shown, sizeof shown, 0, false};
    struct am_error err;
    size_t len;

    if (bus->taps <= 0)
        return;
    if (row != NULL)
        bus_print(&text, row, false, message);
    else
        am_text_json(&text, t->text);
    t->text = (struct am_str){shown, text.len};
    if (bus_encode(trace, t, packed, sizeof packed, &len, &err) == AM_OK)
        bus_tell(bus, "tap", ++bus->tap_sequence, false, am_bin_of(packed, len));
    else
        bus_drop(bus, &err);
}

/* {"service":"chain","event":"...","at_ms":N,"name":"..."  and the line is open for more */
static struct am_text
start(struct bus_tapped *t, const char *event, struct am_str name)
{
    struct am_text line = {t->line, sizeof t->line, 0, false};
    int64_t at = t->bus->header != NULL ? (int64_t)t->bus->header->wall_ms : am_wall_ms();

    am_text(&line, "{\"service\":\"%s\",\"event\":\"%s\",\"at_ms\":%" PRId64 ",\"name\":",
            bus_service_name(t->service), event, at);
    am_text_json(&line, name);
    return line;
}

static void
on_fact(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    static const char *const events[] = {"fact", "retracted", "synced", "lost"};
    const struct bus_row *row = bus_topic_row(topic);
    struct bus_tapped *t = arg;
    struct am_text line = start(t, events[change], am_str_of(row->name));

    if (fact != NULL) {
        am_text(&line, ",\"value\":");
        bus_print(&line, row, change == BUS_RETRACTED, fact);
    }
    am_text(&line, "}");
    t->fn(t->arg, t->service, t->line);
}

static int
on_trace(void *arg, struct bus_message *m, struct am_error *err)
{
    struct bus_tapped *t = arg;
    struct bus_trace x;
    struct am_text line;
    int r = bus_decode(&bus_rows[BUS_ROW_bus_trace], false, &x, m->frame[2], err);
    bool reply = r == AM_OK && am_str_eq(x.event, "reply");

    if (r != AM_OK)
        return r;
    line = start(t, reply ? "reply" : "request", x.method);
    am_text(&line, ",\"caller\":");
    am_text_json(&line, x.caller);
    am_text(&line, ",\"correlation\":");
    am_text_json(&line, x.correlation);
    am_text(&line, ",\"call\":%" PRIu64, x.call);
    if (reply)
        am_text(&line, ",\"status\":\"%s\",\"took_ms\":%" PRIu64, am_err_name(-(int)x.status),
                x.took_ms);
    am_text(&line, ",\"value\":%.*s}", (int)x.text.len, x.text.p);
    for (char *p = t->line; *p != '\0'; p++) /* the text is another process's */
        if (*p < 0x20 || *p == 0x7f)
            *p = '?';
    t->fn(t->arg, t->service, t->line);
    return AM_OK;
}

int
bus_tap(struct bus *bus, enum bus_service service, bus_tap_fn *fn, void *arg, struct am_error *err)
{
    struct bus_tapped *t = calloc(1, sizeof *t);
    char at[128];
    int r;

    if (t == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "tap: expected memory, got none");
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
            r = bus_subscribe(bus, (enum bus_topic)i, on_fact, t, err);
    return r;
}

void
bus_tap_close(struct bus *bus)
{
    struct bus_tapped *t;

    while ((t = LIST_FIRST(&bus->tapped)) != NULL) {
        LIST_REMOVE(t, link);
        bus_sock_close(&t->sock);
        free(t);
    }
}
