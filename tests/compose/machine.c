/*  machine -- the devnet's host as a host of containers: podman, docker-compose on its API, and the
 *  containers of one node.  */
#include "machine.h"

#include "../../common/base/am_clock.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMPOSE_HASH "c143116fef3940e7f776bfc0919c256232ae5338a6e948c96b711e0b2383483a"
#define NET_ADMIN (1ull << 12)
#define WORDS 12

const struct unit_of units[UNITS] = {
    [KEYAGENT] = {"keyagent", "attestmesh-keya", 7001, 0, BUS_KEYAGENT},
    [CHAIN] = {"chain", "attestmesh-chai", 7002, 0, BUS_CHAIN},
    [MESH] = {"mesh", "attestmesh-mesh", 7003, NET_ADMIN, BUS_MESH},
    [INDEXER] = {"indexer", "attestmesh-inde", 7004, 0, BUS_INDEXER},
    [API] = {"api", "attestmesh-api", 7005, 0, BUS_API},
    [WIREGUARD_GO] = {"wireguard-go", "wireguard-go", 7003, NET_ADMIN, BUS_CLI},
    [APP] = {"app", "attestmesh", 7100, 0, BUS_CLI},
    [NET] = {"net", "attestmesh", 7006, 0, BUS_CLI},
};

/* What each line is for is in docs/devnet.md. */
static const char conf_text[] =
    "[containers]\n"
    "default_ulimits = [\"nofile=20000:20000\", \"nproc=32768:32768\"]\n"
    "[engine]\n"
    "runtime = \"runc\"\n"
    "cgroup_manager = \"cgroupfs\"\n"
    "events_logger = \"file\"\n"
    "lock_type = \"file\"\n"
    "[network]\n"
    "network_backend = \"netavark\"\n"
    "network_config_dir = \"%s/networks\"\n";

static int
write_text(const char *path, const char *text, struct am_error *err)
{
    FILE *f = fopen(path, "we");

    if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
        return am_fail(err, AM_INTERNAL, "%s: %s", path, strerror(errno));
    return AM_OK;
}

static int
write_conf(struct machine *m, struct am_error *err)
{
    char text[900], path[300];
    int r;

    snprintf(m->conf, sizeof m->conf, "CONTAINERS_CONF=%s/containers.conf", m->storage);
    snprintf(m->storage_conf, sizeof m->storage_conf, "CONTAINERS_STORAGE_CONF=%s/storage.conf",
             m->storage);
    snprintf(m->host, sizeof m->host, "DOCKER_HOST=unix://%s/podman.sock", m->storage);
    snprintf(text, sizeof text, conf_text, m->storage);
    if ((r = write_text(strchr(m->conf, '=') + 1, text, err)) != AM_OK)
        return r;
    snprintf(path, sizeof path, "%s/networks", m->storage);
    mkdir(path, 0700);
    snprintf(text, sizeof text,
             "[storage]\ndriver = \"overlay\"\ngraphroot = \"%s/graph\"\nrunroot = \"%s/run\"\n",
             m->storage, m->storage);
    return write_text(strchr(m->storage_conf, '=') + 1, text, err);
}

/* The file that an operator would write beside compose.yaml. */
static int
write_env(struct machine *m, struct am_error *err)
{
    struct dn_world *w = &m->t->world;
    char text[2400], multicall[ETH_ADDRESS_TEXT];

    eth_address_text(multicall, w->deployed.multicall3);
    snprintf(m->env, sizeof m->env, "%s/compose.env", m->t->dir);
    snprintf(text, sizeof text,
             "CHAIN_ID=%u\nRPC_URL=" DN_RPC_URL "\nBUNDLER_URL=" DN_BUNDLER_URL
             "\nATTESTMESH_PAYMASTER_URL=" DN_PAYMASTER_URL
             "\nATTESTMESH_MULTICALL3=%s\nATTESTMESH_CONFIRMATIONS=0\nATTESTMESH_POLL_MS=250\n"
             "ATTESTMESH_IDLE_POLL_MS=250\n"
             "INDEXER_START_BLOCK=%llu\nATTESTMESH_ENDPOINTS=%s\nDSTACK_SOCKET=%s\n",
             DN_CHAIN_ID, multicall, (unsigned long long)w->deployed.start_block, w->endpoints,
             m->agent);
    return write_text(m->env, text, err);
}

static int
start_guest_agent(struct machine *m, struct am_error *err)
{
    char program[1024], app_id[41], log[600];
    const char *const argv[] = {program,      "--socket",   m->agent,        "--app-id",
                                app_id,       "--kms-root", DN_KMS_ROOT_KEY, "--compose-hash",
                                COMPOSE_HASH, NULL};
    int r;

    mkdir(m->node->dir, 0755);
    snprintf(program, sizeof program, "%s/guest-agent", m->t->bin);
    snprintf(m->agent, sizeof m->agent, "%s/dstack.sock", m->node->dir);
    snprintf(log, sizeof log, "%s/guest-agent.log", m->node->dir);
    am_hex(app_id, m->node->member, 20);
    r = dn_start(&m->guest_agent, &(struct dn_spawn){.argv = argv, .log = log}, err);
    for (int i = 0; r == AM_OK && access(m->agent, W_OK) != 0 && i < 500; i++)
        poll(NULL, 0, 10); /* a bind mount needs the socket to be there */
    return r;
}

static size_t
compose_words(struct machine *m, const char **argv, const char *const words[])
{
    size_t n = 0;

    argv[n++] = "env";
    argv[n++] = m->host;
    argv[n++] = "docker-compose";
    argv[n++] = "--file";
    argv[n++] = ATTESTMESH_SOURCE "/compose.yaml";
    if (m->over != NULL) {
        argv[n++] = "--file";
        argv[n++] = m->over;
    }
    argv[n++] = "--project-name";
    argv[n++] = "node";
    argv[n++] = "--env-file";
    argv[n++] = m->env;
    argv[n++] = "--profile";
    argv[n++] = "wireguard-go";
    while (*words != NULL)
        argv[n++] = *words++;
    argv[n] = NULL;
    return n;
}

int
machine_compose_start(struct machine *m, pid_t *pid, const char *const words[],
                      struct am_error *err)
{
    const char *argv[16 + WORDS];
    char log[128];

    compose_words(m, argv, words);
    snprintf(log, sizeof log, "%s/compose.log", m->t->dir);
    return dn_start(pid, &(struct dn_spawn){.argv = argv, .log = log}, err);
}

int
machine_compose(struct machine *m, const char *const words[], struct am_error *err)
{
    int r, status = 0;
    pid_t pid;

    if ((r = machine_compose_start(m, &pid, words, err)) != AM_OK)
        return r;
    waitpid(pid, &status, 0);
    return status == 0
               ? AM_OK
               : am_fail(err, AM_INTERNAL,
                         "docker-compose %s: expected status 0, got %d: compose.log says why",
                         words[0], status);
}

int
machine_podman(struct machine *m, const char *const words[], char *out, size_t cap,
               struct am_error *err)
{
    const char *argv[5 + WORDS] = {"env", m->conf, m->storage_conf, "podman"};
    size_t n = 4;

    while (*words != NULL)
        argv[n++] = *words++;
    argv[n] = NULL;
    return dn_run(argv, NULL, NULL, out, cap, err);
}

/* podman gives a container's stderr on its own. */
int
machine_log(struct machine *m, enum unit u, char *out, size_t cap, struct am_error *err)
{
    static const char script[] = "exec podman logs --tail 200 \"$0\" 2>&1";
    const char *const argv[] = {"env", m->conf, m->storage_conf,      "sh",
                                "-c",  script,  machine_container(u), NULL};

    out[0] = '\0';
    return dn_run(argv, NULL, NULL, out, cap, err);
}

static int
start_service(struct machine *m, struct am_error *err)
{
    const char *const argv[] = {"env",     m->conf,    m->storage_conf,          "podman", "system",
                                "service", "--time=0", strchr(m->host, '=') + 1, NULL};
    const char *const ready[] = {"env", m->host, "docker-compose", "version", NULL};
    char log[128];
    int r;

    snprintf(log, sizeof log, "%s/podman.log", m->t->dir);
    if ((r = dn_start(&m->service, &(struct dn_spawn){.argv = argv, .log = log}, err)) != AM_OK)
        return r;
    for (int i = 0; access(strchr(m->host, '/') + 2, W_OK) != 0 && i < 1000; i++)
        poll(NULL, 0, 10);
    return dn_run(ready, NULL, NULL, NULL, 0, err);
}

/* As udev makes it where there is one: for whoever has the capability.  Ours alone sees it so. */
static int
open_tun(struct machine *m, struct am_error *err)
{
    char path[300];

    snprintf(path, sizeof path, "%s/tun", m->storage);
    if (mknod(path, S_IFCHR | 0600, makedev(10, 200)) != 0 || chmod(path, 0666) != 0 ||
        mount(path, "/dev/net/tun", NULL, MS_BIND, NULL) != 0)
        return am_fail(err, AM_FAILED_PRECONDITION, "/dev/net/tun: %s", strerror(errno));
    return AM_OK;
}

int
machine_open(struct machine *m, struct e2e *t, struct dn_node *node, const char *storage,
             struct am_error *err)
{
    static const char script[] = ATTESTMESH_SOURCE "/deploy/image";
    const char *const image[] = {"env", m->conf, m->storage_conf, script, t->bin, NULL};
    char address[64];
    const char *const ip[] = {"ip", "address", "add", address, "dev", "br0", NULL};
    int r;

    *m = (struct machine){.t = t, .node = node};
    snprintf(m->storage, sizeof m->storage, "%s", storage);
    snprintf(address, sizeof address, "10.77.0.%u/24", node->number);
    if (geteuid() != 0)
        return am_fail(err, AM_FAILED_PRECONDITION, "containers with uids of their own need root");
    if ((r = dn_run(ip, NULL, NULL, NULL, 0, err)) != AM_OK || (r = write_conf(m, err)) != AM_OK ||
        (r = open_tun(m, err)) != AM_OK || (r = dn_run(image, NULL, NULL, NULL, 0, err)) != AM_OK ||
        (r = start_guest_agent(m, err)) != AM_OK || (r = write_env(m, err)) != AM_OK)
        return r;
    return start_service(m, err);
}

void
machine_close(struct machine *m)
{
    dn_stop(&m->timers, SIGKILL, 1000);
    dn_stop(&m->service, SIGTERM, 5000);
    dn_stop(&m->guest_agent, SIGKILL, 1000);
}

int
machine_timers(struct machine *m, struct am_error *err)
{
    pid_t self = getpid();

    if ((m->timers = fork()) < 0)
        return am_fail(err, AM_INTERNAL, "fork: %s", strerror(errno));
    if (m->timers > 0)
        return AM_OK;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == self) {
        for (int u = 0; u < UNITS; u++) {
            const char *const words[] = {"healthcheck", "run", machine_container((enum unit)u),
                                         NULL};
            struct am_error not_yet;

            if (u != APP && u != NET && machine_podman(m, words, NULL, 0, &not_yet) != AM_OK)
                continue; /* the engine keeps what it found */
        }
        poll(NULL, 0, 1000);
    }
    _exit(0);
}

const char *
machine_container(enum unit u)
{
    static char name[32];

    snprintf(name, sizeof name, "node_%s_1", units[u].name);
    return name;
}

/* The name and uid of a process, and whether it is the first of a pid namespace. */
static bool
is_first(long pid, const char *comm, unsigned uid)
{
    char path[64], line[256], name[32] = "";
    unsigned found = 0;
    bool first = false;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%ld/status", pid);
    if ((f = fopen(path, "re")) == NULL)
        return false;
    while (fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "Name: %31s", name) == 1 || sscanf(line, "Uid: %u", &found) == 1)
            continue;
        if (strncmp(line, "NSpid:", 6) == 0)
            first = strcmp(strrchr(line, '\t'), "\t1\n") == 0;
    }
    fclose(f);
    return first && found == uid && strcmp(name, comm) == 0;
}

pid_t
machine_pid(enum unit u, pid_t not )
{
    DIR *proc = opendir("/proc");
    struct dirent *d;
    long found = 0;

    while (proc != NULL && found == 0 && (d = readdir(proc)) != NULL) {
        long pid = strtol(d->d_name, NULL, 10);

        if (pid > 1 && pid != not &&is_first(pid, units[u].comm, units[u].uid))
            found = pid;
    }
    if (proc != NULL)
        closedir(proc);
    return (pid_t)found;
}
