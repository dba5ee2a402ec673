// Hash and Hmac of node:crypto: https://nodejs.org/api/crypto.html#class-hash

import { hash as digestOnce } from 'wapo:native';
import { Buffer } from '../node/buffer.js';
import { Transform } from '../node/stream.js';
import { isArrayBuffer } from '../webidl.js';
import { encodingOf } from './encodings.js';
import { invalidArgument, plainError, rangeError, typeError } from './errors.js';

const { isView } = ArrayBuffer;

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

export function findDigest(name) {
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
export const getFips = () => 0;

/** The bytes of an argument, as a view of the caller's memory or of a new one. */
export function toBytes(value, name, encoding) {
  if (typeof value === 'string') return (encodingOf(encoding ?? 'utf8') ?? encodingOf('utf8')).encode(value);
  if (isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (isArrayBuffer(value)) return new Uint8Array(value);
  throw invalidArgument(name, 'of type string or an instance of Buffer, TypedArray, or DataView', value);
}

export const output = (bytes, encoding) => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return !encoding || encoding === 'buffer' ? buffer : buffer.toString(encoding);
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

function hmacKey(key) {
  if (key?.[Symbol.toStringTag] !== 'KeyObject') return toBytes(key, 'key');
  if (key.type === 'secret') return key.export();
  const message = `Invalid key object type ${key.type}, expected secret.`;
  throw typeError('ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE', message);
}

/** HMAC as RFC 2104 puts it together from a digest: H(K xor opad, H(K xor ipad, text)). */
export class Hmac extends Digest {
  #digest;
  #outer;

  constructor(algorithm, key, options) {
    super(options);
    this.#digest = findDigest(algorithm);
    const { number, block } = this.#digest;
    let bytes = hmacKey(key);
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
