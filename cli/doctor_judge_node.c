/*  doctor_judge_node -- the node's own machine and its guest agent.  */
#include "doctor_judge.h"

#include <errno.h>
#include <string.h>

#define ROOM (16u << 20) /* the event store of a busy cluster for weeks, and every cache */

void
doctor_judge_folder(struct doctor_report *r, const struct doctor_seen_folder *seen)
{
    const enum doctor_check id = DOCTOR_STATE_FOLDER;
    unsigned long long mib = seen->free_bytes >> 20;

    if (seen->trouble != 0 && seen->trouble != ENOENT)
        doctor_bad(r, id, "%s: %s", seen->path, strerror(seen->trouble));
    else if (!seen->there && !seen->parent_writable)
        doctor_bad(r, id, "%s: absent, and the folder above it is not ours to write", seen->path);
    else if (seen->free_bytes < ROOM)
        doctor_bad(r, id, "%s: %llu MiB free", seen->path, mib);
    else if (!seen->there)
        doctor_ok(&r->lines[id], "%s: absent, made at the first start; %llu MiB free", seen->path,
                  mib);
    else if (!seen->is_folder)
        doctor_bad(r, id, "%s: no folder", seen->path);
    else if (!seen->ours)
        doctor_bad(r, id, "%s: belongs to uid %u, not to who asks", seen->path, seen->owner);
    else if (seen->mode != 0700)
        doctor_bad(r, id, "%s: mode %04o", seen->path, seen->mode);
    else
        doctor_ok(&r->lines[id], "%s: of uid %u, mode 0700, %llu MiB free", seen->path, seen->owner,
                  mib);
}

void
doctor_judge_wireguard(struct doctor_report *r, const struct doctor_seen_wireguard *seen)
{
    const enum doctor_check id = DOCTOR_WIREGUARD;
    const char *by = seen->kernel ? "kernel" : "wireguard-go";

    if (!seen->there && !seen->kernel && !seen->go)
        doctor_bad(r, id, "no device %s, no kernel module, no wireguard-go", seen->device);
    else if (!seen->there && seen->mesh_runs)
        doctor_bad(r, id, "mesh runs, and there is no device %s", seen->device);
    else if (!seen->there)
        doctor_ok(&r->lines[id], "no device %s yet, %s can make it", seen->device, by);
    else if (seen->err.code == AM_PERMISSION_DENIED)
        doctor_ok(&r->lines[id], "%s is there; its port is shown to root alone", seen->device);
    else if (seen->err.code != AM_OK)
        doctor_bad(r, id, "%s: %s", seen->device, seen->err.text);
    else if (seen->mesh_runs && seen->port != seen->expected_port)
        doctor_bad(r, id, "%s listens on UDP %llu, WG_LISTEN_PORT is %llu", seen->device,
                   (unsigned long long)seen->port, (unsigned long long)seen->expected_port);
    else
        doctor_ok(&r->lines[id], "%s is there, UDP %llu", seen->device,
                  (unsigned long long)seen->port);
}

void
doctor_judge_agent_version(struct doctor_report *r, const struct doctor_seen_agent *seen)
{
    if (seen->version_err.code != AM_OK)
        doctor_bad(r, DOCTOR_AGENT_VERSION, "%s", seen->version_err.text);
    else
        doctor_ok(&r->lines[DOCTOR_AGENT_VERSION], "%s", seen->version);
}

void
doctor_judge_agent_methods(struct doctor_report *r, const struct doctor_seen_agent *seen)
{
    const struct am_error *const errs[] = {&seen->info_err, &seen->key_err, &seen->quote_err};
    char app_id[41];

    for (size_t i = 0; i < sizeof errs / sizeof errs[0]; i++)
        if (errs[i]->code != AM_OK) {
            doctor_bad(r, DOCTOR_AGENT_METHODS, "%s", errs[i]->text);
            return;
        }
    am_hex(app_id, seen->app_id, 20);
    doctor_ok(&r->lines[DOCTOR_AGENT_METHODS], "app id 0x%s, a quote of %zu bytes", app_id,
              seen->quote_len);
}

void
doctor_judge_agent_chain(struct doctor_report *r, const struct doctor_seen_chain *seen)
{
    char root[41];

    if (seen->err.code != AM_OK) {
        doctor_bad(r, DOCTOR_AGENT_CHAIN, "%s", seen->err.text);
        return;
    }
    am_hex(root, seen->root, 20);
    doctor_ok(&r->lines[DOCTOR_AGENT_CHAIN], "root 0x%s", root);
}
