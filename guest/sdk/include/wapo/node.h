/* The program and its node: log, randomness, identity, secrets, signatures, stored data, locks. */
#ifndef WAPO_NODE_H
#define WAPO_NODE_H

#include <stddef.h>
#include <stdint.h>

enum wapo_log_level { WAPO_ERROR = 1, WAPO_WARN, WAPO_INFO, WAPO_DEBUG, WAPO_TRACE };

/* A line of the program's log, as printf. Bytes that are no UTF-8 are shown as question marks. */
__attribute__((format(printf, 2, 3))) void wapo_log(enum wapo_log_level level, const char *format, ...);

/* Unpredictable bytes. */
void wapo_random(void *bytes, size_t size);

/* The program's result, for those who run it for one; the last one counts. */
int wapo_output(const void *data, size_t length);

/* 32 bytes that name the program. */
int wapo_app_address(uint8_t address[32]);

/* The node's public key, sr25519. Zeros where it has none. */
int wapo_worker_public_key(uint8_t key[32]);

/* 64 bytes that only this program on this node can have, for each path (at most 256 bytes) others. */
int wapo_derive_secret(const void *path, size_t length, uint8_t secret[64]);

/* The node's signature over the program's address and the data. 64, or 0 where the node does not sign. */
int wapo_sign(const void *data, size_t length, uint8_t signature[64]);

/* An attestation quote over the program's address and the data, in memory that the caller frees. 1, or 0 where there
 * is no hardware for it (then *quote is NULL). */
int wapo_quote(const void *data, size_t length, uint8_t **quote, size_t *quote_length);

/* The program's stored record (at most 65536 bytes), which survives it. Reading: 1, or 0 where there is none (then
 * *data is NULL); the memory, NUL-terminated beyond its length, is the caller's to free. Writing replaces it, and
 * answers when it is durable. */
int wapo_boot_data_read(char **data, size_t *length);
int wapo_boot_data_write(const void *data, size_t length);

/* A blob of the node, by "sha256:<hex>" or "sha512:<hex>"; the memory, NUL-terminated beyond its length, is the
 * caller's to free. WAPO_NOT_FOUND, or WAPO_IO_ERROR if it is damaged. */
int wapo_blob_get(const char *name, char **data, size_t *length);

/* Named locks that all instances of a program share. WAPO_CONDITION_ERROR: it is taken; or not ours to give back. */
int wapo_try_lock(const char *name);
int wapo_unlock(const char *name);

/* Adds to the program's tip counter. */
int wapo_tip(uint64_t amount);

/* What all instances of the program have used, and a token of the node's for the report of it. */
typedef struct wapo_gas {
    uint64_t gas;
    uint64_t sequence;
    uint8_t session[32], nonce[32];
} wapo_gas;
int wapo_gas_consumed(wapo_gas *gas);

#endif
