#include "headers.h"
#include <string.h>
#include <wapo/results.h>

const char *find_header(const wapo_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(headers[i].name, name))
            return headers[i].value;
    return NULL;
}

int list_headers(wapo_header headers[MAX_LISTED_HEADERS], va_list list)
{
    int count = 0;
    for (const char *name; (name = va_arg(list, const char *));) {
        const char *value = va_arg(list, const char *);
        if (!value || count == MAX_LISTED_HEADERS)
            return WAPO_INVALID_PARAMETER;
        headers[count++] = (wapo_header){ name, value };
    }
    return count;
}
