// What families of algorithms have in common where keys come and go.

import { DOMException } from '../dom-exception.js';
import { isExtractable, typeOf, usagesOf } from './crypto-key.js';

/** A format that a kind of key does not have. */
export const unsupportedFormat = (name, format) =>
  new DOMException(`${name} keys have no format '${format}'`, 'NotSupportedError');

/** Throws an InvalidAccessError unless the key is of a type: `secret`, `public` or `private`. */
export function requireType(key, type, what) {
  if (typeOf(key) !== type) throw new DOMException(`${what} needs a ${type} key`, 'InvalidAccessError');
}

/** Throws an OperationError. */
export function operationError(text) {
  return new DOMException(text, 'OperationError');
}

/** An exported JWK, with the members that all of them end with. */
export function finishJwk(jwk, key) {
  jwk.key_ops = [...usagesOf(key)];
  jwk.ext = isExtractable(key);
  return jwk;
}
