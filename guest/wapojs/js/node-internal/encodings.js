// The encodings of Buffers and of StringDecoder: https://nodejs.org/api/buffer.html#buffers-and-character-encodings
//
// An encoding is { name, encode(string) -> Uint8Array, decode(bytes) -> string, length(string) -> number of bytes }.

import { latin1Decode, latin1Encode, utf8Decode, utf8Encode } from 'wapo:native';
import { call } from '../primordials.js';

const { fromBase64, fromHex } = Uint8Array;
const { toBase64, toHex } = Uint8Array.prototype;

const URL_ALPHABET = { __proto__: null, alphabet: 'base64url', omitPadding: true };

/** Lenient: what is not of either alphabet is passed over, and the first '=' is the end. */
function decodeBase64(text) {
  try {
    return call(fromBase64, Uint8Array, text);
  } catch {
    const end = text.indexOf('=');
    if (end >= 0) text = text.slice(0, end);
    text = text.replace(/[-_]|[^A-Za-z0-9+/]/g, (c) => (c === '-' ? '+' : c === '_' ? '/' : ''));
    if (text.length % 4 === 1) text = text.slice(0, -1);
    return call(fromBase64, Uint8Array, text);
  }
}

function base64Length(text) {
  let { length } = text;
  if (text.charCodeAt(length - 1) === 0x3d) length--;
  if (length > 1 && text.charCodeAt(length - 1) === 0x3d) length--;
  return (length * 3) >>> 2;
}

const NOT_HEX = /[^0-9a-fA-F]/;

/** Lenient: as far as there are pairs of digits. */
function decodeHex(text) {
  const bad = text.search(NOT_HEX);
  if (bad >= 0) text = text.slice(0, bad);
  return call(fromHex, Uint8Array, text.length % 2 === 0 ? text : text.slice(0, -1));
}

/** The low byte of each code unit. */
function encodeLatin1(text) {
  const bytes = latin1Encode(text);
  if (bytes !== null) return bytes;
  const low = new Uint8Array(text.length);
  for (let i = 0; i < low.length; i++) low[i] = text.charCodeAt(i);
  return low;
}

function decodeAscii(bytes) {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] < 0x80) continue;
    const copy = new Uint8Array(bytes.length);
    for (let at = 0; at < copy.length; at++) copy[at] = bytes[at] & 0x7f;
    return latin1Decode(copy);
  }
  return latin1Decode(bytes);
}

function encodeUtf16(text) {
  const bytes = new Uint8Array(text.length * 2);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    bytes[2 * i] = unit;
    bytes[2 * i + 1] = unit >> 8;
  }
  return bytes;
}

function decodeUtf16(bytes) {
  const PIECE = 4096;
  let text = '';
  const units = [];
  for (let i = 0; i + 1 < bytes.length; i += 2) {
    units[units.length] = bytes[i] | (bytes[i + 1] << 8);
    if (units.length === PIECE) {
      text += String.fromCharCode(...units);
      units.length = 0;
    }
  }
  return text + String.fromCharCode(...units);
}

/** Bytes of a string in UTF-8, without making them. */
export function utf8Length(text) {
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) length++;
    else if (unit < 0x800) length += 2;
    else {
      length += 3;
      if (unit >= 0xd800 && unit < 0xdc00 && i + 1 < text.length && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
        length++;
        i++;
      }
    }
  }
  return length;
}

const LONG_TEXT = 64;
const utf8 = {
  name: 'utf8',
  encode: utf8Encode,
  decode: (bytes) => utf8Decode(bytes, false, true),
  length: (text) => (text.length < LONG_TEXT ? utf8Length(text) : utf8Encode(text).length),
};
const utf16 = { name: 'utf16le', encode: encodeUtf16, decode: decodeUtf16, length: (text) => text.length * 2 };
const latin1 = { name: 'latin1', encode: encodeLatin1, decode: latin1Decode, length: (text) => text.length };
const ascii = { name: 'ascii', encode: encodeLatin1, decode: decodeAscii, length: (text) => text.length };
const hex = {
  name: 'hex',
  encode: decodeHex,
  decode: (bytes) => call(toHex, bytes),
  length: (text) => text.length >>> 1,
};
const base64 = { name: 'base64', encode: decodeBase64, decode: (bytes) => call(toBase64, bytes), length: base64Length };
const base64url = {
  name: 'base64url',
  encode: decodeBase64,
  decode: (bytes) => call(toBase64, bytes, URL_ALPHABET),
  length: base64Length,
};

const BY_NAME = {
  __proto__: null,
  utf8,
  'utf-8': utf8,
  ucs2: utf16,
  'ucs-2': utf16,
  utf16le: utf16,
  'utf-16le': utf16,
  latin1,
  binary: latin1,
  ascii,
  hex,
  base64,
  base64url,
};

/** The encoding of a name, or undefined. */
export function encodingOf(name) {
  return BY_NAME[name] ?? (typeof name === 'string' ? BY_NAME[name.toLowerCase()] : undefined);
}
