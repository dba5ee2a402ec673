// node:string_decoder: https://nodejs.org/api/string_decoder.html
//
// What ends a chunk in the middle of a character is kept for the next.

import { encodingOf } from '../node-internal/encodings.js';
import { invalidArgument, typeError } from '../node-internal/errors.js';
import { Buffer } from './buffer.js';

/** How many of the last bytes begin a character of UTF-8 that is not complete. */
function incompleteUtf8(bytes) {
  const { length } = bytes;
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back];
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return size > back && byte < 0xf8 ? back : 0;
    }
  }
  return 0;
}

function incompleteUtf16(bytes) {
  const odd = bytes.length % 2;
  const at = bytes.length - odd - 1;
  const high = at > 0 && (bytes[at] & 0xfc) === 0xd8;
  return odd + (high ? 2 : 0);
}

const INCOMPLETE = {
  __proto__: null,
  utf8: incompleteUtf8,
  utf16le: incompleteUtf16,
  base64: (bytes) => bytes.length % 3,
  base64url: (bytes) => bytes.length % 3,
};

export function StringDecoder(encoding) {
  const found = encoding === undefined || encoding === null ? encodingOf('utf8') : encodingOf(encoding);
  if (found === undefined) throw typeError('ERR_UNKNOWN_ENCODING', `Unknown encoding: ${encoding}`);
  this.encoding = found.name;
  Object.defineProperty(this, '_rest', { __proto__: null, value: Buffer.alloc(0), writable: true });
}

StringDecoder.prototype.write = function (chunk) {
  if (typeof chunk === 'string') return chunk;
  if (!ArrayBuffer.isView(chunk)) throw invalidArgument('buf', 'an instance of Buffer, TypedArray, or DataView', chunk);
  let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (this._rest.length > 0) bytes = Buffer.concat([this._rest, bytes]);
  const incomplete = INCOMPLETE[this.encoding]?.(bytes) ?? 0;
  this._rest = incomplete === 0 ? Buffer.alloc(0) : Buffer.from(bytes.subarray(bytes.length - incomplete));
  return bytes.toString(this.encoding, 0, bytes.length - incomplete);
};

StringDecoder.prototype.end = function (chunk) {
  const text = chunk === undefined ? '' : this.write(chunk);
  const rest = this._rest;
  this._rest = Buffer.alloc(0);
  return rest.length === 0 ? text : text + rest.toString(this.encoding);
};

StringDecoder.prototype.text = function (chunk, offset) {
  this._rest = Buffer.alloc(0);
  return this.write(chunk.subarray(offset));
};

export default { StringDecoder };
