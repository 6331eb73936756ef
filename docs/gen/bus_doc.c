/*  bus_doc -- print docs/bus.md from the tables, so that the page cannot disagree with the code. */
#include "../../bus/bus_schema.h"

#include <inttypes.h>
#include <stdio.h>

static void
print_callers(unsigned callers)
{
    const char *between = "";

    for (int s = 0; s < BUS_SERVICE_COUNT; s++)
        if ((callers >> s & 1) != 0) {
            printf("%s%s", between, bus_service_name((enum bus_service)s));
            between = ", ";
        }
}

static void
print_limit(const struct bus_row *f)
{
    if (f->kind == BUS_FIELD_ARRAY)
        printf("array of `%s` | up to %" PRIu64, bus_rows[f->element].name, f->max);
    else if (f->kind == BUS_FIELD_BOOL)
        printf("bool | ");
    else if (f->kind == BUS_FIELD_U64 && f->max == UINT64_MAX)
        printf("u64 | ");
    else if (f->kind == BUS_FIELD_U64)
        printf("u64 | up to %" PRIu64, f->max);
    else if (f->min == f->max)
        printf("bin | %" PRIu64 " bytes", f->max);
    else
        printf("%s | %" PRIu64 " to %" PRIu64 " bytes", f->kind == BUS_FIELD_STR ? "str" : "bin",
               f->min, f->max);
}

static void
print_fields(const struct bus_row *row)
{
    if (!bus_is_field(row + 1)) {
        printf("No fields.\n\n");
        return;
    }
    printf("| field | type | limit | | |\n|---|---|---|---|---|\n");
    for (const struct bus_row *f = row + 1; bus_is_field(f); f++) {
        printf("| `%s` | ", f->name);
        print_limit(f);
        printf(" | %s%s | %s |\n", (f->flags & BUS_OPT) != 0 ? "optional" : "required",
               (f->flags & BUS_SECRET) != 0 ? ", **secret**" : "", f->doc);
    }
    printf("\n");
}

int
main(void)
{
    static const char *const kinds[] = {[BUS_STRUCT] = "struct",
                                        [BUS_FACT_SINGLE] = "fact",
                                        [BUS_FACT_KEYED] = "fact, one a key (the first field)",
                                        [BUS_REQUEST] = "request",
                                        [BUS_COMMAND] = "command",
                                        [BUS_REPLY] = "reply"};

    printf(
        "# Messages of the bus\n\nMade by `bus_doc` from `bus/messages/*.def`; do not edit.\n\n"
        "A message is `[name][bus_header][payload]`: the name as text, the others MessagePack maps "
        "keyed by field name.\nSchema version %d.  `hello` (reply `bus_hello`) and `snapshot` "
        "(`bus_snapshot`, `bus_snapshot_reply`) may be asked of every service by every service; "
        "`tap` (`bus_trace`) may be followed by cli alone; `beacon` (`bus_beacon`) and the facts "
        "by every service.\n\n",
        BUS_SCHEMA_VERSION);
    for (const struct bus_row *row = bus_rows; row->kind != 0; row++) {
        if (bus_is_field(row))
            continue;
        printf("%s `%s`: %s\n\n", row->kind == BUS_REPLY ? "###" : "##", row->name,
               kinds[row->kind]);
        if (row->doc[0] != '\0')
            printf("%s.", row->doc);
        if (row->flags != 0) {
            printf("  Callers: ");
            print_callers(row->flags);
            printf(".");
        }
        printf("%s", row->doc[0] != '\0' ? "\n\n" : "");
        print_fields(row);
    }
    return 0;
}
