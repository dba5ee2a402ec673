// HMAC: https://w3c.github.io/webcrypto/#hmac

import { randomBytes } from 'wapo:native';
import { algorithmOf, createKey, handleOf } from './crypto-key.js';
import { optionalUnsignedLong } from './dictionaries.js';
import { DIGESTS, hashIdentifier, hashNumber, normalizeHash } from './digests.js';
import { operationError } from './formats.js';
import { compute, computeBoolean, HMAC_SIGN, HMAC_VERIFY } from './host.js';
import { dataError } from './jwk.js';
import { registerAlgorithm } from './normalize.js';
import { exportSecret, importSecret } from './secret.js';
import { checkUsages } from './usages.js';

const { TypeError } = globalThis;

const USAGES = ['sign', 'verify'];
/** Keys are made here, byte by byte; nobody needs a longer one than a few blocks. */
const MAX_GENERATED_BITS = 1 << 20;

/** HmacKeyGenParams and HmacImportParams. */
function params(dictionary) {
  const hash = hashIdentifier(dictionary.hash);
  const length = optionalUnsignedLong(dictionary.length, 'length');
  return { __proto__: null, hash: normalizeHash(hash), length };
}

const makeKey = (hash, length, extractable, usages, bytes) =>
  createKey('secret', extractable, { __proto__: null, name: 'HMAC', length, hash }, usages, bytes);

const jwkAlg = (hash) => `HS${DIGESTS[hash.name].jwk}`;

registerAlgorithm('HMAC', {
  sign: {
    run: (_params, key, data) =>
      compute({ operation: HMAC_SIGN, a: hashNumber(algorithmOf(key)), key: handleOf(key), data, what: 'HMAC' }),
  },
  verify: {
    run: (_params, key, signature, data) =>
      computeBoolean({
        operation: HMAC_VERIFY,
        a: hashNumber(algorithmOf(key)),
        key: handleOf(key),
        param: signature,
        data,
        what: 'HMAC',
      }),
  },
  generateKey: {
    params,
    run({ hash, length = DIGESTS[hash.name].block }, extractable, usages) {
      checkUsages(usages, USAGES);
      if (length === 0) throw operationError('HMAC: a key cannot have 0 bits');
      if (length > MAX_GENERATED_BITS) throw operationError(`HMAC: a key has at most ${MAX_GENERATED_BITS} bits here`);
      const bytes = randomBytes(Math.ceil(length / 8));
      if (length % 8 !== 0) bytes[bytes.length - 1] &= 0xff00 >> (length % 8);
      return makeKey(hash, length, extractable, usages, bytes);
    },
  },
  importKey: {
    params,
    run({ hash, length }, format, keyData, extractable, usages) {
      checkUsages(usages, USAGES);
      const bytes = importSecret('HMAC', format, keyData, extractable, usages, 'sig', () => jwkAlg(hash));
      const bits = bytes.length * 8;
      if (bits === 0) throw dataError('HMAC: the key is empty');
      if (length !== undefined && (length > bits || length <= bits - 8)) {
        throw dataError('HMAC: the length is not that of the key');
      }
      return makeKey(hash, length ?? bits, extractable, usages, bytes);
    },
  },
  exportKey: {
    run: (format, key) => exportSecret(format, key, jwkAlg(algorithmOf(key).hash)),
  },
  getKeyLength: {
    params,
    run({ hash, length = DIGESTS[hash.name].block }) {
      if (length === 0) throw new TypeError('HMAC: the length must not be 0');
      return length;
    },
  },
});
