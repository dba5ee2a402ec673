/* What the node offers, called for each query by its path; the answer is text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"

static char text[8192];

static void hex(const void *data, size_t length)
{
    for (size_t i = 0; i < length && 2 * i + 2 < sizeof text; i++)
        sprintf(text + 2 * i, "%02x", ((const uint8_t *)data)[i]);
}

static void say_bytes(int result, char *data, size_t length)
{
    if (result < 0 || !data)
        snprintf(text, sizeof text, "%d %zu", result, length);
    else
        snprintf(text, sizeof text, "%d %zu %s%s", result, length, data, data[length] ? "not ended" : "");
    free(data);
}

static void call(const wapo_query *query)
{
    const char *path = query->path, *payload = query->payload;
    size_t length = query->payload_length;
    uint8_t bytes[64] = { 0 };
    char *data;
    int result;
    text[0] = 0;
    if (!strcmp(path, "address")) {
        CHECK_EQUAL(wapo_app_address(bytes), 0);
        hex(bytes, 32);
    } else if (!strcmp(path, "key")) {
        CHECK_EQUAL(wapo_worker_public_key(bytes), 0);
        hex(bytes, 32);
    } else if (!strcmp(path, "derive")) {
        result = wapo_derive_secret(payload, length, bytes);
        if (result < 0)
            snprintf(text, sizeof text, "%s", wapo_strerror(result));
        else
            hex(bytes, 64);
    } else if (!strcmp(path, "sign")) {
        result = wapo_sign(payload, length, bytes);
        if (result == 64)
            hex(bytes, 64);
        else
            snprintf(text, sizeof text, "%d", result);
    } else if (!strcmp(path, "quote")) {
        uint8_t *quote;
        result = wapo_quote(payload, length, &quote, &length);
        say_bytes(result, (char *)quote, length);
    } else if (!strcmp(path, "read")) {
        result = wapo_boot_data_read(&data, &length);
        say_bytes(result, data, length);
    } else if (!strcmp(path, "write")) {
        snprintf(text, sizeof text, "%s", wapo_strerror(wapo_boot_data_write(payload, length)));
    } else if (!strcmp(path, "blob")) {
        result = wapo_blob_get(payload, &data, &length);
        say_bytes(result, data, length);
    } else if (!strcmp(path, "lock")) {
        snprintf(text, sizeof text, "%s", wapo_strerror(wapo_try_lock(payload)));
    } else if (!strcmp(path, "unlock")) {
        snprintf(text, sizeof text, "%s", wapo_strerror(wapo_unlock(payload)));
    } else if (!strcmp(path, "tip")) {
        snprintf(text, sizeof text, "%s", wapo_strerror(wapo_tip(strtoull(payload, NULL, 10))));
    } else if (!strcmp(path, "gas")) {
        wapo_gas gas;
        CHECK_EQUAL(wapo_gas_consumed(&gas), 0);
        snprintf(text, sizeof text, "%llu %llu %02x %02x", (unsigned long long)gas.gas,
                 (unsigned long long)gas.sequence, gas.session[31], gas.nonce[0]);
    } else if (!strcmp(path, "output")) {
        CHECK_EQUAL(wapo_output(payload, length), 0);
    } else if (!strcmp(path, "log")) {
        wapo_log(WAPO_WARN, "%s", payload);
    } else if (!strcmp(path, "random")) {
        size_t size = 3 << 20;
        uint8_t *random = calloc(1, size);
        wapo_random(random, size);
        /* Neither the pieces nor their borders are zeros, or the same. */
        CHECK(memcmp(random, random + (1 << 20), 4096) && memcmp(random + (1 << 20), random + (2 << 20), 4096));
        static const uint8_t zeros[16];
        for (size_t at = 0; at < size; at += 16)
            CHECK(memcmp(random + at, zeros, 16));
        free(random);
    } else if (!strncmp(path, "hash", 4)) {
        uint8_t digest[WAPO_DIGEST_SIZE];
        size_t size = strtoul(payload, NULL, 10);
        char *ones = malloc(size + 1);
        memset(ones, '1', size);
        result = wapo_hash((enum wapo_hash)(path[4] - '0'), ones, size, digest);
        free(ones);
        if (result < 0)
            snprintf(text, sizeof text, "%s", wapo_strerror(result));
        else
            hex(digest, (size_t)result);
    } else if (!strcmp(path, "option")) {
        snprintf(text, sizeof text, "%s %ld %s", wapo_option("name", "none"), wapo_option_number("count", -7, -10, 10),
                 getenv("NAME") ? getenv("NAME") : "none");
    } else if (!strcmp(path, "origin")) {
        if (query->origin)
            hex(query->origin, 32);
        else
            strcpy(text, "nobody");
    } else if (!strcmp(path, "length")) {
        snprintf(text, sizeof text, "%zu %zu", strlen(payload), length);
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
    self->queries = wapo_queries_open();
    CHECK_EQUAL(wapo_queries_open(), WAPO_ALREADY_EXISTS);
    for (;;) {
        WAPO_AWAIT(result, wapo_queries_next(self->queries, &self->query));
        if (result < 0 || !strcmp(self->query.path, "end"))
            break;
        if (!strcmp(self->query.path, "drop")) {
            wapo_query_drop(&self->query);
            wapo_query_drop(&self->query);
            CHECK_EQUAL(wapo_query_reply(&self->query, "late", 4), WAPO_NOT_FOUND);
            continue;
        }
        call(&self->query);
        CHECK_EQUAL(wapo_query_reply(&self->query, text, strlen(text)), 0);
    }
    wapo_query_drop(&self->query);
    WAPO_RETURN(failures ? 1 : 0);
    WAPO_END;
}

WAPO_MAIN(service)
