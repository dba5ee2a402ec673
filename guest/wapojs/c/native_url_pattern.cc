// URL patterns (https://urlpattern.spec.whatwg.org), by Ada, whose regular expressions are the engine's own.
//
// A pattern is an object of a class of ours that nobody but url-pattern.js sees. What goes in and out are strings and
// arrays of eight: protocol, username, password, hostname, port, pathname, search, hash.
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
#include "ada.h"

extern "C" {
#include "wapojs.h"

extern const JSCFunctionListEntry native_url_pattern_functions[];
extern const int native_url_pattern_count;
}

enum { COMPONENTS = 8 };

// RegExp and its exec as they were before user code.
static JSValue regexp_constructor, regexp_exec;
static JSClassID pattern_class;

// A reference to a RegExp object.
class regular_expression final {
public:
    explicit regular_expression(JSValue taken) : value(taken) {}
    regular_expression() : value(JS_UNDEFINED) {}
    regular_expression(const regular_expression &other) : value(JS_DupValue(wapojs_context, other.value)) {}
    regular_expression(regular_expression &&other) noexcept : value(other.value) { other.value = JS_UNDEFINED; }
    regular_expression &operator=(regular_expression other) noexcept
    {
        std::swap(value, other.value);
        return *this;
    }
    ~regular_expression() { JS_FreeValue(wapojs_context, value); }
    JSValue value;
};

static void forget_exception()
{
    JS_FreeValue(wapojs_context, JS_GetException(wapojs_context));
}

// The match of a RegExp: an array, null, or an exception that is forgotten.
static JSValue match(std::string_view input, const regular_expression &expression)
{
    JSContext *ctx = wapojs_context;
    JSValue text = JS_NewStringLen(ctx, input.data(), input.size());
    if (JS_IsException(text)) {
        forget_exception();
        return JS_NULL;
    }
    JSValue found = JS_Call(ctx, regexp_exec, expression.value, 1, &text);
    JS_FreeValue(ctx, text);
    if (JS_IsException(found)) {
        forget_exception();
        return JS_NULL;
    }
    return found;
}

class engine_regex final {
public:
    using regex_type = regular_expression;

    static std::optional<regex_type> create_instance(std::string_view pattern, bool ignore_case)
    {
        JSContext *ctx = wapojs_context;
        JSValue source = JS_NewStringLen(ctx, pattern.data(), pattern.size());
        JSValue args[] = { source, JS_NewString(ctx, ignore_case ? "vi" : "v") };
        JSValue made = JS_CallConstructor(ctx, regexp_constructor, 2, args);
        JS_FreeValue(ctx, args[0]);
        JS_FreeValue(ctx, args[1]);
        if (JS_IsException(made)) {
            forget_exception();
            return std::nullopt;
        }
        return regular_expression(made);
    }

    static std::optional<std::vector<std::optional<std::string>>> regex_search(std::string_view input,
                                                                               const regex_type &expression)
    {
        JSContext *ctx = wapojs_context;
        JSValue found = match(input, expression);
        if (!JS_IsObject(found))
            return std::nullopt;
        std::vector<std::optional<std::string>> groups;
        int64_t count = 0;
        JS_GetLength(ctx, found, &count);
        for (int64_t i = 1; i < count; i++) {
            JSValue group = JS_GetPropertyUint32(ctx, found, static_cast<uint32_t>(i));
            size_t length;
            const char *text = JS_IsString(group) ? wapojs_to_utf8(ctx, group, &length) : nullptr;
            if (text)
                groups.emplace_back(std::string(text, length));
            else
                groups.emplace_back(std::nullopt);
            JS_FreeCString(ctx, text);
            JS_FreeValue(ctx, group);
        }
        JS_FreeValue(ctx, found);
        return groups;
    }

    static bool regex_match(std::string_view input, const regex_type &expression)
    {
        JSValue found = match(input, expression);
        bool matches = JS_IsObject(found);
        JS_FreeValue(wapojs_context, found);
        return matches;
    }
};

using pattern = ada::url_pattern<engine_regex>;

// A string or the members of a URLPatternInit: eight components and the base URL, strings or undefined.
class pattern_input final {
public:
    bool take(JSContext *ctx, JSValueConst value)
    {
        if (JS_IsString(value)) {
            is_text = true;
            return take_text(ctx, value, text);
        }
        std::optional<std::string> *members[] = { &init.protocol, &init.username, &init.password,
                                                  &init.hostname, &init.port,     &init.pathname,
                                                  &init.search,   &init.hash,     &init.base_url };
        for (uint32_t i = 0; i < COMPONENTS + 1; i++) {
            JSValue member = JS_GetPropertyUint32(ctx, value, i);
            if (JS_IsException(member))
                return false;
            if (JS_IsString(member)) {
                std::string taken;
                bool fine = take_text(ctx, member, taken);
                JS_FreeValue(ctx, member);
                if (!fine)
                    return false;
                *members[i] = std::move(taken);
            } else {
                JS_FreeValue(ctx, member);
            }
        }
        return true;
    }

    std::variant<std::string_view, ada::url_pattern_init> variant() const
    {
        if (is_text)
            return std::string_view(text);
        return init;
    }

    static bool take_text(JSContext *ctx, JSValueConst value, std::string &into)
    {
        size_t length;
        const char *bytes = wapojs_to_utf8(ctx, value, &length);
        if (!bytes)
            return false;
        into.assign(bytes, length);
        JS_FreeCString(ctx, bytes);
        return true;
    }

private:
    bool is_text = false;
    std::string text;
    ada::url_pattern_init init;
};

static JSValue string_of(JSContext *ctx, std::string_view text)
{
    return JS_NewStringLen(ctx, text.data(), text.size());
}

static void finalize(JSRuntime *, JSValueConst value)
{
    delete static_cast<pattern *>(JS_GetOpaque(value, pattern_class));
}

// urlPattern(input, base URL or undefined, ignore case): a pattern, or null if it is none.
static JSValue url_pattern(JSContext *ctx, JSValueConst, int, JSValueConst *argv)
{
    pattern_input input;
    std::string base;
    bool has_base = JS_IsString(argv[1]);
    if (!input.take(ctx, argv[0]) || (has_base && !pattern_input::take_text(ctx, argv[1], base)))
        return JS_EXCEPTION;
    std::string_view base_view(base);
    ada::url_pattern_options options;
    options.ignore_case = JS_ToBool(ctx, argv[2]) > 0;
    auto made = ada::parse_url_pattern<engine_regex>(input.variant(), has_base ? &base_view : nullptr, &options);
    if (!made)
        return JS_NULL;
    JSValue object = JS_NewObjectClass(ctx, static_cast<int>(pattern_class));
    if (!JS_IsException(object))
        JS_SetOpaque(object, new pattern(std::move(*made)));
    return object;
}

// urlPatternParts(pattern): the eight components, and whether any has groups that are regular expressions.
static JSValue url_pattern_parts(JSContext *ctx, JSValueConst, int, JSValueConst *argv)
{
    auto *p = static_cast<pattern *>(JS_GetOpaque2(ctx, argv[0], pattern_class));
    if (!p)
        return JS_EXCEPTION;
    JSValue parts[] = {
        string_of(ctx, p->get_protocol()), string_of(ctx, p->get_username()), string_of(ctx, p->get_password()),
        string_of(ctx, p->get_hostname()), string_of(ctx, p->get_port()), string_of(ctx, p->get_pathname()),
        string_of(ctx, p->get_search()), string_of(ctx, p->get_hash()), JS_NewBool(ctx, p->has_regexp_groups()),
    };
    return JS_NewArrayFrom(ctx, COMPONENTS + 1, parts);
}

// [input, name, value or undefined, name, ...]
static JSValue component_of(JSContext *ctx, const ada::url_pattern_component_result &component)
{
    std::vector<JSValue> flat { string_of(ctx, component.input) };
    for (const auto &[name, value] : component.groups) {
        flat.push_back(string_of(ctx, name));
        flat.push_back(value ? string_of(ctx, *value) : JS_UNDEFINED);
    }
    return JS_NewArrayFrom(ctx, static_cast<int>(flat.size()), flat.data());
}

// urlPatternMatch(pattern, input, base URL or undefined, only whether): true, false or the eight components; undefined
// if the arguments do not go together.
static JSValue url_pattern_match(JSContext *ctx, JSValueConst, int, JSValueConst *argv)
{
    auto *p = static_cast<pattern *>(JS_GetOpaque2(ctx, argv[0], pattern_class));
    if (!p)
        return JS_EXCEPTION;
    pattern_input input;
    std::string base;
    bool has_base = JS_IsString(argv[2]);
    if (!input.take(ctx, argv[1]) || (has_base && !pattern_input::take_text(ctx, argv[2], base)))
        return JS_EXCEPTION;
    std::string_view base_view(base);
    const std::string_view *base_url = has_base ? &base_view : nullptr;
    auto variant = input.variant();
    if (JS_ToBool(ctx, argv[3]) > 0) {
        auto matches = p->test(variant, base_url);
        return matches ? JS_NewBool(ctx, *matches) : JS_UNDEFINED;
    }
    auto result = p->exec(variant, base_url);
    if (!result)
        return JS_UNDEFINED;
    if (!*result)
        return JS_FALSE;
    const auto &r = **result;
    JSValue parts[] = {
        component_of(ctx, r.protocol), component_of(ctx, r.username), component_of(ctx, r.password),
        component_of(ctx, r.hostname), component_of(ctx, r.port),     component_of(ctx, r.pathname),
        component_of(ctx, r.search),   component_of(ctx, r.hash),
    };
    return JS_NewArrayFrom(ctx, COMPONENTS, parts);
}

extern "C" int native_url_pattern_init(JSContext *ctx)
{
    static const JSClassDef definition = { .class_name = "URLPatternHandle", .finalizer = finalize };
    JSRuntime *runtime = JS_GetRuntime(ctx);
    JS_NewClassID(runtime, &pattern_class);
    if (JS_NewClass(runtime, pattern_class, &definition))
        return -1;
    JSValue global = JS_GetGlobalObject(ctx);
    regexp_constructor = JS_GetPropertyStr(ctx, global, "RegExp");
    JSValue prototype = JS_GetPropertyStr(ctx, regexp_constructor, "prototype");
    regexp_exec = JS_GetPropertyStr(ctx, prototype, "exec");
    JS_FreeValue(ctx, prototype);
    JS_FreeValue(ctx, global);
    return 0;
}

const JSCFunctionListEntry native_url_pattern_functions[] = {
    JS_CFUNC_DEF("urlPattern", 3, url_pattern),
    JS_CFUNC_DEF("urlPatternParts", 1, url_pattern_parts),
    JS_CFUNC_DEF("urlPatternMatch", 4, url_pattern_match),
};
const int native_url_pattern_count = sizeof(native_url_pattern_functions) / sizeof(native_url_pattern_functions[0]);
