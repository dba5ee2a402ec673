/* The tokens of SCALE type definitions (wapojs-scale.md 2.1): looking at each character is not for an interpreter. */
#include <stdlib.h>
#include "scale.h"

/* Known to js/scale/parse.js; a character of its own is its code. */
enum { TOKEN_END, TOKEN_NAME, TOKEN_NUMBER, TOKEN_BAD };

#define MAX_NUMBER 4294967295u

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint32_t c)
{
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_';
}

static bool is_punctuation(uint32_t c)
{
    switch (c) {
    case '|': case '=': case '@': case ':': case ';': case ',': case '#': case '(': case ')':
    case '[': case ']': case '{': case '}': case '<': case '>':
        return true;
    }
    return false;
}

static size_t skip_blanks(const uint16_t *text, size_t length, size_t at)
{
    while (at < length) {
        if (text[at] == ' ' || (text[at] >= '\t' && text[at] <= '\r')) {
            at++;
        } else if (text[at] == '/' && at + 1 < length && text[at + 1] == '/') {
            while (at < length && text[at] != '\n')
                at++;
        } else {
            break;
        }
    }
    return at;
}

/* The kind of the token at `at`, which is moved past it. */
static uint32_t next_token(const uint16_t *text, size_t length, size_t *at)
{
    size_t to = *at;
    uint32_t c = text[to++], kind = c;
    if (is_letter(c)) {
        while (to < length && (is_letter(text[to]) || is_digit(text[to])))
            to++;
        kind = TOKEN_NAME;
    } else if (is_digit(c)) {
        uint64_t number = c - '0';
        for (; c != '0' && to < length && is_digit(text[to]); to++)
            if (number <= MAX_NUMBER)
                number = number * 10 + text[to] - '0';
        kind = number <= MAX_NUMBER ? TOKEN_NUMBER : TOKEN_BAD;
    } else if (!is_punctuation(c)) {
        if (c >> 10 == 0xD800 >> 10 && to < length) /* a pair of surrogates */
            to++;
        kind = TOKEN_BAD;
    }
    *at = to;
    return kind;
}

/* scaleTokens(text): [kind, from, to, kind, from, to, ...] as a Uint32Array of positions in the text; END is the last. */
JSValue scale_tokens(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    size_t length, count = 0, capacity = 0;
    uint32_t *tokens = NULL;
    JSValue result = JS_EXCEPTION;
    const uint16_t *text = JS_ToCStringLenUTF16(ctx, &length, argv[0]);
    if (!text)
        return JS_EXCEPTION;
    for (size_t at = 0;; count++) {
        if (count == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            uint32_t *more = js_realloc(ctx, tokens, capacity * 3 * sizeof(*tokens));
            if (!more)
                goto done;
            tokens = more;
        }
        at = skip_blanks(text, length, at);
        uint32_t *token = tokens + 3 * count;
        token[1] = (uint32_t)at;
        token[0] = at < length ? next_token(text, length, &at) : TOKEN_END;
        token[2] = (uint32_t)at;
        if (token[0] == TOKEN_END)
            break;
    }
    JSValue buffer = JS_NewArrayBufferCopy(ctx, (const uint8_t *)tokens, (count + 1) * 3 * sizeof(*tokens));
    if (!JS_IsException(buffer))
        result = JS_NewTypedArray(ctx, 1, &buffer, JS_TYPED_ARRAY_UINT32);
    JS_FreeValue(ctx, buffer);
done:
    js_free(ctx, tokens);
    JS_FreeCStringUTF16(ctx, text);
    return result;
}
