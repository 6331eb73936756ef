/*  fuzz_bus -- any bytes to any message: what is read must write back and print, nothing may crash.
 */
#include "../../bus/bus_codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t once[1 << 20], twice[1 << 20];
    static char text[1 << 18];
    static union bus_any a, b;
    const struct bus_row *row = bus_rows;
    struct am_text shown = {text, sizeof text, 0, false};
    size_t n, m;

    if (size < 1 || size > 65536)
        return 0;
    for (int skip = data[0]; skip > 0; skip--) { /* the first byte chooses the message */
        do
            row++;
        while (bus_is_field(row));
        if (row->kind == 0)
            row = bus_rows;
    }
    if (bus_decode(row, false, &a, am_bin_of(data + 1, size - 1), NULL) != AM_OK) {
        if (!am_is_zero((uint8_t *)&a, row->offset))
            abort();
        return 0;
    }
    bus_print(&shown, row, false, &a);
    if (bus_encode(row, &a, once, sizeof once, &n, NULL) != AM_OK || n > size ||
        bus_decode(row, false, &b, am_bin_of(once, n), NULL) != AM_OK ||
        bus_encode(row, &b, twice, sizeof twice, &m, NULL) != AM_OK || n != m ||
        memcmp(once, twice, n) != 0 || shown.len != strlen(text))
        abort();
    return 0;
}
