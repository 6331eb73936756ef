/*  doctor_world -- what the checks share: settings, one client for each outside thing, what is
 * known.
 *
 *  Asking waits.  Everything that goes out and comes back passes here, so that --record sees it.
 *
 *  Secrets: provider URLs live in settings; errors show hosts.  The one key that is asked of the
 *           guest agent is of a path that nothing uses, and is wiped.
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DOCTOR_WORLD_H
#define DOCTOR_WORLD_H

#include "../common/base/am_settings.h"
#include "../common/eth/rpc/eth_json.h"
#include "../common/net/am_http.h"
#include "cli_rpc.h"
#include "doctor_judge.h"
#include "doctor_record.h"

struct doctor_options {
    const char *gateway; /* host name, or host:port; NULL: GATEWAY_DOMAIN's, if set */
    const char *indexer; /* URL of an indexer's HTTP side */
    const char *shadow;  /* URL of a v1 node's /healthz */
    const char *record;  /* file of the transcript */
    bool paid;           /* ask the paymaster */
    bool json, log;      /* log: lines as am_log has them, at the start of a node */
};

struct doctor_world {
    const struct doctor_options *o;
    struct am_settings s;
    struct doctor_report report;
    struct doctor_record *record; /* NULL: nobody records */
    struct ev_loop *loop;         /* of GETs and of the guest agent */
    struct am_http *http;
    struct cli_rpc *rpc, *bundler, *paymaster; /* NULL: not opened */
    /* Found out on the way. */
    bool member_known, registered, root_known;
    uint8_t app_id[20], member[20], cluster[20], wg_pub[32], root[20];
    uint64_t head;
};

/* Read the settings, open the clients, make every check that may be made.
 * In:      w    zero; stays where it is until doctor_world_close
 *          env  as environ */
void doctor_world_run(struct doctor_world *w, const struct doctor_options *o, char *const *env);
void doctor_world_close(struct doctor_world *w);

/* eth_call at latest. */
int doctor_view(struct doctor_world *w, uint8_t *out, size_t cap, size_t *len,
                const uint8_t to[static 20], struct am_bin data,
                struct am_error *err) AM_MUST_CHECK;

/* GET a JSON object.
 * Out:     out   a new reference, NULL unless AM_OK
 *          host  host and port of the URL, for a line
 * In:      boundary  names it in errors and in the transcript: "sponsor"
 *          path      put behind the URL's own path, query and all; "" for the URL as it is
 *          any_status  a body with another status than 200 counts too
 * Returns: AM_OK, or what am_http says; AM_INVALID_ARGUMENT quotes the start of what came instead
 */
#define DOCTOR_HOST 128
int doctor_get(struct doctor_world *w, json_t **out, char host[static DOCTOR_HOST],
               const char *boundary, const char *url, const char *path, bool any_status,
               struct am_error *err) AM_MUST_CHECK;

/* The thin halves: each asks one outside thing and has its checks judged. */
void doctor_ask_host(struct doctor_world *w);    /* state.folder, wireguard.device */
void doctor_ask_agent(struct doctor_world *w);   /* guest_agent.* */
void doctor_ask_rpc(struct doctor_world *w);     /* rpc.*, clock.skew, *.code */
void doctor_ask_cluster(struct doctor_world *w); /* member.cluster, cluster.* */
void doctor_ask_bundler(struct doctor_world *w); /* bundler.*, paymaster.stub */
void doctor_ask_sponsor(struct doctor_world *w); /* sponsor.identity */
void doctor_ask_gateway(struct doctor_world *w); /* gateway.* */
void doctor_ask_indexer(struct doctor_world *w); /* indexer.* */
void doctor_ask_shadow(struct doctor_world *w);  /* shadow.* */

#endif
