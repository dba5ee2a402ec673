/* JavaScript values to SCALE bytes (wapojs-scale.md 4). */
#include <stdlib.h>
#include <string.h>
#include "scale.h"

/* A call begins with a buffer on the stack; most values need no other. */
#define SMALL 1024

typedef struct {
    scale_run run;
    uint8_t *bytes;
    size_t size, capacity;
    bool on_heap;
} encoder;

static int encode(encoder *e, uint32_t id, JSValueConst value);

static int enlarge(encoder *e, size_t more)
{
    size_t wanted = e->size + more;
    size_t capacity = e->capacity + e->capacity / 2 > wanted ? e->capacity + e->capacity / 2 : wanted;
    if (wanted < more) {
        JS_ThrowOutOfMemory(e->run.ctx);
        return -1;
    }
    uint8_t *bytes = js_realloc(e->run.ctx, e->on_heap ? e->bytes : NULL, capacity);
    if (!bytes)
        return -1;
    if (!e->on_heap)
        memcpy(bytes, e->bytes, e->size);
    e->bytes = bytes;
    e->capacity = capacity;
    e->on_heap = true;
    return 0;
}

static inline int reserve(encoder *e, size_t more)
{
    return more <= e->capacity - e->size ? 0 : enlarge(e, more);
}

static inline int put(encoder *e, const void *data, size_t size)
{
    if (reserve(e, size))
        return -1;
    memcpy(e->bytes + e->size, data, size);
    e->size += size;
    return 0;
}

static inline int put_byte(encoder *e, uint8_t byte)
{
    if (reserve(e, 1))
        return -1;
    e->bytes[e->size++] = byte;
    return 0;
}

static int put_compact(encoder *e, unsigned __int128 value)
{
    uint8_t data[17];
    if (value < 1 << 6)
        return put_byte(e, (uint8_t)(value << 2));
    if (value < 1 << 14) {
        uint16_t two = (uint16_t)(value << 2 | 1);
        return put(e, &two, 2);
    }
    if (value < 1 << 30) {
        uint32_t four = (uint32_t)(value << 2 | 2);
        return put(e, &four, 4);
    }
    uint32_t size = 4;
    while (size < 16 && value >> (8 * size))
        size++;
    data[0] = (uint8_t)((size - 4) << 2 | 3);
    memcpy(data + 1, &value, 16);
    return put(e, data, size + 1);
}

static int encode_integer(encoder *e, scale_operation operation, JSValueConst value)
{
    scale_integer integer;
    if (scale_to_integer(&e->run, operation, value, &integer))
        return -1;
    return put(e, &integer.bits, scale_width(operation));
}

/* value.length, which must be a number as a u32 is. */
static int length_of(encoder *e, JSValueConst value, uint32_t *length)
{
    scale_run *run = &e->run;
    if (JS_IsArray(value)) {
        int64_t whole;
        if (JS_GetLength(run->ctx, value, &whole))
            return -1;
        *length = (uint32_t)whole;
        return 0;
    }
    if (JS_IsNull(value) || JS_IsUndefined(value))
        return scale_expect(run, "Array", value);
    JSValue property = JS_GetPropertyStr(run->ctx, value, "length");
    scale_integer integer;
    if (JS_IsException(property))
        return -1;
    bool counts = JS_IsNumber(property) || JS_IsBigInt(property) || JS_IsBool(property);
    int status = counts ? scale_to_integer(run, SCALE_U32, property, &integer) : scale_expect(run, "Array", value);
    JS_FreeValue(run->ctx, property);
    if (status)
        return -1;
    *length = (uint32_t)integer.bits;
    return 0;
}

static int encode_items(encoder *e, uint32_t node, JSValueConst value, uint32_t count)
{
    JSContext *ctx = e->run.ctx;
    for (uint32_t i = 0; i < count; i++) {
        JSValue item = JS_GetPropertyUint32(ctx, value, i);
        if (JS_IsException(item))
            return -1;
        int status = encode(e, node, item);
        JS_FreeValue(ctx, item);
        if (status) {
            scale_at_index(&e->run, i);
            return -1;
        }
    }
    return 0;
}

static int wrong_length(encoder *e, uint32_t wanted, size_t length)
{
    return scale_fail(&e->run, "expected array of length %u, got %zu", (unsigned)wanted, length);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static int put_hex(encoder *e, const char *digits, size_t count)
{
    if (count % 2)
        return scale_fail(&e->run, "expect hex digits, got an odd number of them");
    if (reserve(e, count / 2))
        return -1;
    for (size_t i = 0; i < count; i += 2) {
        int high = hex_digit(digits[i]), low = hex_digit(digits[i + 1]);
        if (high < 0 || low < 0)
            return scale_fail(&e->run, "expect hex digits after 0x");
        e->bytes[e->size++] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

/* u8s: a Uint8Array, hex, text, or anything with a length. `fixed` is null for a sequence. */
static int encode_bytes(encoder *e, const uint32_t *fixed, JSValueConst value)
{
    JSContext *ctx = e->run.ctx;
    if (JS_GetTypedArrayType(value) == JS_TYPED_ARRAY_UINT8) {
        size_t size;
        const uint8_t *data = JS_GetUint8Array(ctx, &size, value);
        if (!data && JS_HasException(ctx))
            return -1;
        if (fixed && size != *fixed)
            return wrong_length(e, *fixed, size);
        return (!fixed && put_compact(e, size)) || put(e, data, size) ? -1 : 0;
    }
    if (JS_IsString(value)) {
        size_t size;
        const char *text = wapojs_to_utf8(ctx, value, &size);
        if (!text)
            return -1;
        bool hex = size >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
        size_t count = hex ? (size - 2) / 2 : size;
        int status;
        if (fixed && count != *fixed && !(hex && size % 2))
            status = wrong_length(e, *fixed, count);
        else if (!fixed && put_compact(e, count))
            status = -1;
        else
            status = hex ? put_hex(e, text + 2, size - 2) : put(e, text, size);
        JS_FreeCString(ctx, text);
        return status;
    }
    uint32_t length;
    if (length_of(e, value, &length))
        return -1;
    if (fixed && length != *fixed)
        return wrong_length(e, *fixed, length);
    if (!fixed && put_compact(e, length))
        return -1;
    for (uint32_t i = 0; i < length; i++) {
        JSValue item = JS_GetPropertyUint32(ctx, value, i);
        int status = JS_IsException(item) ? -1 : encode_integer(e, SCALE_U8, item);
        JS_FreeValue(ctx, item);
        if (status) {
            scale_at_index(&e->run, i);
            return -1;
        }
    }
    return 0;
}

static int encode_str(encoder *e, JSValueConst value)
{
    if (!JS_IsString(value))
        return scale_expect(&e->run, "string", value);
    size_t size;
    const char *text = wapojs_to_utf8(e->run.ctx, value, &size);
    if (!text)
        return -1;
    int status = put_compact(e, size) || put(e, text, size) ? -1 : 0;
    JS_FreeCString(e->run.ctx, text);
    return status;
}

static int encode_field(encoder *e, const scale_slot *slot, JSValueConst value)
{
    JSValue field = JS_GetProperty(e->run.ctx, value, slot->name);
    if (JS_IsException(field))
        return -1;
    int status = encode(e, slot->node, field);
    JS_FreeValue(e->run.ctx, field);
    if (status)
        scale_at_name(&e->run, slot->name);
    return status;
}

static int put_variant_index(encoder *e, int64_t index)
{
    if (index > 255)
        return scale_fail(&e->run, "variant index %lld is too large", (long long)index);
    return put_byte(e, (uint8_t)index);
}

/* "expect enum with any variant of A, B, C"; a list that is too long ends in dots. */
static int no_variant(encoder *e, const scale_node *node)
{
    char list[440];
    size_t size = 0;
    for (uint32_t i = 0; i < node->count; i++) {
        size_t length;
        const char *name = JS_AtomToCStringLen(e->run.ctx, &length, node->slots[i].name);
        if (!name)
            return -1;
        bool fits = size + length + 6 < sizeof(list);
        if (fits) {
            memcpy(list + size, i ? ", " : "", i ? 2 : 0);
            memcpy(list + size + (i ? 2 : 0), name, length);
            size += length + (i ? 2 : 0);
        }
        JS_FreeCString(e->run.ctx, name);
        if (!fits) {
            memcpy(list + size, "...", 3);
            size += 3;
            break;
        }
    }
    return scale_fail(&e->run, "expect enum with any variant of %.*s", (int)size, list);
}

/* The value's own enumerable keys in their order: the first that names a variant is it. */
static int encode_enum(encoder *e, const scale_node *node, JSValueConst value)
{
    JSContext *ctx = e->run.ctx;
    JSPropertyEnum *keys;
    uint32_t count;
    if (!JS_IsObject(value))
        return no_variant(e, node);
    if (JS_GetOwnPropertyNames(ctx, &keys, &count, value, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY))
        return -1;
    const scale_slot *found = NULL;
    for (uint32_t k = 0; k < count && !found; k++)
        for (uint32_t i = 0; i < node->count; i++)
            if (node->slots[i].name == keys[k].atom) {
                found = &node->slots[i];
                break;
            }
    JS_FreePropertyEnum(ctx, keys, count);
    if (!found)
        return no_variant(e, node);
    if (put_variant_index(e, found->index == SCALE_NO_INDEX ? found - node->slots : found->index))
        return -1;
    return found->node == SCALE_NO_PAYLOAD ? 0 : encode_field(e, found, value);
}

static int encode_node(encoder *e, const scale_node *node, JSValueConst value)
{
    scale_integer integer;
    uint32_t length;
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
        return encode_integer(e, node->operation, value);
    case SCALE_BOOL:
        return JS_IsBool(value) ? put_byte(e, JS_VALUE_GET_BOOL(value)) : scale_expect(&e->run, "bool", value);
    case SCALE_STR:
        return encode_str(e, value);
    case SCALE_COMPACT:
        return scale_to_integer(&e->run, node->number, value, &integer) || put_compact(e, integer.bits) ? -1 : 0;
    case SCALE_BYTES:
        return encode_bytes(e, NULL, value);
    case SCALE_BYTE_ARRAY:
        return encode_bytes(e, &node->number, value);
    case SCALE_SEQUENCE:
        if (length_of(e, value, &length) || put_compact(e, length))
            return -1;
        return encode_items(e, node->slots[0].node, value, length);
    case SCALE_ARRAY:
        if (length_of(e, value, &length))
            return -1;
        if (length != node->number)
            return wrong_length(e, node->number, length);
        return encode_items(e, node->slots[0].node, value, length);
    case SCALE_TUPLE:
    case SCALE_STRUCT:
        if (!node->count)
            return 0;
        if (JS_IsNull(value) || JS_IsUndefined(value))
            return scale_expect(&e->run, node->operation == SCALE_TUPLE ? "Array" : "Object", value);
        for (uint32_t i = 0; i < node->count; i++) {
            if (node->operation == SCALE_STRUCT) {
                if (encode_field(e, &node->slots[i], value))
                    return -1;
                continue;
            }
            JSValue item = JS_GetPropertyUint32(e->run.ctx, value, i);
            int status = JS_IsException(item) ? -1 : encode(e, node->slots[i].node, item);
            JS_FreeValue(e->run.ctx, item);
            if (status) {
                scale_at_index(&e->run, i);
                return -1;
            }
        }
        return 0;
    case SCALE_OPTION:
        if (JS_IsNull(value) || JS_IsUndefined(value))
            return put_byte(e, 0);
        return put_variant_index(e, node->number) ? -1 : encode(e, node->slots[0].node, value);
    case SCALE_ENUM:
        return encode_enum(e, node, value);
    case SCALE_UNKNOWN:
    case SCALE_OPERATIONS:
        break;
    }
    return scale_fail(&e->run, "unknown type");
}

static int encode(encoder *e, uint32_t id, JSValueConst value)
{
    scale_node node;
    if (scale_node_of(&e->run, id, &node))
        return -1;
    if (node.operation < SCALE_SEQUENCE)
        return encode_node(e, &node, value);
    size_t before = e->size;
    if (scale_enter(&e->run))
        return -1;
    int status = encode_node(e, &node, value);
    scale_leave();
    return !status && e->size == before ? scale_count_empty(&e->run, e->size) : status;
}

static void *reallocate(JSRuntime *rt, void *opaque, void *data, size_t size)
{
    return js_realloc_rt(rt, data, size);
}

/* The bytes as they are, without a copy: the buffer is the array's now, or freed. */
static JSValue give_away(JSContext *ctx, uint8_t *bytes, size_t size)
{
    uint8_t *exact = js_realloc(ctx, bytes, size);
    JSValue buffer = exact ? JS_NewArrayBuffer(ctx, exact, size, 0, reallocate, NULL, false) : JS_EXCEPTION;
    if (JS_IsException(buffer)) {
        js_free(ctx, exact ? exact : bytes);
        return JS_EXCEPTION;
    }
    JSValue array = JS_NewTypedArray(ctx, 1, &buffer, JS_TYPED_ARRAY_UINT8);
    JS_FreeValue(ctx, buffer);
    return array;
}

/* scaleEncode(table, id, value, types): bytes */
JSValue scale_encode(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    uint8_t small[SMALL];
    encoder e = { .bytes = small, .capacity = SMALL };
    uint32_t id;
    if (!scale_begin(&e.run, ctx, argv[0], argv[3]) || JS_ToUint32(ctx, &id, argv[1]))
        return JS_EXCEPTION;
    int status = encode(&e, id, argv[2]);
    if (!status)
        return e.on_heap ? give_away(ctx, e.bytes, e.size) : JS_NewUint8ArrayCopy(ctx, e.bytes, e.size);
    if (e.on_heap)
        js_free(ctx, e.bytes);
    return scale_end_failed(&e.run);
}
