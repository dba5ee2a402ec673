// Copies and cuts of byte arrays, and the base64url of JSON Web Keys (RFC 7515 section 2).

import {
  call,
  copyBuffer,
  typedArrayBuffer,
  typedArrayByteLength,
  typedArrayByteOffset,
  typedArraySet,
} from '../primordials.js';

const { Uint8Array } = globalThis;
const { fromBase64 } = Uint8Array;
const { toBase64 } = Uint8Array.prototype;

export const copyBytes = (bytes) => sliceBytes(bytes, 0, typedArrayByteLength(bytes));

/** A copy of a part. */
export function sliceBytes(bytes, start, end) {
  if (end === start) return new Uint8Array(0);
  return new Uint8Array(copyBuffer(typedArrayBuffer(bytes), typedArrayByteOffset(bytes) + start, end - start));
}

/** The first bits; those of the last byte that are beyond are 0. */
export function firstBits(bytes, bits) {
  const cut = sliceBytes(bytes, 0, Math.ceil(bits / 8));
  if (bits % 8 !== 0) cut[cut.length - 1] &= 0xff00 >> (bits % 8);
  return cut;
}

export function concatBytes(...parts) {
  let length = 0;
  for (let i = 0; i < parts.length; i++) length += parts[i].length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < parts.length; i++) {
    typedArraySet(whole, parts[i], at);
    at += parts[i].length;
  }
  return whole;
}

const BASE64URL = /^[A-Za-z0-9_-]*$/;
const ALPHABET = { alphabet: 'base64url', omitPadding: true };

export const toBase64Url = (bytes) => call(toBase64, bytes, ALPHABET);

/** The bytes, or null if it is no base64url without padding. */
export function fromBase64Url(text) {
  if (!BASE64URL.test(text) || text.length % 4 === 1) return null;
  return call(fromBase64, Uint8Array, text, ALPHABET);
}
