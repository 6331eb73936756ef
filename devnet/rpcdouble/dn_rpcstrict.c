/*  dn_rpcstrict -- what a strict provider refuses of a user operation: odd hex, and a signature
 * from which nobody can be recovered.  */
#include "dn_rpcstrict.h"

#include "am_secp.h"

#include <string.h>

static json_t *
error_of(int code, const char *message)
{
    return json_pack("{siss}", "code", code, "message", message);
}

/* The account recovers the dummy before anybody signs: on which digest makes no difference. */
static bool
recovers(const char *text)
{
    static const uint8_t digest[32] = {1};
    uint8_t signature[65], address[20];

    return am_unhex(signature, 65, am_str_of(text + 2), "signature", NULL) == AM_OK &&
           am_secp_recover_address(address, digest, signature, AM_V_ETH, NULL) == AM_OK;
}

json_t *
dn_strict(const json_t *request)
{
    static const char *const fields[] = {"signature", "callData", "paymasterData", "factoryData"};
    const json_t *op = json_array_get(json_object_get(request, "params"), 0);
    const char *text;

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        text = json_string_value(json_object_get(op, fields[i]));
        if (text != NULL && (strncmp(text, "0x", 2) != 0 || strlen(text) % 2 != 0))
            return error_of(-32602, "invalid argument 0: hex string of odd length");
    }
    text = json_string_value(json_object_get(op, "signature"));
    if (text != NULL && !recovers(text))
        return error_of(-32500, "UserOperation reverted during simulation with reason: AA23 "
                                "reverted 0xf645eedf");
    return NULL;
}
