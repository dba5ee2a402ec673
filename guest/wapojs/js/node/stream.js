// node:stream: https://nodejs.org/api/stream.html

import '../node-internal/stream-iteration.js';
import '../node-internal/stream-web.js';
import {
  addAbortSignal,
  destroy as destroyStream,
  getDefaultHighWaterMark,
  setDefaultHighWaterMark,
  Stream,
} from '../node-internal/stream-base.js';
import { Duplex, PassThrough, Transform } from '../node-internal/stream-duplex.js';
import {
  finished,
  finishedPromise,
  isNodeStream,
  pipeline,
  pipelinePromise,
} from '../node-internal/stream-finished.js';
import { Readable } from '../node-internal/stream-readable.js';
import { Writable } from '../node-internal/stream-writable.js';
import { promisify } from './util.js';

export {
  addAbortSignal,
  Duplex,
  finished,
  getDefaultHighWaterMark,
  PassThrough,
  pipeline,
  Readable,
  setDefaultHighWaterMark,
  Stream,
  Transform,
  Writable,
};

const promisified = promisify.custom;
Object.defineProperty(finished, promisified, { __proto__: null, value: finishedPromise, configurable: true });
Object.defineProperty(pipeline, promisified, { __proto__: null, value: pipelinePromise, configurable: true });

export const promises = { finished: finishedPromise, pipeline: pipelinePromise };

export const isReadable = (stream) =>
  stream instanceof ReadableStream ? true : Boolean(stream?.readable) && !stream.destroyed;
export const isWritable = (stream) => Boolean(stream?.writable) && !stream.destroyed;
export const isErrored = (stream) => Boolean(stream?.errored);
export const isDisturbed = (stream) =>
  Boolean(stream?._readableState?.dataEmitted || stream?._readableState?.destroyed);
export const isDestroyed = (stream) => (isNodeStream(stream) ? stream.destroyed : null);

export function destroy(stream, error) {
  if (typeof stream?.destroy === 'function') stream.destroy(error);
  else if (stream) destroyStream.call(stream, error);
  return stream;
}

/** Streams, one after the other, as one. */
export function compose(...streams) {
  const first = streams[0];
  const last =
    streams.length === 1
      ? first
      : pipeline(...streams, (error) => {
          if (error) result.destroy(error);
        });
  const result = Duplex.from({ readable: last, writable: isWritable(first) ? first : null });
  return result;
}

Object.assign(Stream, {
  Stream,
  Readable,
  Writable,
  Duplex,
  Transform,
  PassThrough,
  addAbortSignal,
  finished,
  pipeline,
  compose,
  destroy,
  promises,
  isReadable,
  isWritable,
  isErrored,
  isDisturbed,
  isDestroyed,
  getDefaultHighWaterMark,
  setDefaultHighWaterMark,
  _isUint8Array: (value) => value instanceof Uint8Array,
});

export default Stream;
