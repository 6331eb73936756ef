/*  mesh_cmd -- pure: the list of what the privileged helper may run, and nothing else  */
#include "mesh_cmd.h"

#include <string.h>

/* @if the interface  @net ip/prefix  @port  @key public key  @host ip/32  @end ip:port */
static const struct {
    enum mesh_tool tool;
    bool takes_stdin;
    const char *words;
} list[] = {
    {MESH_TOOL_IP, false, "link add dev @if type wireguard"},
    {MESH_TOOL_IP, false, "link set dev @if mtu " MESH_MTU " up"},
    {MESH_TOOL_IP, false, "address replace @net dev @if"},
    {MESH_TOOL_WG, false, "show @if public-key"},
    {MESH_TOOL_WG, false, "show @if listen-port"},
    {MESH_TOOL_WG, false, "show @if allowed-ips"},
    {MESH_TOOL_WG, false, "show @if endpoints"},
    {MESH_TOOL_WG, false, "show @if latest-handshakes"},
    {MESH_TOOL_WG, false, "show @if transfer"},
    {MESH_TOOL_WG, true, "set @if listen-port @port private-key /dev/stdin"},
};
static const char *const peer_words[] = {
    "peer @key remove",
    "peer @key endpoint @end allowed-ips @host persistent-keepalive " MESH_KEEPALIVE,
    "peer @key allowed-ips @host persistent-keepalive " MESH_KEEPALIVE,
    "peer @key endpoint @end",
};

bool
mesh_if_valid(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_=+.-");

    return n > 0 && n < MESH_IF_TEXT && name[n] == '\0' && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0 && name[0] != '-';
}

static bool
is_network(struct am_str text, bool host)
{
    struct am_str ip;
    uint32_t a, prefix;

    return mesh_next(&ip, &text, '/') && mesh_ip_parse(&a, ip) &&
           mesh_number_parse(&prefix, text, 32) && (!host || prefix == 32);
}

static bool
fits(struct am_str word, const char *arg, const char *name)
{
    struct am_str text = am_str_of(arg);
    struct mesh_endpoint e;
    uint32_t port;
    uint8_t key[32];

    if (am_str_eq(word, "@if"))
        return am_str_eq(text, name);
    if (am_str_eq(word, "@key"))
        return mesh_key_parse(key, text);
    if (am_str_eq(word, "@end"))
        return mesh_endpoint_parse(&e, text);
    if (am_str_eq(word, "@port"))
        return mesh_number_parse(&port, text, 65535) && port != 0;
    if (am_str_eq(word, "@net") || am_str_eq(word, "@host"))
        return is_network(text, am_str_eq(word, "@host"));
    return am_str_eq(word, arg);
}

/* How many arguments the words take, 0 when they do not fit. */
static size_t
match(const char *words, const char *const *argv, size_t argc, const char *name)
{
    struct am_str rest = am_str_of(words), word;
    size_t n = 0;

    while (mesh_next(&word, &rest, ' ')) {
        if (n == argc || !fits(word, argv[n], name))
            return 0;
        n++;
    }
    return n;
}

static bool
is_peers(const char *const *argv, size_t argc, const char *name)
{
    size_t at = match("set @if", argv, argc, name);

    if (at == 0 || at == argc)
        return false;
    while (at < argc) {
        size_t took = 0;

        for (size_t i = 0; i < sizeof peer_words / sizeof peer_words[0] && took == 0; i++)
            took = match(peer_words[i], argv + at, argc - at, name);
        if (took == 0)
            return false;
        at += took;
    }
    return true;
}

bool
mesh_cmd_allowed(enum mesh_tool tool, const char *const *argv, size_t argc, const char *name,
                 bool *takes_stdin)
{
    *takes_stdin = false;
    if (argc == 0 || argc > MESH_CMD_ARGS)
        return false;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        if (list[i].tool == tool && match(list[i].words, argv, argc, name) == argc) {
            *takes_stdin = list[i].takes_stdin;
            return true;
        }
    return tool == MESH_TOOL_WG && is_peers(argv, argc, name);
}
