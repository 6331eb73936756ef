/*  api_http_int -- what the files of the HTTP server share.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_HTTP_INT_H
#define API_HTTP_INT_H

#include "api_evidence.h"
#include "api_http.h"

#include <microhttpd.h>

/* Answer.
 * In:      text     consumed; NULL: there is no memory, the connection ends
 *          type     Content-Type, or NULL
 *          headers  name, value, ..., NULL; or NULL */
enum MHD_Result api_http_respond(struct MHD_Connection *c, unsigned status, char *text,
                                 const char *type, const char *const *headers);

/* Let the server deal with what is due.  From the loop, never from inside a handler. */
void api_http_run(struct api_http *http);

/* A request for /attestation, whole.  May leave the connection suspended and put itself into
 * *state: the handler is called again with it when the answer is there. */
enum MHD_Result api_http_attest(struct api_http *http, struct api_evidence *evidence,
                                struct MHD_Connection *c, const char *method, void **state);
enum MHD_Result api_http_attest_again(struct MHD_Connection *c, void *state);
void api_http_attest_end(void *state); /* the request is over, answered or not */

#endif
