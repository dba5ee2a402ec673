// Blob: https://w3c.github.io/FileAPI/#blob-section
// File: https://w3c.github.io/FileAPI/#file-section
//
// A blob is a list of byte arrays that nothing ever changes, so slices and blobs made of blobs share them and only
// reading copies.

import { now, utf8Decode, utf8Encode } from 'wapo:native';
import { defineInterface } from './interfaces.js';
import { typedArraySet } from './primordials.js';
import { promiseReject, promiseResolve } from './promises.js';
import { createReadableByteStream } from './streams/internal.js';
import {
  clamp,
  isBufferSource,
  isObject,
  requireArguments,
  toBytes,
  toDictionary,
  toDOMString,
  toEnum,
  toLongLong,
  toSequence,
  toUSVString,
} from './webidl.js';

const { Uint8Array } = globalThis;
const { floor, max, min } = Math;
const { MAX_SAFE_INTEGER } = Number;

const CHUNK_SIZE = 64 * 1024;
const CREATE = {}; // lets this file give a constructor the finished slots

/** Parts that have been converted and copied already. */
class ConvertedParts {
  constructor(items) {
    this.items = items;
  }
}

/** Whether a value is a genuine Blob. */
export let isBlob;
/** Whether a value is a genuine File. */
export let isFile;
/** The byte arrays that a blob is made of; they must not be changed. */
export let blobParts;
/** The size of a blob, whatever user code did to the attribute. */
export let blobSize;
/** The type of a blob. */
export let blobType;
/** A Blob of byte arrays that are handed over to it. */
export let createBlob;

/** "process blob parts", one part */
function toPart(value) {
  if (isBlob(value)) return value;
  if (isBufferSource(value)) return toBytes(value, 'a blob part').slice();
  return toUSVString(value);
}

function toParts(value, what) {
  if (value instanceof ConvertedParts) return value.items;
  return value === undefined ? [] : toSequence(value, toPart, what);
}

const LINE_ENDING = /\r\n?|\n/g;
const NOT_PRINTABLE_ASCII = /[^\x20-\x7e]/;

/** A blob type: '' if it holds other than printable ASCII, otherwise in lower case. */
const normalizeType = (type) => (NOT_PRINTABLE_ASCII.test(type) ? '' : type.toLowerCase());

function appendAll(list, items) {
  for (let i = 0; i < items.length; i++) list.push(items[i]);
}

/** The parts of a blob from byte `start` up to `end`, shared. */
function sliceParts(parts, start, end) {
  const result = [];
  let at = 0;
  for (let i = 0; i < parts.length && at < end; i++) {
    const part = parts[i];
    const from = max(start - at, 0);
    const to = min(end - at, part.length);
    if (from < to) result.push(from === 0 && to === part.length ? part : part.subarray(from, to));
    at += part.length;
  }
  return result;
}

function copyParts(parts, size) {
  const bytes = new Uint8Array(size);
  for (let i = 0, at = 0; i < parts.length; at += parts[i++].length) typedArraySet(bytes, parts[i], at);
  return bytes;
}

/** The source of a blob's stream: copies of at most CHUNK_SIZE bytes. */
class BlobSource {
  #parts;
  #index = 0;
  #offset = 0;

  constructor(parts) {
    this.#parts = parts;
  }

  pull(controller) {
    if (this.#index === this.#parts.length) {
      controller.close();
      if (controller.pendingPullIntos.length > 0) controller.respond(0);
      return;
    }
    const part = this.#parts[this.#index];
    const chunk = part.slice(this.#offset, this.#offset + CHUNK_SIZE);
    this.#offset += chunk.length;
    if (this.#offset === part.length) {
      this.#index++;
      this.#offset = 0;
    }
    controller.enqueue(chunk);
  }
}

export class Blob {
  /** @type {Uint8Array[]} none of them empty */
  #parts;
  #size;
  #type;

  constructor(blobParts = undefined, options = undefined) {
    if (blobParts === CREATE) {
      this.#parts = options.parts;
      this.#type = options.type;
    } else {
      const items = toParts(blobParts, 'new Blob: the parts');
      const bag = toDictionary(options, 'new Blob: options');
      let { endings } = bag;
      endings = endings === undefined ? 'transparent' : toEnum(endings, ['transparent', 'native'], 'new Blob: endings');
      const { type } = bag;
      this.#type = type === undefined ? '' : normalizeType(toDOMString(type));
      const parts = [];
      for (let i = 0; i < items.length; i++) {
        let item = items[i];
        if (typeof item === 'string') {
          if (endings === 'native') item = item.replace(LINE_ENDING, '\n');
          item = utf8Encode(item);
        }
        if (isBlob(item)) appendAll(parts, item.#parts);
        else if (item.length > 0) parts.push(item);
      }
      this.#parts = parts;
    }
    let size = 0;
    for (let i = 0; i < this.#parts.length; i++) size += this.#parts[i].length;
    this.#size = size;
  }

  get size() {
    return this.#size;
  }

  get type() {
    return this.#type;
  }

  slice(start = undefined, end = undefined, contentType = undefined) {
    const size = this.#size;
    const position = (value, whenMissing) => {
      if (value === undefined) return whenMissing;
      value = clamp(value, -MAX_SAFE_INTEGER, MAX_SAFE_INTEGER);
      return value < 0 ? max(size + value, 0) : min(value, size);
    };
    const from = position(start, 0);
    const to = position(end, size);
    const type = contentType === undefined ? '' : normalizeType(toDOMString(contentType));
    return new Blob(CREATE, { parts: sliceParts(this.#parts, from, max(from, to)), type });
  }

  stream() {
    return createReadableByteStream(new BlobSource(this.#parts)).stream;
  }

  text() {
    try {
      return promiseResolve(utf8Decode(this.#joined(), false, false));
    } catch (error) {
      return promiseReject(error);
    }
  }

  arrayBuffer() {
    try {
      return promiseResolve(copyParts(this.#parts, this.#size).buffer);
    } catch (error) {
      return promiseReject(error);
    }
  }

  bytes() {
    try {
      return promiseResolve(copyParts(this.#parts, this.#size));
    } catch (error) {
      return promiseReject(error);
    }
  }

  /** All bytes, to be read only. */
  #joined() {
    return this.#parts.length === 1 ? this.#parts[0] : copyParts(this.#parts, this.#size);
  }

  static {
    isBlob = (value) => isObject(value) && #parts in value;
    blobParts = (blob) => blob.#parts;
    blobSize = (blob) => blob.#size;
    blobType = (blob) => blob.#type;
    createBlob = (parts, type) => new Blob(CREATE, { parts: parts.filter((part) => part.length > 0), type });
  }
}

export class File extends Blob {
  #name;
  #lastModified;

  constructor(fileBits, fileName, options = undefined) {
    requireArguments(arguments.length, 2, 'new File');
    if (fileBits === CREATE) {
      super(CREATE, options);
      this.#name = fileName;
      this.#lastModified = options.lastModified;
      return;
    }
    // The arguments are converted in order, and the dictionary's inherited members first.
    const items = toParts(fileBits ?? null, 'new File: the parts');
    fileName = toUSVString(fileName);
    const bag = toDictionary(options, 'new File: options');
    super(new ConvertedParts(items), bag);
    this.#name = fileName;
    const { lastModified } = bag;
    this.#lastModified = lastModified === undefined ? floor(now()) : toLongLong(lastModified);
  }

  get name() {
    return this.#name;
  }

  get lastModified() {
    return this.#lastModified;
  }

  static {
    isFile = (value) => isObject(value) && #name in value;
  }
}

defineInterface(Blob);
defineInterface(File);

/** A File with the bytes of a blob. */
export function fileFromBlob(blob, name, lastModified = floor(now())) {
  return new File(CREATE, name, { parts: blobParts(blob), type: blobType(blob), lastModified });
}

/** A File of byte arrays that are handed over to it. */
export function createFile(parts, name, type) {
  return new File(CREATE, name, { parts, type, lastModified: floor(now()) });
}

/** A copy for structuredClone; the bytes are shared. */
export function cloneBlob(blob) {
  if (isFile(blob)) return fileFromBlob(blob, blob.name, blob.lastModified);
  return createBlob(blobParts(blob), blobType(blob));
}
