/* Digests, computed by the node. This host's own (docs/abi.md, 1020): elsewhere WAPO_UNKNOWN_CALL_NUMBER. */
#ifndef WAPO_HASH_H
#define WAPO_HASH_H

#include <stddef.h>
#include <stdint.h>

enum wapo_hash {
    WAPO_SHA1 = 1,
    WAPO_SHA256,
    WAPO_SHA384,
    WAPO_SHA512,
    WAPO_KECCAK256,
    WAPO_BLAKE2B_128,
    WAPO_BLAKE2B_256,
    WAPO_BLAKE2B_512,
    WAPO_MD5,
};

/* The longest digest. */
#define WAPO_DIGEST_SIZE 64

/* The digest of data of any length; the digest's length. WAPO_RESOURCE_LIMITED: more than 1 MiB needs a resource. */
int wapo_hash(enum wapo_hash algorithm, const void *data, size_t length, uint8_t digest[WAPO_DIGEST_SIZE]);

#endif
