#include <wapo/hash.h>
#include <wapo/ocalls.h>

/* Most of one call (docs/abi.md). */
enum { HASH_PIECE = 1 << 20 };

int wapo_hash(enum wapo_hash algorithm, const void *data, size_t length, uint8_t digest[WAPO_DIGEST_SIZE])
{
    if (length <= HASH_PIECE)
        return wapo_ocall_hash(algorithm, data, length, digest);
    int hash = wapo_ocall_hash_open(algorithm);
    if (hash < 0)
        return hash;
    int result = 0;
    for (size_t at = 0; at < length && result >= 0; at += HASH_PIECE)
        result = wapo_ocall_hash_update(hash, (const char *)data + at,
                                        length - at < HASH_PIECE ? length - at : HASH_PIECE);
    if (result >= 0)
        result = wapo_ocall_hash_finish(hash, digest);
    wapo_ocall_close(hash);
    return result;
}
