// PBKDF2 and HKDF of node:crypto: https://nodejs.org/api/crypto.html#cryptopbkdf2password-salt-iterations-keylen-digest-callback

import { Buffer } from '../node/buffer.js';
import { findDigest, Hmac, toBytes } from './crypto-digests.js';
import { answer, MAX_RANDOM_BYTES } from './crypto-random.js';
import { invalidArgument, outOfRange, rangeError, requireFunction } from './errors.js';

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
