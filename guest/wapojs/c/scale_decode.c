/* SCALE bytes to JavaScript values (wapojs-scale.md 4). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "scale.h"

typedef struct {
    scale_run run;
    JSValueConst source; /* a Uint8Array */
    const uint8_t *bytes;
    size_t size, at;
    JSValue *items; /* elements of arrays that are not complete */
    size_t item_count, item_capacity;
} decoder;

static JSValue decode(decoder *d, uint32_t id);

static inline size_t left(const decoder *d)
{
    return d->size - d->at;
}

/* The next bytes, or NULL with the failure "<what>: unexpected end of buffer". */
static const uint8_t *take(decoder *d, size_t size, const char *what)
{
    if (size > left(d)) {
        scale_fail(&d->run, "%s%sunexpected end of buffer", what, *what ? ": " : "");
        return NULL;
    }
    d->at += size;
    return d->bytes + d->at - size;
}

static int take_compact(decoder *d, scale_operation operation, const char *what, scale_integer *integer)
{
    const uint8_t *data = take(d, 1, what);
    if (!data)
        return -1;
    uint32_t mode = *data & 3, first = *data >> 2, more = mode == 3 ? first + 4 : (1u << mode) - 1;
    *integer = (scale_integer){ 0 };
    data = take(d, more, what);
    if (!data)
        return -1;
    if (more > 16)
        return scale_fail(&d->run, "the compact number is out of range of %s", scale_integer_name(operation));
    memcpy(&integer->bits, data, more);
    if (mode != 3)
        integer->bits = integer->bits << 6 | first;
    static const uint32_t least[] = { 0, 1 << 6, 1 << 14, 1 << 30 };
    if (integer->bits < least[mode] || (more > 4 && !data[more - 1]))
        return scale_fail(&d->run, "the compact number is not in its shortest form");
    if (!scale_in_range(operation, integer))
        return scale_fail(&d->run, "the compact number is out of range of %s", scale_integer_name(operation));
    return 0;
}

static int take_length(decoder *d, size_t *length)
{
    scale_integer integer;
    if (take_compact(d, SCALE_U32, "failed to decode sequence length", &integer))
        return -1;
    *length = (size_t)integer.bits;
    return 0;
}

static JSValue decode_integer(decoder *d, scale_operation operation)
{
    uint32_t width = scale_width(operation);
    const uint8_t *data = take(d, width, "");
    if (!data)
        return JS_EXCEPTION;
    uint64_t low = 0;
    if (width <= 8) {
        memcpy(&low, data, width);
        if (low <= INT32_MAX && (operation <= SCALE_U128 || width > 4)) /* most of all numbers */
            return JS_NewInt32(d->run.ctx, (int32_t)low);
    }
    scale_integer integer = { low, false };
    if (width == 16)
        memcpy(&integer.bits, data, 16);
    if (operation >= SCALE_I8 && data[width - 1] >> 7) {
        integer.negative = true;
        if (width < 16)
            integer.bits |= ~(unsigned __int128)0 << (width * 8);
    }
    return scale_from_integer(&d->run, operation, &integer);
}

static JSValue decode_str(decoder *d)
{
    size_t length;
    if (take_length(d, &length))
        return JS_EXCEPTION;
    const uint8_t *data = take(d, length, "failed to decode string");
    if (!data)
        return JS_EXCEPTION;
    if (!wapojs_is_utf8(data, length)) {
        scale_fail(&d->run, "failed to decode string: it is not valid UTF-8");
        return JS_EXCEPTION;
    }
    return JS_NewStringLen(d->run.ctx, (const char *)data, length);
}

static JSValue decode_bytes(decoder *d, size_t length)
{
    const uint8_t *data = take(d, length, "failed to decode sequence");
    return data ? JS_NewUint8ArrayCopy(d->run.ctx, data, length) : JS_EXCEPTION;
}

static int push(decoder *d, JSValue item)
{
    if (d->item_count == d->item_capacity) {
        size_t capacity = d->item_capacity ? d->item_capacity * 2 : 64;
        bool fits = capacity <= SIZE_MAX / sizeof(*d->items);
        JSValue *items = fits ? js_realloc(d->run.ctx, d->items, capacity * sizeof(*items)) : NULL;
        if (!items) {
            if (!fits)
                JS_ThrowOutOfMemory(d->run.ctx);
            JS_FreeValue(d->run.ctx, item);
            return -1;
        }
        d->items = items;
        d->item_capacity = capacity;
    }
    d->items[d->item_count++] = item;
    return 0;
}

/* An array of `count` elements, whose nodes are those of the slots, or all that of the first. */
static JSValue decode_items(decoder *d, const scale_slot *slots, size_t count, bool same)
{
    size_t base = d->item_count;
    for (size_t i = 0; i < count; i++) {
        JSValue item = decode(d, slots[same ? 0 : i].node);
        if (JS_IsException(item)) {
            scale_at_index(&d->run, (uint32_t)i);
            goto failed;
        }
        if (push(d, item))
            goto failed;
    }
    d->item_count = base;
    return JS_NewArrayFrom(d->run.ctx, (int)count, d->items + base);
failed:
    while (d->item_count > base)
        JS_FreeValue(d->run.ctx, d->items[--d->item_count]);
    return JS_EXCEPTION;
}

/* Defines a property, whatever setters Object.prototype may have. Frees the object if that fails. */
static JSValue with_property(decoder *d, JSValue object, JSAtom name, JSValue value, int flags)
{
    if (!JS_IsException(value) && JS_DefinePropertyValue(d->run.ctx, object, name, value, flags) >= 0)
        return object;
    scale_at_name(&d->run, name);
    JS_FreeValue(d->run.ctx, object);
    return JS_EXCEPTION;
}

static JSValue decode_struct(decoder *d, const scale_node *node)
{
    JSValue object = JS_NewObject(d->run.ctx);
    for (uint32_t i = 0; i < node->count && !JS_IsException(object); i++)
        object = with_property(d, object, node->slots[i].name, decode(d, node->slots[i].node), JS_PROP_C_W_E);
    return object;
}

static JSValue decode_option(decoder *d, const scale_node *node)
{
    const uint8_t *index = take(d, 1, "failed to decode enum tag");
    if (!index)
        return JS_EXCEPTION;
    if (*index == 0)
        return JS_NULL;
    if (*index == node->number)
        return decode(d, node->slots[0].node);
    scale_fail(&d->run, "unexpected variant index %u for Option<T>", *index);
    return JS_EXCEPTION;
}

/* The variant at that position, unless it has another index; else the first with that index. */
static const scale_slot *variant_of(const scale_node *node, uint32_t index)
{
    if (index < node->count) {
        const scale_slot *slot = &node->slots[index];
        if (slot->index == SCALE_NO_INDEX || slot->index == index)
            return slot;
    }
    for (uint32_t i = 0; i < node->count; i++)
        if (node->slots[i].index == index)
            return &node->slots[i];
    return NULL;
}

static JSValue decode_enum(decoder *d, const scale_node *node)
{
    JSContext *ctx = d->run.ctx;
    const uint8_t *index = take(d, 1, "failed to decode enum tag");
    if (!index)
        return JS_EXCEPTION;
    const scale_slot *variant = variant_of(node, *index);
    if (!variant) {
        scale_fail(&d->run, "unknown variant %u", *index);
        return JS_EXCEPTION;
    }
    JSValue object = JS_NewObject(ctx);
    if (JS_IsException(object))
        return JS_EXCEPTION;
    JSValue payload = variant->node == SCALE_NO_PAYLOAD ? JS_NULL : decode(d, variant->node);
    object = with_property(d, object, variant->name, payload, JS_PROP_C_W_E);
    if (JS_IsException(object))
        return JS_EXCEPTION;
    JSValue tag = JS_AtomToString(ctx, variant->name);
    return with_property(d, object, d->run.table->tag, tag, JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
}

static JSValue decode_node(decoder *d, const scale_node *node)
{
    scale_integer integer;
    const uint8_t *byte;
    size_t length;
    switch ((scale_operation)node->operation) {
    case SCALE_U8:
    case SCALE_U16:
    case SCALE_U32:
    case SCALE_U64:
    case SCALE_U128:
    case SCALE_I8:
    case SCALE_I16:
    case SCALE_I32:
    case SCALE_I64:
    case SCALE_I128:
        return decode_integer(d, node->operation);
    case SCALE_BOOL:
        byte = take(d, 1, "");
        if (byte && *byte <= 1)
            return JS_NewBool(d->run.ctx, *byte);
        if (byte)
            scale_fail(&d->run, "expect bool, got byte %u", *byte);
        return JS_EXCEPTION;
    case SCALE_STR:
        return decode_str(d);
    case SCALE_COMPACT:
        if (take_compact(d, node->number, "", &integer))
            return JS_EXCEPTION;
        return scale_from_integer(&d->run, node->number, &integer);
    case SCALE_BYTES:
        return take_length(d, &length) ? JS_EXCEPTION : decode_bytes(d, length);
    case SCALE_BYTE_ARRAY:
        return decode_bytes(d, node->number);
    case SCALE_SEQUENCE:
        return take_length(d, &length) ? JS_EXCEPTION : decode_items(d, node->slots, length, true);
    case SCALE_ARRAY:
        return decode_items(d, node->slots, node->number, true);
    case SCALE_TUPLE:
        return decode_items(d, node->slots, node->count, false);
    case SCALE_STRUCT:
        return decode_struct(d, node);
    case SCALE_OPTION:
        return decode_option(d, node);
    case SCALE_ENUM:
        return decode_enum(d, node);
    case SCALE_UNKNOWN:
    case SCALE_OPERATIONS:
        break;
    }
    scale_fail(&d->run, "unknown type");
    return JS_EXCEPTION;
}

/* Defining a node calls JavaScript, after which the bytes may be elsewhere, or gone. */
static int define(decoder *d, uint32_t id, scale_node *node)
{
    if (scale_node_of(&d->run, id, node))
        return -1;
    size_t size;
    d->bytes = JS_GetUint8Array(d->run.ctx, &size, d->source);
    if (!d->bytes && JS_HasException(d->run.ctx))
        return -1;
    return size == d->size ? 0 : scale_fail(&d->run, "the bytes have changed while they were decoded");
}

static JSValue decode(decoder *d, uint32_t id)
{
    scale_node node;
    if (scale_is_defined(d->run.table, id))
        node = d->run.table->nodes[id];
    else if (define(d, id, &node))
        return JS_EXCEPTION;
    if (node.operation < SCALE_SEQUENCE)
        return decode_node(d, &node);
    size_t before = d->at;
    if (scale_enter(&d->run))
        return JS_EXCEPTION;
    JSValue value = decode_node(d, &node);
    scale_leave();
    if (d->at == before && !JS_IsException(value) && scale_count_empty(&d->run, d->at)) {
        JS_FreeValue(d->run.ctx, value);
        return JS_EXCEPTION;
    }
    return value;
}

/* scaleDecode(table, id, bytes, types): the value. Bytes that are left are not looked at. */
JSValue scale_decode(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    decoder d = { .source = argv[2] };
    uint32_t id;
    if (!scale_begin(&d.run, ctx, argv[0], argv[3]) || JS_ToUint32(ctx, &id, argv[1]))
        return JS_EXCEPTION;
    JSValue value = JS_EXCEPTION;
    if (JS_GetTypedArrayType(argv[2]) != JS_TYPED_ARRAY_UINT8) {
        scale_expect(&d.run, "Uint8Array", argv[2]);
    } else {
        d.bytes = JS_GetUint8Array(ctx, &d.size, argv[2]);
        if (!d.bytes && JS_HasException(ctx))
            return JS_EXCEPTION;
        value = decode(&d, id);
    }
    js_free(ctx, d.items);
    return JS_IsException(value) ? scale_end_failed(&d.run) : value;
}
