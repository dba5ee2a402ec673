// What families of algorithms have in common where keys come and go.

import { DOMException } from '../dom-exception.js';
import { typeOf } from './crypto-key.js';

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

/** The members that every exported JWK ends with. */
export const jwkEnd = (key, jwk, usages, extractable) => {
  jwk.key_ops = [...usages];
  jwk.ext = extractable;
  return jwk;
};
