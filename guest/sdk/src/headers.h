/* Lists of headers, as http.c and fetch.c have them. */
#ifndef WAPO_HEADERS_H
#define WAPO_HEADERS_H

#include <stdarg.h>
#include <stddef.h>
#include <wapo/http.h>

/* Most headers in an argument list; the functions that take arrays have no such bound. */
enum { MAX_LISTED_HEADERS = 64 };

/* The value of the first header of that name, or NULL. */
const char *find_header(const wapo_header *headers, size_t count, const char *name);

/* Names and values up to NULL; their number, or WAPO_INVALID_PARAMETER if they are too many or not in pairs. */
int list_headers(wapo_header headers[MAX_LISTED_HEADERS], va_list list);

#endif
