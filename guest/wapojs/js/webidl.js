// Conversions from JavaScript values: https://webidl.spec.whatwg.org/#js-type-mapping
//
// Each function takes what the caller passed and returns what the standard's algorithms work with, or throws the
// exception that Web IDL asks for. `what` names the value in messages.

import { classOf } from 'wapo:native';
import {
  arrayBufferByteLength,
  arrayBufferResizable,
  call,
  dataViewBuffer,
  dataViewByteLength,
  dataViewByteOffset,
  ownKeys,
  sharedArrayBufferGrowable,
  typedArrayBuffer,
  typedArrayByteLength,
  typedArrayByteOffset,
  uncurryThis,
} from './primordials.js';

const { String, TypeError, Uint8Array } = globalThis;
const { isView } = ArrayBuffer;
const { freeze, getOwnPropertyDescriptor } = Object;
const { floor, trunc } = Math;
const { isFinite, MAX_SAFE_INTEGER } = Number;
const { iterator } = Symbol;
const toWellFormed = uncurryThis(String.prototype.toWellFormed);

/** Throws unless enough arguments were passed. Optional: `undefined` counts as passed. */
export function requireArguments(given, required, operation) {
  if (given < required) {
    throw new TypeError(`${operation}: ${required} argument${required === 1 ? '' : 's'} required, ${given} given`);
  }
}

export const isObject = (value) => (typeof value === 'object' ? value !== null : typeof value === 'function');

export function toDOMString(value) {
  if (typeof value === 'string') return value;
  if (typeof value === 'symbol') throw new TypeError('cannot convert a symbol to a string');
  return String(value);
}

/** A string without lone surrogates: each becomes U+FFFD. */
export function toUSVString(value) {
  return toWellFormed(typeof value === 'string' ? value : toDOMString(value));
}

const ABOVE_LATIN1 = /[^\0-\xff]/;

/** A string of code units up to 255, each a byte. */
export function toByteString(value) {
  const string = toDOMString(value);
  if (ABOVE_LATIN1.test(string)) throw new TypeError('cannot convert to a byte string: a character is above U+00FF');
  return string;
}

export function toDouble(value, what) {
  const number = +value;
  if (!isFinite(number)) throw new TypeError(`${what} must be a finite number`);
  return number;
}

/** long: modulo 2^32, signed. */
export const toLong = (value) => value | 0;

/** unsigned long: modulo 2^32. */
export const toUnsignedLong = (value) => value >>> 0;

/** unsigned short: modulo 2^16. */
export const toUnsignedShort = (value) => value & 0xffff;

/** long long and unsigned long long, modulo 2^64, to the precision of a number. */
export function toUnsignedLongLong(value) {
  const number = trunc(+value);
  if (number >= 0 && number <= MAX_SAFE_INTEGER) return number + 0;
  if (!isFinite(number)) return 0;
  const modulo = number % 2 ** 64;
  return (modulo < 0 ? modulo + 2 ** 64 : modulo) + 0;
}

export function toLongLong(value) {
  const number = trunc(+value);
  if (number >= -MAX_SAFE_INTEGER && number <= MAX_SAFE_INTEGER) return number + 0; // -0 becomes 0
  const modulo = toUnsignedLongLong(number);
  return modulo >= 2 ** 63 ? modulo - 2 ** 64 : modulo;
}

/** [EnforceRange] unsigned integer up to `max`. */
export function enforceRange(value, what, max = MAX_SAFE_INTEGER) {
  const number = trunc(+value);
  if (!(number >= 0 && number <= max)) throw new TypeError(`${what} must be an integer from 0 to ${max}`);
  return number + 0; // -0 becomes 0
}

/** [Clamp] integer from `min` to `max`: rounded half to even, out of range becomes the nearest bound, NaN 0. */
export function clamp(value, min, max) {
  const number = +value;
  if (number !== number) return 0;
  if (number <= min) return min;
  if (number >= max) return max;
  const lower = floor(number);
  const fraction = number - lower;
  if (fraction !== 0.5) return (fraction < 0.5 ? lower : lower + 1) + 0;
  return (lower % 2 === 0 ? lower : lower + 1) + 0;
}

const EMPTY_DICTIONARY = freeze({ __proto__: null });

/** A dictionary argument: undefined and null are an empty one. The caller reads members in the standard's order. */
export function toDictionary(value, what) {
  if (value === undefined || value === null) return EMPTY_DICTIONARY;
  if (!isObject(value)) throw new TypeError(`${what} must be an object`);
  return value;
}

/** An enumeration value: one of `values`, an array of strings. */
export function toEnum(value, values, what) {
  const string = toDOMString(value);
  if (!values.includes(string)) throw new TypeError(`${what}: '${string}' is not one of ${values.join(', ')}`);
  return string;
}

export function toCallback(value, what) {
  if (typeof value !== 'function') throw new TypeError(`${what} must be a function`);
  return value;
}

/**
 * A sequence<T>.
 * @param convert converts one item
 * @param {Function} [method] the value's Symbol.iterator method, where the caller has already looked it up
 */
export function toSequence(value, convert, what, method = undefined) {
  if (!isObject(value)) throw new TypeError(`${what} must be iterable`);
  if (method === undefined) {
    method = value[iterator];
    if (typeof method !== 'function') throw new TypeError(`${what} must be iterable`);
  }
  const iteration = call(method, value);
  if (!isObject(iteration)) throw new TypeError(`${what} must be iterable`);
  const { next } = iteration;
  const list = [];
  for (;;) {
    const result = call(next, iteration);
    if (!isObject(result)) throw new TypeError(`${what}: an iterator result must be an object`);
    if (result.done) return list;
    list[list.length] = convert(result.value);
  }
}

/** A record<K, V>, as a list of [key, value] in the object's order; a key that converts to the same string replaces. */
export function toRecord(value, convertKey, convertValue) {
  const list = [];
  const keys = ownKeys(value);
  let altered = false; // only a key that conversion altered can meet its equal
  for (let i = 0; i < keys.length; i++) {
    const descriptor = getOwnPropertyDescriptor(value, keys[i]);
    if (descriptor === undefined || !descriptor.enumerable) continue;
    const key = convertKey(keys[i]);
    const pair = [key, convertValue(value[keys[i]])];
    altered ||= key !== keys[i];
    let at = altered ? 0 : list.length;
    while (at < list.length && list[at][0] !== key) at++;
    list[at] = pair;
  }
  return list;
}

export const isArrayBuffer = (value) => classOf(value) === 'ArrayBuffer';
export const isSharedArrayBuffer = (value) => classOf(value) === 'SharedArrayBuffer';
export const isDataView = (value) => classOf(value) === 'DataView';
export { isView as isArrayBufferView };

/** Whether a value is of the BufferSource types, resizable or shared or not. */
export const isBufferSource = (value) => isView(value) || isArrayBuffer(value);

function checkBuffer(buffer, allowShared) {
  if (isArrayBuffer(buffer)) {
    if (arrayBufferResizable(buffer)) throw new TypeError('a resizable buffer is not allowed here');
  } else {
    if (!allowShared) throw new TypeError('a shared buffer is not allowed here');
    if (sharedArrayBufferGrowable(buffer)) throw new TypeError('a growable buffer is not allowed here');
  }
}

/** The bytes of a buffer or view as a Uint8Array over the same memory; empty if it is detached. */
function bytesOf(value, allowShared) {
  const kind = classOf(value);
  if (kind === 'ArrayBuffer' || kind === 'SharedArrayBuffer') {
    checkBuffer(value, allowShared);
    if (kind === 'ArrayBuffer' && arrayBufferByteLength(value) === 0) return new Uint8Array(0);
    return new Uint8Array(value);
  }
  if (kind === 'DataView') {
    const buffer = dataViewBuffer(value);
    checkBuffer(buffer, allowShared);
    if (isArrayBuffer(buffer) && arrayBufferByteLength(buffer) === 0) return new Uint8Array(0);
    return new Uint8Array(buffer, dataViewByteOffset(value), dataViewByteLength(value));
  }
  const buffer = typedArrayBuffer(value);
  checkBuffer(buffer, allowShared);
  const length = typedArrayByteLength(value);
  return length === 0 ? new Uint8Array(0) : new Uint8Array(buffer, typedArrayByteOffset(value), length);
}

/** BufferSource, as a Uint8Array over the caller's memory: copy it before anything asynchronous. */
export function toBytes(value, what) {
  if (!isBufferSource(value)) throw new TypeError(`${what} must be an ArrayBuffer or a view of one`);
  return bytesOf(value, false);
}

/** AllowSharedBufferSource, as a Uint8Array over the caller's memory. */
export function toBytesAllowShared(value, what) {
  if (!isBufferSource(value) && !isSharedArrayBuffer(value)) {
    throw new TypeError(`${what} must be an ArrayBuffer or a view of one`);
  }
  return bytesOf(value, true);
}
