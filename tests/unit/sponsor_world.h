/*  sponsor_world -- the real sponsor before a chain of the test's own making.
 *
 *  Cluster A is of the first factory, cluster B of the second.  Accounts are numbers: member n is
 * of the member factory and in cluster A, app n is listed by cluster A, others are strangers.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SPONSOR_WORLD_H
#define SPONSOR_WORLD_H

#include "../../services/sponsor/sp_policy.h"
#include "dn_rpcdouble.h"
#include "service_world.h"

#define SPW_KEY_DIGITS "8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"
#define SPW_PAYMASTER "0x3333333333333333333333333333333333333333"
#define SPW_ENTRY_POINT "0x0000000071727De22E5E9d8BAf0edAc6f37da032"
#define SPW_TOKEN "tok-4711"
#define SPW_SECRET "pim_whsec_12oeWzGziAeWhm1Hpi4zvXDz54bzSMCBj3CeCb6rAPV" /* protocol page 7.5 */
#define SPW_ENV_MAX 8

enum spw_kind { SPW_MEMBER, SPW_APP, SPW_STRANGER, SPW_OF_B, SPW_OF_NOWHERE };

extern uint8_t spw_a[20], spw_b[20], spw_nowhere[20]; /* clusters; the last of no factory */
extern struct dn_rpc_double *spw_double;
extern unsigned spw_asked[SP_FACT_COUNT]; /* by function, since the start */
extern uint64_t spw_chain_id;             /* what the RPC says */
extern uint16_t spw_port;
extern pid_t *spw_process;
extern const char *spw_extra[SPW_ENV_MAX]; /* settings more than the usual, "NAME=value" */

void spw_account(uint8_t out[static 20], enum spw_kind kind, unsigned n);

void spw_begin(void); /* folder, double and port; nothing runs yet */
void spw_start(void); /* the sponsor, until it listens */
pid_t *spw_run(const char *log);
void spw_stop(int signal); /* the sponsor alone; the folder stays */
void spw_end(void);

/* execute(target, 0, inner), as hex text with 0x; static memory. */
const char *spw_execute(const uint8_t target[static 20], const char *inner_hex);
/* Alchemy's body for it; static memory. */
const char *spw_alchemy(enum spw_kind kind, unsigned n, const char *call_data, const char *chain);

const char *spw_url(const char *path); /* static memory */
/* POST body to path; the answer's body is returned too. */
const char *spw_post(const char *path, const char *body, int *status);
const char *spw_get(const char *path, int *status);
/* With headers, each "Name: value\r\n"; the answer's status line and body. */
const char *spw_raw(const char *path, const char *headers, const char *body, int *status);

#endif
