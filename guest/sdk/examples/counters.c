/* A query service: counters by name, which survive the program in its boot data.
 *
 *     /increment/<name>   adds the payload, a decimal number (1 if it is empty); answers the new value
 *     /value/<name>       answers the value, 0 if there is none
 *     /names              answers the names, one a line
 *     /save               stores the counters now; they are stored --save-ms 1000 after a change anyway
 *
 * Anybody may read; the environment variable OWNER, 64 hex digits, says whose signed queries may change anything
 * (everybody's if it is not set).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wapo.h>

enum { MOST_COUNTERS = 500, LONGEST_NAME = 64 };

static struct counter {
    char name[LONGEST_NAME + 1];
    int64_t value;
} counters[MOST_COUNTERS];
static size_t counter_count;

static bool changed;
static wapo_event change;

static struct counter *find(const char *name, bool make)
{
    for (size_t i = 0; i < counter_count; i++)
        if (!strcmp(counters[i].name, name))
            return &counters[i];
    if (!make || counter_count == MOST_COUNTERS)
        return NULL;
    struct counter *counter = &counters[counter_count++];
    strcpy(counter->name, name);
    counter->value = 0;
    return counter;
}

/* Boot data: Vec<(String, i64)>. */

static int save(void)
{
    wapo_writer writer = { 0 };
    wapo_put_compact(&writer, counter_count);
    for (size_t i = 0; i < counter_count; i++) {
        wapo_put_text(&writer, counters[i].name);
        wapo_put_i64(&writer, counters[i].value);
    }
    int result = writer.failed ? WAPO_NO_MEMORY : wapo_boot_data_write(writer.data, writer.length);
    wapo_writer_free(&writer);
    if (result < 0)
        wapo_log(WAPO_ERROR, "the counters cannot be stored: %s", wapo_strerror(result));
    else
        changed = false;
    return result;
}

static void load(void)
{
    char *data;
    size_t length;
    int result = wapo_boot_data_read(&data, &length);
    if (result < 0)
        wapo_log(WAPO_ERROR, "the counters cannot be read: %s", wapo_strerror(result));
    if (result <= 0)
        return;
    wapo_reader reader = wapo_reader_of(data, length);
    size_t count = wapo_get_count(&reader, 9);
    for (size_t i = 0; i < count && !reader.failed; i++) {
        char name[LONGEST_NAME + 1];
        size_t name_length;
        const char *text = wapo_get_text(&reader, &name_length);
        int64_t value = wapo_get_i64(&reader);
        if (reader.failed || name_length > LONGEST_NAME)
            break;
        memcpy(name, text, name_length);
        name[name_length] = 0;
        struct counter *counter = find(name, true);
        if (counter)
            counter->value = value;
    }
    wapo_log(WAPO_INFO, "%zu counters", counter_count);
    free(data);
}

/* Stores the counters a while after they have changed. */
struct saver {
    wapo_point point;
    long after_ms;
};

WAPO_ASYNC(saver)
{
    int result;

    WAPO_BEGIN;
    for (;;) {
        WAPO_AWAIT(result, wapo_until(&change, changed));
        WAPO_SLEEP(self->after_ms);
        if (changed)
            save();
    }
    WAPO_END;
}

static bool from_owner(const wapo_query *query)
{
    const char *owner = getenv("OWNER");
    if (!owner || !*owner)
        return true;
    char hex[65] = "";
    for (int i = 0; query->origin && i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", query->origin[i]);
    return !strcmp(hex, owner);
}

static int reply_number(wapo_query *query, int64_t number)
{
    char text[24];
    return wapo_query_reply(query, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)number));
}

static int increment(wapo_query *query, const char *name)
{
    char *end;
    int64_t by = 1, value;
    errno = 0;
    if (query->payload_length) {
        by = strtoll(query->payload, &end, 10);
        if (end != query->payload + query->payload_length || errno)
            return wapo_query_refuse(query, "the payload is not a number");
    }
    struct counter *counter = find(name, true);
    if (!counter)
        return wapo_query_refuse(query, "there are too many counters");
    if (__builtin_add_overflow(counter->value, by, &value))
        return wapo_query_refuse(query, "the counter would overflow");
    counter->value = value;
    changed = true;
    wapo_notify(&change);
    return reply_number(query, value);
}

static int names(wapo_query *query)
{
    wapo_writer writer = { 0 };
    for (size_t i = 0; i < counter_count; i++) {
        wapo_put_fixed(&writer, counters[i].name, strlen(counters[i].name));
        wapo_put_u8(&writer, '\n');
    }
    int result = writer.failed ? wapo_query_refuse(query, "out of memory")
                               : wapo_query_reply(query, writer.data, writer.length);
    wapo_writer_free(&writer);
    return result;
}

/* The part of a path after a prefix, if it is a name; or NULL. */
static const char *name_after(const wapo_query *query, const char *prefix)
{
    size_t length = strlen(prefix);
    if (strncmp(query->path, prefix, length) || strlen(query->path) != query->path_length)
        return NULL;
    size_t rest = query->path_length - length;
    return rest && rest <= LONGEST_NAME ? query->path + length : NULL;
}

/* Answers a query, whatever it is. That the sender has gone is no error of ours. */
static void serve(wapo_query *query)
{
    const char *name;
    if ((name = name_after(query, "/value/"))) {
        struct counter *counter = find(name, false);
        reply_number(query, counter ? counter->value : 0);
    } else if (!strcmp(query->path, "/names")) {
        names(query);
    } else if (!from_owner(query)) {
        wapo_query_refuse(query, "only the owner may do that");
    } else if ((name = name_after(query, "/increment/"))) {
        increment(query, name);
    } else if (!strcmp(query->path, "/save")) {
        if (save() < 0)
            wapo_query_refuse(query, "it cannot be stored");
        else
            wapo_query_reply(query, "saved", 5);
    } else {
        wapo_query_refuse(query, "there is no such path");
    }
}

struct service {
    wapo_point point;
    int queries;
    wapo_query query;
};

WAPO_ASYNC(service)
{
    int result;

    WAPO_BEGIN;
    load();
    self->queries = wapo_queries_open();
    if (self->queries < 0)
        WAPO_RETURN(self->queries);
    result = wapo_spawn(saver, .after_ms = wapo_option_number("save-ms", 1000, 0, 3600000));
    if (result < 0)
        WAPO_RETURN(result);
    for (;;) {
        WAPO_AWAIT(result, wapo_queries_next(self->queries, &self->query));
        if (result == WAPO_END_OF_FILE)
            break;
        if (result < 0)
            wapo_log(WAPO_ERROR, "a query was lost: %s", wapo_strerror(result));
        else
            serve(&self->query);
    }
    if (changed)
        save();
    WAPO_END;
}

WAPO_MAIN(service)
