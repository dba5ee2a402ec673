// The Wapo global, as agents see it (wapojs-api.md section 3): what is missing is for host scripts, and scripts test
// for it.

import { deriveSecret as derive, hash as digest, log, utf8Encode, wyhash64 } from 'wapo:native';
import { inspect } from './inspect.js';
import { typedArraySet } from './primordials.js';
import { defineTag } from './interfaces.js';
import { isArrayBuffer } from './webidl.js';

const { Array, Error, String, TypeError, Uint8Array } = globalThis;
const { defineProperty } = Object;

const LEVEL_INFO = 3;

/** Digest names of Wapo.hash; the numbers are the host's (docs/abi.md, 1020). */
const ALGORITHMS = { __proto__: null, sha256: 2, keccak256: 5, blake2b128: 6, blake2b256: 7, blake2b512: 8 };

const typeName = (value) => (value === null ? 'null' : typeof value);

/** `bytes` (2.1): a Uint8Array, an ArrayBuffer, an array of integers from 0 to 255, or a string's UTF-8. */
export function toWapoBytes(value) {
  if (typeof value === 'string') return utf8Encode(value);
  if (value instanceof Uint8Array) return value;
  if (isArrayBuffer(value)) return new Uint8Array(value);
  if (Array.isArray(value)) {
    const bytes = new Uint8Array(value.length);
    for (let i = 0; i < value.length; i++) {
      const byte = value[i];
      if (!(byte >= 0 && byte <= 255) || byte % 1 !== 0) throw new TypeError(`expect bytes, got ${typeName(byte)} in an array`);
      bytes[i] = byte;
    }
    return bytes;
  }
  throw new TypeError(`expect bytes or string, got ${typeName(value)}`);
}

function hash(algorithm, message) {
  const number = typeof algorithm === 'string' ? ALGORITHMS[algorithm] : undefined;
  if (number === undefined) throw new Error(`unsupported hash algorithm: ${String(algorithm)}`);
  return digest(number, toWapoBytes(message));
}

function nonCryptographicHash(algorithm, message) {
  if (algorithm !== 'wyhash64') throw new Error('unsupported hash algorithm');
  return wyhash64(toWapoBytes(message));
}

function concatU8a(arrays) {
  if (!Array.isArray(arrays)) throw new TypeError(`expect an array of byte arrays, got ${typeName(arrays)}`);
  const parts = arrays.map(toWapoBytes);
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    typedArraySet(result, part, at);
    at += part.length;
  }
  return result;
}

function deriveSecret(path) {
  const bytes = toWapoBytes(path);
  if (bytes.length > 256) throw new Error(`InvalidParameter: the path has ${bytes.length} bytes, at most 256 are allowed`);
  return derive(bytes);
}

/** Prints its arguments and returns the text of the first: old programs expect the one, newer ones the other. */
function inspectAndPrint(...values) {
  const texts = values.map((value) => inspect(value));
  log(LEVEL_INFO, texts.join(' '));
  return texts[0] ?? '';
}

export const Wapo = { hash, nonCryptographicHash, concatU8a, deriveSecret, inspect: inspectAndPrint };
defineProperty(Wapo, 'version', { __proto__: null, enumerable: true, get: () => '0.1.0' });
defineTag(Wapo, 'Wapo');
