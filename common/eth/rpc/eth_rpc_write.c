/*  eth_rpc_write -- the body of one JSON-RPC request or batch.  */
#include "eth_rpc_write.h"

char *
eth_rpc_write(const char *const *methods, json_t *const *params, size_t count, uint64_t first_id)
{
    json_t *all = json_array();
    char *body = NULL;

    for (size_t i = 0; all != NULL && i < count; i++) {
        json_t *one =
            json_pack("{sssIsssO}", "jsonrpc", "2.0", "id", (json_int_t)first_id + (json_int_t)i,
                      "method", methods[i], "params", params[i]);

        if (one == NULL || json_array_append_new(all, one) != 0)
            goto out;
    }
    if (all != NULL)
        body = json_dumps(count == 1 ? json_array_get(all, 0) : all, JSON_COMPACT);
out:
    json_decref(all);
    return body;
}
