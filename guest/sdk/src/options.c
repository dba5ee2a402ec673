/* Arguments, straight from WASI: a reactor has no main to which its C library would give them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wapo/node.h>
#include <wapo/options.h>
#include <wasi/api.h>

static int count = -1;
static char **list;

static void load(void)
{
    __wasi_size_t words, size;
    count = 0;
    if (__wasi_args_sizes_get(&words, &size))
        return;
    list = calloc((size_t)words + 1, sizeof(char *));
    uint8_t *text = malloc(size ? size : 1);
    if (!list || !text || __wasi_args_get((uint8_t **)list, text))
        return;
    count = (int)words;
}

int wapo_arguments(char ***arguments)
{
    if (count < 0)
        load();
    *arguments = list;
    return count;
}

const char *wapo_option(const char *name, const char *fallback)
{
    char **words;
    int total = wapo_arguments(&words);
    size_t length = strlen(name);
    const char *value = fallback;
    for (int i = 1; i < total; i++) {
        const char *word = words[i];
        if (strncmp(word, "--", 2) || strncmp(word + 2, name, length))
            continue;
        if (word[2 + length] == '=')
            value = word + 3 + length;
        else if (!word[2 + length] && i + 1 < total)
            value = words[++i];
    }
    return value;
}

long wapo_option_number(const char *name, long fallback, long least, long most)
{
    const char *text = wapo_option(name, NULL);
    if (!text)
        return fallback;
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end || errno || value < least || value > most) {
        wapo_log(WAPO_WARN, "--%s is not a number from %ld to %ld: %s", name, least, most, text);
        return fallback;
    }
    return value;
}
