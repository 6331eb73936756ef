/*  access -- every row of the access table from every uid; and nobody gets a key that is not
 * public.
 */
#include "access.h"

#include "../../../common/crypto/am_curve.h"
#include "../scan/scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READY_MS 20000

static unsigned passed, failed;

static void check(bool ok, const char *what, const char *fmt, ...) AM_PRINTF(3, 4);

static void
check(bool ok, const char *what, const char *fmt, ...)
{
    va_list ap;

    printf("%s %s: ", ok ? "ok  " : "FAIL", what);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    fflush(stdout);
    *(ok ? &passed : &failed) += 1;
}

/* A fact goes to whoever the table knows, so none may have a field that is not for all. */
static void
facts_are_public(void)
{
    const char *secret = "none";
    unsigned fields = 0;

    for (int t = 0; t < BUS_TOPIC_COUNT; t++)
        for (const struct bus_row *f = bus_topic_row((enum bus_topic)t) + 1; bus_is_field(f); f++) {
            fields++;
            if ((f->flags & BUS_SECRET) != 0)
                secret = f->name;
            for (const struct bus_row *e = &bus_rows[f->element] + 1;
                 f->kind == BUS_FIELD_ARRAY && bus_is_field(e); e++)
                if ((e->flags & BUS_SECRET) != 0)
                    secret = e->name;
        }
    check(fields > 0 && strcmp(secret, "none") == 0, "no fact has a SECRET field", "%u fields; %s",
          fields, secret);
}

/* Under the own name: as the table is written. */
static void
as_written(const struct access_world *w, int self)
{
    static const char *const answers[] = {"silence", "a refusal", "nobody who serves it",
                                          "the handler"};
    unsigned rows = 0, refused = 0, wrong = 0;
    char first[128] = "";

    for (int m = 0; m < BUS_METHOD_COUNT; m++) {
        const struct bus_row *row = bus_method_row((enum bus_method)m);
        bool may = (row->flags >> self & 1) != 0;
        enum access_answer got = w->seen->answer[self][m];
        unsigned calls = w->reached[self][m];

        rows += may;
        refused += !may;
        /* keyagent counts for nobody: there the words decide */
        if (got == (may ? ACCESS_REACHED : ACCESS_REFUSED) &&
            (row->service == BUS_KEYAGENT || calls == (may ? 1 : 0)))
            continue;
        if (wrong++ == 0)
            snprintf(first, sizeof first, "; %s: expected %s, got %s, %u calls", row->name,
                     answers[may ? ACCESS_REACHED : ACCESS_REFUSED], answers[got], calls);
    }
    check(wrong == 0, "each row as it is written", "%s: %u reach their handler, %u are refused%s",
          bus_service_name((enum bus_service)self), rows, refused, first);
}

static void
under_other_names(const struct access_world *w, int self)
{
    unsigned tried = 0, let = 0;

    for (int claimed = 0; claimed < BUS_SERVICE_COUNT; claimed++)
        for (int m = 0; m < BUS_METHOD_COUNT && claimed != self; m++) {
            tried++;
            let += w->seen->answer[claimed][m] != ACCESS_REFUSED || w->reached[claimed][m] != 0;
        }
    check(tried > 0 && let == 0, "under another name all is refused", "%s: %u tried, %u let",
          bus_service_name((enum bus_service)self), tried, let);
}

static void
what_it_hears(const struct access_world *w, int self)
{
    const struct access_seen *s = w->seen;
    const char *name = bus_service_name((enum bus_service)self);
    unsigned topics = 0, hellos = 0, let_in = 0;

    for (int t = 0; t < BUS_TOPIC_COUNT; t++)
        topics += s->facts[t] > 0;
    for (int i = 0; i < BUS_CLI; i++) {
        hellos += s->hello[i];
        let_in += s->let_in[i];
    }
    check(topics == BUS_TOPIC_COUNT && s->published > 0 && s->beacons > 0 && s->strange == 0 &&
              hellos == BUS_CLI && let_in == BUS_CLI,
          "facts, beacons and hello are all it hears unasked",
          "%s: let in by %u of %d, %u hellos; facts of %u of %d topics, %u more, %u beacons, "
          "%u strange",
          name, let_in, BUS_CLI, hellos, topics, BUS_TOPIC_COUNT, s->published, s->beacons,
          s->strange);
    check((s->traces > 0) == (self == BUS_CLI), "only cli hears what others ask", "%s: %u traces",
          name, s->traces);
}

/* All that came, whichever way. */
static void
no_key_in(const struct access_world *w, const char *name, bool known)
{
    struct scan_found f = {0};
    uint8_t wg_pub[32];
    struct am_error err;
    struct stat st;
    uint8_t *p = NULL;
    bool public_half;

    if (fstat(w->capture, &st) != 0 || (p = malloc((size_t)st.st_size + 1)) == NULL ||
        pread(w->capture, p, (size_t)st.st_size, 0) != st.st_size ||
        am_x25519_pub(wg_pub, scan_key_of(0, SCAN_WIREGUARD), &err) != AM_OK) {
        check(false, "what came can be read", "%s", name);
        free(p);
        return;
    }
    scan_bytes(&f, name, p, (size_t)st.st_size, 0);
    public_half = memmem(p, (size_t)st.st_size, wg_pub, sizeof wg_pub) != NULL;
    check(f.places == 0 && public_half == known,
          known ? "public keys are in what came, and no secret one" : "no key is in what came",
          "%s: %llu bytes%s%s", name, (unsigned long long)f.bytes, f.places > 0 ? ": " : "",
          f.where[0]);
    free(p);
}

static void
service(struct access_world *w, int self)
{
    const char *name = bus_service_name((enum bus_service)self);
    int status;

    memset(w->reached, 0, BUS_SERVICE_COUNT * sizeof *w->reached);
    status = access_call(w, ACCESS_UID_FIRST + (unsigned)self);
    if (status != 0) {
        check(false, "the caller gets to its end", "%s: %d", name, status);
        return;
    }
    as_written(w, self);
    under_other_names(w, self);
    what_it_hears(w, self);
    no_key_in(w, name, true);
}

/* No name is given to this uid. */
static void
nobody(struct access_world *w, unsigned uid, const char *name)
{
    unsigned away = 0, reached = 0;
    int status;

    memset(w->reached, 0, BUS_SERVICE_COUNT * sizeof *w->reached);
    status = access_call(w, uid);
    for (int s = 0; s < BUS_CLI; s++)
        away += w->seen->turned_away[s];
    for (int c = 0; c < BUS_SERVICE_COUNT; c++)
        for (int m = 0; m < BUS_METHOD_COUNT; m++)
            reached += w->reached[c][m];
    check(status == 0 && away == BUS_CLI && reached == 0 && w->seen->frames == 0,
          "who has no row is let in nowhere, and hears nothing",
          "%s: turned away by %u of %d; %u calls, %u messages", name, away, BUS_CLI, reached,
          w->seen->frames);
    no_key_in(w, name, false);
}

static int
end(struct access_world *w, const char *why)
{
    if (why != NULL) {
        check(false, "the services come up", "%s", why);
        access_log(w);
    }
    access_close(w);
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}

int
main(void)
{
    static struct access_world w;
    struct am_error err = {0};
    uint8_t app_id[20];
    unsigned missed, tried;

    if (geteuid() != 0) {
        printf("FAIL to be several users takes root\n0 passed, 1 failed\n");
        return 1;
    }
    memset(app_id, 0xa1, sizeof app_id);
    if (scan_add(0, app_id, &err) != AM_OK || access_open(&w, &err) != AM_OK)
        return end(&w, err.text);
    if (!access_ready(&w, READY_MS))
        return end(&w, "no heartbeat was signed");
    missed = scan_missed(1, &tried);
    check(missed == 0, "the search finds a key in each form", "%u tried, %u missed", tried, missed);
    facts_are_public();
    for (int s = 0; s < BUS_SERVICE_COUNT; s++)
        service(&w, s);
    nobody(&w, ACCESS_UID_FOREIGN, "a foreign uid");
    nobody(&w, 0, "root");
    return end(&w, NULL);
}
