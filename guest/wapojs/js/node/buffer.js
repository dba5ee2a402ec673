// node:buffer: https://nodejs.org/api/buffer.html
//
// A Buffer is a Uint8Array with more methods. They are on a subclass of Uint8Array whose public constructor is a
// function, because `Buffer(...)` without `new` must still work.

import { atob, btoa } from '../base64.js';
import { Blob, File } from '../blob.js';
import { customInspect } from '../inspect.js';
import { apply, call, typedArraySet } from '../primordials.js';
import { isArrayBuffer, isSharedArrayBuffer } from '../webidl.js';
import { encodingOf } from '../node-internal/encodings.js';
import {
  invalidArgument,
  invalidValue,
  outOfRange,
  rangeError,
  requireNumber,
  typeError,
} from '../node-internal/errors.js';
import { defineNumbers } from '../node-internal/buffer-numbers.js';

const { isView } = ArrayBuffer;
const { defineProperty, setPrototypeOf } = Object;
const { floor, min } = Math;
const { isNaN } = Number;

export const kMaxLength = 2 ** 32 - 1;
export const kStringMaxLength = 2 ** 29 - 24;
export const INSPECT_MAX_BYTES = 50;
export const constants = { MAX_LENGTH: kMaxLength, MAX_STRING_LENGTH: kStringMaxLength };

class FastBuffer extends Uint8Array {}
const { prototype } = FastBuffer;

/** The deprecated constructor: Buffer.from, or Buffer.alloc for a number. */
export function Buffer(value, encodingOrOffset, length) {
  if (typeof value === 'number') {
    if (typeof encodingOrOffset === 'string') throw invalidArgument('string', 'of type string', value);
    return Buffer.alloc(value);
  }
  return Buffer.from(value, encodingOrOffset, length);
}
setPrototypeOf(Buffer, Uint8Array);
Buffer.prototype = prototype;
defineProperty(prototype, 'constructor', { __proto__: null, value: Buffer, writable: true, configurable: true });

const isBytes = (value) => value instanceof Uint8Array;
/** Bytes that nobody else has, as a Buffer. */
const wrap = (bytes) => new FastBuffer(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function requireEncoding(name) {
  const encoding = encodingOf(name);
  if (encoding === undefined) throw typeError('ERR_UNKNOWN_ENCODING', `Unknown encoding: ${name}`);
  return encoding;
}

/** The encoding of an optional argument; utf8 without one. */
const toEncoding = (name) =>
  name === undefined || name === null || name === '' ? encodingOf('utf8') : requireEncoding(name);

function requireSize(size) {
  requireNumber(size, 'size');
  if (!(size >= 0 && size <= kMaxLength)) throw outOfRange('size', `>= 0 && <= ${kMaxLength}`, size);
}

function fromString(text, name) {
  return wrap(toEncoding(name).encode(text));
}

function fromArrayBuffer(buffer, byteOffset, length) {
  byteOffset = byteOffset === undefined ? 0 : +byteOffset || 0;
  const room = buffer.byteLength - byteOffset;
  if (room < 0) throw rangeError('ERR_BUFFER_OUT_OF_BOUNDS', '"offset" is outside of buffer bounds');
  if (length === undefined) return new FastBuffer(buffer, byteOffset, room);
  length = +length || 0;
  if (length > room) throw rangeError('ERR_BUFFER_OUT_OF_BOUNDS', '"length" is outside of buffer bounds');
  return new FastBuffer(buffer, byteOffset, length > 0 ? length : 0);
}

function fromList(list) {
  const { length } = list;
  if (isView(list)) {
    const copy = new FastBuffer(length);
    typedArraySet(copy, list);
    return copy;
  }
  const buffer = new FastBuffer(length > 0 ? length : 0);
  for (let i = 0; i < length; i++) buffer[i] = list[i];
  return buffer;
}

function fromObject(value, encodingOrOffset, length) {
  if (isArrayBuffer(value) || isSharedArrayBuffer(value)) return fromArrayBuffer(value, encodingOrOffset, length);
  const primitive = typeof value.valueOf === 'function' ? value.valueOf() : undefined;
  if (primitive !== null && primitive !== undefined && primitive !== value) {
    if (typeof primitive === 'string' || typeof primitive === 'object')
      return Buffer.from(primitive, encodingOrOffset, length);
  }
  if (typeof value.length === 'number' || isView(value))
    return value.length === undefined ? new FastBuffer(0) : fromList(value);
  if (value.type === 'Buffer' && Array.isArray(value.data)) return fromList(value.data);
  if (value.length !== undefined || isArrayBuffer(value.buffer)) {
    return typeof value.length === 'number' ? fromList(value) : new FastBuffer(0);
  }
  const toPrimitive = value[Symbol.toPrimitive];
  if (typeof toPrimitive === 'function') {
    const text = call(toPrimitive, value, 'string');
    if (typeof text === 'string') return fromString(text, encodingOrOffset);
  }
  return null;
}

// Functions, not methods: `new Buffer.from(...)` is a mistake that works in Node.
const STATIC = {
  poolSize: 8192,

  from: function from(value, encodingOrOffset, length) {
    if (typeof value === 'string') return fromString(value, encodingOrOffset);
    if (typeof value === 'object' && value !== null) {
      const buffer = fromObject(value, encodingOrOffset, length);
      if (buffer !== null) return buffer;
    }
    throw invalidArgument(
      'first',
      'of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object',
      value,
    );
  },

  alloc: function alloc(size, fill, encoding) {
    requireSize(size);
    const buffer = new FastBuffer(size);
    return fill === undefined || fill === 0 || size === 0 ? buffer : buffer.fill(fill, 0, size, encoding);
  },

  allocUnsafe: function allocUnsafe(size) {
    requireSize(size);
    return new FastBuffer(size);
  },

  allocUnsafeSlow: function allocUnsafeSlow(size) {
    requireSize(size);
    return new FastBuffer(size);
  },

  isBuffer: function isBuffer(value) {
    return value instanceof Buffer;
  },

  isEncoding: function isEncoding(name) {
    return typeof name === 'string' && name.length > 0 && encodingOf(name) !== undefined;
  },

  byteLength: function byteLength(value, encoding) {
    if (typeof value === 'string') return (encodingOf(encoding) ?? encodingOf('utf8')).length(value);
    if (isView(value) || isArrayBuffer(value) || isSharedArrayBuffer(value)) return value.byteLength;
    throw invalidArgument('string', 'of type string or an instance of Buffer or ArrayBuffer', value);
  },

  compare: function compare(a, b) {
    if (!isBytes(a)) throw invalidArgument('buf1', 'an instance of Buffer or Uint8Array', a);
    if (!isBytes(b)) throw invalidArgument('buf2', 'an instance of Buffer or Uint8Array', b);
    return compareBytes(a, b);
  },

  concat: function concat(list, length) {
    if (!Array.isArray(list)) throw invalidArgument('list', 'an instance of Array', list);
    if (length === undefined) {
      length = 0;
      for (let i = 0; i < list.length; i++) length += list[i]?.length ?? 0;
    }
    const buffer = new FastBuffer(length);
    let at = 0;
    for (let i = 0; i < list.length && at < length; i++) {
      const part = list[i];
      if (!isBytes(part)) throw invalidArgument(`list[${i}]`, 'an instance of Buffer or Uint8Array', part);
      const fits = part.length > length - at ? part.subarray(0, length - at) : part;
      typedArraySet(buffer, fits, at);
      at += fits.length;
    }
    return buffer;
  },

  copyBytesFrom: function copyBytesFrom(view, offset = 0, length = undefined) {
    const part = view.subarray(offset, length === undefined ? undefined : offset + length);
    return fromList(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  },

  of: function of(...bytes) {
    return fromList(bytes);
  },
};

function compareBytes(a, b) {
  const length = min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
  return a.length === b.length ? 0 : a.length < b.length ? -1 : 1;
}

/** An end or start of a range, from 0 to `length`. */
function clampIndex(value, length, missing) {
  if (value === undefined) return missing;
  const index = floor(+value) || 0;
  return index < 0 ? 0 : index > length ? length : index;
}

/** What indexOf looks for, as bytes. */
function needleOf(value, encoding) {
  if (typeof value === 'number') return [value & 255];
  if (typeof value === 'string') return toEncoding(encoding).encode(value);
  if (isBytes(value)) return value;
  throw invalidArgument('value', 'one of type number or string or an instance of Buffer or Uint8Array', value);
}

function matchesAt(bytes, needle, at) {
  for (let i = 0; i < needle.length; i++) if (bytes[at + i] !== needle[i]) return false;
  return true;
}

const uint8IndexOf = Uint8Array.prototype.indexOf;

function search(bytes, value, offset, encoding, backwards) {
  if (typeof offset === 'string') {
    encoding = offset;
    offset = undefined;
  }
  const needle = needleOf(value, encoding);
  const { length } = bytes;
  offset = +offset;
  if (isNaN(offset)) offset = backwards ? length : 0;
  if (offset < 0) offset = length + offset < 0 ? (backwards ? -1 : 0) : length + offset;
  let at = min(floor(offset), length);
  const last = length - needle.length;
  if (backwards) {
    for (at = min(at, last); at >= 0; at--) if (matchesAt(bytes, needle, at)) return at;
    return -1;
  }
  if (needle.length === 0) return at;
  while (at <= last) {
    at = call(uint8IndexOf, bytes, needle[0], at);
    if (at < 0 || at > last) return -1;
    if (matchesAt(bytes, needle, at)) return at;
    at++;
  }
  return -1;
}

/** How much of UTF-8 fits into `room` bytes without cutting a character. */
function wholeCharacters(bytes, room) {
  if (bytes.length <= room) return bytes.length;
  while (room > 0 && (bytes[room] & 0xc0) === 0x80) room--;
  return room;
}

function swap(buffer, size) {
  const { length } = buffer;
  if (length % size !== 0)
    throw rangeError('ERR_INVALID_BUFFER_SIZE', `Buffer size must be a multiple of ${size * 8}-bits`);
  for (let at = 0; at < length; at += size) {
    for (let i = 0; i < size / 2; i++) {
      const other = at + size - 1 - i;
      const byte = buffer[at + i];
      buffer[at + i] = buffer[other];
      buffer[other] = byte;
    }
  }
  return buffer;
}

const METHODS = {
  toString(encoding, start, end) {
    const { length } = this;
    if (encoding === undefined && start === undefined && end === undefined) return encodingOf('utf8').decode(this);
    const from = clampIndex(start, length, 0);
    const to = clampIndex(end, length, length);
    if (to <= from) return '';
    return toEncoding(encoding).decode(from === 0 && to === length ? this : this.subarray(from, to));
  },

  toJSON() {
    const data = [];
    for (let i = 0; i < this.length; i++) data[i] = this[i];
    return { type: 'Buffer', data };
  },

  equals(other) {
    if (!isBytes(other)) throw invalidArgument('otherBuffer', 'an instance of Buffer or Uint8Array', other);
    return this === other || (this.length === other.length && compareBytes(this, other) === 0);
  },

  compare(target, targetStart, targetEnd, sourceStart, sourceEnd) {
    if (!isBytes(target)) throw invalidArgument('target', 'an instance of Buffer or Uint8Array', target);
    const ofTarget = target.subarray(targetStart ?? 0, targetEnd ?? target.length);
    return compareBytes(this.subarray(sourceStart ?? 0, sourceEnd ?? this.length), ofTarget);
  },

  indexOf(value, offset, encoding) {
    return search(this, value, offset, encoding, false);
  },

  lastIndexOf(value, offset, encoding) {
    return search(this, value, offset, encoding, true);
  },

  includes(value, offset, encoding) {
    return search(this, value, offset, encoding, false) >= 0;
  },

  fill(value, offset, end, encoding) {
    if (typeof offset === 'string') {
      encoding = offset;
      offset = end = undefined;
    } else if (typeof end === 'string') {
      encoding = end;
      end = undefined;
    }
    const from = offset ?? 0;
    const to = end ?? this.length;
    if (!(from >= 0)) throw outOfRange('offset', '>= 0', from);
    if (!(to >= 0 && to <= this.length)) throw outOfRange('end', `>= 0 && <= ${this.length}`, to);
    if (from >= to) return this;
    if (typeof value === 'number' || typeof value === 'boolean' || value === undefined) {
      apply(Uint8Array.prototype.fill, this, [value & 255, from, to]);
      return this;
    }
    const pattern = typeof value === 'string' ? toEncoding(encoding).encode(value) : value;
    if (pattern.length === 0) {
      if (typeof value !== 'string' || value.length > 0) throw invalidValue('value', value);
      apply(Uint8Array.prototype.fill, this, [0, from, to]);
      return this;
    }
    for (let i = from, at = 0; i < to; i++, at = at + 1 === pattern.length ? 0 : at + 1) this[i] = pattern[at];
    return this;
  },

  write(text, offset, length, encoding) {
    if (typeof text !== 'string') throw invalidArgument('argument', 'of type string', text);
    if (typeof offset === 'string') {
      encoding = offset;
      offset = length = undefined;
    } else if (typeof length === 'string') {
      encoding = length;
      length = undefined;
    }
    const at = offset ?? 0;
    if (!(at >= 0 && at <= this.length)) throw outOfRange('offset', `>= 0 && <= ${this.length}`, at);
    const room = min(length ?? Infinity, this.length - at);
    const chosen = toEncoding(encoding);
    const bytes = chosen.encode(text);
    let count = chosen.name === 'utf8' ? wholeCharacters(bytes, room) : min(bytes.length, room);
    if (chosen.name === 'utf16le') count -= count % 2;
    typedArraySet(this, count < bytes.length ? bytes.subarray(0, count) : bytes, at);
    return count;
  },

  copy(target, targetStart = 0, sourceStart = 0, sourceEnd = this.length) {
    if (!isView(target)) throw invalidArgument('target', 'an instance of Buffer or Uint8Array', target);
    if (targetStart < 0) throw outOfRange('targetStart', '>= 0', targetStart);
    if (sourceStart < 0 || sourceStart > this.length)
      throw outOfRange('sourceStart', `>= 0 && <= ${this.length}`, sourceStart);
    if (targetStart >= target.byteLength || sourceStart >= sourceEnd) return 0;
    const into = isBytes(target) ? target : new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
    const count = min(sourceEnd - sourceStart, into.length - targetStart, this.length - sourceStart);
    typedArraySet(into, this.subarray(sourceStart, sourceStart + count), targetStart);
    return count;
  },

  // Unlike an array's, it shares the memory.
  slice(start, end) {
    return this.subarray(start, end);
  },

  swap16() {
    return swap(this, 2);
  },

  swap32() {
    return swap(this, 4);
  },

  swap64() {
    return swap(this, 8);
  },

  inspect() {
    const shown = min(this.length, INSPECT_MAX_BYTES);
    let text = '';
    for (let i = 0; i < shown; i++) text += ` ${(this[i] + 256).toString(16).slice(1)}`;
    const more = this.length - shown;
    if (more > 0) text += ` ... ${more} more byte${more === 1 ? '' : 's'}`;
    return `<${this.constructor === undefined ? 'Buffer' : this.constructor.name}${text}>`;
  },
};
METHODS.toLocaleString = METHODS.toString;

function define(target, members) {
  for (const name of Object.keys(members)) {
    defineProperty(target, name, {
      __proto__: null,
      value: members[name],
      writable: true,
      configurable: true,
      enumerable: typeof members[name] !== 'function',
    });
  }
}

define(Buffer, STATIC);
define(prototype, METHODS);
defineNumbers(prototype);
defineProperty(prototype, customInspect, {
  __proto__: null,
  value: METHODS.inspect,
  writable: true,
  configurable: true,
});
defineProperty(prototype, 'parent', {
  __proto__: null,
  configurable: true,
  get() {
    return this instanceof Buffer ? this.buffer : undefined;
  },
});
defineProperty(prototype, 'offset', {
  __proto__: null,
  configurable: true,
  get() {
    return this instanceof Buffer ? this.byteOffset : undefined;
  },
});

// What some packages call instead of toString and write.
for (const name of ['utf8', 'latin1', 'ascii', 'hex', 'base64', 'base64url', 'ucs2']) {
  define(prototype, {
    [`${name}Slice`](start, end) {
      return this.toString(name, start, end);
    },
    [`${name}Write`](text, offset, length) {
      return this.write(text, offset, length, name);
    },
  });
}

export function SlowBuffer(size) {
  return Buffer.alloc(size);
}

export function isUtf8(value) {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(value);
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

export function isAscii(value) {
  const bytes = isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
  for (let i = 0; i < bytes.length; i++) if (bytes[i] > 127) return false;
  return true;
}

export function transcode(source, from, to) {
  return wrap(requireEncoding(to).encode(requireEncoding(from).decode(source)));
}

export { atob, Blob, btoa, File };

export default {
  Buffer,
  SlowBuffer,
  kMaxLength,
  kStringMaxLength,
  INSPECT_MAX_BYTES,
  constants,
  Blob,
  File,
  atob,
  btoa,
  isUtf8,
  isAscii,
  transcode,
};
