/*  test_api_agent -- an application in grpc-js on the real api's socket, as several users.  */
#include "api_world.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define UNAVAILABLE "{\"code\":14,"

TestSuite(api_agent, .init = aw_begin, .fini = aw_end, .timeout = 120);

static void
expect(const char *answers, const char *words)
{
    cr_assert_not_null(strstr(answers, words), "expected %s in\n%s\n%s", words, answers,
                       sw_log("api.log"));
}

/* How often words stand in api's log. */
static unsigned
logged(const char *words)
{
    unsigned n = 0;

    for (const char *at = sw_log("api.log"); (at = strstr(at, words)) != NULL; at++)
        n++;
    return n;
}

/* Call until the answer is there: facts take a moment. */
static const char *
until(uint32_t uid, const char *call, const char *words)
{
    const char *said = "";

    for (int i = 0; i < 8; i++)
        if (strstr(said = aw_app(uid, call), words) != NULL)
            return said;
    cr_assert(false, "expected %s, got %s\n%s", words, said, sw_log("api.log"));
    return "";
}

Test(api_agent, says_what_is_missing_before_it_is_there)
{
    const char *said = aw_app(AW_CSK_UID, "GetMeshStatus ListPeers GetSelf GetClusterSharedKey");

    expect(said, "{\"phase\":\"booting\",\"first_converged\":false,\"csk_acquired\":false,"
                 "\"live_peer_count\":0,\"indexer_connected\":false,\"indexer_caught_up\":false,"
                 "\"indexer_cursor_block\":0}\n" UNAVAILABLE "\"details\":\"mesh does not answer");
    expect(said, UNAVAILABLE "\"details\":\"own member id is not known yet");
    expect(said, UNAVAILABLE "\"details\":\"the key agent does not answer");
}

Test(api_agent, a_v1_client_reads_the_mesh)
{
    const char *said;

    aw_mesh(true);
    aw_chain();
    said = until(AW_NOBODY, "GetMeshStatus ListPeers GetSelf", "\"member_contract\"");
    expect(said, "{\"phase\":\"healthy\",\"first_converged\":true,\"csk_acquired\":true,"
                 "\"live_peer_count\":1,");
    expect(said, "{\"peers\":[{\"member_id\":"
                 "\"aa00000000000000000000000000000000000000000000000000000000000000\","
                 "\"mesh_ip\":168952067,\"live\":true},{\"member_id\":"
                 "\"bb00000000000000000000000000000000000000000000000000000000000000\","
                 "\"mesh_ip\":168952068,\"live\":false}]}\n");
    expect(said, "{\"member_id\":"
                 "\"9900000000000000000000000000000000000000000000000000000000000000\","
                 "\"member_contract\":\"2200000000000000000000000000000000000000\","
                 "\"mesh_ip\":168952066}\n");
    bus_close(&aw.mesh); /* an empty list would say that the peers have gone */
    until(AW_NOBODY, "ListPeers", "mesh does not answer");
}

Test(api_agent, keys_are_for_the_uids_of_the_lists)
{
    static const struct {
        uint32_t uid;
        bool csk, derive;
    } rows[] = {
        {AW_CSK_UID, true, true}, {AW_DERIVE_UID, false, true}, {AW_NOBODY, false, false},
        {0, false, false},        {65534, false, false},
    };
    unsigned before;
    char words[160];

    aw_keyagent();
    aw.csk_held = true;
    until(AW_CSK_UID, "GetClusterSharedKey", AW_KEY_HEX);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *said;

        before = aw.keys_asked;
        said = aw_app(rows[i].uid, "GetClusterSharedKey DeriveKey=db");
        cr_assert_eq(strstr(said, AW_KEY_HEX) != NULL, rows[i].csk, "%u: %s", rows[i].uid, said);
        cr_assert_eq(strstr(said, "{\"key\":\"0202020202020202") != NULL, rows[i].derive, "%u: %s",
                     rows[i].uid, said);
        cr_assert_eq(aw.keys_asked - before, (unsigned)rows[i].csk + (unsigned)rows[i].derive,
                     "keyagent is not even asked");
        if (!rows[i].csk) {
            snprintf(words, sizeof words,
                     "{\"code\":7,\"details\":\"uid %u may not: it is not in ATTESTMESH_CSK_UIDS",
                     rows[i].uid);
            expect(said, words);
        }
        if (!rows[i].derive)
            expect(said, "it is not in ATTESTMESH_DERIVE_UIDS");
    }
    cr_assert_eq(logged("\"event\":\"key.access\",\"uid\":\"7102\",\"method\":\"DeriveKey\","
                        "\"outcome\":\"OK\""),
                 1, "%s", sw_log("api.log"));
    cr_assert_eq(logged("\"event\":\"key.access\",\"uid\":\"7103\""), 2);
    cr_assert_eq(logged("\"correlation\":\"app-"), logged("key.access"));
    cr_assert_eq(logged("c5c5c5c5"), 0, "never the key");
    cr_assert_eq(logged("02020202"), 0);
}

/* Whether bytes stand in memory that api can write. */
static bool
remembers(const void *bytes, size_t len)
{
    static uint8_t memory[1 << 22];
    char path[64], line[512], mode[8];
    unsigned long from, to;
    bool found = false;
    FILE *maps;
    int mem;

    snprintf(path, sizeof path, "/proc/%d/mem", (int)*aw.api);
    mem = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%d/maps", (int)*aw.api);
    maps = fopen(path, "re");
    cr_assert(mem >= 0 && maps != NULL, "needs root");
    while (!found && fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[1] != 'w')
            continue;
        for (; !found && from < to; from += sizeof memory - 64) { /* overlapping */
            size_t want = to - from < sizeof memory ? to - from : sizeof memory;
            ssize_t n = pread(mem, memory, want, (off_t)from);

            found = n > 0 && memmem(memory, (size_t)n, bytes, len) != NULL;
        }
    }
    fclose(maps);
    close(mem);
    return found;
}

Test(api_agent, forgets_the_keys_it_gave)
{
    uint8_t half[16];

    aw_keyagent();
    aw.csk_held = true;
    until(AW_CSK_UID, "GetClusterSharedKey", AW_KEY_HEX);
    expect(aw_app(AW_CSK_UID, "DeriveKey*12 GetClusterSharedKey"), "{\"0\":12}");
    memset(half, 0xc5, sizeof half);
    cr_assert(!remembers(half, sizeof half), "the CSK");
    memset(half, (int)strlen("a label"), sizeof half);
    cr_assert(!remembers(half, sizeof half), "a derived key");
    cr_assert(remembers(aw.socket, strlen(aw.socket)), "or this test sees nothing");
}

Test(api_agent, a_key_that_is_not_held_is_unavailable_in_v1s_words)
{
    aw_keyagent();
    until(AW_CSK_UID, "GetClusterSharedKey", UNAVAILABLE "\"details\":\"CSK not yet acquired\"}");
    aw.csk_held = true;
    until(AW_CSK_UID, "GetClusterSharedKey", AW_KEY_HEX);
    bus_close(&aw.keyagent);
    until(AW_CSK_UID, "GetClusterSharedKey", UNAVAILABLE "\"details\":\"the key agent");
}

Test(api_agent, a_label_is_what_was_written_or_refused)
{
    const char *said;
    char calls[400];

    aw_keyagent();
    until(AW_DERIVE_UID, "DeriveKey=postgres", "{\"key\":\"0808");
    cr_assert_eq(memcmp(aw.derived_label, "postgres", 8), 0);
    aw.keys_asked = 0;
    said = aw_app(AW_DERIVE_UID, "DeriveKey= DeriveKey=a\\0b DeriveKey=a\tb DeriveKey=\xc3\xa4");
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(strncmp(said, "{\"code\":3,\"details\":\"label: expected", 34), 0, "%s", said);
        said = strchr(said, '\n') + 1;
    }
    snprintf(calls, sizeof calls, "DeriveKey=%0128d DeriveKey=%0129d", 0, 0);
    said = aw_app(AW_DERIVE_UID, calls);
    expect(said, "{\"key\":\"8080");
    expect(said, "{\"code\":3,");
    cr_assert_eq(aw.keys_asked, 1);
}

Test(api_agent, a_uid_that_asks_too_often_waits_and_others_do_not)
{
    unsigned ok = 0, refused = 0, held = 0;
    const char *said;

    aw_keyagent();
    aw.csk_held = true;
    until(AW_CSK_UID, "GetClusterSharedKey", AW_KEY_HEX);
    said = aw_app(AW_DERIVE_UID, "DeriveKey*200 DeriveKey");
    cr_assert_geq(sscanf(said, "{\"0\":%u,\"8\":%u", &ok, &refused), 2, "%s", said);
    cr_assert_eq(ok + refused, 200);
    cr_assert_geq(ok, 16, "%s", said);
    cr_assert_leq(ok, 60, "%s", said);
    expect(aw_app(AW_CSK_UID, "GetClusterSharedKey"), AW_KEY_HEX);
    held = logged("\"outcome\":\"RESOURCE_EXHAUSTED\"");
    cr_assert(held >= 1 && held <= 40, "%u lines of %u refusals", held, refused);
    said = aw_app(AW_DERIVE_UID, "NoSuch"); /* a second later */
    sleep(2);
    aw_app(AW_DERIVE_UID, "NoSuch");
    cr_assert_gt(logged("agent.unlogged"), 0);
}

Test(api_agent, hostile_requests)
{
    const char *said = aw_app(AW_DERIVE_UID, "Huge NoSuch SendMessage SubscribeMessages "
                                             "SubscribePeerEvents GetMeshStatus");

    expect(said, "{\"code\":8,");
    expect(said, "{\"code\":12,\"details\":\"no such method\"}");
    expect(said, "{\"code\":12,\"details\":\"this node does not carry messages and events yet\"}\n"
                 "{\"code\":12,\"details\":\"this node does not carry messages and events yet\"}\n"
                 "{\"code\":12,\"details\":\"this node does not carry messages and events yet\"}\n"
                 "{\"phase\":\"booting\"");
}

static int
dial(void)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(addr.sun_path, aw.socket);
    cr_assert_eq(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

Test(api_agent, two_hundred_that_say_little_hold_nobody_up)
{
    int fds[200];

    for (int i = 0; i < 200; i++) {
        fds[i] = dial();
        (void)send(fds[i], "PRI * HTTP/2.0\r\n", (size_t)i % 17, MSG_NOSIGNAL);
    }
    expect(aw_app(AW_NOBODY, "GetMeshStatus"), "\"phase\":\"booting\"");
    for (int i = 0; i < 200; i++)
        close(fds[i]);
    expect(aw_app(0, "GetMeshStatus"), "\"phase\":\"booting\"");
}

Test(api_agent, the_socket_is_the_groups)
{
    struct stat st;

    cr_assert_eq(stat(aw.socket, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0660);
}

Test(api_agent, a_second_api_does_not_steal_the_socket)
{
    char run[96], addr[64], app[128];
    const char *const argv[] = {API, NULL};
    const char *const env[] = {run, addr, app, NULL};

    snprintf(run, sizeof run, "ATTESTMESH_RUN=%s/app", sw_dir);
    snprintf(addr, sizeof addr, "HEALTH_HTTP_ADDR=127.0.0.1:%u", sw_port());
    snprintf(app, sizeof app, "AGENT_GRPC_SOCKET=%s", aw.socket);
    cr_assert_eq(sw_ended(sw_start("second.log", argv, env), 5000), 75, "%s", sw_log("second.log"));
    expect(sw_log("second.log"), aw.socket);
    expect(aw_app(0, "GetMeshStatus"), "\"phase\":\"booting\"");
    kill(*aw.api, SIGKILL); /* its file stays, and is nobody's */
    cr_assert_eq(sw_ended(aw.api, 5000), -SIGKILL);
    aw.api = sw_start("third.log", argv, env);
    SW_UNTIL(strstr(sw_log("third.log"), "\"ready\"") != NULL, 5000);
    expect(aw_app(0, "GetMeshStatus"), "\"phase\":\"booting\"");
}

Test(api_agent, uids_that_are_none_stop_the_start)
{
    char run[96], addr[64], app[128];
    const char *const argv[] = {API, NULL};
    const char *const env[] = {run, addr, app, "ATTESTMESH_CSK_UIDS=root", NULL};

    snprintf(run, sizeof run, "ATTESTMESH_RUN=%s/app", sw_dir);
    snprintf(addr, sizeof addr, "HEALTH_HTTP_ADDR=127.0.0.1:%u", sw_port());
    snprintf(app, sizeof app, "AGENT_GRPC_SOCKET=%s/other.sock", sw_dir);
    cr_assert_eq(sw_ended(sw_start("bad.log", argv, env), 5000), 1);
    expect(sw_log("bad.log"), "ATTESTMESH_CSK_UIDS");
}
