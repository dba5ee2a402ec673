// node:crypto: https://nodejs.org/api/crypto.html
//
// Digests and randomness are the host's. What needs more is in `subtle`.

import { fillRandom, hash as digestOnce, randomBytes as drawBytes } from 'wapo:native';
import { crypto as webcrypto } from '../crypto.js';
import { encodingOf } from '../node-internal/encodings.js';
import { invalidArgument, outOfRange, plainError, rangeError, requireFunction } from '../node-internal/errors.js';
import { missing, missingClass } from '../node-internal/missing.js';
import { isArrayBuffer } from '../webidl.js';
import { Buffer } from './buffer.js';
import { Transform } from './stream.js';

const { isView } = ArrayBuffer;
const MAX_RANDOM_BYTES = 2 ** 31 - 1;

export { webcrypto };
export const { subtle } = webcrypto;

/** Digests by name: the host's number (docs/abi.md, 1020) and the size of a block, which HMAC needs. */
const DIGESTS = {
  __proto__: null,
  md5: { number: 9, block: 64 },
  sha1: { number: 1, block: 64 },
  sha256: { number: 2, block: 64 },
  sha384: { number: 3, block: 128 },
  sha512: { number: 4, block: 128 },
  blake2b512: { number: 8, block: 128 },
};

function findDigest(name) {
  if (typeof name !== 'string') throw invalidArgument('algorithm', 'of type string', name);
  const short = name
    .toLowerCase()
    .replace(/^rsa-/, '')
    .replace(/^sha-(?=\d)/, 'sha');
  const found = DIGESTS[short];
  if (found === undefined) throw new Error(`Digest method not supported: ${name}`);
  return found;
}

export const getHashes = () => [
  'RSA-MD5',
  'RSA-SHA1',
  'RSA-SHA256',
  'RSA-SHA384',
  'RSA-SHA512',
  ...Object.keys(DIGESTS),
];
export const getCiphers = () => [];
export const getCurves = () => [];
export const getFips = () => 0;

/** The bytes of an argument, as a view of the caller's memory or of a new one. */
function toBytes(value, name, encoding) {
  if (typeof value === 'string') return (encodingOf(encoding ?? 'utf8') ?? encodingOf('utf8')).encode(value);
  if (isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (isArrayBuffer(value)) return new Uint8Array(value);
  throw invalidArgument(name, 'of type string or an instance of Buffer, TypedArray, or DataView', value);
}

const output = (bytes, encoding) => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return encoding === undefined || encoding === 'buffer' ? buffer : buffer.toString(encoding);
};

/** A digest under way: what it has been given, since a digest that the host keeps could not be part of an image. */
class Accumulator {
  #chunks = [];
  #length = 0;

  add(bytes) {
    this.#chunks.push(bytes.slice());
    this.#length += bytes.length;
  }

  all() {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks, this.#length)];
    return this.#chunks[0] ?? new Uint8Array(0);
  }

  copy() {
    const other = new Accumulator();
    other.#chunks = this.#chunks.slice();
    other.#length = this.#length;
    return other;
  }
}

/** What Hash and Hmac share: update, digest, and being a stream. */
class Digest extends Transform {
  _data = new Accumulator();
  _done = false;

  update(data, encoding) {
    if (this._done) throw plainError('ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    this._data.add(toBytes(data, 'data', encoding));
    return this;
  }

  digest(encoding) {
    if (this._done) throw plainError('ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    this._done = true;
    return output(this._compute(), encoding);
  }

  _transform(chunk, encoding, callback) {
    this._data.add(toBytes(chunk, 'data', encoding));
    callback();
  }

  _flush(callback) {
    this.push(this.digest());
    callback();
  }
}

export class Hash extends Digest {
  #digest;

  constructor(algorithm, options) {
    super(options);
    this.#digest = findDigest(algorithm);
  }

  _compute() {
    return digestOnce(this.#digest.number, this._data.all());
  }

  copy(options) {
    if (this._done) throw plainError('ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    const other = new Hash('sha256', options);
    other.#digest = this.#digest;
    other._data = this._data.copy();
    return other;
  }
}

/** HMAC as RFC 2104 puts it together from a digest: H(K xor opad, H(K xor ipad, text)). */
export class Hmac extends Digest {
  #digest;
  #outer;

  constructor(algorithm, key, options) {
    super(options);
    this.#digest = findDigest(algorithm);
    const { number, block } = this.#digest;
    let bytes = toBytes(key?.type === 'secret' ? key.export() : key, 'key');
    if (bytes.length > block) bytes = digestOnce(number, bytes);
    const inner = new Uint8Array(block).fill(0x36);
    this.#outer = new Uint8Array(block).fill(0x5c);
    for (let i = 0; i < bytes.length; i++) {
      inner[i] ^= bytes[i];
      this.#outer[i] ^= bytes[i];
    }
    this._data.add(inner);
  }

  _compute() {
    const { number } = this.#digest;
    return digestOnce(number, Buffer.concat([this.#outer, digestOnce(number, this._data.all())]));
  }
}

export const createHash = (algorithm, options) => new Hash(algorithm, options);
export const createHmac = (algorithm, key, options) => new Hmac(algorithm, key, options);

export function hash(algorithm, data, encoding = 'hex') {
  return output(digestOnce(findDigest(algorithm).number, toBytes(data, 'data')), encoding);
}

/** A symmetric key, as HMAC takes it. */
export class KeyObject {
  #bytes;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  get type() {
    return 'secret';
  }
  get symmetricKeySize() {
    return this.#bytes.length;
  }
  export(options) {
    if (options?.format === 'jwk') return { kty: 'oct', k: output(this.#bytes, 'base64url') };
    return Buffer.from(this.#bytes);
  }
  equals(other) {
    return other instanceof KeyObject && timingSafeEqual(this.#bytes, other.#bytes);
  }
}
export const createSecretKey = (key, encoding) => new KeyObject(toBytes(key, 'key', encoding).slice());

// Keys from passwords and from other keys

function hmacOf(digest, key, ...parts) {
  const hmac = new Hmac(digest, key);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

function requireLength(value, name) {
  if (typeof value !== 'number') throw invalidArgument(name, 'of type number', value);
  if (!(Number.isInteger(value) && value >= 0 && value <= MAX_RANDOM_BYTES))
    throw outOfRange(name, `>= 0 && <= ${MAX_RANDOM_BYTES}`, value);
}

/** PBKDF2 as RFC 8018 5.2 puts it together from HMAC. */
export function pbkdf2Sync(password, salt, iterations, keyLength, digest) {
  const key = toBytes(password, 'password');
  const start = toBytes(salt, 'salt');
  if (typeof iterations !== 'number') throw invalidArgument('iterations', 'of type number', iterations);
  if (!(Number.isInteger(iterations) && iterations >= 1)) throw outOfRange('iterations', '>= 1', iterations);
  requireLength(keyLength, 'keylen');
  if (typeof digest !== 'string') throw invalidArgument('digest', 'of type string', digest);
  const blocks = [];
  for (let length = 0, index = 1; length < keyLength; index++) {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(index);
    let last = hmacOf(digest, key, start, number);
    const block = Buffer.from(last);
    for (let i = 1; i < iterations; i++) {
      last = hmacOf(digest, key, last);
      for (let at = 0; at < block.length; at++) block[at] ^= last[at];
    }
    blocks.push(block);
    length += block.length;
  }
  return Buffer.concat(blocks, keyLength);
}

export function pbkdf2(password, salt, iterations, keyLength, digest, callback) {
  requireFunction(callback, 'callback');
  answer(callback, () => pbkdf2Sync(password, salt, iterations, keyLength, digest));
}

/** HKDF, RFC 5869 */
export function hkdfSync(digest, key, salt, info, keyLength) {
  requireLength(keyLength, 'length');
  const { block } = findDigest(digest);
  const pseudoRandom = hmacOf(
    digest,
    toBytes(salt, 'salt').length === 0 ? new Uint8Array(block) : salt,
    toBytes(key?.type === 'secret' ? key.export() : key, 'key'),
  );
  const more = toBytes(info, 'info');
  const blocks = [];
  let last = new Uint8Array(0);
  for (let length = 0, index = 1; length < keyLength; index++) {
    if (index > 255) throw rangeError('ERR_CRYPTO_INVALID_KEYLEN', 'Invalid key length');
    last = hmacOf(digest, pseudoRandom, last, more, new Uint8Array([index]));
    blocks.push(last);
    length += last.length;
  }
  const bytes = Buffer.concat(blocks, keyLength);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
}

export function hkdf(digest, key, salt, info, keyLength, callback) {
  requireFunction(callback, 'callback');
  answer(callback, () => hkdfSync(digest, key, salt, info, keyLength));
}

// Randomness

/** `callback(error, value)` if there is one, the value otherwise. */
function answer(callback, make) {
  if (callback === undefined) return make();
  requireFunction(callback, 'callback');
  let value;
  try {
    value = make();
  } catch (error) {
    process.nextTick(callback, error);
    return undefined;
  }
  process.nextTick(callback, null, value);
  return undefined;
}

export function randomBytes(size, callback) {
  if (typeof size !== 'number') throw invalidArgument('size', 'of type number', size);
  if (!(size >= 0 && size <= MAX_RANDOM_BYTES)) throw outOfRange('size', `>= 0 && <= ${MAX_RANDOM_BYTES}`, size);
  return answer(callback, () => output(drawBytes(size)));
}
export { randomBytes as prng, randomBytes as pseudoRandomBytes, randomBytes as rng };

export function randomFillSync(buffer, offset = 0, size = undefined) {
  if (!isView(buffer) && !isArrayBuffer(buffer))
    throw invalidArgument('buf', 'an instance of ArrayBuffer or ArrayBufferView', buffer);
  const unit = buffer.BYTES_PER_ELEMENT ?? 1;
  const bytes = toBytes(buffer, 'buf');
  const start = offset * unit;
  const end = size === undefined ? bytes.length : start + size * unit;
  if (!(start >= 0 && start <= bytes.length)) throw outOfRange('offset', `>= 0 && <= ${bytes.length / unit}`, offset);
  if (!(end >= start && end <= bytes.length))
    throw outOfRange('size + offset', `<= ${bytes.length / unit}`, offset + size);
  fillRandom(bytes.subarray(start, end));
  return buffer;
}

export function randomFill(buffer, ...rest) {
  const callback = rest.pop();
  requireFunction(callback, 'callback');
  answer(callback, () => randomFillSync(buffer, ...rest));
}

const MAX_RANGE = 2 ** 48;

export function randomInt(min, max, callback) {
  if (max === undefined || typeof max === 'function') [min, max, callback] = [0, min, max];
  if (!Number.isSafeInteger(min)) throw invalidArgument('min', 'a safe integer', min);
  if (!Number.isSafeInteger(max)) throw invalidArgument('max', 'a safe integer', max);
  const range = max - min;
  if (!(range > 0 && range < MAX_RANGE)) throw outOfRange('max', `greater than the value of "min" (${min})`, max);
  return answer(callback, () => {
    // What is left over above a multiple of the range would favour small numbers.
    const limit = MAX_RANGE - (MAX_RANGE % range);
    for (;;) {
      const value = Buffer.from(drawBytes(6)).readUIntBE(0, 6);
      if (value < limit) return min + (value % range);
    }
  });
}

export const randomUUID = () => webcrypto.randomUUID();
export const getRandomValues = (array) => webcrypto.getRandomValues(array);

export function timingSafeEqual(a, b) {
  const left = toBytes(a, 'buf1');
  const right = toBytes(b, 'buf2');
  if (left.length !== right.length) {
    throw rangeError('ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH', 'Input buffers must have the same byte length');
  }
  let difference = 0;
  for (let i = 0; i < left.length; i++) difference |= left[i] ^ right[i];
  return difference === 0;
}

export const constants = { __proto__: null };

// What is only in `subtle`.
export const createCipheriv = missing('crypto.createCipheriv');
export const createDecipheriv = missing('crypto.createDecipheriv');
export const createDiffieHellman = missing('crypto.createDiffieHellman');
export const createDiffieHellmanGroup = missing('crypto.createDiffieHellmanGroup');
export const createECDH = missing('crypto.createECDH');
export const createPrivateKey = missing('crypto.createPrivateKey');
export const createPublicKey = missing('crypto.createPublicKey');
export const createSign = missing('crypto.createSign');
export const createVerify = missing('crypto.createVerify');
export const diffieHellman = missing('crypto.diffieHellman');
export const generateKey = missing('crypto.generateKey');
export const generateKeyPair = missing('crypto.generateKeyPair');
export const generateKeyPairSync = missing('crypto.generateKeyPairSync');
export const generateKeySync = missing('crypto.generateKeySync');
export const getCipherInfo = missing('crypto.getCipherInfo');
export const getDiffieHellman = missing('crypto.getDiffieHellman');
export const privateDecrypt = missing('crypto.privateDecrypt');
export const privateEncrypt = missing('crypto.privateEncrypt');
export const publicDecrypt = missing('crypto.publicDecrypt');
export const publicEncrypt = missing('crypto.publicEncrypt');
export const scrypt = missing('crypto.scrypt');
export const scryptSync = missing('crypto.scryptSync');
export const sign = missing('crypto.sign');
export const verify = missing('crypto.verify');
export const X509Certificate = missingClass('crypto.X509Certificate');

export default {
  webcrypto,
  subtle,
  constants,
  Hash,
  Hmac,
  KeyObject,
  createHash,
  createHmac,
  createSecretKey,
  hash,
  getHashes,
  getCiphers,
  getCurves,
  getFips,
  randomBytes,
  prng: randomBytes,
  rng: randomBytes,
  pseudoRandomBytes: randomBytes,
  randomFill,
  randomFillSync,
  randomInt,
  randomUUID,
  getRandomValues,
  timingSafeEqual,
  pbkdf2,
  pbkdf2Sync,
  hkdf,
  hkdfSync,
  createCipheriv,
  createDecipheriv,
  createDiffieHellman,
  createDiffieHellmanGroup,
  createECDH,
  createPrivateKey,
  createPublicKey,
  createSign,
  createVerify,
  diffieHellman,
  generateKey,
  generateKeyPair,
  generateKeyPairSync,
  generateKeySync,
  getCipherInfo,
  getDiffieHellman,
  privateDecrypt,
  privateEncrypt,
  publicDecrypt,
  publicEncrypt,
  scrypt,
  scryptSync,
  sign,
  verify,
  X509Certificate,
};
