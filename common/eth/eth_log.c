/*  eth_log -- decode the event logs that AttestMesh acts on, and write v1's RLP form of a log.  */
#include "eth_log.h"

#include "eth_rlp.h"

#include <string.h>

typedef void log_fn(struct eth_event *out, struct eth_dec *topics, struct eth_dec *data);

static void
member_registered(struct eth_event *out, struct eth_dec *topics, struct eth_dec *data)
{
    eth_dec_word(topics, out->u.member_registered.member_id);
    eth_dec_address(topics, out->u.member_registered.contract);
    eth_dec_word(topics, out->u.member_registered.attestor_id);
    eth_dec_word(data, out->u.member_registered.x_pub);
    eth_dec_word(data, out->u.member_registered.wg_pub);
}

static void
key_published(struct eth_event *out, struct eth_dec *topics, struct eth_dec *data)
{
    eth_dec_word(topics, out->u.key_published.member_id);
    eth_dec_word(data, out->u.key_published.key);
}

static void
csk_commitment_set(struct eth_event *out, struct eth_dec *topics, struct eth_dec *data)
{
    (void)topics;
    eth_dec_word(data, out->u.csk_commitment_set.commitment);
}

static void
message_sent(struct eth_event *out, struct eth_dec *topics, struct eth_dec *data)
{
    eth_dec_word(topics, out->u.message_sent.sender);
    eth_dec_word(topics, out->u.message_sent.recipient);
    eth_dec_word(topics, out->u.message_sent.envelope_id);
    eth_dec_bytes(data, &out->u.message_sent.ciphertext);
}

static void
dstack_member_registered(struct eth_event *out, struct eth_dec *topics, struct eth_dec *data)
{
    eth_dec_word(topics, out->u.dstack_member_registered.member_id);
    eth_dec_word(data, out->u.dstack_member_registered.code_id);
    eth_dec_address(data, out->u.dstack_member_registered.derived_key);
}

static void
cluster_deployed(struct eth_event *out, struct eth_dec *topics, struct eth_dec *data)
{
    eth_dec_address(topics, out->u.cluster_deployed.cluster);
    eth_dec_address(topics, out->u.cluster_deployed.owner);
    eth_dec_word(data, out->u.cluster_deployed.salt);
}

static void
member_deployed(struct eth_event *out, struct eth_dec *topics, struct eth_dec *data)
{
    eth_dec_address(topics, out->u.member_deployed.member);
    eth_dec_address(topics, out->u.member_deployed.cluster);
    eth_dec_word(data, out->u.member_deployed.salt);
}

static void
user_operation(struct eth_event *out, struct eth_dec *topics, struct eth_dec *data)
{
    eth_dec_word(topics, out->u.user_operation.hash);
    eth_dec_address(topics, out->u.user_operation.sender);
    eth_dec_address(topics, out->u.user_operation.paymaster);
    eth_dec_word(data, out->u.user_operation.nonce);
    eth_dec_bool(data, &out->u.user_operation.success);
    eth_dec_word(data, out->u.user_operation.gas_cost);
    eth_dec_word(data, out->u.user_operation.gas_used);
}

static void
user_operation_reverted(struct eth_event *out, struct eth_dec *topics, struct eth_dec *data)
{
    eth_dec_word(topics, out->u.user_operation_reverted.hash);
    eth_dec_address(topics, out->u.user_operation_reverted.sender);
    eth_dec_word(data, out->u.user_operation_reverted.nonce);
    eth_dec_bytes(data, &out->u.user_operation_reverted.reason);
}

static const struct {
    enum eth_event_id id;
    size_t indexed, words; /* topics behind topic0; head words of data */
    log_fn *read;
} readers[] = {
    {ETH_EVENT_MemberRegistered, 3, 2, member_registered},
    {ETH_EVENT_WgKeyPublished, 1, 1, key_published},
    {ETH_EVENT_Ed25519KeyPublished, 1, 1, key_published},
    {ETH_EVENT_CskCommitmentSet, 0, 1, csk_commitment_set},
    {ETH_EVENT_MessageSent, 3, 1, message_sent},
    {ETH_EVENT_DstackMemberRegistered, 1, 2, dstack_member_registered},
    {ETH_EVENT_ClusterDeployed, 2, 1, cluster_deployed},
    {ETH_EVENT_MemberDeployed, 2, 1, member_deployed},
    {ETH_EVENT_UserOperationEvent, 3, 4, user_operation},
    {ETH_EVENT_UserOperationRevertReason, 2, 2, user_operation_reverted},
};

static int
read_log(struct eth_event *out, const struct eth_log *log, size_t row, struct am_error *err)
{
    struct eth_dec topics, data;
    const char *name = eth_event_name(readers[row].id);
    int rc;

    if (log->topic_count != readers[row].indexed + 1)
        return am_fail(err, AM_INVALID_ARGUMENT, "%s log: expected %zu topics, got %zu", name,
                       readers[row].indexed + 1, log->topic_count);
    /* Indexed values are words like a tuple's head: one reader does both. */
    eth_dec_start(&topics, am_bin_of(log->topics[1], 32 * readers[row].indexed),
                  readers[row].indexed, name, err);
    eth_dec_start(&data, log->data, readers[row].words, name, err);
    out->id = readers[row].id;
    readers[row].read(out, &topics, &data);
    rc = eth_dec_end(&topics);
    return rc != AM_OK ? rc : eth_dec_end(&data);
}

int
eth_log_decode(struct eth_event *out, const struct eth_log *log, struct am_error *err)
{
    enum eth_event_id id = ETH_EVENT_none;
    int rc;

    memset(out, 0, sizeof *out);
    if (log->topic_count > 0 && log->topic_count <= ETH_TOPICS_MAX)
        id = eth_event_of(log->topics[0]);
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
        if (id == readers[i].id) {
            rc = read_log(out, log, i, err);
            if (rc != AM_OK)
                memset(out, 0, sizeof *out);
            return rc;
        }
    return am_fail(err, AM_NOT_FOUND, "log: expected an event that is acted on, got %s",
                   id == ETH_EVENT_none ? "an unknown topic" : eth_event_name(id));
}

int
eth_log_rlp(struct eth_buf *out, const struct eth_log *log, struct am_error *err)
{
    size_t start = out->len, topics = log->topic_count * (ETH_WORD + 1);
    int rc = AM_OK;

    if (log->topic_count > ETH_TOPICS_MAX)
        return am_fail(err, AM_INVALID_ARGUMENT, "log: expected at most 4 topics, got %zu",
                       log->topic_count);
    rc = eth_rlp_list(out, 21 + eth_rlp_list_size(topics) + eth_rlp_bytes_size(log->data), err);
    if (rc == AM_OK)
        rc = eth_rlp_bytes(out, AM_BIN(log->address), err);
    if (rc == AM_OK)
        rc = eth_rlp_list(out, topics, err);
    for (size_t i = 0; i < log->topic_count && rc == AM_OK; i++)
        rc = eth_rlp_bytes(out, AM_BIN(log->topics[i]), err);
    if (rc == AM_OK)
        rc = eth_rlp_bytes(out, log->data, err);
    if (rc != AM_OK)
        out->len = start;
    return rc;
}

/* The next item: of this kind, and of exactly len bytes unless len is SIZE_MAX. */
static int
take(struct am_bin *item, struct am_bin *in, bool want_list, size_t len, struct am_error *err)
{
    bool list;
    int rc = eth_rlp_next(item, &list, in, err);

    if (rc == AM_OK && (list != want_list || (len != SIZE_MAX && item->len != len)))
        rc = am_fail(err, AM_INVALID_ARGUMENT,
                     "event_data: expected [address, [topics], data], got another shape");
    return rc;
}

int
eth_log_unrlp(struct eth_log *out, struct am_bin rlp, struct am_error *err)
{
    struct am_bin rest = rlp, body, topics, item;
    int rc;

    memset(out, 0, sizeof *out);
    if ((rc = take(&body, &rest, true, SIZE_MAX, err)) != AM_OK ||
        (rc = take(&item, &body, false, 20, err)) != AM_OK)
        goto out;
    memcpy(out->address, item.p, 20);
    if ((rc = take(&topics, &body, true, SIZE_MAX, err)) != AM_OK)
        goto out;
    while (topics.len > 0) {
        if (out->topic_count == ETH_TOPICS_MAX) {
            rc = am_fail(err, AM_INVALID_ARGUMENT,
                         "event_data: expected at most 4 topics, got more");
            goto out;
        }
        if ((rc = take(&item, &topics, false, ETH_WORD, err)) != AM_OK)
            goto out;
        memcpy(out->topics[out->topic_count++], item.p, ETH_WORD);
    }
    if ((rc = take(&out->data, &body, false, SIZE_MAX, err)) != AM_OK)
        goto out;
    if (body.len != 0 || rest.len != 0)
        rc = am_fail(err, AM_INVALID_ARGUMENT, "event_data: expected no trailing bytes, got %zu",
                     body.len + rest.len);
out:
    if (rc != AM_OK)
        memset(out, 0, sizeof *out);
    return rc;
}
