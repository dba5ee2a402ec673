// ReadableStreamDefaultReader: https://streams.spec.whatwg.org/#default-reader-class
// ReadableStreamBYOBReader: https://streams.spec.whatwg.org/#byob-reader-class

import { isDetached } from 'wapo:native';
import { defineInterface, include } from '../interfaces.js';
import { arrayBufferByteLength, dataViewByteLength, typedArrayLength } from '../primordials.js';
import { newDeferred, promiseReject, promiseResolve } from '../promises.js';
import { enforceRange, isDataView, requireArguments, toDictionary } from '../webidl.js';
import { toView, viewBuffer, viewByteLength } from './buffer-views.js';
import { ByteControllerSlots } from './readable-byte-controller.js';
import {
  attachReader,
  cancelReadable,
  closedPromiseOf,
  readDefault,
  ReaderSlots,
  readableSlots,
  releaseReader,
} from './readable-operations.js';
import { ERRORED } from './states.js';

const { RangeError, TypeError } = globalThis;

const released = () => new TypeError('the reader was released');

/**
 * A read or read-into request whose outcome is a promise for an iterator result. A deferred is made only if the
 * request is not answered at once.
 */
class PromiseRequest {
  #settled = undefined;
  #deferred = null;

  chunk(value) {
    const result = { value, done: false };
    if (this.#deferred !== null) this.#deferred.resolve(result);
    else this.#settled = promiseResolve(result);
  }

  close(value = undefined) {
    const result = { value, done: true };
    if (this.#deferred !== null) this.#deferred.resolve(result);
    else this.#settled = promiseResolve(result);
  }

  error(reason) {
    if (this.#deferred !== null) this.#deferred.reject(reason);
    else this.#settled = promiseReject(reason);
  }

  get promise() {
    if (this.#settled !== undefined) return this.#settled;
    this.#deferred = newDeferred();
    return this.#deferred.promise;
  }
}

/** ReadableStreamGenericReader: https://streams.spec.whatwg.org/#generic-reader-mixin */
const genericReader = (slotsOf) => ({
  get closed() {
    try {
      return closedPromiseOf(slotsOf(this));
    } catch (error) {
      return promiseReject(error);
    }
  },

  cancel(reason = undefined) {
    try {
      const { stream } = slotsOf(this);
      return stream === null ? promiseReject(released()) : cancelReadable(stream, reason);
    } catch (error) {
      return promiseReject(error);
    }
  },
});

export class ReadableStreamDefaultReader {
  #slots;

  constructor(stream) {
    requireArguments(arguments.length, 1, 'new ReadableStreamDefaultReader');
    const reader = new ReaderSlots(false);
    attachReader(reader, readableSlots(stream));
    this.#slots = reader;
  }

  read() {
    let reader;
    try {
      reader = this.#slots;
    } catch (error) {
      return promiseReject(error);
    }
    if (reader.stream === null) return promiseReject(released());
    const request = new PromiseRequest();
    readDefault(reader, request);
    return request.promise;
  }

  releaseLock() {
    const reader = this.#slots;
    if (reader.stream !== null) releaseReader(reader);
  }

  static {
    include(
      this,
      genericReader((reader) => reader.#slots),
    );
  }
}

export class ReadableStreamBYOBReader {
  #slots;

  constructor(stream) {
    requireArguments(arguments.length, 1, 'new ReadableStreamBYOBReader');
    const slots = readableSlots(stream);
    if (slots.reader === null && !(slots.controller instanceof ByteControllerSlots)) {
      throw new TypeError('only a byte stream can have a BYOB reader');
    }
    const reader = new ReaderSlots(true);
    attachReader(reader, slots);
    this.#slots = reader;
  }

  read(view, options = undefined) {
    try {
      const reader = this.#slots;
      requireArguments(arguments.length, 1, 'ReadableStreamBYOBReader.read');
      toView(view, 'ReadableStreamBYOBReader.read: the view');
      let { min } = toDictionary(options, 'ReadableStreamBYOBReader.read: options');
      min = min === undefined ? 1 : enforceRange(min, 'ReadableStreamBYOBReader.read: min');
      const buffer = viewBuffer(view);
      if (viewByteLength(view) === 0) throw new TypeError('the view must not be empty');
      if (arrayBufferByteLength(buffer) === 0) throw new TypeError('the buffer of the view must not be empty');
      if (isDetached(buffer)) throw new TypeError('the buffer of the view was detached');
      if (min === 0) throw new TypeError('min must be greater than 0');
      const length = isDataView(view) ? dataViewByteLength(view) : typedArrayLength(view);
      if (min > length) throw new RangeError('min must not be greater than the length of the view');
      if (reader.stream === null) throw released();
      const request = new PromiseRequest();
      readInto(reader, view, min, request);
      return request.promise;
    } catch (error) {
      return promiseReject(error);
    }
  }

  releaseLock() {
    const reader = this.#slots;
    if (reader.stream !== null) releaseReader(reader);
  }

  static {
    include(
      this,
      genericReader((reader) => reader.#slots),
    );
  }
}

defineInterface(ReadableStreamDefaultReader);
defineInterface(ReadableStreamBYOBReader);

/**
 * ReadableStreamBYOBReaderRead
 * @param request a read-into request, see ByteControllerSlots.pullInto
 */
export function readInto(reader, view, min, request) {
  const { stream } = reader;
  stream.disturbed = true;
  if (stream.state === ERRORED) request.error(stream.storedError);
  else stream.controller.pullInto(view, min, request);
}

/** AcquireReadableStreamBYOBReader, without the public object. */
export function acquireByobReader(stream) {
  const reader = new ReaderSlots(true);
  attachReader(reader, stream);
  return reader;
}
