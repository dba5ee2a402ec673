// SubtleCrypto: https://w3c.github.io/webcrypto/#subtlecrypto-interface
//
// Every method converts its arguments (Web IDL), normalizes its algorithms, and only then looks at the bytes; what the
// standard does "in parallel" begins there. What goes wrong rejects the promise.

import { DOMException } from '../dom-exception.js';
import { defineInterface, illegalConstructor } from '../interfaces.js';
import { typedArrayBuffer } from '../primordials.js';
import { promiseReject, promiseResolve } from '../promises.js';
import { isBufferSource, isObject, requireArguments, toBytes, toDOMString, toEnum, toUnsignedLong } from '../webidl.js';
import { algorithmOf, isCryptoKey, isExtractable, typeOf, usagesOf } from './crypto-key.js';
import { andThen } from './host.js';
import { encodeJwk, parseJwk, toJsonWebKey } from './jwk.js';
import { algorithmNamed, normalize } from './normalize.js';
import { toUsages } from './usages.js';
import './digests.js';
import './hmac.js';
import './aes.js';
import './derivation.js';
import './elliptic.js';
import './okp.js';
import './rsa.js';

const { TypeError } = globalThis;

const CREATE = {};
const FORMATS = ['raw', 'spki', 'pkcs8', 'jwk'];

// Conversions of arguments.

/** AlgorithmIdentifier. */
const toIdentifier = (value) => (isObject(value) ? value : toDOMString(value));

function toKey(value, what) {
  if (!isCryptoKey(value)) throw new TypeError(`${what} must be a CryptoKey`);
  return value;
}

/** BufferSource, whose bytes are looked at later. */
function toSource(value, what) {
  toBytes(value, what);
  return value;
}

const toFormat = (value, what) => toEnum(value, FORMATS, `${what}: format`);

// Steps that methods share.

const invalidAccess = (text) => new DOMException(text, 'InvalidAccessError');

function checkKey(key, params, usage) {
  if (algorithmOf(key).name !== params.name)
    throw invalidAccess(`the key is for ${algorithmOf(key).name}, not ${params.name}`);
  if (!usagesOf(key).includes(usage)) throw invalidAccess(`the key does not have the usage '${usage}'`);
}

function checkImported(key) {
  if (typeOf(key) !== 'public' && usagesOf(key).length === 0) {
    throw new DOMException('a key of this kind needs a usage', 'SyntaxError');
  }
  return key;
}

function exportOperation(key) {
  const { name } = algorithmOf(key);
  const operation = algorithmNamed(name).exportKey;
  if (operation === undefined) throw new DOMException(`keys of ${name} cannot be exported`, 'NotSupportedError');
  if (!isExtractable(key)) throw invalidAccess('the key is not extractable');
  return operation;
}

/** "Normalize an algorithm" for an operation, or for another where there is no such one. */
function normalizeEither(operation, other, identifier) {
  try {
    return { operation, ...normalize(operation, identifier) };
  } catch {
    return { operation: other, ...normalize(other, identifier) };
  }
}

const toBuffer = (bytes) => typedArrayBuffer(bytes);

/** Runs a method's steps, whose result or exception becomes a promise. */
function asPromise(steps) {
  try {
    return promiseResolve(steps());
  } catch (error) {
    return promiseReject(error);
  }
}

export class SubtleCrypto {
  #brand;

  constructor(key = undefined) {
    if (key !== CREATE) throw illegalConstructor();
    this.#brand = true;
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-encrypt
  encrypt(algorithm, key, data) {
    const count = arguments.length;
    return asPromise(() => {
      this.#brand;
      return transform('encrypt', count, algorithm, key, data);
    });
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-decrypt
  decrypt(algorithm, key, data) {
    const count = arguments.length;
    return asPromise(() => {
      this.#brand;
      return transform('decrypt', count, algorithm, key, data);
    });
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-sign
  sign(algorithm, key, data) {
    const count = arguments.length;
    return asPromise(() => {
      this.#brand;
      return transform('sign', count, algorithm, key, data);
    });
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-verify
  verify(algorithm, key, signature, data) {
    const count = arguments.length;
    return asPromise(() => {
      this.#brand;
      requireArguments(count, 4, 'SubtleCrypto.verify');
      const identifier = toIdentifier(algorithm);
      toKey(key, 'SubtleCrypto.verify: key');
      toSource(signature, 'SubtleCrypto.verify: signature');
      toSource(data, 'SubtleCrypto.verify: data');
      const { algorithm: found, params } = normalize('verify', identifier);
      checkKey(key, params, 'verify');
      return found.verify.run(params, key, toBytes(signature, 'signature'), toBytes(data, 'data'));
    });
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-digest
  digest(algorithm, data) {
    const count = arguments.length;
    return asPromise(() => {
      this.#brand;
      requireArguments(count, 2, 'SubtleCrypto.digest');
      const identifier = toIdentifier(algorithm);
      toSource(data, 'SubtleCrypto.digest: data');
      const { algorithm: found, params } = normalize('digest', identifier);
      return toBuffer(found.digest.run(params, toBytes(data, 'data')));
    });
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-generateKey
  generateKey(algorithm, extractable, keyUsages) {
    const count = arguments.length;
    return asPromise(() => {
      this.#brand;
      requireArguments(count, 3, 'SubtleCrypto.generateKey');
      const identifier = toIdentifier(algorithm);
      const usages = toUsages(keyUsages, 'SubtleCrypto.generateKey: keyUsages');
      const { algorithm: found, params } = normalize('generateKey', identifier);
      return andThen(found.generateKey.run(params, !!extractable, usages), (made) => {
        checkImported(isCryptoKey(made) ? made : made.privateKey);
        return made;
      });
    });
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-deriveKey
  deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
    const count = arguments.length;
    return asPromise(() => {
      this.#brand;
      requireArguments(count, 5, 'SubtleCrypto.deriveKey');
      const identifier = toIdentifier(algorithm);
      toKey(baseKey, 'SubtleCrypto.deriveKey: baseKey');
      const derivedIdentifier = toIdentifier(derivedKeyType);
      const usages = toUsages(keyUsages, 'SubtleCrypto.deriveKey: keyUsages');
      const { algorithm: found, params } = normalize('deriveBits', identifier);
      const { algorithm: derived, params: importParams } = normalize('importKey', derivedIdentifier);
      const { params: lengthParams } = normalize('getKeyLength', derivedIdentifier);
      checkKey(baseKey, params, 'deriveKey');
      const length = derived.getKeyLength.run(lengthParams);
      return andThen(found.deriveBits.run(params, baseKey, length), (secret) =>
        checkImported(derived.importKey.run(importParams, 'raw', secret, !!extractable, usages)),
      );
    });
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-deriveBits
  deriveBits(algorithm, baseKey, length = null) {
    const count = arguments.length;
    return asPromise(() => {
      this.#brand;
      requireArguments(count, 2, 'SubtleCrypto.deriveBits');
      const identifier = toIdentifier(algorithm);
      toKey(baseKey, 'SubtleCrypto.deriveBits: baseKey');
      const bits = length === null ? null : toUnsignedLong(length);
      const { algorithm: found, params } = normalize('deriveBits', identifier);
      checkKey(baseKey, params, 'deriveBits');
      return andThen(found.deriveBits.run(params, baseKey, bits), toBuffer);
    });
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-importKey
  importKey(format, keyData, algorithm, extractable, keyUsages) {
    const count = arguments.length;
    return asPromise(() => {
      this.#brand;
      requireArguments(count, 5, 'SubtleCrypto.importKey');
      const kind = toFormat(format, 'SubtleCrypto.importKey');
      const isSource = isBufferSource(keyData);
      const given = isSource ? toSource(keyData, 'SubtleCrypto.importKey: keyData') : toJsonWebKey(keyData);
      const identifier = toIdentifier(algorithm);
      const usages = toUsages(keyUsages, 'SubtleCrypto.importKey: keyUsages');
      const { algorithm: found, params } = normalize('importKey', identifier);
      if (isSource === (kind === 'jwk')) {
        throw new TypeError(
          `SubtleCrypto.importKey: the format '${kind}' needs ${isSource ? 'an object' : 'a buffer'}`,
        );
      }
      const data = isSource ? toBytes(given, 'keyData') : given;
      return checkImported(found.importKey.run(params, kind, data, !!extractable, usages));
    });
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-exportKey
  exportKey(format, key) {
    const count = arguments.length;
    return asPromise(() => {
      this.#brand;
      requireArguments(count, 2, 'SubtleCrypto.exportKey');
      const kind = toFormat(format, 'SubtleCrypto.exportKey');
      toKey(key, 'SubtleCrypto.exportKey: key');
      const result = exportOperation(key).run(kind, key);
      return kind === 'jwk' ? result : toBuffer(result);
    });
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-wrapKey
  wrapKey(format, key, wrappingKey, wrapAlgorithm) {
    const count = arguments.length;
    return asPromise(() => {
      this.#brand;
      requireArguments(count, 4, 'SubtleCrypto.wrapKey');
      const kind = toFormat(format, 'SubtleCrypto.wrapKey');
      toKey(key, 'SubtleCrypto.wrapKey: key');
      toKey(wrappingKey, 'SubtleCrypto.wrapKey: wrappingKey');
      const identifier = toIdentifier(wrapAlgorithm);
      const { operation, algorithm: found, params } = normalizeEither('wrapKey', 'encrypt', identifier);
      checkKey(wrappingKey, params, 'wrapKey');
      const exported = exportOperation(key).run(kind, key);
      const bytes = kind === 'jwk' ? encodeJwk(exported) : exported;
      return andThen(found[operation].run(params, wrappingKey, bytes), toBuffer);
    });
  }

  // https://w3c.github.io/webcrypto/#SubtleCrypto-method-unwrapKey
  unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, unwrappedKeyAlgorithm, extractable, keyUsages) {
    const count = arguments.length;
    return asPromise(() => {
      this.#brand;
      requireArguments(count, 7, 'SubtleCrypto.unwrapKey');
      const kind = toFormat(format, 'SubtleCrypto.unwrapKey');
      toSource(wrappedKey, 'SubtleCrypto.unwrapKey: wrappedKey');
      toKey(unwrappingKey, 'SubtleCrypto.unwrapKey: unwrappingKey');
      const identifier = toIdentifier(unwrapAlgorithm);
      const keyIdentifier = toIdentifier(unwrappedKeyAlgorithm);
      const usages = toUsages(keyUsages, 'SubtleCrypto.unwrapKey: keyUsages');
      const { operation, algorithm: found, params } = normalizeEither('unwrapKey', 'decrypt', identifier);
      const { algorithm: imported, params: importParams } = normalize('importKey', keyIdentifier);
      checkKey(unwrappingKey, params, 'unwrapKey');
      return andThen(found[operation].run(params, unwrappingKey, toBytes(wrappedKey, 'wrappedKey')), (bytes) =>
        checkImported(
          imported.importKey.run(importParams, kind, kind === 'jwk' ? parseJwk(bytes) : bytes, !!extractable, usages),
        ),
      );
    });
  }
}

/** encrypt, decrypt and sign differ in what they are called. */
function transform(operation, count, algorithm, key, data) {
  requireArguments(count, 3, `SubtleCrypto.${operation}`);
  const identifier = toIdentifier(algorithm);
  toKey(key, `SubtleCrypto.${operation}: key`);
  toSource(data, `SubtleCrypto.${operation}: data`);
  const { algorithm: found, params } = normalize(operation, identifier);
  checkKey(key, params, operation);
  return andThen(found[operation].run(params, key, toBytes(data, 'data')), toBuffer);
}

defineInterface(SubtleCrypto);
export const subtle = new SubtleCrypto(CREATE);
