/*  vec_log -- golden data of event logs.  */
#include "../../common/eth/eth_log.h"
#include "vec.h"

#include <string.h>

static void
same_address(const json_t *args, const char *key, const uint8_t address[static 20])
{
    char text[ETH_ADDRESS_TEXT];

    eth_address_text(text, address);
    vec_same_text(args, key, text);
}

static void
check_args(const json_t *args, const struct eth_event *e)
{
    switch (e->id) {
    case ETH_EVENT_MemberRegistered:
        vec_same(args, "memberId", e->u.member_registered.member_id, 32);
        same_address(args, "memberContract", e->u.member_registered.contract);
        vec_same(args, "attestorId", e->u.member_registered.attestor_id, 32);
        vec_same(args, "xPubKey", e->u.member_registered.x_pub, 32);
        vec_same(args, "wgPubKey", e->u.member_registered.wg_pub, 32);
        break;
    case ETH_EVENT_WgKeyPublished:
        vec_same(args, "memberId", e->u.key_published.member_id, 32);
        vec_same(args, "wgPubKey", e->u.key_published.key, 32);
        break;
    case ETH_EVENT_Ed25519KeyPublished:
        vec_same(args, "memberId", e->u.key_published.member_id, 32);
        vec_same(args, "ed25519Key", e->u.key_published.key, 32);
        break;
    case ETH_EVENT_CskCommitmentSet:
        vec_same(args, "commitment", e->u.csk_commitment_set.commitment, 32);
        break;
    case ETH_EVENT_MessageSent:
        vec_same(args, "senderMemberId", e->u.message_sent.sender, 32);
        vec_same(args, "recipientMemberId", e->u.message_sent.recipient, 32);
        vec_same(args, "envelopeId", e->u.message_sent.envelope_id, 32);
        vec_same(args, "ciphertext", e->u.message_sent.ciphertext.p,
                 e->u.message_sent.ciphertext.len);
        break;
    case ETH_EVENT_DstackMemberRegistered:
        vec_same(args, "memberId", e->u.dstack_member_registered.member_id, 32);
        vec_same(args, "codeId", e->u.dstack_member_registered.code_id, 32);
        same_address(args, "derivedKey", e->u.dstack_member_registered.derived_key);
        break;
    case ETH_EVENT_ClusterDeployed:
        same_address(args, "cluster", e->u.cluster_deployed.cluster);
        same_address(args, "clusterOwner", e->u.cluster_deployed.owner);
        vec_same(args, "salt", e->u.cluster_deployed.salt, 32);
        break;
    case ETH_EVENT_MemberDeployed:
        same_address(args, "member", e->u.member_deployed.member);
        same_address(args, "cluster", e->u.member_deployed.cluster);
        vec_same(args, "salt", e->u.member_deployed.salt, 32);
        break;
    default:
        vec_check(false, "an event that this runner compares");
    }
}

void
vec_events(const json_t *c)
{
    static uint8_t copy[VEC_MAX];
    const json_t *topics = vec_field(c, "topics"), *t;
    struct am_bin data = vec_bin(c, "data");
    struct eth_log log = {.data = data};
    struct eth_event e;
    size_t i;

    json_array_foreach(topics, i, t)
    {
        struct am_bin b = vec_hex(t);

        CHECK(i < ETH_TOPICS_MAX && b.len == 32);
        if (i < ETH_TOPICS_MAX && b.len == 32)
            memcpy(log.topics[log.topic_count++], b.p, 32);
    }
    CHECK(eth_log_decode(&e, &log, NULL) == AM_OK);
    vec_same_text(c, "event", eth_event_name(e.id));
    check_args(vec_field(c, "args"), &e);

    for (size_t cut = 0; cut < data.len; cut++) {
        log.data = am_bin_of(data.p, cut);
        CHECK(eth_log_decode(&e, &log, NULL) == AM_INVALID_ARGUMENT && e.id == ETH_EVENT_none);
    }
    memcpy(copy, data.p, data.len);
    memset(copy + data.len, 0, 32);
    for (size_t extra = 1; extra <= 32; extra++) {
        log.data = am_bin_of(copy, data.len + extra);
        CHECK(eth_log_decode(&e, &log, NULL) == AM_INVALID_ARGUMENT);
    }
    log.data = data;
    log.topic_count--;
    CHECK(eth_log_decode(&e, &log, NULL) ==
          (log.topic_count == 0 ? AM_NOT_FOUND : AM_INVALID_ARGUMENT));
    log.topic_count += 2;
    CHECK(eth_log_decode(&e, &log, NULL) ==
          (log.topic_count > ETH_TOPICS_MAX ? AM_NOT_FOUND : AM_INVALID_ARGUMENT));
    log.topic_count--;
    log.topics[0][31] ^= 1;
    CHECK(eth_log_decode(&e, &log, NULL) == AM_NOT_FOUND);
}
