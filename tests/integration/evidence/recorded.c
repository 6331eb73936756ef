/*  recorded -- the recorded quotes of real hardware: they verify, and with any byte changed do not.
 *
 *  They are not part of this project: ATTESTMESH_FIXTURES names their folder, ../shared beside the
 *  project is where they lie otherwise.  Without them nothing is run, and it says so.
 */
#include "../../../cli/cli.h"
#include "../../../cli/cli_file.h"
#include "../../../common/evidence/am_quote_verify.h"
#include "../../unit/evidence_flip.h"
#include "../../unit/evidence_made.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW 1764000000  /* 2025-11-24: all three chains are valid */
#define LATE 2600000000 /* 2052: none is */

static int passed, failed;
static char folder[1024];

static void AM_PRINTF(2, 3) say(bool ok, const char *fmt, ...)
{
    va_list ap;

    ok ? passed++ : failed++;
    printf("%s ", ok ? "ok  " : "FAIL");
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    fflush(stdout);
}

static void
on_flip(void *arg, const struct flip *f)
{
    say(*f->missed == '\0' && f->tried > 0, "%s: %s, %zu bytes, %zu changes: %s", (const char *)arg,
        f->region, f->bytes, f->tried,
        *f->missed == '\0' ? "each refused by its check" : f->missed);
}

/* Evidence of a file; with the log of another one when its own has none. */
static bool
load(struct am_evidence *e, const char *name, const char *log)
{
    char path[1200];
    struct am_error err = {0};
    uint8_t *bytes;
    size_t len;
    int r;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    if ((r = cli_file_read(&bytes, &len, path, AM_EVIDENCE_MAX, &err)) == AM_OK) {
        r = am_evidence_read(e, am_bin_of(bytes, len), &err);
        free(bytes);
    }
    if (r == AM_OK && log != NULL) {
        snprintf(path, sizeof path, "%s/%s", folder, log);
        if ((r = cli_file_read(&bytes, &len, path, AM_EVENTLOG_MAX, &err)) == AM_OK) {
            e->log_text = strndup((const char *)bytes, len);
            free(bytes);
        }
    }
    if (r != AM_OK)
        say(false, "%s: %s", name, err.text);
    return r == AM_OK;
}

static void
judge(const char *name, struct am_evidence *e, int64_t now, enum am_check want)
{
    const struct am_expect expect = {.root = am_intel_root, .now = now};
    struct am_verdict v;
    char words[1024];

    am_evidence_judge(&v, e, &expect);
    am_verdict_words(words, sizeof words, &v);
    say(am_verdict_refusal(&v) == want, "%s: %s", name, words);
    for (enum am_check i = AM_CHECK_rtmr0; i <= AM_CHECK_events && want == AM_CHECKS; i++)
        if (e->log_text != NULL)
            say(v.checks[i].outcome == AM_PASSED, "%s: %s", name, am_check_text(i));
}

static void
fixture(const char *name, const char *file, const char *log, bool both, bool certificates)
{
    const struct flip_how how = {.root = am_intel_root,
                                 .now = NOW,
                                 .stride = 1,
                                 .both = both,
                                 .certificates = certificates,
                                 .fn = on_flip,
                                 .arg = (void *)(uintptr_t)name};
    static struct am_evidence e;
    struct am_bin quote;

    if (!load(&e, file, log))
        return;
    quote = am_bin_of(e.quote_bytes, e.quote_len);
    judge(name, &e, NOW, AM_CHECKS);
    judge(name, &e, LATE, AM_CHECK_dates);
    flip_quote(quote, &how);
    if (e.log_text != NULL)
        flip_log(quote, e.log_text, &how);
    am_evidence_clear(&e);
}

/* `attestmesh verify`, as an operator runs it; its own clock, so from 2031-08-02 on the
 * certificates of a and b are out of date for it. */
static void
command(const char *name, const char *arguments, int want_status, const char *want)
{
    static char out[1 << 16];
    char line[4096];
    FILE *f;
    size_t len;
    int status;

    snprintf(line, sizeof line, ATTESTMESH " verify %s 2>&1", arguments);
    if ((f = popen(line, "re")) == NULL) {
        say(false, "%s: cannot start attestmesh", name);
        return;
    }
    len = fread(out, 1, sizeof out - 1, f);
    out[len] = '\0';
    status = pclose(f);
    say(WIFEXITED(status) && WEXITSTATUS(status) == want_status && strstr(out, want) != NULL,
        "%s: attestmesh verify exits with %d and says \"%s\"", name, want_status, want);
}

static void
commands(void)
{
    static const char hash[] = "3763bc34552cf3a27ff71ad5f7a90471562a1a2df552dfc1998cba2d60da27e7",
                      signed_words[] = "verdict: signed by Intel, TCB not evaluated";
    char arguments[2048];

    snprintf(arguments, sizeof arguments, "'%s/a.quote.hex'", folder);
    command("a", arguments, CLI_VERIFY_SIGNED, signed_words);
    snprintf(arguments, sizeof arguments, "'%s/b.quote.bin'", folder);
    command("b", arguments, CLI_VERIFY_SIGNED, signed_words);
    snprintf(arguments, sizeof arguments,
             "'%s/c.quote-report.json' --compose-hash %s --app-id %.40s", folder, hash, hash);
    command("c", arguments, CLI_VERIFY_SIGNED, signed_words);
    snprintf(arguments, sizeof arguments, "'%s/c.quote-report.json' --compose /dev/null", folder);
    command("c", arguments, CLI_VERIFY_REFUSED,
            "verdict: refused: other code than expected: compose_hash: the event log has 3763bc34");
}

/* Somebody else's good quote in a node's answer: signed by Intel, and not for these keys. */
static void
in_an_answer(void)
{
    static struct am_evidence e;
    static struct made made;
    const struct am_report_keys keys = {{1}, {2}, {3}, {4}, {5}};
    char path[] = "/tmp/am-evidence-XXXXXX", *text;
    int fd = mkstemp(path);

    if (!load(&e, "c.quote-report.json", NULL))
        return;
    memcpy(made.bytes, e.quote_bytes, e.quote_len);
    made.len = e.quote_len;
    text = made_answer(&made, &keys, am_bin_of(NULL, 0), e.log_text);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        say(false, "c: cannot write %s", path);
    else
        command("c in a node's answer", path, CLI_VERIFY_REFUSED,
                "verdict: refused: not said of these keys, or not now: report_data_keys: ");
    close(fd);
    unlink(path);
    free(text);
    am_evidence_clear(&e);
}

int
main(void)
{
    const char *given = getenv("ATTESTMESH_FIXTURES");

    snprintf(folder, sizeof folder, "%s",
             given != NULL ? given : SOURCE "/../shared/vectors/quote");
    if (access(folder, R_OK) == 0) {
        fixture("a", "a.quote.hex", "a.eventlog.json", true, true);
        /* Its certificates are those of a, byte for byte. */
        fixture("b", "b.quote.bin", NULL, true, false);
        fixture("c", "c.quote-report.json", NULL, false, true);
        commands();
        in_an_answer();
    } else if (given != NULL) {
        say(false, "ATTESTMESH_FIXTURES: cannot read %s", folder);
    } else {
        printf("not run: no recorded quotes in %s (ATTESTMESH_FIXTURES names another folder)\n",
               folder);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
