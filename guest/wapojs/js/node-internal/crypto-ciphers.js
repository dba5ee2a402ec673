// Cipheriv and Decipheriv: https://nodejs.org/api/crypto.html#class-cipheriv
//
// `update` gives what there is, as Node's does: the host is asked piece by piece, and what goes on from piece to piece
// (the last block of CBC, the counter of CTR) is kept here, so that a cipher under way can be part of an image. GCM's
// tag is of the whole text, which is kept until `final` (at most what the host takes at once, docs/limits.md).

import { Buffer } from '../node/buffer.js';
import { Transform } from '../node/stream.js';
import { StringDecoder } from '../node/string_decoder.js';
import {
  AES_CBC_DECRYPT,
  AES_CTR,
  AES_GCM_DECRYPT,
  AES_GCM_ENCRYPT,
  AES_KW_UNWRAP,
  AES_KW_WRAP,
} from '../webcrypto/host.js';
import { isArrayBuffer } from '../webidl.js';
import { output, toBytes } from './crypto-digests.js';
import { AES_BLOCKS_DECRYPT, AES_BLOCKS_ENCRYPT, AES_GCM_COUNTER, compute } from './crypto-host.js';
import { secretBytes } from './crypto-keys.js';
import { invalidArgument, notAvailable, plainError, rangeError, requireString, typeError } from './errors.js';

const { isView } = ArrayBuffer;
const BLOCK_BYTES = 16;
const MODES = { __proto__: null, cbc: 1, ecb: 2 };
const IV_BYTES = { __proto__: null, cbc: BLOCK_BYTES, ctr: BLOCK_BYTES, gcm: 12, wrap: 8 };
const WRAP_IV = 0xa6;
const TAG_BYTES = [4, 8, 12, 13, 14, 15, 16];
const SIZES = [128, 192, 256];
const NIDS = {
  __proto__: null,
  ecb: [418, 422, 426],
  cbc: [419, 423, 427],
  ctr: [904, 905, 906],
  gcm: [895, 898, 901],
  wrap: [788, 789, 790],
};

/** By name and by alias: { name, mode, keyLength }. */
const CIPHERS = { __proto__: null };
for (const mode in NIDS) {
  SIZES.forEach((bits, index) => {
    const isNamedById = mode === 'gcm' || mode === 'wrap';
    const name = isNamedById ? `id-aes${bits}-${mode}` : `aes-${bits}-${mode}`;
    const cipher = { name, mode, keyLength: bits / 8, nid: NIDS[mode][index] };
    CIPHERS[mode === 'wrap' ? `aes${bits}-wrap` : `aes-${bits}-${mode}`] = cipher;
    if (isNamedById) CIPHERS[name] = cipher;
    if (mode === 'cbc') CIPHERS[`aes${bits}`] = cipher;
  });
}

export const getCiphers = () =>
  Object.keys(CIPHERS)
    .map((name) => (name.startsWith('id-') ? name.replace('gcm', 'GCM') : name))
    .sort();

/** https://nodejs.org/api/crypto.html#cryptogetcipherinfonameornid-options */
export function getCipherInfo(nameOrNid, options = {}) {
  const found =
    typeof nameOrNid === 'number'
      ? Object.values(CIPHERS).find(({ nid }) => nid === nameOrNid)
      : CIPHERS[String(nameOrNid).toLowerCase()];
  if (found === undefined) return undefined;
  const { name, mode, keyLength, nid } = found;
  if (options.keyLength !== undefined && options.keyLength !== keyLength) return undefined;
  const usual = IV_BYTES[mode];
  const { ivLength = usual } = options;
  if (ivLength !== usual && mode !== 'gcm') return undefined;
  const info = { mode, name, nid };
  if (mode !== 'wrap') info.blockSize = mode === 'cbc' || mode === 'ecb' ? BLOCK_BYTES : 1;
  if (ivLength !== undefined) info.ivLength = ivLength;
  return { ...info, keyLength };
}

const invalidState = (what) => plainError('ERR_CRYPTO_INVALID_STATE', `Invalid state for operation ${what}`);

function providerError(code, number, reason) {
  const error = plainError(code, `error:${number}:Provider routines::${reason}`);
  error.library = 'Provider routines';
  error.reason = reason;
  return error;
}
const wrongLength = () => providerError('ERR_OSSL_WRONG_FINAL_BLOCK_LENGTH', '1C80006B', 'wrong final block length');
const badDecrypt = () => providerError('ERR_OSSL_BAD_DECRYPT', '1C800064', 'bad decrypt');
const notAuthentic = () => new Error('Unsupported state or unable to authenticate data');

/** CBC and ECB: whole blocks; the rest waits. */
class Blocks {
  #mode;
  #encrypts;
  #key;
  #iv;
  #rest = Buffer.alloc(0);
  padding = true;

  constructor({ mode }, encrypts, key, iv) {
    this.#mode = MODES[mode];
    this.#encrypts = encrypts;
    this.#key = key;
    this.#iv = iv;
  }

  #through(data) {
    if (data.length === 0) return data;
    const operation = this.#encrypts ? AES_BLOCKS_ENCRYPT : AES_BLOCKS_DECRYPT;
    const text = compute({ operation, a: this.#mode, key: this.#key, param: this.#iv, data, what: 'the cipher' });
    if (this.#iv.length > 0) this.#iv = Buffer.from((this.#encrypts ? text : data).subarray(-BLOCK_BYTES));
    return text;
  }

  update(data) {
    const all = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    let keep = all.length % BLOCK_BYTES;
    // The last block may be padding.
    if (!this.#encrypts && this.padding && keep === 0 && all.length > 0) keep = BLOCK_BYTES;
    this.#rest = Buffer.from(all.subarray(all.length - keep)); // what was given may change
    return this.#through(all.subarray(0, all.length - keep));
  }

  final() {
    const rest = this.#rest;
    if (!this.padding) {
      if (rest.length > 0) throw wrongLength();
      return rest;
    }
    if (this.#encrypts) {
      const count = BLOCK_BYTES - rest.length; // PKCS #7
      return this.#through(Buffer.concat([rest, Buffer.alloc(count, count)]));
    }
    if (rest.length !== BLOCK_BYTES) throw wrongLength();
    // ECB of one block is CBC with an iv of zeros.
    const param = this.#iv.length > 0 ? this.#iv : Buffer.alloc(BLOCK_BYTES);
    return compute({
      operation: AES_CBC_DECRYPT,
      key: this.#key,
      param,
      data: rest,
      what: 'the cipher',
      failed: badDecrypt,
    });
  }
}

/** CTR, and the text of GCM: a key stream that goes on in the middle of a block. */
class Counter {
  #key;
  #bits;
  #block;
  #used = 0;

  constructor(key, block, bits) {
    this.#key = key;
    this.#block = block;
    this.#bits = bits;
  }

  update(data) {
    if (data.length === 0) return Buffer.alloc(0);
    const padded = this.#used === 0 ? data : Buffer.concat([Buffer.alloc(this.#used), data]);
    const text = compute({
      operation: AES_CTR,
      a: this.#bits,
      key: this.#key,
      param: this.#block,
      data: padded,
      what: 'the cipher',
    });
    const from = this.#used;
    this.#advance(Math.floor(padded.length / BLOCK_BYTES));
    this.#used = padded.length % BLOCK_BYTES;
    return Buffer.from(text.buffer, text.byteOffset + from, text.length - from);
  }

  #advance(blocks) {
    const block = Buffer.from(this.#block);
    const first = BLOCK_BYTES - this.#bits / 8;
    let carry = blocks;
    for (let i = BLOCK_BYTES - 1; i >= first && carry > 0; i--) {
      carry += block[i];
      block[i] = carry % 256;
      carry = Math.floor(carry / 256);
    }
    this.#block = block;
  }

  final() {
    return Buffer.alloc(0);
  }
}

/** GCM, with its tag. */
class Authenticated {
  #key;
  #iv;
  #encrypts;
  #counter;
  #given = [];
  #additional = [];
  tag;
  tagLength;

  constructor(encrypts, key, iv, tagLength) {
    this.#encrypts = encrypts;
    this.#key = key;
    this.#iv = iv;
    this.tagLength = tagLength;
    const block = compute({ operation: AES_GCM_COUNTER, key, param: iv, what: 'the cipher', failed: invalidIv });
    this.#counter = new Counter(key, block, 32);
  }

  addAdditional(data) {
    this.#additional.push(Buffer.from(data));
  }

  update(data) {
    this.#given.push(Buffer.from(data));
    return this.#counter.update(data);
  }

  final() {
    const data = Buffer.concat(this.#encrypts ? this.#given : [...this.#given, this.tag]);
    this.#given = [];
    const a = this.#encrypts ? this.tagLength : this.tag.length;
    const result = compute({
      operation: this.#encrypts ? AES_GCM_ENCRYPT : AES_GCM_DECRYPT,
      a,
      key: this.#key,
      param: this.#iv,
      data,
      extra: Buffer.concat(this.#additional),
      what: 'the cipher',
      failed: notAuthentic,
    });
    if (this.#encrypts) this.tag = Buffer.from(result.subarray(result.length - a));
    return Buffer.alloc(0);
  }
}

/** Key wrapping, RFC 3394: the whole key at once. */
class Wrapping {
  #encrypts;
  #key;

  constructor(encrypts, key) {
    this.#encrypts = encrypts;
    this.#key = key;
  }

  update(data) {
    const operation = this.#encrypts ? AES_KW_WRAP : AES_KW_UNWRAP;
    return compute({ operation, key: this.#key, data, what: 'the cipher', failed: notAuthentic });
  }

  final() {
    return Buffer.alloc(0);
  }
}

const invalidIv = () => typeError('ERR_CRYPTO_INVALID_IV', 'Invalid initialization vector');
const invalidTag = (length) => typeError('ERR_CRYPTO_INVALID_AUTH_TAG', `Invalid authentication tag length: ${length}`);

function start(encrypts, algorithm, key, iv, options) {
  requireString(algorithm, 'cipher');
  const bytes = Buffer.from(secretBytes(key));
  const cipher = CIPHERS[algorithm.toLowerCase()];
  if (cipher === undefined) throw plainError('ERR_CRYPTO_UNKNOWN_CIPHER', 'Unknown cipher');
  const { mode, keyLength } = cipher;
  if (bytes.length !== keyLength) throw rangeError('ERR_CRYPTO_INVALID_KEYLEN', 'Invalid key length');
  if (iv !== null && typeof iv !== 'string' && !isView(iv) && !isArrayBuffer(iv)) {
    throw invalidArgument('iv', 'of type string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView', iv);
  }
  const start = iv === null ? Buffer.alloc(0) : Buffer.from(toBytes(iv, 'iv'));
  if (mode === 'gcm') {
    if (start.length === 0) throw invalidIv();
    const { authTagLength } = options ?? {};
    if (authTagLength !== undefined && !TAG_BYTES.includes(authTagLength)) throw invalidTag(authTagLength);
    return new Authenticated(encrypts, bytes, start, authTagLength ?? (encrypts ? BLOCK_BYTES : undefined));
  }
  if (start.length !== (IV_BYTES[mode] ?? 0)) throw invalidIv();
  if (mode === 'wrap') {
    if (!start.every((byte) => byte === WRAP_IV)) throw notAvailable('a key wrap with an iv of its own');
    return new Wrapping(encrypts, bytes);
  }
  return mode === 'ctr' ? new Counter(bytes, start, 128) : new Blocks(cipher, encrypts, bytes, start);
}

/** The host takes so much at once, and more. */
const PIECE_BYTES = 16 << 20;

function inPieces(cipher, bytes) {
  if (bytes.length <= PIECE_BYTES) return cipher.update(bytes);
  const texts = [];
  for (let at = 0; at < bytes.length; at += PIECE_BYTES)
    texts.push(cipher.update(bytes.subarray(at, at + PIECE_BYTES)));
  return Buffer.concat(texts);
}

class CipherBase extends Transform {
  _cipher;
  _started = false;
  _done = false;
  #decoder = null;
  #encoding;

  constructor(encrypts, algorithm, key, iv, options) {
    super(options);
    this._cipher = start(encrypts, algorithm, key, iv, options);
  }

  #output(bytes, encoding, isLast) {
    if (!encoding || encoding === 'buffer') return output(bytes);
    this.#decoder ??= new StringDecoder(encoding);
    this.#encoding ??= this.#decoder.encoding;
    if (new StringDecoder(encoding).encoding !== this.#encoding)
      throw plainError('ERR_INTERNAL_ASSERTION', 'Cannot change encoding');
    return isLast ? this.#decoder.end(bytes) : this.#decoder.write(bytes);
  }

  update(data, inputEncoding, outputEncoding) {
    if (typeof data !== 'string' && !isView(data)) {
      throw invalidArgument('data', 'of type string or an instance of Buffer, TypedArray, or DataView', data);
    }
    if (this._done) throw new Error('Trying to add data in unsupported state');
    this._started = true;
    const view = toBytes(data, 'data', inputEncoding);
    const bytes = Buffer.from(view.buffer, view.byteOffset, view.length);
    return this.#output(inPieces(this._cipher, bytes), outputEncoding, false);
  }

  final(outputEncoding) {
    if (this._done) throw plainError('ERR_CRYPTO_INVALID_STATE', 'Invalid state');
    this._done = true;
    return this.#output(this._finish(), outputEncoding, true);
  }

  _finish() {
    return this._cipher.final();
  }

  setAutoPadding(padding = true) {
    if (this._done) throw invalidState('setAutoPadding');
    if (this._cipher instanceof Blocks) this._cipher.padding = Boolean(padding);
    return this;
  }

  setAAD(data, options) {
    if (this._done || !(this._cipher instanceof Authenticated)) throw invalidState('setAAD');
    this._cipher.addAdditional(toBytes(data, 'buffer', options?.encoding));
    return this;
  }

  _transform(chunk, encoding, callback) {
    this.push(this.update(chunk, encoding));
    callback();
  }

  _flush(callback) {
    try {
      this.push(this.final());
    } catch (error) {
      callback(error);
      return;
    }
    callback();
  }
}

export class Cipheriv extends CipherBase {
  constructor(algorithm, key, iv, options) {
    super(true, algorithm, key, iv, options);
  }

  getAuthTag() {
    if (!this._done || !(this._cipher instanceof Authenticated)) throw invalidState('getAuthTag');
    return Buffer.from(this._cipher.tag);
  }
}

export class Decipheriv extends CipherBase {
  constructor(algorithm, key, iv, options) {
    super(false, algorithm, key, iv, options);
  }

  setAuthTag(tag, encoding) {
    const cipher = this._cipher;
    const bytes = Buffer.from(toBytes(tag, 'buffer', encoding));
    if (this._done || !(cipher instanceof Authenticated) || cipher.tag !== undefined) throw invalidState('setAuthTag');
    if (!TAG_BYTES.includes(bytes.length) || (cipher.tagLength ?? bytes.length) !== bytes.length) {
      throw invalidTag(bytes.length);
    }
    cipher.tag = bytes;
    return this;
  }

  _finish() {
    if (this._cipher instanceof Authenticated && this._cipher.tag === undefined) throw notAuthentic();
    return this._cipher.final();
  }
}

export const createCipheriv = (cipher, key, iv, options) => new Cipheriv(cipher, key, iv, options);
export const createDecipheriv = (cipher, key, iv, options) => new Decipheriv(cipher, key, iv, options);
