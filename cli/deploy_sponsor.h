/*  deploy_sponsor -- assert from outside that a public route is the sponsor of a deployment.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DEPLOY_SPONSOR_H
#define DEPLOY_SPONSOR_H

#include "deploy.h"

/* Read verifyingSigner() from the chain, ask <route>/identity with a fresh nonce, judge the answer.
 * Sends no transaction; every run asserts anew.
 *
 * Out:     signer  the paymaster's verifyingSigner
 * In:      route   http:// or https://, without a slash at its end
 * Returns: AM_OK, AM_INVALID_ARGUMENT (route), what am_http_get says of a route that does not
 *          answer, or what deploy_route_judge says of one that does */
int deploy_sponsor(const struct deploy *how, const struct deployment *d, const char *route,
                   uint8_t signer[static 20], struct am_error *err) AM_MUST_CHECK;

#endif
