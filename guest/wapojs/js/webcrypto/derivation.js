// HKDF: https://w3c.github.io/webcrypto/#hkdf
// PBKDF2: https://w3c.github.io/webcrypto/#pbkdf2

import { DOMException } from '../dom-exception.js';
import { copyBytes } from './bytes.js';
import { createKey, handleOf } from './crypto-key.js';
import { bufferSource, unsignedLong } from './dictionaries.js';
import { DIGESTS, hashIdentifier, normalizeHash } from './digests.js';
import { operationError, unsupportedFormat } from './formats.js';
import { compute, HKDF, PBKDF2 } from './host.js';
import { registerAlgorithm } from './normalize.js';
import { checkUsages } from './usages.js';

const USAGES = ['deriveKey', 'deriveBits'];

/** What both have: keys come as bytes, and never leave. */
function keyOperations(name) {
  return {
    importKey: {
      run(_params, format, keyData, extractable, usages) {
        if (format !== 'raw') throw unsupportedFormat(name, format);
        checkUsages(usages, USAGES);
        if (extractable) throw new DOMException(`${name}: a key cannot be extractable`, 'SyntaxError');
        return createKey('secret', false, { __proto__: null, name }, usages, copyBytes(keyData));
      },
    },
    getKeyLength: { run: () => null },
  };
}

function toBytesLength(name, length) {
  if (length === null || length % 8 !== 0) throw operationError(`${name}: the length must be a multiple of 8`);
  return length / 8;
}

registerAlgorithm('HKDF', {
  deriveBits: {
    params(dictionary) {
      const hash = hashIdentifier(dictionary.hash);
      const info = bufferSource(dictionary.info, 'info');
      const salt = bufferSource(dictionary.salt, 'salt');
      return { __proto__: null, hash: normalizeHash(hash), info, salt };
    },
    run({ hash, info, salt }, key, length) {
      return compute({
        operation: HKDF,
        a: DIGESTS[hash.name].number,
        b: toBytesLength('HKDF', length),
        key: handleOf(key),
        param: salt,
        extra: info,
        what: 'HKDF',
      });
    },
  },
  ...keyOperations('HKDF'),
});

registerAlgorithm('PBKDF2', {
  deriveBits: {
    params(dictionary) {
      const hash = hashIdentifier(dictionary.hash);
      const iterations = unsignedLong(dictionary.iterations, 'iterations');
      const salt = bufferSource(dictionary.salt, 'salt');
      return { __proto__: null, hash: normalizeHash(hash), iterations, salt };
    },
    run({ hash, iterations, salt }, key, length) {
      const bytes = toBytesLength('PBKDF2', length);
      if (iterations === 0) throw operationError('PBKDF2: at least one iteration is needed');
      return compute({
        operation: PBKDF2,
        a: DIGESTS[hash.name].number,
        b: bytes,
        c: iterations,
        key: handleOf(key),
        param: salt,
        what: 'PBKDF2',
        limit: 'iterations, times blocks of output, are at most 10000000 here',
      });
    },
  },
  ...keyOperations('PBKDF2'),
});
