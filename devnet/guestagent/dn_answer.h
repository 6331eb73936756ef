/*  dn_answer -- what methods and routing of the simulator share: answers in JSON.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DN_ANSWER_H
#define DN_ANSWER_H

#include "dn_guest.h"

#include <jansson.h>

/* Takes value over; flags are jansson's. */
void dn_answer_json(struct dn_answer *a, int status, json_t *value, size_t flags);
/* {"error": text}, printed as the agent prints it */
void dn_answer_error(struct dn_answer *a, int status, const char *text);

/* Run a method.  in: the fields of the request, an object, borrowed. */
void dn_guest_dispatch(const struct dn_guest *g, const char *method, json_t *in,
                       struct dn_answer *a);

#endif
