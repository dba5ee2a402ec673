// URLs (https://url.spec.whatwg.org), parsed by Ada. The JavaScript class keeps what urlParse and urlSet give: an array
// of the href and ada::url_components, which are protocol_end, username_end, host_start, host_end, port,
// pathname_start, search_start, hash_start (-1: omitted).
#include <cstring>
#include <string_view>
#include "ada.h"

extern "C" {
#include "wapojs.h"

extern const JSCFunctionListEntry native_url_functions[];
extern const int native_url_count;
}

static JSValue result_of(JSContext *ctx, const ada::url_aggregator &url)
{
    const ada::url_components &c = url.get_components();
    const uint32_t offsets[] = { c.protocol_end, c.username_end, c.host_start, c.host_end,
                                 c.port, c.pathname_start, c.search_start, c.hash_start };
    std::string_view href = url.get_href();
    JSValue parts[9] = { JS_NewStringLen(ctx, href.data(), href.size()) };
    if (JS_IsException(parts[0]))
        return JS_EXCEPTION;
    for (int i = 0; i < 8; i++)
        parts[i + 1] = JS_NewInt32(ctx, static_cast<int32_t>(offsets[i]));
    return JS_NewArrayFrom(ctx, 9, parts);
}

static JSValue href_of(JSContext *ctx, const ada::url_aggregator &url)
{
    std::string_view href = url.get_href();
    return JS_NewStringLen(ctx, href.data(), href.size());
}

// urlParse(input, base?): the array, or null if it is not a URL. urlHref: the href alone.
static JSValue url_parse(JSContext *ctx, JSValueConst, int argc, JSValueConst *argv, int href_only)
{
    auto result = href_only ? href_of : result_of;
    size_t length;
    const char *text = wapojs_to_utf8(ctx, argv[0], &length);
    if (!text)
        return JS_EXCEPTION;
    JSValue answer = JS_NULL;
    if (argc > 1 && !JS_IsUndefined(argv[1])) {
        size_t base_length;
        const char *base_text = wapojs_to_utf8(ctx, argv[1], &base_length);
        if (!base_text) {
            JS_FreeCString(ctx, text);
            return JS_EXCEPTION;
        }
        auto base = ada::parse<ada::url_aggregator>(std::string_view(base_text, base_length));
        JS_FreeCString(ctx, base_text);
        if (base) {
            auto url = ada::parse<ada::url_aggregator>(std::string_view(text, length), &*base);
            if (url)
                answer = result(ctx, *url);
        }
    } else {
        auto url = ada::parse<ada::url_aggregator>(std::string_view(text, length));
        if (url)
            answer = result(ctx, *url);
    }
    JS_FreeCString(ctx, text);
    return answer;
}

enum { SET_HREF, SET_PROTOCOL, SET_USERNAME, SET_PASSWORD, SET_HOST, SET_HOSTNAME, SET_PORT, SET_PATHNAME, SET_SEARCH,
       SET_HASH };

// urlSet(href, part, value): the new array. A value that the setter ignores gives the same URL; null: a bad href.
static JSValue url_set(JSContext *ctx, JSValueConst, int argc, JSValueConst *argv)
{
    int32_t part;
    size_t length, value_length;
    if (JS_ToInt32(ctx, &part, argv[1]))
        return JS_EXCEPTION;
    const char *text = wapojs_to_utf8(ctx, argv[0], &length);
    if (!text)
        return JS_EXCEPTION;
    auto url = ada::parse<ada::url_aggregator>(std::string_view(text, length));
    JS_FreeCString(ctx, text);
    const char *value = wapojs_to_utf8(ctx, argv[2], &value_length);
    if (!value)
        return JS_EXCEPTION;
    JSValue answer = JS_NULL;
    if (url) {
        std::string_view v(value, value_length);
        bool valid = true;
        switch (part) {
        case SET_HREF: valid = url->set_href(v); break;
        case SET_PROTOCOL: url->set_protocol(v); break;
        case SET_USERNAME: url->set_username(v); break;
        case SET_PASSWORD: url->set_password(v); break;
        case SET_HOST: url->set_host(v); break;
        case SET_HOSTNAME: url->set_hostname(v); break;
        case SET_PORT: url->set_port(v); break;
        case SET_PATHNAME: url->set_pathname(v); break;
        case SET_SEARCH: url->set_search(v); break;
        case SET_HASH: url->set_hash(v); break;
        }
        if (valid)
            answer = result_of(ctx, *url);
    }
    JS_FreeCString(ctx, value);
    return answer;
}

static JSValue url_can_parse(JSContext *ctx, JSValueConst, int argc, JSValueConst *argv)
{
    size_t length, base_length = 0;
    const char *text = wapojs_to_utf8(ctx, argv[0], &length), *base = nullptr;
    if (!text)
        return JS_EXCEPTION;
    if (argc > 1 && !JS_IsUndefined(argv[1])) {
        base = wapojs_to_utf8(ctx, argv[1], &base_length);
        if (!base) {
            JS_FreeCString(ctx, text);
            return JS_EXCEPTION;
        }
    }
    std::string_view base_view(base ? base : "", base_length);
    bool can = ada::can_parse(std::string_view(text, length), base ? &base_view : nullptr);
    JS_FreeCString(ctx, text);
    if (base)
        JS_FreeCString(ctx, base);
    return JS_NewBool(ctx, can);
}

const JSCFunctionListEntry native_url_functions[] = {
    JS_CFUNC_MAGIC_DEF("urlParse", 2, url_parse, 0),
    JS_CFUNC_MAGIC_DEF("urlHref", 2, url_parse, 1),
    JS_CFUNC_DEF("urlSet", 3, url_set),
    JS_CFUNC_DEF("urlCanParse", 2, url_can_parse),
};
const int native_url_count = sizeof(native_url_functions) / sizeof(native_url_functions[0]);
