/* The bytes of slow calls, out of the return slot. */
#include <stdlib.h>
#include <string.h>
#include "internal.h"

int take(int result, void **bytes)
{
    *bytes = NULL;
    if (result < 0)
        return result;
    char *memory = malloc((size_t)result + 1);
    if (!memory)
        return WAPO_NO_MEMORY;
    int taken = wapo_ocall_get_return(memory, (size_t)result);
    if (taken < 0) {
        free(memory);
        return taken;
    }
    memory[result] = 0;
    *bytes = memory;
    return result;
}

int take_exactly(int result, void *bytes, size_t size)
{
    if (result < 0)
        return result;
    if ((size_t)result != size)
        return WAPO_MALFORMED;
    result = wapo_ocall_get_return(bytes, size);
    return result < 0 ? result : 0;
}

int take_message(int channel, void **message, wapo_reader *reader)
{
    int length = take(wapo_or_pending_(wapo_ocall_poll(wapo_current_task, channel)), message);
    if (length < 0)
        return length;
    *reader = wapo_reader_of(*message, (size_t)length);
    wapo_get_compact(reader); /* the message is a Vec<u8> */
    return 0;
}

int take_vector(int result, bool always, void **data, size_t *length)
{
    void *bytes;
    *data = NULL;
    *length = 0;
    int taken = take(result, &bytes);
    if (taken < 0)
        return taken;
    wapo_reader reader = wapo_reader_of(bytes, (size_t)taken);
    bool there = always || wapo_get_bool(&reader);
    if (!there && !reader.failed) {
        free(bytes);
        return 0;
    }
    const uint8_t *content = wapo_get_bytes(&reader, length);
    if (reader.failed) {
        free(bytes);
        *length = 0;
        return WAPO_MALFORMED;
    }
    /* The content moves to the front of its block, so that it can be freed as what it is. */
    memmove(bytes, content, *length);
    ((char *)bytes)[*length] = 0;
    *data = bytes;
    return 1;
}
