/*  chain_fault -- why a provider refused: what follows from it, and words for the row's reason.  */
#include "chain_fault.h"

#include "eth_table.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define REVERT_MAX 1024
#define DECODED 128

static const struct {
    const char *code;
    enum chain_event event;
    const char *means;
} codes[] = {
#define X(code, event, means) {code, CHAIN_EV_##event, means},
    CHAIN_AA_CODES(X)
#undef X
};
#define CODES (sizeof codes / sizeof codes[0])

/* Bundlers word it themselves where they do not repeat EntryPoint. */
static const char *const lapsed_words[] = {"expires too soon", "paymaster expired",
                                           "sponsorship expired", "expired sponsorship"};

/* The first error of our list that the text carries as hex: "reverted with reason: 0x3d30ea79". */
static bool
find_revert(char decoded[static DECODED], const char *text)
{
    uint8_t data[REVERT_MAX];

    for (const char *at = text; (at = strstr(at, "0x")) != NULL; at += 2) {
        size_t digits = 0, len = 0;

        while (isxdigit((unsigned char)at[2 + digits]))
            digits++;
        digits -= digits % 2;
        if (digits < 8 || digits > 2 * REVERT_MAX ||
            am_unhex_some(data, sizeof data, &len, (struct am_str){at + 2, digits}, "revert",
                          NULL) != AM_OK ||
            eth_error_of(am_bin_of(data, len)) == ETH_ERROR_none)
            continue;
        eth_revert_text(decoded, DECODED, am_bin_of(data, len));
        return true;
    }
    return false;
}

/* error.data is revert data, or an object with it, or text around it. */
static bool
find_in_data(char decoded[static DECODED], const json_t *data)
{
    static const char *const keys[] = {"data", "revertData", "reason", "inner", "revertReason"};

    if (json_is_string(data))
        return find_revert(decoded, json_string_value(data));
    for (size_t i = 0; json_is_object(data) && i < sizeof keys / sizeof keys[0]; i++) {
        const char *text = json_string_value(json_object_get(data, keys[i]));

        if (text != NULL && find_revert(decoded, text))
            return true;
    }
    return false;
}

static size_t
find_code(const char *words, const char *decoded)
{
    size_t i = 0;

    while (i < CODES && strstr(words, codes[i].code) == NULL &&
           strstr(decoded, codes[i].code) == NULL)
        i++;
    return i;
}

static bool
says_lapsed(const char *words)
{
    for (size_t i = 0; i < sizeof lapsed_words / sizeof lapsed_words[0]; i++)
        if (strcasestr(words, lapsed_words[i]) != NULL)
            return true;
    return false;
}

enum chain_event
chain_fault_judge(char reason[static CHAIN_REASON], const struct eth_rpc_answer *a)
{
    char decoded[DECODED] = "", tail[CHAIN_REASON / 2 + DECODED];
    const char *words = a->err.text;
    size_t code, room;

    if (!find_in_data(decoded, a->error_data))
        (void)find_revert(decoded, words);
    code = find_code(words, decoded);
    if (decoded[0] != '\0' && strstr(words, decoded) != NULL)
        decoded[0] = '\0'; /* the provider decoded it, too */
    snprintf(tail, sizeof tail, "%s%s%s%s", decoded[0] != '\0' ? "; " : "", decoded,
             code < CODES ? "; " : "", code < CODES ? codes[code].means : "");
    room = CHAIN_REASON - 1 - strlen(tail);
    snprintf(reason, CHAIN_REASON, "%.*s%s", (int)room, words, tail);
    if (code < CODES)
        return codes[code].event;
    return says_lapsed(words) ? CHAIN_EV_LAPSED : CHAIN_EV_ERROR;
}
