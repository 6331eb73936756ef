/*  api_page -- what /healthz and /metrics must look like, whoever asked.  */
#include "api_page.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
has_the_shape(const json_t *root)
{
    static const struct {
        const char *key;
        json_type type;
    } rows[] = {
        {"phase", JSON_STRING},
        {"first_converged", JSON_TRUE},
        {"csk_acquired", JSON_TRUE},
        {"live_peers", JSON_INTEGER},
        {"transports", JSON_OBJECT},
        {"punch", JSON_OBJECT},
        {"indexer_connected", JSON_TRUE},
        {"indexer_caught_up", JSON_TRUE},
        {"indexer_cursor_block", JSON_INTEGER},
        {"live", JSON_TRUE},
        {"reason", JSON_STRING},
        {"removed_members", JSON_ARRAY},
    };
    static const char *const punch[] = {"punch_attempts_total", "punch_success_total",
                                        "udp_reverts_total"};
    const json_t *p = json_object_get(root, "punch");

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const json_t *v = json_object_get(root, rows[i].key);

        cr_expect_not_null(v, "%s", rows[i].key);
        if (v != NULL)
            cr_expect(json_typeof(v) == rows[i].type ||
                          (rows[i].type == JSON_TRUE && json_is_boolean(v)),
                      "%s", rows[i].key);
    }
    cr_expect_eq(json_object_size(root), sizeof rows / sizeof rows[0]);
    for (size_t i = 0; i < 3; i++)
        cr_expect(json_is_integer(json_object_get(p, punch[i])), "%s", punch[i]);
    cr_expect_eq(json_object_size(p), 3);
}

/* One line of Prometheus' text format, and what must have stood before it. */
static void
check_metric(char *line, char *typed, size_t cap)
{
    char name[128], kind[16], *value, *end;

    if (strncmp(line, "# HELP ", 7) == 0) {
        cr_expect_eq(sscanf(line, "# HELP %127[a-z0-9_] %15s", name, kind), 2, "%s", line);
        return;
    }
    if (strncmp(line, "# TYPE ", 7) == 0) {
        cr_expect_eq(sscanf(line, "# TYPE %127[a-z0-9_] %15s", name, kind), 2, "%s", line);
        cr_expect(strcmp(kind, "gauge") == 0 || strcmp(kind, "counter") == 0, "%s", line);
        cr_expect((strcmp(kind, "counter") == 0) ==
                      (strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0),
                  "%s", line);
        snprintf(typed, cap, "%s", name);
        return;
    }
    cr_expect_eq(strncmp(line, typed, strlen(typed)), 0, "no TYPE before: %s", line);
    value = line + strlen(typed);
    cr_expect(*value == ' ' || *value == '{', "%s", line);
    value = strrchr(line, ' ');
    cr_assert_not_null(value, "%s", line);
    (void)strtoull(value + 1, &end, 10);
    cr_expect(end != value + 1 && *end == '\0', "%s", line);
}

void
check_metrics(char *text)
{
    char typed[128] = "?", *line, *rest = text;
    size_t len = strlen(text);

    cr_assert(len > 0 && text[len - 1] == '\n', "the last line ends too");
    while ((line = strsep(&rest, "\n")) != NULL && rest != NULL)
        check_metric(line, typed, sizeof typed);
}
