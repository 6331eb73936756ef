/*  test_file -- files of state: whole or not at all, and none that others could have touched.  */
#include "../../common/base/am_file.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], path[128];
static uint8_t out[64];
static size_t len;
static struct am_error err;

static void
open_dir(void)
{
    snprintf(dir, sizeof dir, "/tmp/am-file-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/x.v1", dir);
}

static void
close_dir(void)
{
    char line[96];

    snprintf(line, sizeof line, "rm -rf %s", dir);
    cr_assert_eq(system(line), 0);
}

TestSuite(file, .init = open_dir, .fini = close_dir);

static int
take(void)
{
    memset(&err, 0, sizeof err);
    return am_file_read(dir, "x.v1", out, sizeof out, &len, &err);
}

static int
put(const char *text)
{
    memset(&err, 0, sizeof err);
    return am_file_write(dir, "x.v1", am_bin_of(text, strlen(text)), &err);
}

Test(file, is_replaced_whole_and_leaves_nothing_beside_it)
{
    struct dirent *e;
    struct stat st;
    int files = 0;
    DIR *d;

    cr_assert_eq(take(), AM_NOT_FOUND);
    cr_assert_eq(put("first"), AM_OK, "%s", err.text);
    cr_assert_eq(put("2nd"), AM_OK, "%s", err.text);
    cr_assert_eq(take(), AM_OK, "%s", err.text);
    cr_assert_eq(len, 3);
    cr_assert_arr_eq(out, "2nd", 3);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0600);
    cr_assert_not_null(d = opendir(dir));
    while ((e = readdir(d)) != NULL)
        files += e->d_name[0] != '.' || strlen(e->d_name) > 2;
    closedir(d);
    cr_assert_eq(files, 1);
    cr_assert_eq(am_file_remove(dir, "x.v1", &err), AM_OK);
    cr_assert_eq(am_file_remove(dir, "x.v1", &err), AM_OK, "absent is well");
    cr_assert_eq(take(), AM_NOT_FOUND);
}

Test(file, may_be_as_long_as_asked_for_and_no_longer)
{
    char text[66];

    memset(text, 'a', 65);
    text[65] = '\0';
    cr_assert_eq(put(text + 1), AM_OK);
    cr_assert_eq(take(), AM_OK);
    cr_assert_eq(len, 64);
    cr_assert_eq(put(text), AM_OK);
    cr_assert_eq(take(), AM_OUT_OF_RANGE);
    cr_assert_eq(len, 0);
    cr_assert_not_null(strstr(err.text, "at most 64 bytes"), "%s", err.text);
    cr_assert_eq(put(""), AM_OK);
    cr_assert_eq(take(), AM_OK);
    cr_assert_eq(len, 0);
}

Test(file, that_others_can_reach_is_not_read)
{
    cr_assert_eq(put("secret"), AM_OK);
    for (unsigned bit = 1; bit < 0100; bit <<= 1) {
        cr_assert_eq(chmod(path, 0600 | bit), 0);
        cr_assert_eq(take(), AM_PERMISSION_DENIED, "%03o", bit);
        cr_assert_not_null(strstr(err.text, "expected mode 0600"), "%s", err.text);
    }
    cr_assert_eq(put("again"), AM_OK, "a new file takes its place");
    cr_assert_eq(take(), AM_OK);
    for (unsigned bit = 1; bit < 0100; bit <<= 1) {
        cr_assert_eq(chmod(dir, 0700 | bit), 0);
        cr_assert_eq(take(), AM_PERMISSION_DENIED, "%03o", bit);
        cr_assert_not_null(strstr(err.text, "expected mode 0700"), "%s", err.text);
        cr_assert_eq(put("more"), AM_PERMISSION_DENIED);
        cr_assert_eq(am_file_remove(dir, "x.v1", &err), AM_PERMISSION_DENIED);
    }
    cr_assert_eq(chmod(dir, 0700), 0);
    cr_assert_eq(take(), AM_OK);
    cr_assert_arr_eq(out, "again", 5);
}

Test(file, of_another_user_is_not_read)
{
    if (geteuid() != 0) { /* nothing can be given away then; /etc is another's */
        cr_assert_eq(am_file_read("/etc", "passwd", out, sizeof out, &len, &err),
                     AM_PERMISSION_DENIED);
        cr_assert_not_null(strstr(err.text, "owner"), "%s", err.text);
        return;
    }
    cr_assert_eq(put("theirs"), AM_OK);
    cr_assert_eq(chown(path, 7001, 7001), 0);
    cr_assert_eq(take(), AM_PERMISSION_DENIED);
    cr_assert_not_null(strstr(err.text, "expected owner 0, got 7001"), "%s", err.text);
    cr_assert_eq(chown(dir, 7001, 7001), 0);
    cr_assert_eq(put("ours"), AM_PERMISSION_DENIED);
}

Test(file, is_no_link_no_folder_and_no_fifo)
{
    char target[128];

    snprintf(target, sizeof target, "%s/y", dir);
    cr_assert_eq(am_file_write(dir, "y", am_bin_of("real", 4), &err), AM_OK);
    cr_assert_eq(symlink(target, path), 0);
    cr_assert_eq(take(), AM_PERMISSION_DENIED);
    cr_assert_not_null(strstr(err.text, "got a link"), "%s", err.text);
    cr_assert_eq(put("new"), AM_OK, "the link is replaced, what it points to is not written");
    cr_assert_eq(am_file_read(dir, "y", out, sizeof out, &len, &err), AM_OK);
    cr_assert_arr_eq(out, "real", 4);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(take(), AM_PERMISSION_DENIED);
    cr_assert_eq(put("new"), AM_UNAVAILABLE);
    cr_assert_eq(rmdir(path), 0);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(take(), AM_PERMISSION_DENIED);
}

Test(file, makes_its_folder_but_not_the_one_above)
{
    struct stat st;
    char sub[96];

    snprintf(sub, sizeof sub, "%s/state", dir);
    cr_assert_eq(am_file_read(sub, "x.v1", out, sizeof out, &len, &err), AM_NOT_FOUND);
    cr_assert_eq(am_file_remove(sub, "x.v1", &err), AM_OK);
    cr_assert_eq(am_file_write(sub, "x.v1", AM_BIN(out), &err), AM_OK, "%s", err.text);
    cr_assert_eq(stat(sub, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0700);
    cr_assert_eq(am_file_write("/proc/nowhere/state", "x.v1", AM_BIN(out), &err), AM_UNAVAILABLE);
    cr_assert_not_null(strstr(err.text, "/proc/nowhere/state"), "%s", err.text);
}
