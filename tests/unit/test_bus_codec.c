/*  test_bus_codec -- every message of the suite, every field, every way to be wrong.  */
#include "../../bus/bus_codec.h"

#include <criterion/criterion.h>
#include <msgpack.h>
#include <stdio.h>
#include <string.h>

#define CAP (20u << 20) /* 257 snapshot values at their limit */

static uint8_t bytes[CAP], again[CAP], fill[70000];
static union bus_any value;

enum wrong { RIGHT, DROPPED, TWICE, OVER, UNDER, OTHER_TYPE, UNKNOWN };

static void
put(struct am_mp_out *o, enum am_mp_type type, uint64_t n, const void *p)
{
    am_mp_put(o, (struct am_mp_token){type, n, p});
}

static size_t
print_to(char *out, size_t cap, const struct bus_row *row, const void *message)
{
    struct am_text text = {out, cap, 0, false};

    bus_print(&text, row, false, message);
    return text.len;
}

static void put_map(struct am_mp_out *o, const struct bus_row *row, const struct bus_row *which,
                    enum wrong how);

/* One field, at its maximum; arrays of two minimal elements. */
static void
put_field(struct am_mp_out *o, const struct bus_row *f, enum wrong how)
{
    uint64_t n = how == OVER ? f->max + 1 : how == UNDER ? f->min - 1 : f->max;

    put(o, AM_MP_STR, strlen(f->name), f->name);
    if (how == OTHER_TYPE) {
        if (f->kind == BUS_FIELD_STR)
            put(o, AM_MP_UINT, 1, NULL);
        else
            put(o, AM_MP_STR, 1, "x");
    } else if (f->kind == BUS_FIELD_U64) {
        put(o, AM_MP_UINT, n, NULL);
    } else if (f->kind == BUS_FIELD_BOOL) {
        put(o, AM_MP_BOOL, 1, NULL);
    } else if (f->kind == BUS_FIELD_STR) {
        put(o, AM_MP_STR, n, (const char *)fill);
    } else if (f->kind == BUS_FIELD_BIN) {
        put(o, AM_MP_BIN, n, fill);
    } else {
        n = how == OVER ? n : 2;
        put(o, AM_MP_ARRAY, n, NULL);
        while (n-- > 0)
            put_map(o, &bus_rows[f->element], NULL, RIGHT);
    }
}

static void
put_map(struct am_mp_out *o, const struct bus_row *row, const struct bus_row *which, enum wrong how)
{
    size_t n = 0;

    for (const struct bus_row *f = row + 1; bus_is_field(f); f++)
        n++;
    put(o, AM_MP_MAP, n + (how == TWICE || how == UNKNOWN) - (how == DROPPED), NULL);
    if (how == UNKNOWN) {
        put(o, AM_MP_STR, 15, "from_the_future");
        put(o, AM_MP_MAP, 1, NULL);
        put(o, AM_MP_UINT, 70000, NULL);
        put(o, AM_MP_ARRAY, 1, NULL);
        put(o, AM_MP_BIN, 300, fill);
    }
    for (const struct bus_row *f = row + 1; bus_is_field(f); f++) {
        if (f == which && how == TWICE)
            put_field(o, f, RIGHT);
        if (f != which || how != DROPPED)
            put_field(o, f, f == which ? how : RIGHT);
    }
}

static int
offer(const struct bus_row *row, const struct bus_row *which, enum wrong how, struct am_error *err)
{
    struct am_mp_out o = {bytes, CAP, 0, false};

    put_map(&o, row, which, how);
    cr_assert_not(o.full);
    *err = (struct am_error){.code = AM_OK};
    return bus_decode(row, false, &value, am_bin_of(bytes, o.len), err);
}

static bool
next_message(const struct bus_row **row)
{
    *row = *row == NULL ? bus_rows : *row + 1;
    while (bus_is_field(*row))
        ++*row;
    memset(fill, 'a', sizeof fill);
    return (*row)->kind != 0;
}

static void
refused(const struct bus_row *row, const struct bus_row *f, enum wrong how, int code)
{
    struct am_error err;

    cr_assert_eq(offer(row, f, how, &err), code, "%s.%s wrong %d: %s", row->name, f->name, (int)how,
                 err.text);
    cr_assert(strstr(err.text, f->name) != NULL && strstr(err.text, row->name) != NULL, "%s",
              err.text);
}

Test(bus_codec, refuses_each_field_that_is_missing_twice_of_another_type_or_past_its_limit_by_name)
{
    for (const struct bus_row *row = NULL; next_message(&row);)
        for (const struct bus_row *f = row + 1; bus_is_field(f); f++) {
            struct am_error err;

            if ((f->flags & BUS_OPT) != 0)
                cr_assert_eq(offer(row, f, DROPPED, &err), AM_OK, "%s", err.text);
            else
                refused(row, f, DROPPED, AM_INVALID_ARGUMENT);
            refused(row, f, TWICE, AM_INVALID_ARGUMENT);
            refused(row, f, OTHER_TYPE, AM_INVALID_ARGUMENT);
            if (f->max != UINT64_MAX && f->kind != BUS_FIELD_BOOL)
                refused(row, f, OVER, AM_OUT_OF_RANGE);
            if (f->min > 0)
                refused(row, f, UNDER, AM_OUT_OF_RANGE);
        }
}

Test(bus_codec, reads_every_message_at_its_limits_and_writes_the_same_bytes)
{
    for (const struct bus_row *row = NULL; next_message(&row);) {
        struct am_error err;
        struct am_mp_out o = {bytes, CAP, 0, false};
        size_t len;

        cr_assert_eq(offer(row, NULL, UNKNOWN, &err), AM_OK, "%s", err.text);
        put_map(&o, row, NULL, RIGHT);
        cr_assert_eq(bus_decode(row, false, &value, am_bin_of(bytes, o.len), &err), AM_OK, "%s",
                     err.text);
        cr_assert_eq(bus_encode(row, &value, again, CAP, &len, &err), AM_OK, "%s", err.text);
        cr_assert(len == o.len && memcmp(bytes, again, len) == 0, "%s", row->name);
        if (len > 1) {
            cr_assert_eq(bus_encode(row, &value, again, len - 1, &len, &err), AM_OUT_OF_RANGE);
            cr_assert_eq(len, 0);
        }
    }
}

Test(bus_codec, refuses_each_truncation_and_a_trailing_byte_and_leaves_zeros)
{
    for (const struct bus_row *row = NULL; next_message(&row);) {
        struct am_error err;
        struct am_mp_out o = {bytes, CAP, 0, false};

        put_map(&o, row, NULL, RIGHT);
        for (size_t cut = 0; cut < o.len; cut += cut < 600 || cut + 600 > o.len ? 1 : 97) {
            uint8_t *exact = malloc(cut + 1); /* so that a sanitizer sees a read past the end */

            memcpy(exact, bytes, cut);
            memset(&value, 0x5a, sizeof value);
            cr_assert_eq(bus_decode(row, false, &value, am_bin_of(exact, cut), &err),
                         AM_INVALID_ARGUMENT, "%s cut at %zu", row->name, cut);
            cr_assert(am_is_zero((uint8_t *)&value, row->offset));
            free(exact);
        }
        bytes[o.len] = 0xc0;
        cr_assert_eq(bus_decode(row, false, &value, am_bin_of(bytes, o.len + 1), &err),
                     AM_INVALID_ARGUMENT);
        cr_assert(strstr(err.text, "trailing") != NULL, "%s", err.text);
    }
}

static int
decode_probe(const char *p, size_t len)
{
    struct am_error err;

    return bus_decode(bus_topic_row(BUS_TOPIC_chain_probe), false, &value, am_bin_of(p, len), &err);
}
#define PROBE(text) decode_probe(text, sizeof text - 1)

Test(bus_codec, never_believes_a_length_and_takes_the_shortest_form_alone)
{
    cr_assert_eq(PROBE("\x82\xa1n\x01\xa5items\x90"), AM_OK);
    cr_assert_eq(PROBE("\xdd\x0f\xff\xff\xff"), AM_INVALID_ARGUMENT);
    cr_assert_eq(PROBE("\xdf\xff\xff\xff\xff"), AM_INVALID_ARGUMENT);
    cr_assert_eq(PROBE("\x83\xa1n\x01\xa5items\x90\xa1x\xdd\x0f\xff\xff\xff"), AM_INVALID_ARGUMENT);
    cr_assert_eq(PROBE("\x83\xa1n\x01\xa5items\x90\xa1x\xc6\xff\xff\xff\xff"), AM_INVALID_ARGUMENT);
    cr_assert_eq(PROBE("\x82\xa1n\x01\xa5items\xdd\x0f\xff\xff\xff"), AM_INVALID_ARGUMENT);
    cr_assert_eq(PROBE("\x82\xa1n\xcc\x01\xa5items\x90"), AM_INVALID_ARGUMENT);
    cr_assert_eq(PROBE("\x82\xa1n\xcd\x00\xff\xa5items\x90"), AM_INVALID_ARGUMENT);
    cr_assert_eq(PROBE("\x82\xa1n\xcf\x00\x00\x00\x00\xff\xff\xff\xff\xa5items\x90"),
                 AM_INVALID_ARGUMENT);
    cr_assert_eq(PROBE("\x82\xd9\x01n\x01\xa5items\x90"), AM_INVALID_ARGUMENT);
    cr_assert_eq(PROBE("\x82\xa1n\x01\xa5items\xdc\x00\x00"), AM_INVALID_ARGUMENT);
    cr_assert_eq(PROBE("\xde\x00\x02\xa1n\x01\xa5items\x90"), AM_INVALID_ARGUMENT);
    cr_assert_eq(PROBE("\x82\xa1n\xff\xa5items\x90"), AM_INVALID_ARGUMENT);
    cr_assert_eq(PROBE("\x82\xa1n\xd0\x01\xa5items\x90"), AM_INVALID_ARGUMENT);
    cr_assert_eq(PROBE("\x82\xa1n\x01\x05\x90"), AM_INVALID_ARGUMENT);
    cr_assert_eq(PROBE("\xc1"), AM_INVALID_ARGUMENT);
    cr_assert_eq(PROBE(""), AM_INVALID_ARGUMENT);
    /* unknown keys of every kind that MessagePack has */
    cr_assert_eq(PROBE("\x8a\xa1n\x01\xa5items\x90\xa1"
                       "a\xc0\xa1"
                       "b\xca\0\0\0\0\xa1"
                       "c\xcb\0\0\0\0\0\0\0\0\xa1"
                       "d\xd3\xff\xff\xff\xff\0\0\0\0\xa1"
                       "e\xd4\x01\x02\xa1"
                       "f\xd8\x01________________\xa1"
                       "g\xc7\x03\x01___\xa1"
                       "h\xe0"),
                 AM_OK);
}

Test(bus_codec, agrees_with_msgpack_c_on_every_message)
{
    for (const struct bus_row *row = NULL; next_message(&row);) {
        struct am_mp_out o = {bytes, CAP, 0, false};
        msgpack_unpacked u;
        msgpack_sbuffer b;
        msgpack_packer p;
        const struct bus_row *f = row + 1;

        put_map(&o, row, NULL, RIGHT);
        msgpack_unpacked_init(&u);
        cr_assert_eq(msgpack_unpack_next(&u, (char *)bytes, o.len, NULL), MSGPACK_UNPACK_SUCCESS);
        cr_assert_eq(u.data.type, MSGPACK_OBJECT_MAP);
        for (uint32_t i = 0; i < u.data.via.map.size; i++, f++) {
            msgpack_object k = u.data.via.map.ptr[i].key, v = u.data.via.map.ptr[i].val;

            cr_assert(am_str_eq((struct am_str){k.via.str.ptr, k.via.str.size}, f->name));
            if (f->kind == BUS_FIELD_U64)
                cr_assert_eq(v.via.u64, f->max);
            else if (f->kind == BUS_FIELD_STR || f->kind == BUS_FIELD_BIN)
                cr_assert_eq(v.via.bin.size, f->max);
        }
        msgpack_sbuffer_init(&b);
        msgpack_packer_init(&p, &b, msgpack_sbuffer_write);
        cr_assert_eq(msgpack_pack_object(&p, u.data), 0);
        cr_assert(b.size == o.len && memcmp(b.data, bytes, o.len) == 0, "%s", row->name);
        msgpack_sbuffer_destroy(&b);
        msgpack_unpacked_destroy(&u);
    }
}

Test(bus_codec, reads_a_retraction_by_its_key_alone)
{
    const struct bus_row *row = bus_topic_row(BUS_TOPIC_chain_keyed);
    struct am_bin b = am_bin_of("\x81\xa3key\xc4\x01K", 8);
    struct am_error err;

    cr_assert_eq(bus_decode(row, true, &value, b, &err), AM_OK);
    cr_assert_eq(value.chain_keyed.key.len, 1);
    cr_assert_eq(bus_decode(row, false, &value, b, &err), AM_INVALID_ARGUMENT);
}

Test(bus_codec, prints_no_secret_and_says_what_it_leaves_out)
{
    static char out[200000];
    uint8_t key[80];
    struct chain_echo e = {.n = 7, .sealed = {key, 80}};
    struct chain_probe p = {
        .n = 1, .word = am_str_of("\x1b[31m\"q\\\xff"), .blob = {fill, 1000}, .items_count = 20};

    memset(key, 0xab, sizeof key);
    cr_assert_eq(print_to(out, sizeof out, bus_method_row(BUS_METHOD_chain_echo), &e), strlen(out));
    cr_assert_str_eq(out, "{\"n\":7,\"sealed\":\"<secret 80>\"}");
    for (size_t i = 0; i < 20; i++)
        p.items[i] = (struct test_item){.id = {key, 4}, .note = am_str_of("hunter2")};
    print_to(out, sizeof out, bus_topic_row(BUS_TOPIC_chain_probe), &p);
    cr_assert(strstr(out, "hunter2") == NULL && strstr(out, "<secret>") != NULL);
    cr_assert(strstr(out, "\\u001b[31m\\\"q\\\\\\u00ff") != NULL, "%s", out);
    cr_assert(strstr(out, "... 1000 bytes") != NULL && strstr(out, "0xabababab") != NULL);
    print_to(out, 4500, bus_topic_row(BUS_TOPIC_chain_probe), &p);
    cr_assert(strstr(out, "more\"]") != NULL, "%s", out);
    memset(fill, 'w', 300);
    p.word = (struct am_str){(const char *)fill, 300};
    print_to(out, 256, bus_topic_row(BUS_TOPIC_chain_probe), &p);
    cr_assert(strstr(out, "not_shown") != NULL, "%s", out);
}

Test(bus_codec, has_rows_that_the_bus_can_use)
{
    for (const struct bus_row *row = NULL; next_message(&row);) {
        size_t fields = 0;

        for (const struct bus_row *f = row + 1; bus_is_field(f); f++)
            fields++;
        cr_assert_lt(fields, 63);
        if (row->kind == BUS_FACT_KEYED)
            cr_assert(row[1].kind == BUS_FIELD_BIN && row[1].min > 0 && row[1].max <= 64, "%s",
                      row->name);
        if (row->kind == BUS_COMMAND)
            cr_assert(row[1].kind == BUS_FIELD_BIN && row[1].max <= 64 &&
                      strcmp(row[1].name, "idempotency_key") == 0);
        if (row->kind == BUS_REQUEST || row->kind == BUS_COMMAND)
            cr_assert_neq(row->flags, 0, "nobody may call %s", row->name);
    }
}
