// Keys that are just bytes: the formats of HMAC (https://w3c.github.io/webcrypto/#hmac) and of AES.

import { copyBytes, toBase64Url } from './bytes.js';
import { algorithmOf, handleOf } from './crypto-key.js';
import { finishJwk, unsupportedFormat } from './formats.js';
import { checkJwk, dataError, jwkBytes } from './jwk.js';

/**
 * The bytes of a key that is imported.
 * @param {string} use what a JWK's `use` may be
 * @param {function(Uint8Array): string} algOf what a JWK's `alg` must be, if it is there
 */
export function importSecret(name, format, keyData, extractable, usages, use, algOf) {
  if (format === 'raw') return copyBytes(keyData);
  if (format !== 'jwk') throw unsupportedFormat(name, format);
  if (keyData.kty !== 'oct') throw dataError("the JWK's kty must be 'oct'");
  const bytes = jwkBytes(keyData, 'k');
  const alg = algOf(bytes);
  if (keyData.alg !== undefined && keyData.alg !== alg) throw dataError(`the JWK's alg must be '${alg}'`);
  checkJwk(keyData, 'oct', use, extractable, usages);
  return bytes;
}

/** A key as bytes or as a JWK. */
export function exportSecret(format, key, alg) {
  const bytes = handleOf(key);
  if (format === 'raw') return copyBytes(bytes);
  if (format !== 'jwk') throw unsupportedFormat(algorithmOf(key).name, format);
  return finishJwk({ kty: 'oct', k: toBase64Url(bytes), alg }, key);
}
