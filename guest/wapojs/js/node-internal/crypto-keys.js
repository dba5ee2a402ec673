// KeyObject: https://nodejs.org/api/crypto.html#class-keyobject

import { Buffer } from '../node/buffer.js';
import { algorithmOf, createKey, handleOf, isCryptoKey, typeOf } from '../webcrypto/crypto-key.js';
import { timingSafeEqual, toBytes } from './crypto-digests.js';
import {
  CURVES,
  curveBy,
  fromJwk,
  publicOf,
  readPrivate,
  readPublic,
  rsaNumbers,
  toJwk,
  write,
} from './crypto-key-forms.js';
import { invalidArgument, invalidValue, plainError, rangeError, typeError } from './errors.js';

const { isView } = ArrayBuffer;
const CREATE = Symbol('create');

/** The key of a KeyObject: { kind, curve, handle }, or { bytes } of a secret one. */
export let materialOf;

export class KeyObject {
  #type;
  #material;

  constructor(type, material, key) {
    if (type !== 'secret' && type !== 'public' && type !== 'private') throw invalidValue('type', type);
    if (key !== CREATE) throw invalidArgument('handle', 'of type object', material);
    this.#type = type;
    this.#material = material;
  }

  static {
    materialOf = (key) => key.#material;
  }

  static from(key) {
    if (!isCryptoKey(key)) throw invalidArgument('key', 'an instance of CryptoKey', key);
    const { name, namedCurve } = algorithmOf(key);
    const handle = Buffer.from(handleOf(key));
    if (typeOf(key) === 'secret') return new SecretKeyObject({ bytes: handle });
    const kind = name === 'Ed25519' || name === 'X25519' ? name.toLowerCase() : name.startsWith('EC') ? 'ec' : 'rsa';
    return make(typeOf(key), { kind, curve: kind === 'ec' ? curveBy('jwk', namedCurve) : undefined, handle });
  }

  get type() {
    return this.#type;
  }

  get [Symbol.toStringTag]() {
    return 'KeyObject';
  }

  equals(other) {
    if (!(other instanceof KeyObject)) throw invalidArgument('otherKeyObject', 'an instance of KeyObject', other);
    if (this.type !== other.type) return false;
    const [mine, theirs] = [this.#material, other.#material];
    if (mine.kind !== theirs.kind || mine.curve !== theirs.curve) return false;
    const [a, b] = this.type === 'secret' ? [mine.bytes, theirs.bytes] : [mine.handle, theirs.handle];
    return a.length === b.length && timingSafeEqual(a, b);
  }
}

export class SecretKeyObject extends KeyObject {
  constructor(material) {
    super('secret', material, CREATE);
  }

  get symmetricKeySize() {
    return materialOf(this).bytes.length;
  }

  export(options) {
    const { bytes } = materialOf(this);
    if (options?.format === 'jwk') return { kty: 'oct', k: bytes.toString('base64url') };
    return Buffer.from(bytes);
  }

  toCryptoKey(algorithm, extractable, usages) {
    const { bytes } = materialOf(this);
    const given = named(algorithm);
    const more = given.name === 'HMAC' ? { hash: { __proto__: null, ...named(given.hash) } } : {};
    const length = given.name === 'HMAC' || given.name.startsWith('AES') ? { length: bytes.length * 8 } : {};
    return createKey(
      'secret',
      Boolean(extractable),
      { __proto__: null, name: given.name, ...more, ...length },
      [...usages],
      new Uint8Array(bytes),
    );
  }
}

const named = (algorithm) => (typeof algorithm === 'string' ? { name: algorithm } : algorithm);

class AsymmetricKeyObject extends KeyObject {
  get asymmetricKeyType() {
    return materialOf(this).kind;
  }

  get asymmetricKeyDetails() {
    const { kind, curve, handle } = materialOf(this);
    if (kind === 'ec') return { namedCurve: curve };
    if (kind !== 'rsa') return {};
    const [n, e] = rsaNumbers(this.type === 'private', handle);
    return {
      modulusLength: n.length * 8 - Math.clz32(n[0]) + 24,
      publicExponent: BigInt(`0x${e.toString('hex')}`),
    };
  }

  export(options) {
    return exportKey(this.type === 'private', materialOf(this), options);
  }

  toCryptoKey(algorithm, extractable, usages) {
    const { kind, curve, handle } = materialOf(this);
    const given = named(algorithm);
    const fits =
      kind === 'rsa'
        ? given.name.startsWith('RSA')
        : kind === 'ec'
          ? given.name.startsWith('EC') && given.namedCurve === CURVES[curve].jwk
          : given.name.toLowerCase() === kind;
    if (!fits) throw new DOMException('Invalid key type', 'DataError');
    const about = { __proto__: null, name: given.name };
    if (kind === 'ec') about.namedCurve = given.namedCurve;
    if (kind === 'rsa') {
      const [n, e] = rsaNumbers(this.type === 'private', handle);
      about.modulusLength = n.length * 8 - Math.clz32(n[0]) + 24;
      about.publicExponent = new Uint8Array(e);
      about.hash = { __proto__: null, ...named(given.hash) };
    }
    return createKey(this.type, Boolean(extractable), about, [...usages], new Uint8Array(handle));
  }
}

export class PublicKeyObject extends AsymmetricKeyObject {
  constructor(material) {
    super('public', material, CREATE);
  }
}

export class PrivateKeyObject extends AsymmetricKeyObject {
  constructor(material) {
    super('private', material, CREATE);
  }
}

const make = (type, material) => (type === 'private' ? new PrivateKeyObject(material) : new PublicKeyObject(material));

const PUBLIC_TYPES = ['spki', 'pkcs1'];
const PRIVATE_TYPES = ['pkcs8', 'pkcs1', 'sec1'];
const FORMATS = ['pem', 'der', 'jwk'];

/** A key as `options` of `export` or of `generateKeyPair` have it. */
export function exportKey(isPrivate, material, options) {
  if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'of type object', options);
  const { format, type, cipher, passphrase } = options;
  if (!FORMATS.includes(format)) throw invalidValue('options.format', format);
  if (format === 'jwk') {
    if (passphrase !== undefined) {
      throw plainError(
        'ERR_CRYPTO_INCOMPATIBLE_KEY_OPTIONS',
        'The selected key encoding jwk does not support encryption.',
      );
    }
    return toJwk(isPrivate, material);
  }
  const implied = type === undefined && !isPrivate && material.kind !== 'rsa' ? 'spki' : type;
  if (!(isPrivate ? PRIVATE_TYPES : PUBLIC_TYPES).includes(implied)) throw invalidValue('options.type', type);
  if (cipher !== undefined && typeof cipher !== 'string') throw invalidValue('options.cipher', cipher);
  if (cipher !== undefined && passphrase === undefined) throw invalidValue('options.passphrase', passphrase);
  const secret = cipher === undefined ? undefined : toBytes(passphrase, 'options.passphrase');
  return write(isPrivate, material, { format, type: implied, cipher, passphrase: secret });
}

const FORM_TYPES = 'of type string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView';
const KEY_TYPES = 'of type string or an instance of ArrayBuffer, Buffer, TypedArray, DataView, KeyObject, or CryptoKey';
const isBytes = (value) => typeof value === 'string' || isView(value) || value instanceof ArrayBuffer;

function readForm(isPrivate, value, options = {}) {
  const { format = 'pem', type, passphrase, encoding } = options;
  if (format === 'jwk') {
    if (typeof value !== 'object' || value === null) throw invalidArgument('key.key', 'of type object', value);
    const { isPrivate: has, ...material } = fromJwk(value);
    if (isPrivate && !has) throw typeError('ERR_CRYPTO_INVALID_JWK', 'Invalid JWK data');
    return has && !isPrivate ? publicOf(material) : material;
  }
  if (!isBytes(value)) throw invalidArgument('key', KEY_TYPES, value);
  if (format !== 'pem' && format !== 'der') throw invalidValue('key.format', format);
  if (format === 'der' && !(isPrivate ? PRIVATE_TYPES : [...PUBLIC_TYPES, ...PRIVATE_TYPES]).includes(type)) {
    throw invalidValue('key.type', type);
  }
  const bytes = Buffer.from(toBytes(value, 'key', encoding));
  const secret = passphrase === undefined || passphrase === null ? undefined : toBytes(passphrase, 'key.passphrase');
  return (isPrivate ? readPrivate : readPublic)(bytes, format, type, secret);
}

const invalidKeyType = (type, expected) =>
  typeError('ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE', `Invalid key object type ${type}, expected ${expected}.`);

/**
 * The key that an argument is or names: a KeyObject, a CryptoKey, PEM, or an object with it as `key`.
 * @param {boolean} isPrivate whether it must be private; a private one is also taken for its public one
 */
export function keyArgument(isPrivate, value) {
  if (isCryptoKey(value)) value = KeyObject.from(value);
  if (value instanceof KeyObject) {
    if (value.type === 'secret' || (isPrivate && value.type !== 'private')) {
      throw invalidKeyType(value.type, isPrivate ? 'private' : 'private or public');
    }
    return value.type === 'private' && !isPrivate ? publicOf(materialOf(value)) : materialOf(value);
  }
  if (isBytes(value)) return readForm(isPrivate, value);
  if (typeof value !== 'object' || value === null) throw invalidArgument('key', KEY_TYPES, value);
  const { key } = value;
  if (key instanceof KeyObject || isCryptoKey(key)) return keyArgument(isPrivate, key);
  return readForm(isPrivate, key, value);
}

const requireForm = (key) => {
  if (!isBytes(key) && (typeof key !== 'object' || key === null)) throw invalidArgument('key', FORM_TYPES, key);
};

export function createPrivateKey(key) {
  requireForm(key);
  return new PrivateKeyObject(keyArgument(true, key));
}

export function createPublicKey(key) {
  requireForm(key);
  const given = key instanceof KeyObject ? key : key?.key instanceof KeyObject ? key.key : undefined;
  if (given !== undefined && given.type !== 'private') throw invalidKeyType(given.type, 'private');
  return new PublicKeyObject(keyArgument(false, key));
}

export const createSecretKey = (key, encoding) =>
  new SecretKeyObject({ bytes: Buffer.from(toBytes(key, 'key', encoding)) });

/** The bytes of a symmetric key, whatever it is given as. */
export function secretBytes(key, name = 'key', encoding = undefined) {
  if (isCryptoKey(key)) key = KeyObject.from(key);
  if (!(key instanceof KeyObject)) return toBytes(key, name, encoding);
  if (key.type !== 'secret') throw invalidKeyType(key.type, 'secret');
  return materialOf(key).bytes;
}

/** https://nodejs.org/api/crypto.html#cryptogeneratekeysynctype-options */
export function secretLength(type, options) {
  if (typeof type !== 'string') throw invalidArgument('type', 'of type string', type);
  const { length } = options ?? {};
  if (type === 'aes') {
    if (![128, 192, 256].includes(length)) {
      throw typeError(
        'ERR_INVALID_ARG_VALUE',
        `The property 'options.length' must be one of: 128, 192, 256. Received ${length}`,
      );
    }
  } else if (type === 'hmac') {
    if (!(Number.isInteger(length) && length >= 8 && length <= 2 ** 31 - 1)) {
      throw rangeError(
        'ERR_OUT_OF_RANGE',
        `The value of "options.length" is out of range. It must be >= 8 && <= 2147483647. Received ${length}`,
      );
    }
  } else {
    throw typeError('ERR_INVALID_ARG_VALUE', `The argument 'type' must be a supported key type. Received '${type}'`);
  }
  return Math.floor(length / 8);
}
