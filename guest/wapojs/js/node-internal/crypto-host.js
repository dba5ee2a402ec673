// The host's cryptography (docs/abi.md, 1030 to 1033) as node:crypto has it: the machine waits for what takes long.

import { crypto, cryptoWait } from 'wapo:native';
import { plainError } from './errors.js';

const LIMITED = 10;

/** Beside those of WebCrypto, in `../webcrypto/host.js`. */
export const AES_BLOCKS_ENCRYPT = 17;
export const AES_BLOCKS_DECRYPT = 18;
export const AES_GCM_COUNTER = 19;
export const SCRYPT = 22;
export const RSA_PKCS1_ENCRYPT = 63;
export const RSA_PKCS1_DECRYPT = 64;

const partsOf = ({ operation, a = 0, b = 0, c = 0, key = null, param = null, data = null, extra = null }) => [
  operation,
  a,
  b,
  c,
  key,
  param,
  data,
  extra,
];

function failure(code, { what, failed }) {
  if (code === LIMITED) {
    return plainError('ERR_CRYPTO_OPERATION_FAILED', `${what}: more than this host does for a program`);
  }
  return failed?.() ?? plainError('ERR_CRYPTO_OPERATION_FAILED', `${what} failed`);
}

/**
 * What the host computes.
 * @param {object} request `operation`, its numbers `a`, `b`, `c` and bytes `key`, `param`, `data`, `extra`; `what` for
 *   messages; `failed()` makes the error where the key or the data is wrong
 * @returns {Uint8Array}
 */
export function compute(request) {
  const result = cryptoWait(null, ...partsOf(request));
  if (typeof result === 'object') return result;
  throw failure(result, request);
}

/** As `compute`, in a thread where it takes long: `settle(error, bytes)` is called later. */
export function computeLater(request, settle) {
  const settled = (code, bytes) => settle(code === null ? null : failure(code, request), bytes);
  const result = crypto(settled, ...partsOf(request));
  if (typeof result === 'object') process.nextTick(settle, null, result);
  else if (typeof result === 'number') process.nextTick(settle, failure(result, request));
}
