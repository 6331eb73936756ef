/*  mesh_wg -- the WireGuard device: made or adopted, addressed, and kept as the view has it  */
#include "mesh_wg.h"

#include "../../common/base/am_clock.h"
#include "../../common/base/am_log.h"
#include "../../common/base/am_secret.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#define CREATE_AGAIN_MS 15000 /* a kernel without WireGuard will not learn it soon */

static void
go(struct mesh_wg *wg, enum mesh_wg_step step)
{
    wg->step = step;
    wg->due_ms = 0;
}

static void
forget(struct mesh_wg *wg)
{
    am_once_free(&wg->once);
    am_secret_free((void **)&wg->key_text);
}

static void
fail(struct mesh_wg *wg, const struct am_error *err)
{
    if (strcmp(wg->reason, err->text) != 0)
        am_log(AM_WARN, "wg.waits", "reason=\"%s\"", err->text);
    snprintf(wg->reason, sizeof wg->reason, "%s", err->text);
    forget(wg);
    wg->up = false;
    wg->step = MESH_WG_CREATE;
    wg->due_ms = am_mono_ms() + MESH_WG_RETRY_MS;
    wg->changed(wg->arg);
}

static void on_done(void *arg, int code, struct am_str out, const struct am_error *err);

static void
run(struct mesh_wg *wg, enum mesh_tool tool, const char *const *argv, struct am_bin input)
{
    struct am_error err = {0};

    wg->busy = true;
    if (mesh_helper_run(wg->helper, tool, argv, input, on_done, wg, &err) != AM_OK) {
        wg->busy = false;
        fail(wg, &err);
    }
}

static void
on_key(void *arg, int code, const void *reply, const struct am_error *err)
{
    struct mesh_wg *wg = arg;
    const struct keyagent_wg_key_reply *r = reply;
    struct am_error bad = {0};
    void *key = NULL;

    wg->busy = false;
    if (code != AM_OK)
        bad = *err;
    else if ((code = am_once_open(wg->once, &key, 32, r->sealed, &bad)) == AM_OK &&
             (wg->key_text = am_secret_alloc(MESH_KEY_TEXT + 1, &bad)) == NULL)
        code = bad.code;
    if (code == AM_OK && wg->key_text != NULL) {
        mesh_key_text(wg->key_text, key);
        wg->key_text[MESH_KEY_TEXT - 1] = '\n';
        go(wg, MESH_WG_SET_KEY);
    } else {
        am_wrap(&bad, "keyagent.wg_key");
        fail(wg, &bad);
    }
    am_once_free(&wg->once);
    am_secret_free(&key);
    mesh_wg_run(wg);
}

static void
ask_key(struct mesh_wg *wg)
{
    struct keyagent_wg_key ask = {0};
    struct am_error err = {0};

    forget(wg);
    if (am_once_make(&wg->once, &ask.reply_to, &err) == AM_OK)
        wg->busy = bus_call(wg->bus, BUS_METHOD_keyagent_wg_key, &ask, 2000, "", on_key, wg,
                            &err) == AM_OK;
    if (!wg->busy)
        fail(wg, &err);
}

/* The device is gone, or another one has taken its name. */
static void
watch(struct mesh_wg *wg)
{
    struct am_error err = {0};
    unsigned now = if_nametoindex(wg->name);

    if (wg->ifindex == 0 || wg->ifindex == now || wg->busy)
        return;
    wg->ifindex = 0;
    for (size_t i = 0; i < wg->want_count; i++)
        wg->want[i].given = (struct mesh_endpoint){0};
    am_fail(&err, AM_UNAVAILABLE, "WireGuard device %s: it has gone", wg->name);
    fail(wg, &err);
}

static void
create(struct mesh_wg *wg)
{
    const char *argv[] = {"link", "add", "dev", wg->name, "type", "wireguard", NULL};
    struct am_error err = {0};
    int64_t now = am_mono_ms();

    wg->ifindex = if_nametoindex(wg->name);
    if (wg->ifindex != 0) {
        go(wg, MESH_WG_LOOK_KEY);
        mesh_wg_run(wg);
    } else if (now >= wg->create_ms) {
        wg->create_ms = now + CREATE_AGAIN_MS;
        run(wg, MESH_TOOL_IP, argv, (struct am_bin){0});
    } else {
        am_fail(&err, AM_UNAVAILABLE,
                "WireGuard device %s: waiting for wireguard-go to make it; the kernel cannot: %s",
                wg->name, wg->create_reason);
        fail(wg, &err);
    }
}

static void
show(struct mesh_wg *wg, const char *what)
{
    run(wg, MESH_TOOL_WG, (const char *const[]){"show", wg->name, what, NULL}, (struct am_bin){0});
}

static void
set_key(struct mesh_wg *wg)
{
    char port[8];
    const char *argv[] = {"set", wg->name, "listen-port", port, "private-key", "/dev/stdin", NULL};

    snprintf(port, sizeof port, "%u", (unsigned)wg->port);
    run(wg, MESH_TOOL_WG, argv, am_bin_of(wg->key_text, MESH_KEY_TEXT));
    forget(wg);
}

static void
address(struct mesh_wg *wg)
{
    char net[MESH_IP_TEXT + 4], ip[MESH_IP_TEXT];
    const char *argv[] = {"address", "replace", net, "dev", wg->name, NULL};

    mesh_ip_text(ip, wg->ip);
    snprintf(net, sizeof net, "%s/%u", ip, (unsigned)wg->prefix);
    run(wg, MESH_TOOL_IP, argv, (struct am_bin){0});
}

static void
link_up(struct mesh_wg *wg)
{
    const char *argv[] = {"link", "set", "dev", wg->name, "mtu", MESH_MTU, "up", NULL};

    run(wg, MESH_TOOL_IP, argv, (struct am_bin){0});
}

/* One round has ended; the next one comes by itself in MESH_WG_LOOK_MS. */
static void
settle(struct mesh_wg *wg)
{
    wg->applied++;
    wg->step = MESH_WG_IDLE;
    wg->look_ms = am_mono_ms() + MESH_WG_LOOK_MS;
    if (mesh_plan_calling(wg->want, wg->want_count, &wg->have))
        wg->look_ms = am_mono_ms() + MESH_CALL_MS / 3;
    if (wg->again)
        wg->look_ms = 0;
    wg->again = false;
    wg->changed(wg->arg);
}

static void
apply(struct mesh_wg *wg)
{
    mesh_plan_make(&wg->plan, wg->name, wg->want, wg->want_count, &wg->have,
                   (uint64_t)am_wall_ms() / 1000, am_mono_ms());
    if (wg->plan.argc == 0)
        settle(wg);
    else
        run(wg, MESH_TOOL_WG, wg->plan.argv, (struct am_bin){0});
}

void
mesh_wg_run(struct mesh_wg *wg)
{
    static void (*const doing[])(struct mesh_wg *) = {
        [MESH_WG_CREATE] = create,   [MESH_WG_ASK_KEY] = ask_key, [MESH_WG_SET_KEY] = set_key,
        [MESH_WG_ADDRESS] = address, [MESH_WG_LINK] = link_up,    [MESH_WG_APPLY] = apply,
    };
    static const char *const seeing[] = {
        [MESH_WG_LOOK_KEY] = "public-key",
        [MESH_WG_LOOK_PORT] = "listen-port",
        [MESH_WG_LOOK_PEERS] = "allowed-ips",
        [MESH_WG_LOOK_ENDPOINTS] = "endpoints",
        [MESH_WG_LOOK_HANDSHAKES] = "latest-handshakes",
        [MESH_WG_LOOK_TRANSFER] = "transfer",
        [MESH_WG_APPLY] = NULL,
    };

    if (!wg->wanted)
        return;
    watch(wg);
    if (wg->busy || am_mono_ms() < wg->due_ms)
        return;
    if (wg->step == MESH_WG_IDLE) {
        if (wg->up && am_mono_ms() < wg->look_ms)
            return;
        wg->step = wg->up ? MESH_WG_LOOK_PEERS : MESH_WG_CREATE;
    }
    if (seeing[wg->step] != NULL)
        show(wg, seeing[wg->step]);
    else
        doing[wg->step](wg);
}

static int
take_port(struct mesh_wg *wg, struct am_str line, struct am_error *err)
{
    uint32_t port;
    bool right = wg->keyed && mesh_number_parse(&port, line, 65535) && port == wg->port;

    if (!right && wg->written) {
        wg->written = false;
        return am_fail(err, AM_DATA_LOSS, "WireGuard device %s: it took a key and does not have it",
                       wg->name);
    }
    wg->written = false;
    go(wg, right ? MESH_WG_ADDRESS : MESH_WG_ASK_KEY);
    return AM_OK;
}

static int
take_key(struct mesh_wg *wg, struct am_str line)
{
    uint8_t pub[32];

    /* A device without a key says "(none)". */
    wg->keyed = mesh_key_parse(pub, line) && memcmp(pub, wg->own_pub, 32) == 0;
    go(wg, MESH_WG_LOOK_PORT);
    return AM_OK;
}

static int
take(struct mesh_wg *wg, struct am_str out, struct am_error *err)
{
    struct am_str line = out;
    int r = AM_OK;

    if (line.len > 0 && line.p[line.len - 1] == '\n')
        line.len--;
    switch (wg->step) {
    case MESH_WG_LOOK_KEY:
        return take_key(wg, line);
    case MESH_WG_LOOK_PORT:
        return take_port(wg, line, err);
    case MESH_WG_LOOK_PEERS:
        r = mesh_plan_allowed(&wg->have, out, err);
        break;
    case MESH_WG_LOOK_ENDPOINTS:
        r = mesh_plan_endpoints(&wg->have, out, err);
        break;
    case MESH_WG_LOOK_HANDSHAKES:
        r = mesh_plan_handshakes(&wg->have, out, err);
        break;
    case MESH_WG_LOOK_TRANSFER:
        r = mesh_plan_transfer(&wg->have, out, err);
        break;
    case MESH_WG_LINK:
        am_log(AM_INFO, "wg.up", "interface=%s peers=%zu", wg->name, wg->want_count);
        wg->up = true;
        wg->reason[0] = '\0';
        wg->changed(wg->arg);
        break;
    case MESH_WG_APPLY:
        am_log(AM_INFO, "wg.applied", "peers=%zu", wg->plan.touched);
        go(wg, MESH_WG_LOOK_PEERS);
        return r;
    case MESH_WG_SET_KEY:
        wg->written = true;
        go(wg, MESH_WG_LOOK_KEY); /* what was written is seen, not believed */
        return r;
    case MESH_WG_CREATE:
        go(wg, MESH_WG_CREATE);
        return r;
    case MESH_WG_IDLE:
    case MESH_WG_ASK_KEY:
    case MESH_WG_ADDRESS:
        break;
    }
    go(wg, (enum mesh_wg_step)(wg->step + 1));
    return r;
}

static void
on_done(void *arg, int code, struct am_str out, const struct am_error *err)
{
    struct mesh_wg *wg = arg;
    struct am_error bad = {0};

    wg->busy = false;
    if (code != AM_OK && wg->step == MESH_WG_CREATE) {
        snprintf(wg->create_reason, sizeof wg->create_reason, "%s", err->text);
        go(wg, MESH_WG_CREATE);
    } else if (code != AM_OK) {
        fail(wg, err);
    } else if (take(wg, out, &bad) != AM_OK) {
        fail(wg, &bad);
    }
    mesh_wg_run(wg);
}

void
mesh_wg_want(struct mesh_wg *wg, const uint8_t own_pub[static 32], uint32_t ip, uint8_t prefix,
             const struct mesh_wg_peer *peers, size_t count)
{
    static struct mesh_wg_peer next[MESH_MEMBERS_MAX];
    bool base = !wg->wanted || wg->ip != ip || wg->prefix != prefix ||
                memcmp(wg->own_pub, own_pub, 32) != 0;

    memset(next, 0, sizeof next);
    for (size_t i = 0; i < count; i++) {
        next[i] = peers[i];
        for (size_t k = 0; k < wg->want_count; k++)
            if (memcmp(wg->want[k].pub, peers[i].pub, 32) == 0) {
                next[i].given = wg->want[k].given;
                next[i].added_ms = wg->want[k].added_ms;
                next[i].calls_again = wg->want[k].calls_again;
            }
    }
    if (!base && count == wg->want_count && memcmp(next, wg->want, count * sizeof *next) == 0)
        return;
    memcpy(wg->own_pub, own_pub, 32);
    wg->ip = ip;
    wg->prefix = prefix;
    wg->wanted = true;
    memcpy(wg->want, next, sizeof next);
    wg->want_count = count;
    wg->look_ms = 0;
    wg->again = wg->step >= MESH_WG_LOOK_PEERS;
    if (base)
        wg->up = false;
    mesh_wg_run(wg);
}

void
mesh_wg_close(struct mesh_wg *wg)
{
    forget(wg);
}
