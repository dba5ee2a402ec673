#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wapo/node.h>
#include "internal.h"

/* Most of one call (docs/abi.md). */
enum { RANDOM_PIECE = 1 << 20 };

void wapo_log(enum wapo_log_level level, const char *format, ...)
{
    char room[512], *text = room;
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(room, sizeof room, format, arguments);
    va_end(arguments);
    if (length < 0)
        length = 0;
    if ((size_t)length >= sizeof room) {
        text = malloc((size_t)length + 1);
        if (text) {
            vsnprintf(text, (size_t)length + 1, format, again);
        } else {
            text = room;
            length = sizeof room - 1;
        }
    }
    va_end(again);
    if (wapo_ocall_log(level, text, (size_t)length) == WAPO_INVALID_ENCODING) {
        for (int i = 0; i < length; i++)
            if (text[i] & 0x80)
                text[i] = '?';
        wapo_ocall_log(level, text, (size_t)length);
    }
    if (text != room)
        free(text);
}

void wapo_random(void *bytes, size_t size)
{
    for (size_t at = 0; at < size; at += RANDOM_PIECE)
        wapo_ocall_getrandom((char *)bytes + at, size - at < RANDOM_PIECE ? size - at : RANDOM_PIECE);
}

int wapo_output(const void *data, size_t length)
{
    return wapo_ocall_emit_program_output(data, length);
}

int wapo_app_address(uint8_t address[32])
{
    return take_exactly(wapo_ocall_app_address(), address, 32);
}

int wapo_worker_public_key(uint8_t key[32])
{
    return take_exactly(wapo_ocall_worker_pubkey(), key, 32);
}

int wapo_derive_secret(const void *path, size_t length, uint8_t secret[64])
{
    return take_exactly(wapo_ocall_derive_secret(path, length), secret, 64);
}

int wapo_sign(const void *data, size_t length, uint8_t signature[64])
{
    void *bytes;
    size_t size;
    int result = take_vector(wapo_ocall_sign(data, length), true, &bytes, &size);
    if (result < 0)
        return result;
    if (size == 64)
        memcpy(signature, bytes, size);
    free(bytes);
    return size == 64 ? 64 : size ? WAPO_MALFORMED : 0;
}

int wapo_quote(const void *data, size_t length, uint8_t **quote, size_t *quote_length)
{
    void *bytes;
    int result = take_vector(wapo_ocall_sgx_quote(data, length), false, &bytes, quote_length);
    *quote = bytes;
    return result;
}

int wapo_boot_data_read(char **data, size_t *length)
{
    void *bytes;
    int result = take_vector(wapo_ocall_read_boot_data(), false, &bytes, length);
    *data = bytes;
    return result;
}

int wapo_boot_data_write(const void *data, size_t length)
{
    int result = wapo_ocall_write_boot_data(data, length);
    return result < 0 ? result : 0;
}

int wapo_blob_get(const char *name, char **data, size_t *length)
{
    void *bytes;
    int result = take_vector(wapo_ocall_blob_get(name, strlen(name)), true, &bytes, length);
    *data = bytes;
    return result < 0 ? result : 0;
}

int wapo_try_lock(const char *name)
{
    return wapo_ocall_app_try_lock(name, strlen(name));
}

int wapo_unlock(const char *name)
{
    return wapo_ocall_app_unlock(name, strlen(name));
}

int wapo_tip(uint64_t amount)
{
    return wapo_ocall_tip(amount);
}

int wapo_gas_consumed(wapo_gas *gas)
{
    uint8_t bytes[80];
    int result = take_exactly(wapo_ocall_app_gas_consumed(), bytes, sizeof bytes);
    if (result < 0)
        return result;
    wapo_reader reader = wapo_reader_of(bytes, sizeof bytes);
    gas->gas = wapo_get_u64(&reader);
    gas->sequence = wapo_get_u64(&reader);
    memcpy(gas->session, wapo_get_fixed(&reader, 32), 32);
    memcpy(gas->nonce, wapo_get_fixed(&reader, 32), 32);
    return 0;
}
