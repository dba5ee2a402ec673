// TextEncoder and TextDecoder: https://encoding.spec.whatwg.org/#api
//
// UTF-8 is done by the engine, a whole chunk at a time. Where a chunk ends within a character, the few bytes of that
// are kept for the next chunk.

import { classOf, latin1Decode, utf8Decode, utf8Encode } from 'wapo:native';
import { defineInterface } from './interfaces.js';
import { apply, typedArraySet } from './primordials.js';
import { encodingForLabel } from './encoding-labels.js';
import { requireArguments, toBytesAllowShared, toDictionary, toDOMString, toUSVString } from './webidl.js';

const { RangeError, TypeError, Uint16Array, Uint8Array } = globalThis;
const { fromCharCode } = String;

const EMPTY = new Uint8Array(0);
const REPLACEMENT = '\ufffd';

/** How many bytes at the end of a chunk begin a UTF-8 sequence that the chunk does not complete: 0 to 3. */
function incompleteUtf8Tail(bytes) {
  const { length } = bytes;
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back];
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue; // a continuation: look for what it continues
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    if (byte < 0xc2 || byte > 0xf4 || needed <= back) return 0;
    // Only the first continuation byte can make a beginning invalid: surrogates, overlong forms, above U+10FFFF.
    if (back >= 2) {
      const second = bytes[length - back + 1];
      if (byte === 0xe0 && second < 0xa0) return 0;
      if (byte === 0xed && second > 0x9f) return 0;
      if (byte === 0xf0 && second < 0x90) return 0;
      if (byte === 0xf4 && second > 0x8f) return 0;
    }
    return back;
  }
  return 0;
}

function concat(first, second) {
  if (first.length === 0) return second;
  const bytes = new Uint8Array(first.length + second.length);
  typedArraySet(bytes, first, 0);
  typedArraySet(bytes, second, first.length);
  return bytes;
}

// Decoders. `decode(bytes, flush)` returns the text of a chunk and keeps what is incomplete; with `flush` nothing is
// kept. It throws a TypeError if the decoder is fatal and the bytes are invalid. A BOM is removed unless ignoreBOM.

class Utf8Decoder {
  #fatal;
  #keepBOM;
  #tail = EMPTY;

  constructor(fatal, ignoreBOM) {
    this.#fatal = fatal;
    this.#keepBOM = ignoreBOM;
  }

  decode(bytes, flush) {
    bytes = concat(this.#tail, bytes);
    const tail = flush ? 0 : incompleteUtf8Tail(bytes);
    const end = bytes.length - tail;
    this.#tail = tail === 0 ? EMPTY : bytes.slice(end);
    if (end === 0) return '';
    const text = utf8Decode(tail === 0 ? bytes : bytes.subarray(0, end), this.#fatal, this.#keepBOM);
    this.#keepBOM = true; // only the beginning of the stream has one
    return text;
  }
}

class Utf16Decoder {
  #fatal;
  #keepBOM;
  #bigEndian;
  #tail = EMPTY; // up to three bytes: a leading surrogate and half a code unit

  constructor(fatal, ignoreBOM, bigEndian) {
    this.#fatal = fatal;
    this.#keepBOM = ignoreBOM;
    this.#bigEndian = bigEndian;
  }

  decode(bytes, flush) {
    bytes = concat(this.#tail, bytes);
    const bigEndian = this.#bigEndian ? 1 : 0;
    let count = bytes.length >> 1;
    const unitAt = (i) => bytes[2 * i + bigEndian] | ((bytes[2 * i + 1 - bigEndian] << 8) >>> 0);
    const isLead = count > 0 && (unitAt(count - 1) & 0xfc00) === 0xd800;
    let incomplete = bytes.length % 2 === 1;
    if (!flush) {
      if (isLead) count--;
      this.#tail = bytes.slice(2 * count);
      incomplete = false;
    } else {
      this.#tail = EMPTY;
      // A leading surrogate and half a code unit at the end are one error, not two.
      if (isLead && incomplete) count--;
    }
    const units = new Uint16Array(count);
    for (let i = 0; i < count; i++) units[i] = unitAt(i);
    let text = '';
    for (let i = 0; i < count; i += 4096) text += apply(fromCharCode, undefined, units.subarray(i, i + 4096));
    if (this.#fatal && (incomplete || !text.isWellFormed())) throw new TypeError('the bytes are not valid UTF-16');
    text = text.toWellFormed();
    if (incomplete) text += REPLACEMENT;
    if (!this.#keepBOM && text.length > 0) {
      this.#keepBOM = true;
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    }
    return text;
  }
}

// https://encoding.spec.whatwg.org/#index-single-byte, the part of windows-1252 that differs from Latin-1: 0x80 to 0x9F
const WINDOWS_1252 =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f' +
  '\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178';

const singleByteDecoder = (pattern, replace) => ({
  decode: (bytes) => latin1Decode(bytes).replace(pattern, replace),
});

/** A decoder for an encoding by its name, or undefined: we have no tables for the legacy multi-byte encodings. */
function makeDecoder(encoding, fatal, ignoreBOM) {
  switch (encoding) {
    case 'UTF-8':
      return new Utf8Decoder(fatal, ignoreBOM);
    case 'UTF-16LE':
      return new Utf16Decoder(fatal, ignoreBOM, false);
    case 'UTF-16BE':
      return new Utf16Decoder(fatal, ignoreBOM, true);
    case 'windows-1252':
      return singleByteDecoder(/[\x80-\x9f]/g, (c) => WINDOWS_1252[c.charCodeAt(0) - 0x80]);
    case 'x-user-defined':
      return singleByteDecoder(/[\x80-\xff]/g, (c) => fromCharCode(0xf700 + c.charCodeAt(0)));
    default:
      return undefined;
  }
}

/** The decoder of a TextDecoder, for TextDecoderStream. */
export let createDecoder;

export class TextDecoder {
  #encoding;
  #fatal;
  #ignoreBOM;
  /** The decoder that is in the middle of a stream, if there is one. */
  #decoder = null;

  constructor(label = 'utf-8', options = undefined) {
    label = toDOMString(label);
    const init = toDictionary(options, 'new TextDecoder: options');
    this.#fatal = !!init.fatal;
    this.#ignoreBOM = !!init.ignoreBOM;
    const encoding = encodingForLabel(label);
    if (encoding === undefined || encoding === 'replacement')
      throw new RangeError(`'${label}' is not a known encoding`);
    if (makeDecoder(encoding, false, false) === undefined)
      throw new RangeError(`the encoding ${encoding} is not supported`);
    this.#encoding = encoding;
  }

  get encoding() {
    return this.#encoding.toLowerCase();
  }

  get fatal() {
    return this.#fatal;
  }

  get ignoreBOM() {
    return this.#ignoreBOM;
  }

  decode(input = undefined, options = undefined) {
    const fatal = this.#fatal;
    const bytes = input === undefined ? EMPTY : toBytesAllowShared(input, 'TextDecoder.decode: the input');
    const stream = !!toDictionary(options, 'TextDecoder.decode: options').stream;
    if (this.#decoder === null && !stream && this.#encoding === 'UTF-8')
      return utf8Decode(bytes, fatal, this.#ignoreBOM);
    const decoder = this.#decoder ?? makeDecoder(this.#encoding, fatal, this.#ignoreBOM);
    this.#decoder = stream ? decoder : null;
    return decoder.decode(bytes, !stream);
  }

  static {
    createDecoder = (textDecoder) => makeDecoder(textDecoder.#encoding, textDecoder.#fatal, textDecoder.#ignoreBOM);
  }
}

export class TextEncoder {
  #brand = true;

  get encoding() {
    this.#brand;
    return 'utf-8';
  }

  encode(input = '') {
    this.#brand;
    return utf8Encode(toUSVString(input));
  }

  encodeInto(source, destination) {
    this.#brand;
    requireArguments(arguments.length, 2, 'TextEncoder.encodeInto');
    source = toUSVString(source);
    if (classOf(destination) !== 'Uint8Array')
      throw new TypeError('TextEncoder.encodeInto: the destination must be a Uint8Array');
    const bytes = toBytesAllowShared(destination, 'TextEncoder.encodeInto: the destination');
    const room = bytes.length;
    // A code unit takes at least one byte, so what is beyond that need not be encoded.
    let piece = source.length > room ? source.slice(0, room) : source;
    if (!piece.isWellFormed()) piece = piece.slice(0, -1); // the cut went through a surrogate pair
    let encoded = utf8Encode(piece);
    let read = piece.length;
    if (encoded.length > room) {
      let end = room;
      while (end > 0 && (encoded[end] & 0xc0) === 0x80) end--;
      encoded = encoded.subarray(0, end);
      read = 0;
      for (let i = 0; i < end; i++) {
        const byte = encoded[i];
        if (byte >= 0xf0) read += 2;
        else if ((byte & 0xc0) !== 0x80) read++;
      }
    }
    typedArraySet(bytes, encoded, 0);
    return { read, written: encoded.length };
  }
}

defineInterface(TextDecoder);
defineInterface(TextEncoder);

/** A streaming UTF-8 decoder for other files: `decode(bytes, flush)`. */
export const createUtf8Decoder = (fatal, ignoreBOM) => new Utf8Decoder(fatal, ignoreBOM);
