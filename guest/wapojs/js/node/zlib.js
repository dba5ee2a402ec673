// node:zlib: https://nodejs.org/api/zlib.html
//
// Not available here: packages import it for what they do elsewhere, so its functions exist and say so when called.

import { missing, missingClass } from '../node-internal/missing.js';

export const deflate = missing('zlib.deflate');
export const deflateSync = missing('zlib.deflateSync');
export const deflateRaw = missing('zlib.deflateRaw');
export const deflateRawSync = missing('zlib.deflateRawSync');
export const gzip = missing('zlib.gzip');
export const gzipSync = missing('zlib.gzipSync');
export const gunzip = missing('zlib.gunzip');
export const gunzipSync = missing('zlib.gunzipSync');
export const inflate = missing('zlib.inflate');
export const inflateSync = missing('zlib.inflateSync');
export const inflateRaw = missing('zlib.inflateRaw');
export const inflateRawSync = missing('zlib.inflateRawSync');
export const unzip = missing('zlib.unzip');
export const unzipSync = missing('zlib.unzipSync');
export const brotliCompress = missing('zlib.brotliCompress');
export const brotliCompressSync = missing('zlib.brotliCompressSync');
export const brotliDecompress = missing('zlib.brotliDecompress');
export const brotliDecompressSync = missing('zlib.brotliDecompressSync');
export const zstdCompress = missing('zlib.zstdCompress');
export const zstdCompressSync = missing('zlib.zstdCompressSync');
export const zstdDecompress = missing('zlib.zstdDecompress');
export const zstdDecompressSync = missing('zlib.zstdDecompressSync');
export const createGzip = missing('zlib.createGzip');
export const createGunzip = missing('zlib.createGunzip');
export const createDeflate = missing('zlib.createDeflate');
export const createInflate = missing('zlib.createInflate');
export const createDeflateRaw = missing('zlib.createDeflateRaw');
export const createInflateRaw = missing('zlib.createInflateRaw');
export const createUnzip = missing('zlib.createUnzip');
export const createBrotliCompress = missing('zlib.createBrotliCompress');
export const createBrotliDecompress = missing('zlib.createBrotliDecompress');
export const createZstdCompress = missing('zlib.createZstdCompress');
export const createZstdDecompress = missing('zlib.createZstdDecompress');
export const crc32 = missing('zlib.crc32');
export const Gzip = missingClass('zlib.Gzip');
export const Gunzip = missingClass('zlib.Gunzip');
export const Deflate = missingClass('zlib.Deflate');
export const Inflate = missingClass('zlib.Inflate');
export const DeflateRaw = missingClass('zlib.DeflateRaw');
export const InflateRaw = missingClass('zlib.InflateRaw');
export const Unzip = missingClass('zlib.Unzip');
export const BrotliCompress = missingClass('zlib.BrotliCompress');
export const BrotliDecompress = missingClass('zlib.BrotliDecompress');
export const constants = {
  Z_NO_FLUSH: 0,
  Z_PARTIAL_FLUSH: 1,
  Z_SYNC_FLUSH: 2,
  Z_FULL_FLUSH: 3,
  Z_FINISH: 4,
  Z_OK: 0,
  Z_DEFAULT_COMPRESSION: -1,
  BROTLI_OPERATION_PROCESS: 0,
  BROTLI_OPERATION_FLUSH: 1,
  BROTLI_OPERATION_FINISH: 2,
  BROTLI_PARAM_QUALITY: 1,
};

export default {
  deflate,
  deflateSync,
  deflateRaw,
  deflateRawSync,
  gzip,
  gzipSync,
  gunzip,
  gunzipSync,
  inflate,
  inflateSync,
  inflateRaw,
  inflateRawSync,
  unzip,
  unzipSync,
  brotliCompress,
  brotliCompressSync,
  brotliDecompress,
  brotliDecompressSync,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
  createGzip,
  createGunzip,
  createDeflate,
  createInflate,
  createDeflateRaw,
  createInflateRaw,
  createUnzip,
  createBrotliCompress,
  createBrotliDecompress,
  createZstdCompress,
  createZstdDecompress,
  crc32,
  Gzip,
  Gunzip,
  Deflate,
  Inflate,
  DeflateRaw,
  InflateRaw,
  Unzip,
  BrotliCompress,
  BrotliDecompress,
  constants,
};
