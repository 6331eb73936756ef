/*  doctor_judge_route -- who takes our operations, who pays, and what answers under a name.  */
#include "../common/eth/eth_word.h"
#include "doctor_judge.h"

#include <string.h>

typedef unsigned long long number;

void
doctor_judge_entries(struct doctor_report *r, const struct doctor_seen_entries *seen)
{
    struct doctor_line *line = &r->lines[DOCTOR_BUNDLER_ENTRY];
    char wanted[ETH_ADDRESS_TEXT], first[ETH_ADDRESS_TEXT];

    eth_address_text(wanted, seen->expected);
    doctor_expect(line, "a bundler that serves EntryPoint %s", wanted);
    if (seen->err.code != AM_OK) {
        doctor_bad(r, DOCTOR_BUNDLER_ENTRY, "%s", seen->err.text);
        return;
    }
    if (seen->chain_id != 0 && seen->chain_id != seen->expected_chain_id) {
        doctor_bad(r, DOCTOR_BUNDLER_ENTRY, "a bundler of chain %llu", (number)seen->chain_id);
        return;
    }
    for (size_t i = 0; i < seen->count; i++)
        if (memcmp(seen->entries[i], seen->expected, 20) == 0) {
            doctor_ok(line, "it does, among %zu", seen->count);
            return;
        }
    eth_address_text(first, seen->entries[0]);
    doctor_bad(r, DOCTOR_BUNDLER_ENTRY, "%zu entry points, none of them ours%s%s", seen->count,
               seen->count > 0 ? "; the first is " : "", seen->count > 0 ? first : "");
}

void
doctor_judge_estimate(struct doctor_report *r, const struct doctor_seen_estimate *seen)
{
    struct doctor_line *line = &r->lines[DOCTOR_BUNDLER_ESTIMATE];

    if (seen->err.code == AM_OK && !seen->registered)
        doctor_skip(line, "the member is not registered: it can send nothing but that yet");
    else if (seen->err.code == AM_OK)
        doctor_ok(line, "verification %llu gas, call %llu gas", (number)seen->verification_gas,
                  (number)seen->call_gas);
    else if (strstr(seen->err.text, "AA21") != NULL)
        /* The EntryPoint looks at the prefund behind validateUserOp: the dummy has passed. */
        doctor_ok(line, "validated; the member has no deposit of its own (AA21)");
    else
        doctor_bad(r, DOCTOR_BUNDLER_ESTIMATE, "%s", seen->err.text);
}

void
doctor_judge_paymaster(struct doctor_report *r, const struct doctor_seen_paymaster *seen)
{
    char paymaster[ETH_ADDRESS_TEXT];

    eth_address_text(paymaster, seen->paymaster);
    if (seen->err.code != AM_OK)
        doctor_bad(r, DOCTOR_PAYMASTER, "%s", seen->err.text);
    else if (am_is_zero(seen->paymaster, 20))
        doctor_bad(r, DOCTOR_PAYMASTER, "%s named the zero address as paymaster", seen->method);
    else
        doctor_ok(&r->lines[DOCTOR_PAYMASTER], "%s: paymaster %s, %zu bytes of data", seen->method,
                  paymaster, seen->data_len);
}

void
doctor_judge_sponsor(struct doctor_report *r, const struct doctor_seen_sponsor *seen)
{
    struct doctor_line *line = &r->lines[DOCTOR_SPONSOR];
    char address[ETH_ADDRESS_TEXT], other[ETH_ADDRESS_TEXT];

    eth_address_text(address, seen->address);
    if (seen->err.code != AM_OK) {
        doctor_bad(r, DOCTOR_SPONSOR, "%s", seen->err.text);
    } else if (seen->chain_id != seen->expected_chain_id) {
        doctor_bad(r, DOCTOR_SPONSOR, "%s sponsors chain %llu, ours is %llu", seen->host,
                   (number)seen->chain_id, (number)seen->expected_chain_id);
    } else if (memcmp(seen->entry_point, seen->expected_entry_point, 20) != 0) {
        eth_address_text(other, seen->entry_point);
        doctor_bad(r, DOCTOR_SPONSOR, "%s sponsors for EntryPoint %s", seen->host, other);
    } else if (memcmp(seen->recovered, seen->address, 20) != 0) {
        doctor_bad(r, DOCTOR_SPONSOR, "%s names signer %s, which did not sign this answer",
                   seen->host, address);
    } else if (seen->signer_err.code != AM_OK) {
        doctor_bad(r, DOCTOR_SPONSOR, "%s: %s", seen->host, seen->signer_err.text);
    } else if (memcmp(seen->signer, seen->address, 20) != 0) {
        eth_address_text(other, seen->signer);
        doctor_bad(r, DOCTOR_SPONSOR, "%s signs with %s, its paymaster's verifyingSigner is %s",
                   seen->host, address, other);
    } else {
        eth_address_text(other, seen->paymaster);
        doctor_ok(line, "%s, signer %s of paymaster %s", seen->host, address, other);
    }
}

enum doctor_name_form
doctor_name_form(const char *host)
{
    size_t label = strcspn(host, "."), digits = 0;
    char last;

    if (host[label] != '.' || label < 3)
        return DOCTOR_FORM_OTHER;
    last = host[label - 1];
    if (last == 's' || last == 'g')
        label--;
    while (digits < label && host[label - 1 - digits] >= '0' && host[label - 1 - digits] <= '9')
        digits++;
    if (digits == 0 || digits > 5 || digits + 2 > label || host[label - 1 - digits] != '-')
        return DOCTOR_FORM_OTHER;
    return last == 's' ? DOCTOR_FORM_PASS : last == 'g' ? DOCTOR_FORM_GRPC : DOCTOR_FORM_ENDED;
}

void
doctor_judge_sni(struct doctor_report *r, const struct doctor_seen_tls *seen)
{
    if (seen->err.code != AM_OK)
        doctor_bad(r, DOCTOR_GATEWAY_SNI, "%s", seen->err.text);
    else
        doctor_ok(&r->lines[DOCTOR_GATEWAY_SNI], "%s: certificate of %s", seen->host,
                  seen->subject[0] != '\0' ? seen->subject : "nobody named");
}

/* attestmesh/1, http/1.1 and h2 are offered.  A node's own TLS answers attestmesh/1, v1's nothing;
 * whoever answers with a web protocol has ended the TLS before the node. */
void
doctor_judge_alpn(struct doctor_report *r, const struct doctor_seen_tls *seen)
{
    struct doctor_line *line = &r->lines[DOCTOR_GATEWAY_ALPN];
    bool none = seen->alpn[0] == '\0', ours = strcmp(seen->alpn, "attestmesh/1") == 0,
         h2 = strcmp(seen->alpn, "h2") == 0;

    switch (doctor_name_form(seen->host)) {
    case DOCTOR_FORM_PASS:
        doctor_expect(line, "attestmesh/1, or none of a v1 node");
        if (ours || none)
            doctor_ok(line, "%s", ours ? "attestmesh/1" : "none");
        else
            doctor_bad(r, DOCTOR_GATEWAY_ALPN, "%s: the TLS ends before the node", seen->alpn);
        break;
    case DOCTOR_FORM_GRPC:
        doctor_expect(line, "h2");
        if (h2)
            doctor_ok(line, "h2");
        else
            doctor_bad(r, DOCTOR_GATEWAY_ALPN, "%s", none ? "none" : seen->alpn);
        break;
    case DOCTOR_FORM_ENDED:
        doctor_expect(line, "a gateway that ends the TLS: h2, http/1.1 or none");
        if (ours) {
            doctor_bad(r, DOCTOR_GATEWAY_ALPN, "attestmesh/1: this name reaches a node's own TLS");
        } else if (h2) {
            doctor_ok(line, "h2");
        } else {
            doctor_warn(r, DOCTOR_GATEWAY_ALPN, "%s", none ? "none" : seen->alpn);
            doctor_cause(line, "the gateway speaks HTTP/2 and does not say so: gRPC clients must "
                               "assume it");
        }
        break;
    case DOCTOR_FORM_OTHER:
        doctor_ok(line, "%s; the name is none of a dstack gateway", none ? "none" : seen->alpn);
        break;
    }
}

void
doctor_judge_registry(struct doctor_report *r, const struct doctor_seen_registry *seen)
{
    char key[65];

    am_hex(key, seen->pub_key, 32);
    if (seen->err.code != AM_OK)
        doctor_bad(r, DOCTOR_REGISTRY, "%s", seen->err.text);
    else if (seen->endpoint[0] == '\0' && am_is_zero(seen->pub_key, 32))
        doctor_bad(r, DOCTOR_REGISTRY, "an empty record");
    else if (strncmp(seen->endpoint, "https://", 8) != 0 &&
             strncmp(seen->endpoint, "http://", 7) != 0)
        doctor_bad(r, DOCTOR_REGISTRY, "endpoint \"%.80s\" is no http or https URL",
                   seen->endpoint);
    else if (am_is_zero(seen->pub_key, 32))
        doctor_bad(r, DOCTOR_REGISTRY, "endpoint %.120s, and no key", seen->endpoint);
    else
        doctor_ok(&r->lines[DOCTOR_REGISTRY], "%.120s, key 0x%.8s..", seen->endpoint, key);
}

void
doctor_judge_indexer(struct doctor_report *r, const struct doctor_seen_indexer *seen,
                     const struct doctor_seen_registry *record)
{
    struct doctor_line *line = &r->lines[DOCTOR_INDEXER];
    char wanted[65], key[65];

    am_hex(wanted, record->pub_key, 32);
    am_hex(key, seen->pub_key, 32);
    doctor_expect(line, "an indexer of chain %llu with key 0x%.8s..",
                  (number)seen->expected_chain_id, wanted);
    if (seen->err.code != AM_OK)
        doctor_bad(r, DOCTOR_INDEXER, "%s", seen->err.text);
    else if (seen->chain_id != seen->expected_chain_id)
        doctor_bad(r, DOCTOR_INDEXER, "it follows chain %llu", (number)seen->chain_id);
    else if (memcmp(seen->pub_key, record->pub_key, 32) != 0)
        doctor_bad(r, DOCTOR_INDEXER, "key 0x%s", key);
    else if (memcmp(seen->code_id, record->code_id, 32) != 0)
        doctor_bad(r, DOCTOR_INDEXER, "the key of the record under another code id");
    else
        doctor_ok(line, "key and code id are the record's");
}
