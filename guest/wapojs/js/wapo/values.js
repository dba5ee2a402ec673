// Values that cross from a program to the host: wapojs-api.md section 2.
//
// The rules are the original's, and stricter than Web IDL's: a number is no string, a string's bytes are its UTF-8 and
// never its hexadecimal digits. Messages are clean texts, without the quotes that the original put around them.

import { utf8Encode } from 'wapo:native';
import { isArrayBuffer, isObject } from '../webidl.js';

const { Array, BigInt, Error, Number, String, Symbol, TypeError, Uint8Array } = globalThis;
const { entries } = Object;
const { toStringTag } = Symbol;

/** What a value is called in messages: its tag, or its type. */
export function typeName(value) {
  if (value === null) return 'null';
  const tag = isObject(value) ? value[toStringTag] : undefined;
  return typeof tag === 'string' ? tag : typeof value;
}

export const expected = (what, value) => new TypeError(`expect ${what}, got ${typeName(value)}`);

export function toText(value) {
  if (typeof value !== 'string') throw expected('string', value);
  return value;
}

export function toBool(value) {
  if (typeof value !== 'boolean') throw expected('bool', value);
  return value;
}

/** `bytes`: a Uint8Array, an ArrayBuffer, an array of integers from 0 to 255, or a string's UTF-8. */
export function toWapoBytes(value) {
  if (typeof value === 'string') return utf8Encode(value);
  if (value instanceof Uint8Array) return value;
  if (isArrayBuffer(value)) return new Uint8Array(value);
  if (Array.isArray(value)) {
    const bytes = new Uint8Array(value.length);
    for (let i = 0; i < value.length; i++) {
      const byte = value[i];
      if (!(byte >= 0 && byte <= 255) || byte % 1 !== 0) {
        throw new TypeError(`expect bytes, got ${typeName(byte)} in an array`);
      }
      bytes[i] = byte;
    }
    return bytes;
  }
  throw expected('bytes or string', value);
}

/** An integer from 0 to `max`: numbers are truncated, BigInts and booleans are taken for what they are. */
export function toUnsigned(value, max, kind) {
  let number;
  if (typeof value === 'number') number = Number.isFinite(value) ? Math.trunc(value) : 0;
  else if (typeof value === 'bigint') number = Number(value);
  else if (typeof value === 'boolean') number = value ? 1 : 0;
  else throw expected(kind, value);
  if (!(number >= 0 && number <= max)) throw new TypeError(`expect ${kind}, got ${String(value)}`);
  return number;
}

export const toU8 = (value) => toUnsigned(value, 0xff, 'u8');
export const toU16 = (value) => toUnsigned(value, 0xffff, 'u16');
export const toU32 = (value) => toUnsigned(value, 0xffffffff, 'u32');
export const toU64 = (value) => toUnsigned(value, Number.MAX_SAFE_INTEGER, 'u64');

/** `T?`: null and undefined become `missing`. */
export const optional = (value, convert, missing) => (value === undefined || value === null ? missing : convert(value));

/** `list<T>`: whatever has a `values` method. */
export function toList(value, convert) {
  if (!isObject(value) || typeof value.values !== 'function') throw expected('list', value);
  const list = [];
  for (const item of value.values()) list[list.length] = convert(item);
  return list;
}

/** `map<string>`: the own enumerable entries of an object. */
export function toStringMap(value) {
  if (!isObject(value)) throw expected('map', value);
  const map = { __proto__: null };
  for (const [name, item] of entries(value)) map[name] = toText(item);
  return map;
}

/** `headers`: pairs as they are, or an object's entries sorted by name. */
export function toHeaderList(value) {
  if (Array.isArray(value)) {
    return value.map((pair) => {
      if (!Array.isArray(pair) || pair.length !== 2) throw expected('[string, string]', pair);
      return [toText(pair[0]), toText(pair[1])];
    });
  }
  const map = toStringMap(value);
  return Object.keys(map)
    .sort()
    .map((name) => [name, map[name]]);
}

/** A member of an options object, with the member's name in what it throws. */
export function field(object, name, convert) {
  try {
    return convert(object[name]);
  } catch (error) {
    throw new TypeError(`failed to decode field ${name}: ${error.message}`);
  }
}

/** Unsigned integers above 2^31 - 1 are BigInts for programs. */
export const fromUnsigned = (number) => (number > 0x7fffffff ? BigInt(number) : number);

export function toObject(value, what) {
  if (!isObject(value)) throw expected(what, value);
  return value;
}

/** What a call of the host answered with an error code (wapo-abi.md 4.1). */
export class HostError extends Error {
  constructor(what, code) {
    super(`${what}: ${SENTENCES[code] ?? `error ${code} of the host`}`);
    this.code = code;
  }

  get name() {
    return 'Error'; // a plain one, as the original throws
  }
}

const SENTENCES = {
  __proto__: null,
  1: 'this is not available here',
  3: 'InvalidParameter',
  4: 'InvalidEncoding',
  7: 'there is no such thing',
  8: 'this is not available here',
  9: 'IoError',
  10: 'a limit of this program was reached',
  12: 'there is nothing more',
  15: 'this has been done already',
  17: 'this is forbidden here',
  18: 'the lock is not free',
};

/** The result of native.ocall or native.ocallBytes, or a HostError. */
export function checkCall(result, what) {
  if (typeof result === 'number' && result < 0) throw new HostError(what, -result);
  return result;
}
