// AES-CTR: https://w3c.github.io/webcrypto/#aes-ctr
// AES-CBC: https://w3c.github.io/webcrypto/#aes-cbc
// AES-GCM: https://w3c.github.io/webcrypto/#aes-gcm
// AES-KW: https://w3c.github.io/webcrypto/#aes-kw

import { randomBytes } from 'wapo:native';
import { algorithmOf, createKey, handleOf } from './crypto-key.js';
import { bufferSource, octet, optionalBufferSource, optionalOctet, unsignedShort } from './dictionaries.js';
import { operationError } from './formats.js';
import * as host from './host.js';
import { dataError } from './jwk.js';
import { registerAlgorithm } from './normalize.js';
import { exportSecret, importSecret } from './secret.js';
import { checkUsages } from './usages.js';

const CIPHER_USAGES = ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'];
const WRAPPING_USAGES = ['wrapKey', 'unwrapKey'];
const KEY_BITS = [128, 192, 256];
const BLOCK_BYTES = 16;
const TAG_BITS = [32, 64, 96, 104, 112, 120, 128];
const LIMIT = 'more data than this host takes at once';

/** AesKeyGenParams and AesDerivedKeyParams. */
const keyParams = ({ length }) => ({ __proto__: null, length: unsignedShort(length, 'length') });

function checkLength(name, bits) {
  if (!KEY_BITS.includes(bits)) throw operationError(`${name}: a key has 128, 192 or 256 bits`);
  return bits;
}

/** What all four have. */
function keyOperations(name, usagesAllowed) {
  const jwkAlg = (bytes) => `A${bytes.length * 8}${name.slice(4)}`;
  const makeKey = (extractable, usages, bytes) =>
    createKey('secret', extractable, { __proto__: null, name, length: bytes.length * 8 }, usages, bytes);
  return {
    generateKey: {
      params: keyParams,
      run({ length }, extractable, usages) {
        checkUsages(usages, usagesAllowed);
        return makeKey(extractable, usages, randomBytes(checkLength(name, length) / 8));
      },
    },
    importKey: {
      run(_params, format, keyData, extractable, usages) {
        checkUsages(usages, usagesAllowed);
        const checkedAlg = (bytes) => {
          if (!KEY_BITS.includes(bytes.length * 8)) throw dataError(`${name}: a key has 128, 192 or 256 bits`);
          return jwkAlg(bytes);
        };
        const bytes = importSecret(name, format, keyData, extractable, usages, 'enc', checkedAlg);
        checkedAlg(bytes);
        return makeKey(extractable, usages, bytes);
      },
    },
    exportKey: {
      run: (format, key) => exportSecret(format, key, jwkAlg(handleOf(key))),
    },
    getKeyLength: { params: keyParams, run: ({ length }) => checkLength(name, length) },
  };
}

const cipher = (operation, key, members, data) =>
  host.compute({ operation, key: handleOf(key), data, what: algorithmOf(key).name, limit: LIMIT, ...members });

// AES-CTR

const ctr = {
  params: ({ counter, length }) => ({
    __proto__: null,
    counter: bufferSource(counter, 'counter'),
    length: octet(length, 'length'),
  }),
  run({ counter, length }, key, data) {
    if (counter.length !== BLOCK_BYTES) throw operationError('AES-CTR: the counter must have 16 bytes');
    if (length === 0 || length > 128) throw operationError('AES-CTR: the length must be from 1 to 128');
    return cipher(host.AES_CTR, key, { a: length, param: counter }, data);
  },
};

registerAlgorithm('AES-CTR', { encrypt: ctr, decrypt: ctr, ...keyOperations('AES-CTR', CIPHER_USAGES) });

// AES-CBC

const cbc = (operation) => ({
  params: ({ iv }) => ({ __proto__: null, iv: bufferSource(iv, 'iv') }),
  run({ iv }, key, data) {
    if (iv.length !== BLOCK_BYTES) throw operationError('AES-CBC: the iv must have 16 bytes');
    return cipher(operation, key, { param: iv }, data);
  },
});

registerAlgorithm('AES-CBC', {
  encrypt: cbc(host.AES_CBC_ENCRYPT),
  decrypt: cbc(host.AES_CBC_DECRYPT),
  ...keyOperations('AES-CBC', CIPHER_USAGES),
});

// AES-GCM

const gcm = (operation) => ({
  params: (dictionary) => ({
    __proto__: null,
    additionalData: optionalBufferSource(dictionary.additionalData, 'additionalData'),
    iv: bufferSource(dictionary.iv, 'iv'),
    tagLength: optionalOctet(dictionary.tagLength, 'tagLength'),
  }),
  run({ additionalData, iv, tagLength = 128 }, key, data) {
    if (!TAG_BITS.includes(tagLength))
      throw operationError(`AES-GCM: the tagLength must be one of ${TAG_BITS.join(', ')}`);
    return cipher(operation, key, { a: tagLength / 8, param: iv, extra: additionalData }, data);
  },
});

registerAlgorithm('AES-GCM', {
  encrypt: gcm(host.AES_GCM_ENCRYPT),
  decrypt: gcm(host.AES_GCM_DECRYPT),
  ...keyOperations('AES-GCM', CIPHER_USAGES),
});

// AES-KW

const wrapping = (operation) => ({ run: (_params, key, data) => cipher(operation, key, {}, data) });

registerAlgorithm('AES-KW', {
  wrapKey: wrapping(host.AES_KW_WRAP),
  unwrapKey: wrapping(host.AES_KW_UNWRAP),
  ...keyOperations('AES-KW', WRAPPING_USAGES),
});
