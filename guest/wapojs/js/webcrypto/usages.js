// KeyUsage: https://w3c.github.io/webcrypto/#cryptokey-interface-types

import { DOMException } from '../dom-exception.js';
import { toEnum, toSequence } from '../webidl.js';

/** In the order in which a key lists them. */
export const KEY_USAGES = ['encrypt', 'decrypt', 'sign', 'verify', 'deriveKey', 'deriveBits', 'wrapKey', 'unwrapKey'];

/** A sequence<KeyUsage>, each once and in order: "normalized value". */
export function toUsages(value, what) {
  const given = toSequence(value, (item) => toEnum(item, KEY_USAGES, what), what);
  return KEY_USAGES.filter((usage) => given.includes(usage));
}

/** Throws unless every usage is one that the algorithm's key can have. */
export function checkUsages(usages, allowed) {
  for (let i = 0; i < usages.length; i++) {
    if (!allowed.includes(usages[i])) {
      throw new DOMException(`a key of this kind cannot have the usage '${usages[i]}'`, 'SyntaxError');
    }
  }
}

/** "Usage intersection". */
export const onlyUsages = (usages, allowed) => usages.filter((usage) => allowed.includes(usage));
