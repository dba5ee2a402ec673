// PBKDF2, HKDF and scrypt: https://nodejs.org/api/crypto.html#cryptopbkdf2password-salt-iterations-keylen-digest-callback
//
// The host derives; where it does not know the digest, PBKDF2 and HKDF are put together from HMAC.

import { Buffer } from '../node/buffer.js';
import { PBKDF2 } from '../webcrypto/host.js';
import { findDigest, Hmac, output, toBytes } from './crypto-digests.js';
import { compute, computeLater, SCRYPT } from './crypto-host.js';
import { secretBytes } from './crypto-keys.js';
import { answer, MAX_RANDOM_BYTES } from './crypto-random.js';
import { invalidArgument, outOfRange, rangeError, requireFunction, typeError } from './errors.js';

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

function pbkdf2Request(password, salt, iterations, keyLength, digest) {
  const key = toBytes(password, 'password');
  const param = toBytes(salt, 'salt');
  if (typeof iterations !== 'number') throw invalidArgument('iterations', 'of type number', iterations);
  if (!(Number.isInteger(iterations) && iterations >= 1 && iterations <= MAX_RANDOM_BYTES))
    throw outOfRange('iterations', `>= 1 && <= ${MAX_RANDOM_BYTES}`, iterations);
  requireLength(keyLength, 'keylen');
  if (typeof digest !== 'string') throw invalidArgument('digest', 'of type string', digest);
  const { number } = derivationDigest(digest);
  return { operation: PBKDF2, a: number, b: keyLength, c: iterations, key, param, what: 'PBKDF2' };
}

function derivationDigest(name) {
  try {
    return findDigest(name);
  } catch {
    throw typeError('ERR_CRYPTO_INVALID_DIGEST', `Invalid digest: ${name}`);
  }
}

/** PBKDF2 as RFC 8018 5.2 puts it together from HMAC. */
function pbkdf2OfHmac(digest, { key, param, b: keyLength, c: iterations }) {
  const blocks = [];
  for (let length = 0, index = 1; length < keyLength; index++) {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(index);
    let last = hmacOf(digest, key, param, number);
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

/** The digests that the host derives with. */
const isHosts = (number) => number <= 4;

export function pbkdf2Sync(password, salt, iterations, keyLength, digest) {
  const request = pbkdf2Request(password, salt, iterations, keyLength, digest);
  return isHosts(request.a) ? output(compute(request)) : pbkdf2OfHmac(digest, request);
}

export function pbkdf2(password, salt, iterations, keyLength, digest, callback) {
  if (typeof digest === 'function') [digest, callback] = [undefined, digest];
  const request = pbkdf2Request(password, salt, iterations, keyLength, digest);
  requireFunction(callback, 'callback');
  if (isHosts(request.a)) computeLater(request, withBuffer(callback));
  else answer(callback, () => pbkdf2OfHmac(digest, request));
}

const withBuffer = (callback) => (error, bytes) => (error === null ? callback(null, output(bytes)) : callback(error));

const SCRYPT_MEMORY = 32 << 20; // Node's

function scryptRequest(password, salt, keyLength, options) {
  const key = toBytes(password, 'password');
  const param = toBytes(salt, 'salt');
  requireLength(keyLength, 'keylen');
  const { N, cost, r, blockSize, p, parallelization, maxmem = SCRYPT_MEMORY } = options ?? {};
  const n = N ?? cost ?? 16384;
  const size = r ?? blockSize ?? 8;
  const lanes = p ?? parallelization ?? 1;
  const invalid = () => rangeError('ERR_CRYPTO_INVALID_SCRYPT_PARAMS', 'Invalid scrypt params');
  if (!(n > 1 && n < 2 ** 32 && Number.isInteger(Math.log2(n)))) throw invalid();
  if (!(Number.isInteger(size) && size > 0 && Number.isInteger(lanes) && lanes > 0)) throw invalid();
  // RFC 7914 and OpenSSL's: p blocks, N blocks and some.
  if (128 * size * (lanes + n + 2) > maxmem) {
    throw rangeError(
      'ERR_CRYPTO_INVALID_SCRYPT_PARAMS',
      'Invalid scrypt params: error:030000AC:digital envelope routines::memory limit exceeded',
    );
  }
  if (size > 0xffff || lanes > 0xffff) throw invalid();
  return { operation: SCRYPT, a: keyLength, b: n, c: size + lanes * 0x10000, key, param, what: 'scrypt' };
}

export const scryptSync = (password, salt, keyLength, options) =>
  output(compute(scryptRequest(password, salt, keyLength, options)));

export function scrypt(password, salt, keyLength, options, callback) {
  if (typeof options === 'function') [options, callback] = [undefined, options];
  const request = scryptRequest(password, salt, keyLength, options);
  requireFunction(callback, 'callback');
  computeLater(request, withBuffer(callback));
}

/** HKDF, RFC 5869 */
export function hkdfSync(digest, key, salt, info, keyLength) {
  requireLength(keyLength, 'length');
  const { block } = findDigest(digest);
  const pseudoRandom = hmacOf(
    digest,
    toBytes(salt, 'salt').length === 0 ? new Uint8Array(block) : salt,
    secretBytes(key),
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
