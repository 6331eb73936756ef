/*  main -- attestmesh, the operator's command.  */
#include "cli.h"

#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *usage, *help;
    int (*run)(int argc, char **argv);
} commands[] = {
#define CLI_ROW(name, usage, help) {usage, help, cli_##name},
    CLI_COMMANDS(CLI_ROW)
#undef CLI_ROW
};
#define USAGE_WIDTH 34 /* a longer one has its help on the next line */
#define COMMANDS (sizeof commands / sizeof commands[0])

static bool
is_named(size_t i, const char *name)
{
    size_t len = strcspn(commands[i].usage, " ");

    return strlen(name) == len && strncmp(commands[i].usage, name, len) == 0;
}

int
cli_usage(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (is_named(i, name))
            fprintf(stderr, "usage: attestmesh %s\n", commands[i].usage);
    return CLI_USAGE;
}

void
cli_paths(char bin[static 512], char source[static 512])
{
    char self[512] = "";
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    self[n > 0 ? n : 0] = '\0';
    snprintf(bin, 512, "%s", dirname(self));
    snprintf(source, 512, "%s", ATTESTMESH_SOURCE);
}

static void
help(FILE *f)
{
    fputs("attestmesh -- attested confidential VMs become one mesh\n\n", f);
    for (size_t i = 0; i < COMMANDS; i++)
        if (strlen(commands[i].usage) <= USAGE_WIDTH)
            fprintf(f, "  attestmesh %-*s %s\n", USAGE_WIDTH, commands[i].usage, commands[i].help);
        else
            fprintf(f, "  attestmesh %s\n%*s%s\n", commands[i].usage, 14 + USAGE_WIDTH, "",
                    commands[i].help);
}

int
main(int argc, char **argv)
{
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
        help(stdout);
        return 0;
    }
    for (size_t i = 0; argc >= 2 && i < COMMANDS; i++)
        if (is_named(i, argv[1]))
            return commands[i].run(argc - 2, argv + 2);
    if (argc >= 2)
        fprintf(stderr, "attestmesh: no command \"%.40s\"\n\n", argv[1]);
    help(stderr);
    return CLI_USAGE;
}
