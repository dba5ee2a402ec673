/* Modules: https://webassembly.github.io/spec/core/binary/modules.html, validated as in
 * https://webassembly.github.io/spec/core/valid/modules.html
 */
#include <stdlib.h>
#include <string.h>
#include "wasm.h"

enum section {
    CUSTOM, TYPES, IMPORTS, FUNCTIONS, TABLES, MEMORIES, GLOBALS, EXPORTS, START, ELEMENTS, CODES, DATA, DATA_COUNT,
    TAGS,
};

static uint32_t at(wasm_reader *r)
{
    return (uint32_t)(r->at - r->start);
}

/* Makes room for more items of a kind. */
static wasm_description *add_items(wasm_reader *r, wasm_module *m, enum wasm_kind kind, uint32_t more)
{
    if (m->counts[kind] + more > MAX_ITEMS)
        wasm_fail(r, "too many of a kind");
    if (r->failed)
        return NULL;
    wasm_description *items = realloc(m->items[kind], (m->counts[kind] + more + 1) * sizeof(*items));
    if (!items) {
        wasm_fail(r, "out of memory");
        r->exhausted = true;
        return NULL;
    }
    m->items[kind] = items;
    memset(items + m->counts[kind], 0, more * sizeof(*items));
    return items + m->counts[kind];
}

static wasm_limits limits(wasm_reader *r, uint32_t most, const char *what)
{
    uint8_t flags = wasm_byte(r);
    wasm_limits found = { 0, NO_INDEX };
    if (flags > 1)
        wasm_fail(r, "%s of this kind are not supported (limits 0x%02x)", what, flags);
    found.min = wasm_u32(r);
    if (flags & 1) {
        found.max = wasm_u32(r);
        if (found.max < found.min)
            wasm_fail(r, "the maximum of the %s is below its minimum", what);
    }
    if (found.min > most || (flags & 1 && most == MAX_PAGES && found.max > most))
        wasm_fail(r, "the %s is too large", what);
    return found;
}

static wasm_description table_type(wasm_reader *r)
{
    wasm_description what = { 0 };
    what.type = wasm_reference_type(r);
    what.limits = limits(r, NO_INDEX, "table");
    return what;
}

static wasm_description global_type(wasm_reader *r)
{
    wasm_description what = { 0 };
    what.type = wasm_value_type(r);
    uint8_t mutable = wasm_byte(r);
    if (mutable > 1)
        wasm_fail(r, "a global is mutable (1) or not (0)");
    what.mutable = mutable;
    return what;
}

static wasm_type *type_at(wasm_reader *r, wasm_module *m, uint32_t index)
{
    if (index < m->type_count)
        return m->types[index];
    wasm_fail(r, "type %u does not exist", (unsigned)index);
    return NULL;
}

static wasm_description tag_type(wasm_reader *r, wasm_module *m)
{
    wasm_description what = { 0 };
    if (wasm_byte(r) != 0)
        wasm_fail(r, "unknown kind of tag");
    what.function = type_at(r, m, wasm_u32(r));
    if (what.function && what.function->results)
        wasm_fail(r, "a tag with results");
    return what;
}

static void types(wasm_reader *r, wasm_module *m)
{
    uint32_t count = wasm_count(r, MAX_TYPES, "types");
    m->types = wasm_allocate(r, count, sizeof(*m->types));
    for (; m->type_count < count && !r->failed; m->type_count++) {
        uint8_t list[MAX_PARAMETERS + MAX_RESULTS];
        uint8_t form = wasm_byte(r);
        if (form != 0x60)
            wasm_fail(r, "unknown form of a type 0x%02x", form);
        uint32_t params = wasm_count(r, MAX_PARAMETERS, "parameters");
        for (uint32_t i = 0; i < params; i++)
            list[i] = wasm_value_type(r);
        uint32_t results = wasm_count(r, MAX_RESULTS, "results");
        for (uint32_t i = 0; i < results; i++)
            list[params + i] = wasm_value_type(r);
        m->types[m->type_count] = r->failed ? NULL : wasm_intern(r, list, params, results);
    }
}

static void imports(wasm_reader *r, wasm_module *m)
{
    uint32_t count = wasm_count(r, MAX_ITEMS, "imports");
    m->imports = wasm_allocate(r, count, sizeof(*m->imports));
    for (; m->import_count < count && !r->failed; m->import_count++) {
        wasm_import *import = &m->imports[m->import_count];
        import->module = wasm_name(r);
        import->name = wasm_name(r);
        uint8_t kind = wasm_byte(r);
        switch (kind) {
        case KIND_FUNCTION: import->what.function = type_at(r, m, wasm_u32(r)); break;
        case KIND_TABLE: import->what = table_type(r); break;
        case KIND_MEMORY: import->what.limits = limits(r, MAX_PAGES, "memory"); break;
        case KIND_GLOBAL: import->what = global_type(r); break;
        case KIND_TAG: import->what = tag_type(r, m); break;
        default: wasm_fail(r, "unknown kind of import 0x%02x", kind);
        }
        if (r->failed)
            return;
        import->kind = (enum wasm_kind)kind;
        wasm_description *item = add_items(r, m, import->kind, 1);
        if (!item)
            return;
        *item = import->what;
        m->counts[kind]++;
        m->imported[kind]++;
    }
}

static void functions(wasm_reader *r, wasm_module *m)
{
    uint32_t count = wasm_count(r, MAX_ITEMS, "functions");
    wasm_description *items = add_items(r, m, KIND_FUNCTION, count);
    for (uint32_t i = 0; i < count && !r->failed; i++)
        items[i].function = type_at(r, m, wasm_u32(r));
    m->counts[KIND_FUNCTION] += count;
}

static void tables(wasm_reader *r, wasm_module *m)
{
    uint32_t count = wasm_count(r, 100000, "tables");
    wasm_description *items = add_items(r, m, KIND_TABLE, count);
    for (uint32_t i = 0; i < count && !r->failed; i++)
        items[i] = table_type(r);
    m->counts[KIND_TABLE] += count;
}

static void memories(wasm_reader *r, wasm_module *m)
{
    uint32_t count = wasm_count(r, MAX_ITEMS, "memories");
    wasm_description *items = add_items(r, m, KIND_MEMORY, count);
    for (uint32_t i = 0; i < count && !r->failed; i++)
        items[i].limits = limits(r, MAX_PAGES, "memory");
    m->counts[KIND_MEMORY] += count;
}

static void tags(wasm_reader *r, wasm_module *m)
{
    uint32_t count = wasm_count(r, MAX_ITEMS, "tags");
    wasm_description *items = add_items(r, m, KIND_TAG, count);
    for (uint32_t i = 0; i < count && !r->failed; i++)
        items[i] = tag_type(r, m);
    m->counts[KIND_TAG] += count;
}

/* Validates a constant expression, and says where it begins. Only globals that are there already may be read. */
static uint32_t constant(wasm_reader *r, wasm_module *m, uint8_t wanted)
{
    uint32_t begin = at(r), depth = 0;
    uint8_t stack[MAX_CONSTANT_DEPTH], type = 0;
    while (!r->failed) {
        uint8_t op = wasm_byte(r);
        uint32_t index;
        switch (op) {
        case 0x0b:
            if (depth != 1 || stack[0] != wanted)
                wasm_fail(r, "a constant expression of type %s was expected", wasm_type_name(wanted));
            return begin;
        case 0x23:
            index = wasm_u32(r);
            if (index >= m->counts[KIND_GLOBAL] || m->items[KIND_GLOBAL][index].mutable)
                wasm_fail(r, "global %u is no constant", (unsigned)index);
            else
                type = m->items[KIND_GLOBAL][index].type;
            break;
        case 0x41: wasm_s32(r); type = I32; break;
        case 0x42: wasm_s64(r); type = I64; break;
        case 0x43: wasm_fixed32(r); type = F32; break;
        case 0x44: wasm_fixed64(r); type = F64; break;
        case 0xd0: type = wasm_heap_type(r); break;
        case 0xd2:
            index = wasm_u32(r);
            if (index >= m->counts[KIND_FUNCTION])
                wasm_fail(r, "function %u does not exist", (unsigned)index);
            else
                m->declared[index] = 1;
            type = FUNCREF;
            break;
        case 0x6a: case 0x6b: case 0x6c: case 0x7c: case 0x7d: case 0x7e:
            type = op < 0x7c ? I32 : I64;
            if (depth < 2 || stack[depth - 1] != type || stack[depth - 2] != type)
                wasm_fail(r, "two operands of type %s were expected", wasm_type_name(type));
            depth -= 2;
            break;
        default: wasm_fail(r, "0x%02x is no instruction of constant expressions", op);
        }
        if (!r->failed && depth == MAX_CONSTANT_DEPTH)
            wasm_fail(r, "a constant expression is too deep");
        if (!r->failed)
            stack[depth++] = type;
    }
    return begin;
}

static void globals(wasm_reader *r, wasm_module *m)
{
    uint32_t count = wasm_count(r, MAX_ITEMS, "globals");
    wasm_description *items = add_items(r, m, KIND_GLOBAL, count);
    m->initial = wasm_allocate(r, count, sizeof(*m->initial));
    for (; m->global_count < count && !r->failed; m->global_count++) {
        items[m->global_count] = global_type(r);
        m->initial[m->global_count] = constant(r, m, items[m->global_count].type);
        m->counts[KIND_GLOBAL]++;
    }
}

/* Names of exports are unique: an open-addressed table of their hashes finds doubles. */
static void check_names(wasm_reader *r, wasm_module *m)
{
    uint32_t size = 8;
    while (size < m->export_count * 2)
        size *= 2;
    uint32_t *slots = wasm_allocate(r, size, sizeof(*slots));
    for (uint32_t i = 0; i < m->export_count && !r->failed; i++) {
        wasm_span name = m->exports[i].name;
        uint32_t hash = 2166136261u;
        for (uint32_t k = 0; k < name.length; k++)
            hash = (hash ^ r->start[name.at + k]) * 16777619u;
        for (hash &= size - 1; slots[hash]; hash = (hash + 1) & (size - 1)) {
            wasm_span other = m->exports[slots[hash] - 1].name;
            if (other.length == name.length && !memcmp(r->start + other.at, r->start + name.at, name.length)) {
                wasm_fail(r, "two exports are named '%.*s'", (int)(name.length < 60 ? name.length : 60),
                          (const char *)r->start + name.at);
                break;
            }
        }
        slots[hash] = i + 1;
    }
    free(slots);
}

static void exports(wasm_reader *r, wasm_module *m)
{
    uint32_t count = wasm_count(r, MAX_ITEMS, "exports");
    m->exports = wasm_allocate(r, count, sizeof(*m->exports));
    for (; m->export_count < count && !r->failed; m->export_count++) {
        wasm_export *export = &m->exports[m->export_count];
        export->name = wasm_name(r);
        uint8_t kind = wasm_byte(r);
        export->index = wasm_u32(r);
        if (r->failed)
            return;
        if (kind >= KIND_COUNT)
            wasm_fail(r, "unknown kind of export 0x%02x", kind);
        else if (export->index >= m->counts[kind])
            wasm_fail(r, "what is exported does not exist");
        else if (kind == KIND_FUNCTION)
            m->declared[export->index] = 1;
        export->kind = (enum wasm_kind)kind;
    }
    check_names(r, m);
}

static void start(wasm_reader *r, wasm_module *m)
{
    uint32_t index = wasm_u32(r);
    if (index >= m->counts[KIND_FUNCTION])
        wasm_fail(r, "the start function does not exist");
    else if (m->items[KIND_FUNCTION][index].function->params || m->items[KIND_FUNCTION][index].function->results)
        wasm_fail(r, "the start function has parameters or results");
    else
        m->start = index;
}

static void elements(wasm_reader *r, wasm_module *m)
{
    uint32_t count = wasm_count(r, MAX_ITEMS, "element segments");
    m->elements = wasm_allocate(r, count, sizeof(*m->elements));
    for (; m->element_count < count && !r->failed; m->element_count++) {
        wasm_segment *s = &m->elements[m->element_count];
        uint32_t flags = wasm_u32(r);
        if (flags > 7) {
            wasm_fail(r, "unknown kind of element segment %u", (unsigned)flags);
            return;
        }
        s->mode = !(flags & 1) ? SEGMENT_ACTIVE : flags & 2 ? SEGMENT_DECLARED : SEGMENT_PASSIVE;
        s->expressions = flags & 4;
        s->type = FUNCREF;
        if (s->mode == SEGMENT_ACTIVE) {
            s->target = flags & 2 ? wasm_u32(r) : 0;
            if (s->target >= m->counts[KIND_TABLE])
                wasm_fail(r, "table %u does not exist", (unsigned)s->target);
            s->offset = constant(r, m, I32);
        }
        if (flags & 3) {
            if (s->expressions)
                s->type = wasm_reference_type(r);
            else if (wasm_byte(r) != 0)
                wasm_fail(r, "unknown kind of elements");
        }
        if (!r->failed && s->mode == SEGMENT_ACTIVE && m->items[KIND_TABLE][s->target].type != s->type)
            wasm_fail(r, "a table of another type than its elements");
        uint32_t length = wasm_count(r, MAX_TABLE, "elements");
        s->contents = (wasm_span){ at(r), length };
        for (uint32_t i = 0; i < length && !r->failed; i++) {
            if (s->expressions) {
                constant(r, m, s->type);
                continue;
            }
            uint32_t index = wasm_u32(r);
            if (index >= m->counts[KIND_FUNCTION])
                wasm_fail(r, "function %u does not exist", (unsigned)index);
            else
                m->declared[index] = 1;
        }
    }
}

static void codes(wasm_reader *r, wasm_module *m)
{
    uint32_t count = wasm_count(r, MAX_ITEMS, "functions");
    if (count != m->counts[KIND_FUNCTION] - m->imported[KIND_FUNCTION])
        wasm_fail(r, "there are not as many bodies as functions");
    m->codes = wasm_allocate(r, count, sizeof(*m->codes));
    for (; m->code_count < count && !r->failed; m->code_count++) {
        uint32_t length = wasm_u32(r);
        if (length > (size_t)(r->end - r->at)) {
            wasm_fail(r, "a body is longer than its section");
            return;
        }
        const uint8_t *end = r->end, *after = r->at + length;
        r->end = after;
        wasm_compile(r, m, m->items[KIND_FUNCTION][m->imported[KIND_FUNCTION] + m->code_count].function,
                     &m->codes[m->code_count]);
        if (!r->failed && r->at != after)
            wasm_fail(r, "a body does not end where it should");
        if (r->failed)
            m->code_count++; /* what there is of it is to be freed */
        if (r->failed)
            return;
        r->end = end;
    }
}

static void data(wasm_reader *r, wasm_module *m)
{
    uint32_t count = wasm_count(r, MAX_ITEMS, "data segments");
    if (m->declared_data != NO_INDEX && m->declared_data != count)
        wasm_fail(r, "there are not as many data segments as announced");
    m->data = wasm_allocate(r, count, sizeof(*m->data));
    for (; m->data_count < count && !r->failed; m->data_count++) {
        wasm_segment *s = &m->data[m->data_count];
        uint32_t flags = wasm_u32(r);
        if (flags > 2)
            wasm_fail(r, "unknown kind of data segment %u", (unsigned)flags);
        s->mode = flags == 1 ? SEGMENT_PASSIVE : SEGMENT_ACTIVE;
        if (s->mode == SEGMENT_ACTIVE) {
            s->target = flags == 2 ? wasm_u32(r) : 0;
            if (s->target >= m->counts[KIND_MEMORY])
                wasm_fail(r, "memory %u does not exist", (unsigned)s->target);
            s->offset = constant(r, m, I32);
        }
        uint32_t length = wasm_u32(r);
        if (length > (size_t)(r->end - r->at))
            wasm_fail(r, "a data segment is longer than its section");
        if (r->failed)
            return;
        s->contents = (wasm_span){ at(r), length };
        r->at += length;
    }
}

static void custom(wasm_reader *r, wasm_module *m)
{
    wasm_span name = wasm_name(r);
    if (m->custom_count == MAX_ITEMS)
        wasm_fail(r, "too many custom sections");
    if (r->failed)
        return;
    if (!(m->custom_count & (m->custom_count - 1))) { /* a power of two: full */
        size_t room = (m->custom_count ? m->custom_count * 2 : 1) * sizeof(wasm_span);
        wasm_span *names = realloc(m->custom_names, room);
        m->custom_names = names ? names : m->custom_names;
        wasm_span *customs = realloc(m->customs, room);
        m->customs = customs ? customs : m->customs;
        if (!names || !customs) {
            wasm_fail(r, "out of memory");
            r->exhausted = true;
            return;
        }
    }
    m->custom_names[m->custom_count] = name;
    m->customs[m->custom_count++] = (wasm_span){ at(r), (uint32_t)(r->end - r->at) };
    r->at = r->end;
}

/* Functions are numbered once the section of functions has been read; constant expressions need the array before. */
static bool prepare_declared(wasm_reader *r, wasm_module *m)
{
    if (!m->declared)
        m->declared = wasm_allocate(r, m->counts[KIND_FUNCTION] + 1, 1);
    return m->declared;
}

static void read_section(wasm_reader *r, wasm_module *m, enum section section)
{
    if (section > MEMORIES && !prepare_declared(r, m))
        return;
    switch (section) {
    case CUSTOM: custom(r, m); break;
    case TYPES: types(r, m); break;
    case IMPORTS: imports(r, m); break;
    case FUNCTIONS: functions(r, m); break;
    case TABLES: tables(r, m); break;
    case MEMORIES: memories(r, m); break;
    case TAGS: tags(r, m); break;
    case GLOBALS: globals(r, m); break;
    case EXPORTS: exports(r, m); break;
    case START: start(r, m); break;
    case ELEMENTS: elements(r, m); break;
    case DATA_COUNT:
        m->declared_data = wasm_u32(r);
        if (m->declared_data > MAX_ITEMS)
            wasm_fail(r, "too many data segments are announced");
        break;
    case CODES: codes(r, m); break;
    case DATA: data(r, m); break;
    }
}

static void read_module(wasm_reader *r, wasm_module *m)
{
    static const uint8_t order[] = {
        [TYPES] = 1, [IMPORTS] = 2, [FUNCTIONS] = 3, [TABLES] = 4, [MEMORIES] = 5, [TAGS] = 6, [GLOBALS] = 7,
        [EXPORTS] = 8, [START] = 9, [ELEMENTS] = 10, [DATA_COUNT] = 11, [CODES] = 12, [DATA] = 13,
    };
    static const uint8_t header[] = { 0, 'a', 's', 'm', 1, 0, 0, 0 };
    const uint8_t *end = r->end;
    if (end - r->at < (ptrdiff_t)sizeof(header) || memcmp(r->at, header, sizeof(header)) != 0) {
        wasm_fail(r, "these are not the first bytes of a WebAssembly module of version 1");
        return;
    }
    r->at += sizeof(header);
    uint8_t last = 0;
    bool has_codes = false;
    while (r->at < end && !r->failed) {
        uint8_t section = wasm_byte(r);
        uint32_t length = wasm_u32(r);
        if (section > TAGS)
            wasm_fail(r, "unknown section %u", section);
        else if (section && order[section] <= last)
            wasm_fail(r, "section %u is out of order", section);
        else if (length > (size_t)(end - r->at))
            wasm_fail(r, "section %u is longer than the module", section);
        if (r->failed)
            return;
        if (section)
            last = order[section];
        has_codes |= section == CODES;
        r->end = r->at + length;
        read_section(r, m, (enum section)section);
        if (!r->failed && r->at != r->end)
            wasm_fail(r, "section %u does not end where it should", section);
        r->end = end;
    }
    if (r->failed)
        return;
    if (!has_codes && m->counts[KIND_FUNCTION] != m->imported[KIND_FUNCTION])
        wasm_fail(r, "functions without bodies");
    if (m->counts[KIND_MEMORY] > 1)
        wasm_fail(r, "more than one memory");
    if (m->declared_data != NO_INDEX && m->declared_data != m->data_count)
        wasm_fail(r, "there are not as many data segments as announced");
}

wasm_module *wasm_decode(wasm_reader *r, uint8_t *bytes, uint32_t length)
{
    *r = (wasm_reader){ .start = bytes, .at = bytes, .end = bytes + length };
    wasm_module *m = calloc(1, sizeof(*m));
    if (!m) {
        free(bytes);
        r->failed = r->exhausted = true;
        return NULL;
    }
    m->bytes = bytes;
    m->length = length;
    m->start = m->declared_data = NO_INDEX;
    read_module(r, m);
    if (r->failed) {
        wasm_free_module(m);
        return NULL;
    }
    return m;
}

static void free_code(wasm_code *code)
{
    for (uint32_t i = 0; i < code->try_count; i++)
        free(code->tries[i].clauses);
    free(code->tries);
    free(code->code);
}

void wasm_free_module(wasm_module *m)
{
    for (uint32_t i = 0; i < m->code_count; i++)
        free_code(&m->codes[i]);
    for (int kind = 0; kind < KIND_COUNT; kind++)
        free(m->items[kind]);
    void *parts[] = { m->bytes, m->types, m->imports, m->exports, m->elements, m->data, m->custom_names,
                      m->customs, m->codes, m->initial, m->declared };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        free(parts[i]);
    free(m);
}
