// What other files of the platform use of streams: sources and transforms of their own, and reading without promises.
//
// A stream is passed around as the public object; a controller as its slots, whose methods `enqueue`, `close`, `error`
// and getter `desiredSize` are what the standard lets a source call. Readers are slots too.

import { utf8Encode } from 'wapo:native';
import { typedArraySet } from '../primordials.js';
import { newDeferred, promiseReject } from '../promises.js';
import { ByteControllerSlots } from './readable-byte-controller.js';
import { DefaultControllerSlots } from './readable-default-controller.js';
import {
  acquireDefaultReader as acquireReader,
  cancelReadable,
  isLocked,
  readableSlots,
  ReadableSlots,
  readDefault,
  releaseReader,
} from './readable-operations.js';
import { isReadableStream, readableObject } from './readable-stream.js';
import { CLOSED, ERRORED } from './states.js';
import { tee } from './tee.js';
import { TransformSlots } from './transform-stream.js';
import { WritableControllerSlots } from './writable-controller.js';
import { WritableSlots } from './writable-operations.js';
import { writableObject } from './writable-stream.js';

const { TypeError, Uint8Array } = globalThis;

export { isReadableStream };

const doNothing = () => undefined;

/**
 * A byte stream over an internal source.
 * @param {object} source `pull(controller)` is called when bytes are wanted; it may return a promise, and is not called
 *   again before that is resolved. `cancel(reason)` is called when nobody wants more. Either may be missing.
 *   The controller's `enqueue(bytes)` takes a Uint8Array that is not empty and becomes the reader's own.
 * @param {number} [highWaterMark] how many bytes to have ready before anybody reads
 * @returns {{stream: ReadableStream, controller: ByteControllerSlots}}
 */
export function createReadableByteStream(source, highWaterMark = 0) {
  const slots = new ReadableSlots();
  const controller = new ByteControllerSlots(
    slots,
    source.pull ? () => source.pull(controller) : null,
    source.cancel ? (reason) => source.cancel(reason) : doNothing,
    highWaterMark,
    undefined,
  );
  controller.start(undefined);
  return { stream: readableObject(slots), controller };
}

/** The slots of a byte stream whose bytes are all there; its controller is made when somebody asks for it. */
class WholeSlots extends ReadableSlots {
  /** @type {?(string|Uint8Array)} null once they are given */
  #whole;
  #controller = null;

  constructor(whole) {
    super();
    this.#whole = whole;
  }

  get controller() {
    if (this.#controller === null) {
      const pull = () => {
        const bytes = this.#whole;
        this.#whole = null;
        if (bytes.length > 0) this.controller.enqueue(typeof bytes === 'string' ? utf8Encode(bytes) : bytes);
        this.controller.close();
      };
      new ByteControllerSlots(this, pull, doNothing, 0, undefined).start(undefined);
    }
    return this.#controller;
  }

  set controller(controller) {
    this.#controller = controller;
  }

  peek() {
    return this.disturbed || this.reader !== null ? null : this.#whole;
  }

  take() {
    const whole = this.peek();
    if (whole !== null) {
      this.#whole = null;
      this.disturbed = true;
      this.state = CLOSED;
    }
    return whole;
  }

  static of = (stream) => {
    const slots = readableSlots(stream);
    return #whole in slots ? slots : null;
  };
}

/** A byte stream of a text, or of bytes that become the reader's own. */
export const createWholeStream = (whole) => readableObject(new WholeSlots(whole));

/** What such a stream was made of, if nobody has touched it; null otherwise, and for any other stream. */
export const peekWhole = (stream) => WholeSlots.of(stream)?.peek() ?? null;

/** The same, and it has been read to its end by that. */
export const takeWhole = (stream) => WholeSlots.of(stream)?.take() ?? null;

/** A stream of any chunks over an internal source; each chunk counts as 1. Otherwise as createReadableByteStream. */
export function createReadableStream(source, highWaterMark = 1) {
  const slots = new ReadableSlots();
  const controller = new DefaultControllerSlots(
    slots,
    source.pull ? () => source.pull(controller) : null,
    source.cancel ? (reason) => source.cancel(reason) : doNothing,
    highWaterMark,
    null,
  );
  controller.start(undefined);
  return { stream: readableObject(slots), controller };
}

/**
 * A writable stream over an internal sink: `write(chunk)`, `close()`, `abort(reason)` may return promises; `close` and
 * `abort` may be missing.
 * @returns {{stream: WritableStream, controller: WritableControllerSlots}}
 */
export function createWritableStream(sink, highWaterMark = 1) {
  const slots = new WritableSlots();
  const controller = new WritableControllerSlots(
    slots,
    (chunk) => sink.write(chunk),
    sink.close ? () => sink.close() : doNothing,
    sink.abort ? (reason) => sink.abort(reason) : doNothing,
    highWaterMark,
    null,
  );
  controller.start(undefined);
  return { stream: writableObject(slots), controller };
}

/**
 * A transform stream over an internal transformer: `transform(chunk, controller)`, `flush(controller)` and
 * `cancel(reason)`, of which the last two may be missing.
 * @returns {{readable: ReadableStream, writable: WritableStream}}
 */
export function createTransformStream(transformer) {
  const slots = new TransformSlots(1, null, 0, null);
  slots.setAlgorithms(
    (chunk) => transformer.transform(chunk, slots),
    transformer.flush ? () => transformer.flush(slots) : doNothing,
    transformer.cancel ? (reason) => transformer.cancel(reason) : doNothing,
  );
  slots.start(undefined);
  return { readable: readableObject(slots.readable), writable: writableObject(slots.writable) };
}

/** The readable and writable attributes of an interface that wraps a transform: GenericTransformStream. */
export const genericTransform = (transformOf) => ({
  get readable() {
    return transformOf(this).readable;
  },
  get writable() {
    return transformOf(this).writable;
  },
});

// Looking at a stream

/** "Disturbed": it has been read from or cancelled. */
export const isDisturbed = (stream) => readableSlots(stream).disturbed;
export const isStreamLocked = (stream) => isLocked(readableSlots(stream));
export const isClosed = (stream) => readableSlots(stream).state === CLOSED;
export const isErrored = (stream) => readableSlots(stream).state === ERRORED;

// Reading

/** Locks a stream to a reader for `readChunk`; throws a TypeError if it is locked already. */
export const acquireDefaultReader = (stream) => acquireReader(readableSlots(stream));

/** Asks for a chunk: one of the request's methods `chunk(value)`, `close()`, `error(reason)` is called, perhaps at once. */
export function readChunk(reader, request) {
  readDefault(reader, request);
}

/** Unlocks the reader's stream. */
export { releaseReader };

/** Cancels the reader's stream; the promise is for the source's answer. */
export const cancelReader = (reader, reason) => cancelReadable(reader.stream, reason);

/** Cancels a stream whether or not it is locked. */
export const cancelStream = (stream, reason) => cancelReadable(readableSlots(stream), reason);

/** Two streams that get the same bytes; chunks of the second branch are clones if `cloneChunk` is given. */
export function teeStream(stream, cloneChunk = null) {
  const branches = tee(readableSlots(stream), cloneChunk);
  return [readableObject(branches[0]), readableObject(branches[1])];
}

/** "Read all bytes": https://streams.spec.whatwg.org/#readablestreamdefaultreader-read-all-bytes */
class BytesRequest {
  #reader;
  #deferred;
  #chunks = [];
  #length = 0;
  /** Set while `read` is on the stack: its loop goes on instead of recursing. */
  #reading = false;
  #arrived = false;

  constructor(reader, deferred) {
    this.#reader = reader;
    this.#deferred = deferred;
  }

  read() {
    this.#reading = true;
    do {
      this.#arrived = false;
      readDefault(this.#reader, this);
    } while (this.#arrived);
    this.#reading = false;
  }

  chunk(value) {
    if (!(value instanceof Uint8Array)) {
      const error = new TypeError('the stream holds a chunk that is not a Uint8Array');
      this.#deferred.reject(error);
      cancelReader(this.#reader, error);
      return;
    }
    this.#chunks[this.#chunks.length] = value;
    this.#length += value.length;
    if (this.#reading) this.#arrived = true;
    else this.read();
  }

  close() {
    this.#deferred.resolve(concatBytes(this.#chunks, this.#length));
  }

  error(reason) {
    this.#deferred.reject(reason);
  }
}

/** One Uint8Array of several; a single one is returned as it is. */
export function concatBytes(chunks, length) {
  if (chunks.length === 1) return chunks[0];
  const bytes = new Uint8Array(length);
  for (let i = 0, at = 0; i < chunks.length; at += chunks[i++].length) typedArraySet(bytes, chunks[i], at);
  return bytes;
}

/**
 * All bytes of a stream. Rejected with a TypeError if it is locked or a chunk is not a Uint8Array.
 * @returns {Promise<Uint8Array>} the caller's own
 */
export function readAllBytes(stream) {
  let reader;
  try {
    reader = acquireDefaultReader(stream);
  } catch (error) {
    return promiseReject(error);
  }
  const deferred = newDeferred();
  new BytesRequest(reader, deferred).read();
  return deferred.promise;
}
