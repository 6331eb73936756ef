/*  am_log -- one line per event on stderr: JSON, or short text when stderr is a terminal.  */
#include "am_log.h"

#include "am_clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static struct {
    const char *service;
    bool json;
    enum am_level least;
} log_state = {"attestmesh", true, AM_INFO};

struct line {
    char text[LINE_MAX_BYTES];
    size_t len;
};

void
am_log_open(const char *service, const char *format, const char *level)
{
    log_state.service = service;
    log_state.json = format != NULL && *format != '\0' ? strcmp(format, "pretty") != 0
                                                       : isatty(STDERR_FILENO) == 0;
    log_state.least = AM_INFO;
    for (int i = AM_DEBUG; level != NULL && i <= AM_ERROR; i++)
        if (strcmp(level, level_names[i]) == 0)
            log_state.least = (enum am_level)i;
}

static void
put(struct line *l, const char *p, size_t n)
{
    if (n > sizeof l->text - 8 - l->len) /* room is kept for the closing quote, brace and newline */
        n = sizeof l->text - 8 - l->len;
    memcpy(l->text + l->len, p, n);
    l->len += n;
}

static void
put_string(struct line *l, const char *p, size_t n)
{
    put(l, "\"", 1);
    for (size_t i = 0; i < n; i++) {
        char esc[8];

        if ((unsigned char)p[i] < 0x20 || (unsigned char)p[i] >= 0x7f)
            snprintf(esc, sizeof esc, "\\u%04x", (unsigned)(unsigned char)p[i]);
        else if (p[i] == '"' || p[i] == '\\')
            snprintf(esc, sizeof esc, "\\%c", p[i]);
        else
            snprintf(esc, sizeof esc, "%c", p[i]);
        put(l, esc, strlen(esc));
    }
    put(l, "\"", 1);
}

/* `a=1 b="two words"` -> ,"a":"1","b":"two words" */
static void
put_pairs(struct line *l, const char *s)
{
    while (*s != '\0') {
        size_t key = strcspn(s, "= "), value;
        const char *v;

        if (s[key] != '=') {
            s += key + (s[key] == ' ');
            continue;
        }
        v = s + key + 1;
        if (*v == '"') {
            const char *end = strrchr(v + 1, '"');

            value = end != NULL ? (size_t)(end - v - 1) : strlen(v + 1);
            v++;
        } else {
            value = strcspn(v, " ");
        }
        put(l, ",", 1);
        put_string(l, s, key);
        put(l, ":", 1);
        put_string(l, v, value);
        s = v + value;
        s += strspn(s, "\" ");
    }
}

static void
write_line(struct line *l)
{
    size_t done = 0;

    l->text[l->len++] = '\n';
    while (done < l->len) {
        ssize_t n = write(STDERR_FILENO, l->text + done, l->len - done);

        if (n <= 0)
            return; /* nobody reads our log: not a reason to stop working */
        done += (size_t)n;
    }
}

static void
put_time(struct line *l)
{
    int64_t now = am_wall_ms();
    time_t s = (time_t)(now / 1000);
    struct tm tm;
    char text[80];

    gmtime_r(&s, &tm);
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(now % 1000));
    put(l, text, strlen(text));
}

static void
emit(enum am_level level, const char *event, const char *pairs)
{
    struct line l = {.len = 0};

    if (log_state.json) {
        put(&l, "{\"time\":\"", 9);
        put_time(&l);
        put(&l, "\",\"level\":\"", 11);
        put(&l, level_names[level], strlen(level_names[level]));
        put(&l, "\",\"service\":\"", 13);
        put(&l, log_state.service, strlen(log_state.service));
        put(&l, "\",\"event\":", 10);
        put_string(&l, event, strlen(event));
        put_pairs(&l, pairs);
        l.text[l.len++] = '}';
    } else {
        put_time(&l);
        put(&l, " ", 1);
        put(&l, level_names[level], strlen(level_names[level]));
        put(&l, " ", 1);
        put(&l, log_state.service, strlen(log_state.service));
        put(&l, " ", 1);
        put(&l, event, strlen(event));
        put(&l, " ", 1);
        for (; *pairs != '\0'; pairs++)
            put(&l, (unsigned char)*pairs < 0x20 || *pairs == 0x7f ? "?" : pairs, 1);
    }
    write_line(&l);
}

void
am_log(enum am_level level, const char *event, const char *fmt, ...)
{
    char pairs[LINE_MAX_BYTES / 2];
    va_list ap;

    if (level < log_state.least)
        return;
    va_start(ap, fmt);
    vsnprintf(pairs, sizeof pairs, fmt, ap);
    va_end(ap);
    emit(level, event, pairs);
}

void
am_log_call(const char *boundary, const char *what, int64_t took_ms, int outcome,
            const struct am_error *err, const char *correlation)
{
    am_log(outcome == AM_OK ? AM_DEBUG : AM_WARN, "call",
           "boundary=%s what=%s ms=%lld outcome=%s correlation=%s reason=\"%s\"", boundary, what,
           (long long)took_ms, am_err_name(outcome), correlation != NULL ? correlation : "",
           err != NULL && outcome != AM_OK ? err->text : "");
}
