// node:zlib: https://nodejs.org/api/zlib.html
//
// deflate, raw deflate and gzip, by the host's coders. Levels and the like are not looked at; Brotli and Zstandard are
// not available.

import * as native from 'wapo:native';
import { apply } from '../primordials.js';
import { isArrayBuffer } from '../webidl.js';
import { invalidArgument, notAvailable, rangeError, requireFunction } from '../node-internal/errors.js';
import { missing, missingClass } from '../node-internal/missing.js';
import { Buffer } from './buffer.js';
import { Transform } from './stream.js';

const { coderClose, coderOpen, coderWrite } = native;

const DEFLATE = 1;
const DEFLATE_RAW = 2;
const GZIP = 3;
/** Deflate or gzip, as the data begin. */
const EITHER = 0;

const Z_DATA_ERROR = -3;
const Z_BUF_ERROR = -5;

function toBytes(data) {
  if (typeof data === 'string') return Buffer.from(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (isArrayBuffer(data)) return new Uint8Array(data);
  throw invalidArgument(
    'buffer',
    'of type string or an instance of Buffer, TypedArray, DataView, or ArrayBuffer',
    data,
  );
}

function zlibError(last) {
  const error = new Error(last ? 'unexpected end of file' : 'incorrect header check');
  return Object.assign(error, {
    errno: last ? Z_BUF_ERROR : Z_DATA_ERROR,
    code: last ? 'Z_BUF_ERROR' : 'Z_DATA_ERROR',
  });
}

/** One direction of one stream. Its part in the host is opened with the first piece: it cannot be part of an image. */
class Coder {
  #format;
  #decode;
  #handle = null;

  constructor(format, decode) {
    this.#format = format;
    this.#decode = decode;
  }

  /** Codes a piece; `sink` gets what comes out. */
  write(bytes, last, sink) {
    if (this.#handle === null) {
      if (coderOpen === undefined) throw notAvailable('zlib');
      if (this.#format === EITHER) this.#format = bytes[0] === 0x1f ? GZIP : DEFLATE;
      this.#handle = coderOpen(this.#format, this.#decode);
    }
    let good = false;
    try {
      good = coderWrite(this.#handle, bytes, last, (output) =>
        sink(Buffer.from(output.buffer, output.byteOffset, output.byteLength)),
      );
    } finally {
      if (!good || last) this.close();
    }
    if (!good) throw zlibError(last && bytes.length === 0);
  }

  close() {
    if (this.#handle === null) return;
    coderClose(this.#handle);
    this.#handle = null;
  }
}

function codeAtOnce(format, decode, data, options) {
  const bytes = toBytes(data);
  const limit = options?.maxOutputLength ?? Infinity;
  const parts = [];
  let length = 0;
  const coder = new Coder(format, decode);
  const sink = (part) => {
    length += part.length;
    if (length > limit) {
      throw rangeError('ERR_BUFFER_TOO_LARGE', `Cannot create a Buffer larger than ${limit} bytes`);
    }
    parts.push(part);
  };
  coder.write(bytes, false, sink);
  coder.write(new Uint8Array(0), true, sink);
  return Buffer.concat(parts, length);
}

class ZlibBase extends Transform {
  #coder;
  bytesWritten = 0;

  constructor(format, decode, options) {
    super(options);
    this.#coder = new Coder(format, decode);
  }

  _transform(chunk, encoding, callback) {
    try {
      this.bytesWritten += chunk.length;
      this.#coder.write(chunk, false, (part) => this.push(part));
      callback();
    } catch (error) {
      callback(error);
    }
  }

  _flush(callback) {
    try {
      // No data at all are no compressed data, which Node lets pass.
      if (this.bytesWritten > 0 || !this.decodes) this.#coder.write(new Uint8Array(0), true, (part) => this.push(part));
      callback();
    } catch (error) {
      callback(error);
    }
  }

  _destroy(error, callback) {
    this.#coder.close();
    callback(error);
  }

  flush(kind, callback = kind) {
    if (typeof callback === 'function') process.nextTick(callback);
  }

  close(callback) {
    if (callback) this.once('close', callback);
    this.destroy();
  }
}

/** A class of streams, which old packages call without `new`. */
function streamClass(name, format, decode) {
  function Stream(options) {
    return Reflect.construct(ZlibBase, [format, decode, options], new.target ?? Stream);
  }
  Object.setPrototypeOf(Stream, ZlibBase);
  Stream.prototype = Object.create(ZlibBase.prototype, {
    constructor: { value: Stream, writable: true, configurable: true },
    decodes: { value: decode },
  });
  Object.defineProperty(Stream, 'name', { value: name });
  return Stream;
}

/** `fn(data, options?, callback)` */
function withCallback(sync) {
  return (data, ...rest) => {
    const callback = rest.pop();
    requireFunction(callback, 'callback');
    toBytes(data);
    let result;
    try {
      result = apply(sync, undefined, [data, ...rest]);
    } catch (error) {
      process.nextTick(callback, error);
      return;
    }
    process.nextTick(callback, null, result);
  };
}

export const Deflate = streamClass('Deflate', DEFLATE, false);
export const Inflate = streamClass('Inflate', DEFLATE, true);
export const DeflateRaw = streamClass('DeflateRaw', DEFLATE_RAW, false);
export const InflateRaw = streamClass('InflateRaw', DEFLATE_RAW, true);
export const Gzip = streamClass('Gzip', GZIP, false);
export const Gunzip = streamClass('Gunzip', GZIP, true);
export const Unzip = streamClass('Unzip', EITHER, true);

export const createDeflate = (options) => new Deflate(options);
export const createInflate = (options) => new Inflate(options);
export const createDeflateRaw = (options) => new DeflateRaw(options);
export const createInflateRaw = (options) => new InflateRaw(options);
export const createGzip = (options) => new Gzip(options);
export const createGunzip = (options) => new Gunzip(options);
export const createUnzip = (options) => new Unzip(options);

export const deflateSync = (data, options) => codeAtOnce(DEFLATE, false, data, options);
export const inflateSync = (data, options) => codeAtOnce(DEFLATE, true, data, options);
export const deflateRawSync = (data, options) => codeAtOnce(DEFLATE_RAW, false, data, options);
export const inflateRawSync = (data, options) => codeAtOnce(DEFLATE_RAW, true, data, options);
export const gzipSync = (data, options) => codeAtOnce(GZIP, false, data, options);
export const gunzipSync = (data, options) => codeAtOnce(GZIP, true, data, options);
export const unzipSync = (data, options) => codeAtOnce(EITHER, true, data, options);

export const deflate = withCallback(deflateSync);
export const inflate = withCallback(inflateSync);
export const deflateRaw = withCallback(deflateRawSync);
export const inflateRaw = withCallback(inflateRawSync);
export const gzip = withCallback(gzipSync);
export const gunzip = withCallback(gunzipSync);
export const unzip = withCallback(unzipSync);

const CRC_TABLE = new Uint32Array(256);
for (let n = 0; n < 256; n++) {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  CRC_TABLE[n] = c;
}

export function crc32(data, value = 0) {
  const bytes = toBytes(data);
  let crc = ~value;
  for (let i = 0; i < bytes.length; i++) crc = CRC_TABLE[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

export const brotliCompress = missing('zlib.brotliCompress');
export const brotliCompressSync = missing('zlib.brotliCompressSync');
export const brotliDecompress = missing('zlib.brotliDecompress');
export const brotliDecompressSync = missing('zlib.brotliDecompressSync');
export const createBrotliCompress = missing('zlib.createBrotliCompress');
export const createBrotliDecompress = missing('zlib.createBrotliDecompress');
export const zstdCompress = missing('zlib.zstdCompress');
export const zstdCompressSync = missing('zlib.zstdCompressSync');
export const zstdDecompress = missing('zlib.zstdDecompress');
export const zstdDecompressSync = missing('zlib.zstdDecompressSync');
export const createZstdCompress = missing('zlib.createZstdCompress');
export const createZstdDecompress = missing('zlib.createZstdDecompress');
export const BrotliCompress = missingClass('zlib.BrotliCompress');
export const BrotliDecompress = missingClass('zlib.BrotliDecompress');

export const constants = {
  Z_NO_FLUSH: 0,
  Z_PARTIAL_FLUSH: 1,
  Z_SYNC_FLUSH: 2,
  Z_FULL_FLUSH: 3,
  Z_FINISH: 4,
  Z_OK: 0,
  Z_BUF_ERROR,
  Z_DATA_ERROR,
  Z_NO_COMPRESSION: 0,
  Z_BEST_SPEED: 1,
  Z_BEST_COMPRESSION: 9,
  Z_DEFAULT_COMPRESSION: -1,
  BROTLI_OPERATION_PROCESS: 0,
  BROTLI_OPERATION_FLUSH: 1,
  BROTLI_OPERATION_FINISH: 2,
  BROTLI_PARAM_QUALITY: 1,
};

export default {
  Deflate,
  Inflate,
  DeflateRaw,
  InflateRaw,
  Gzip,
  Gunzip,
  Unzip,
  createDeflate,
  createInflate,
  createDeflateRaw,
  createInflateRaw,
  createGzip,
  createGunzip,
  createUnzip,
  deflate,
  deflateSync,
  inflate,
  inflateSync,
  deflateRaw,
  deflateRawSync,
  inflateRaw,
  inflateRawSync,
  gzip,
  gzipSync,
  gunzip,
  gunzipSync,
  unzip,
  unzipSync,
  crc32,
  brotliCompress,
  brotliCompressSync,
  brotliDecompress,
  brotliDecompressSync,
  createBrotliCompress,
  createBrotliDecompress,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
  createZstdCompress,
  createZstdDecompress,
  BrotliCompress,
  BrotliDecompress,
  constants,
};
