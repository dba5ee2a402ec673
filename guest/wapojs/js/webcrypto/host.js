// The host's cryptography: docs/abi.md, 1030 to 1032. Nothing here, or beside it, is a cipher.
//
// What is short is computed at once, and its bytes are returned; the rest is computed by a thread of the host, and a
// promise is returned. Callers treat both with `andThen`.

import { classOf, crypto as native } from 'wapo:native';
import { DOMException } from '../dom-exception.js';
import { newDeferred, promiseThen } from '../promises.js';

/** Operations by their numbers in docs/abi.md. */
export const HMAC_SIGN = 1;
export const HMAC_VERIFY = 2;
export const AES_GCM_ENCRYPT = 10;
export const AES_GCM_DECRYPT = 11;
export const AES_CBC_ENCRYPT = 12;
export const AES_CBC_DECRYPT = 13;
export const AES_CTR = 14;
export const AES_KW_WRAP = 15;
export const AES_KW_UNWRAP = 16;
export const HKDF = 20;
export const PBKDF2 = 21;
export const EC_GENERATE = 30;
export const EC_SIGN = 31;
export const EC_VERIFY = 32;
export const EC_AGREE = 33;
export const EC_POINT = 34;
export const EC_PAIR = 35;
export const EC_EXPORT_SPKI = 36;
export const EC_EXPORT_PKCS8 = 37;
export const EC_IMPORT_SPKI = 38;
export const EC_IMPORT_PKCS8 = 39;
export const OKP_PUBLIC = 40;
export const ED25519_SIGN = 41;
export const ED25519_VERIFY = 42;
export const X25519_AGREE = 43;
export const OKP_EXPORT_SPKI = 44;
export const OKP_EXPORT_PKCS8 = 45;
export const OKP_IMPORT_SPKI = 46;
export const OKP_IMPORT_PKCS8 = 47;
export const RSA_GENERATE = 50;
export const RSA_PUBLIC = 51;
export const RSA_PKCS1_SIGN = 52;
export const RSA_PKCS1_VERIFY = 53;
export const RSA_PSS_SIGN = 54;
export const RSA_PSS_VERIFY = 55;
export const RSA_OAEP_ENCRYPT = 56;
export const RSA_OAEP_DECRYPT = 57;
export const RSA_IMPORT_SPKI = 58;
export const RSA_IMPORT_PKCS8 = 59;
export const RSA_PUBLIC_NUMBERS = 60;
export const RSA_PRIVATE_NUMBERS = 61;
export const RSA_FROM_NUMBERS = 62;

// Error codes of ocalls.
const INVALID = 3;
const NO_MEMORY = 5;
const LIMITED = 10;

function failure(code, request) {
  const { what, error = 'OperationError' } = request;
  if (code === LIMITED)
    return new DOMException(`${what}: ${request.limit ?? 'more than this host does for a program'}`, 'OperationError');
  if (code === NO_MEMORY) return new DOMException(`${what}: out of memory`, 'OperationError');
  return new DOMException(`${what} failed`, error);
}

/**
 * Has the host compute something.
 * @param {object} request
 * @param {number} request.operation one of the numbers above; `a`, `b`, `c`, `key`, `param`, `data`, `extra` as it says
 * @param {string} request.what for messages
 * @param {string} [request.error] the name of the exception where the key or the data is wrong
 * @param {string} [request.limit] what the host's limit is
 * @returns {Uint8Array|Promise<Uint8Array>}
 * @throws {DOMException} what the promise may be rejected with, too
 */
export function compute(request) {
  let deferred;
  const { operation, a = 0, b = 0, c = 0, key = null, param = null, data = null, extra = null } = request;
  const settle = (code, bytes) => {
    deferred ??= newDeferred();
    if (code === null) deferred.resolve(bytes);
    else deferred.reject(failure(code, request));
  };
  const result = native(settle, operation, a, b, c, key, param, data, extra);
  if (typeof result === 'object') return result;
  if (typeof result === 'number') throw failure(result, request);
  deferred ??= newDeferred();
  return deferred.promise;
}

/** Far more than any key has; the host does not do more than 64 KiB at once. */
const MAX_KEY_BYTES = 16384;

/**
 * As `compute`, for what is done to keys: it is short, so the bytes are there at once.
 * @returns {Uint8Array}
 */
export function computeNow(request) {
  const { data, param } = request;
  if ((data?.length ?? 0) + (param?.length ?? 0) > MAX_KEY_BYTES) throw failure(INVALID, request);
  return compute(request);
}

/** `then(value)`, when it is there. */
export function andThen(value, then) {
  return classOf(value) === 'Promise' ? promiseThen(value, then) : then(value);
}

const isOne = (bytes) => bytes[0] === 1;

/** What a verification has found, as a boolean. */
export const computeBoolean = (request) => andThen(compute(request), isOne);
