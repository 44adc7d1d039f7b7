/* debug_protocol.c - see debug_protocol.h. */
#include "commands/debug_protocol.h"

#define TYPES "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false"

static void reply_string(struct reply *reply)
{
    reply_bulk_string(reply, "Hello World");
}

static void reply_example_integer(struct reply *reply)
{
    reply_integer(reply, 12345);
}

static void reply_example_double(struct reply *reply)
{
    reply_double(reply, 3.141);
}

/* No command has such a number; so reply.h does not know it. */
static void reply_bignum(struct reply *reply)
{
    if (reply->protocol == 2) {
        reply_bulk_string(reply, "1234567999999999999999999999999999999");
    } else {
        reply_raw(reply, SLICE_LITERAL("(1234567999999999999999999999999999999\r\n"));
    }
}

static void reply_three(struct reply *reply)
{
    for (int64_t i = 0; i < 3; i++) {
        reply_integer(reply, i);
    }
}

static void reply_example_array(struct reply *reply)
{
    reply_array(reply, 3);
    reply_three(reply);
}

static void reply_example_set(struct reply *reply)
{
    reply_set(reply, 3);
    reply_three(reply);
}

static void reply_example_map(struct reply *reply)
{
    reply_map(reply, 3);
    for (int64_t i = 0; i < 3; i++) {
        reply_integer(reply, i);
        reply_bool(reply, i == 1);
    }
}

static void reply_attribute(struct reply *reply)
{
    if (reply->protocol == 3) {
        reply_raw(reply, SLICE_LITERAL("|1\r\n"));
        reply_bulk_string(reply, "key-popularity");
        reply_array(reply, 2);
        reply_bulk_string(reply, "key:123");
        reply_integer(reply, 90);
    }
    reply_bulk_string(reply, "Some real reply following the attribute");
}

static void reply_example_push(struct reply *reply)
{
    if (reply->protocol == 2) {
        reply_error(reply, "ERR RESP2 is not supported by this command");
        return;
    }
    reply_push(reply, 2);
    reply_bulk_string(reply, "server-cpu-usage");
    reply_integer(reply, 42);
    reply_bulk_string(reply, "Some real reply following the push reply");
}

static void reply_example_verbatim(struct reply *reply)
{
    reply_verbatim(reply, SLICE_LITERAL("This is a verbatim\nstring"), "txt");
}

static void reply_true(struct reply *reply)
{
    reply_bool(reply, true);
}

static void reply_false(struct reply *reply)
{
    reply_bool(reply, false);
}

static const struct example {
    const char *type;
    void (*write)(struct reply *reply);
} examples[] = {
    {"string", reply_string},
    {"integer", reply_example_integer},
    {"double", reply_example_double},
    {"bignum", reply_bignum},
    {"null", reply_null},
    {"array", reply_example_array},
    {"set", reply_example_set},
    {"map", reply_example_map},
    {"attrib", reply_attribute},
    {"push", reply_example_push},
    {"verbatim", reply_example_verbatim},
    {"true", reply_true},
    {"false", reply_false},
};

void debug_protocol_reply(struct reply *reply, struct slice type)
{
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        if (slice_is_word(type, examples[i].type)) {
            examples[i].write(reply);
            return;
        }
    }
    reply_error(reply, "ERR Wrong protocol type name. Please use one of the following: " TYPES);
}
