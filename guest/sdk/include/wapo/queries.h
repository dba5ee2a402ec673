/* Queries: short requests to the program that the node delivers, each answered once.
 *
 *     int queries = wapo_queries_open();
 *     for (;;) {
 *         WAPO_AWAIT(result, wapo_queries_next(queries, &self->query));
 *         if (result < 0)
 *             break;
 *         wapo_query_reply(&self->query, "hello", 5);
 *     }
 */
#ifndef WAPO_QUERIES_H
#define WAPO_QUERIES_H

#include <stddef.h>
#include <stdint.h>

/* A query. All pointers are into one block, which is freed when the query is answered or dropped. */
typedef struct wapo_query {
    const uint8_t *origin; /* 32 bytes: the account whose signature was verified, or NULL */
    const char *path;      /* NUL-terminated UTF-8 */
    size_t path_length;
    const char *payload;   /* NUL-terminated, although it may be any bytes */
    size_t payload_length;
    int reply;             /* the reply's resource */
    void *message_;
} wapo_query;

/* The channel of queries. WAPO_ALREADY_EXISTS the second time in the life of a program. */
int wapo_queries_open(void);

/* Operation: the next query; 0. WAPO_END_OF_FILE when no more will come. WAPO_NO_MEMORY: a query did not fit into the
 * memory and is lost; its sender waits in vain. */
int wapo_queries_next(int queries, wapo_query *query);

/* Answers a query, with bytes or with an error text (UTF-8), or not at all, and frees it: the sender of a query that
 * was dropped hears that there will be no answer. WAPO_IO_ERROR if the sender has gone. A query that is over (or all
 * zeros) may be dropped again. */
int wapo_query_reply(wapo_query *query, const void *data, size_t length);
int wapo_query_refuse(wapo_query *query, const char *text);
void wapo_query_drop(wapo_query *query);

#endif
