// WritableStream: https://streams.spec.whatwg.org/#ws-class
// WritableStreamDefaultWriter: https://streams.spec.whatwg.org/#default-writer-class

import { defineInterface } from '../interfaces.js';
import { call } from '../primordials.js';
import { newDeferred, promiseReject } from '../promises.js';
import { isObject, requireArguments, toCallback } from '../webidl.js';
import { extractHighWaterMark, extractSizeAlgorithm, toStrategy } from './strategies.js';
import { WritableControllerSlots } from './writable-controller.js';
import {
  abortWritable,
  attachWriter,
  closeQueuedOrInFlight,
  closeWritable,
  desiredSizeOf,
  isWritableLocked,
  releaseWriter,
  setWritableSlots,
  WritableSlots,
  writableSlots,
  writeChunk,
  writerClosed,
  writerReady,
  WriterSlots,
} from './writable-operations.js';

const { RangeError, TypeError } = globalThis;

/** Converts an UnderlyingSink dictionary, in lexicographical order of its members. */
function toSink(sink) {
  const { abort } = sink;
  if (abort !== undefined) toCallback(abort, 'abort');
  const { close } = sink;
  if (close !== undefined) toCallback(close, 'close');
  const { start } = sink;
  if (start !== undefined) toCallback(start, 'start');
  const { type } = sink;
  const { write } = sink;
  if (write !== undefined) toCallback(write, 'write');
  return { abort, close, start, type, write };
}

const EMPTY_SINK = { __proto__: null };
const doNothing = () => undefined;

export class WritableStream {
  #slots;

  constructor(underlyingSink = undefined, strategy = undefined) {
    if (underlyingSink instanceof WritableSlots) {
      this.#slots = underlyingSink;
      underlyingSink.object = this;
      return;
    }
    if (underlyingSink !== undefined && !isObject(underlyingSink)) {
      throw new TypeError('new WritableStream: the underlying sink must be an object');
    }
    strategy = toStrategy(strategy, 'new WritableStream: the strategy');
    const { abort, close, start, type, write } = toSink(underlyingSink ?? EMPTY_SINK);
    if (type !== undefined) throw new RangeError('new WritableStream: the sink must not have a type');
    const slots = new WritableSlots();
    slots.object = this;
    this.#slots = slots;
    const size = extractSizeAlgorithm(strategy);
    const highWaterMark = extractHighWaterMark(strategy, 1);
    let controllerObject;
    const controller = new WritableControllerSlots(
      slots,
      write === undefined ? doNothing : (chunk) => call(write, underlyingSink, chunk, controllerObject),
      close === undefined ? doNothing : () => call(close, underlyingSink),
      abort === undefined ? doNothing : (reason) => call(abort, underlyingSink, reason),
      highWaterMark,
      size,
    );
    if (write !== undefined || start !== undefined) controllerObject = controller.object;
    controller.start(start === undefined ? undefined : call(start, underlyingSink, controllerObject));
  }

  static {
    const isWritableStream = (value) => isObject(value) && #slots in value;
    setWritableSlots((stream) => {
      if (!isWritableStream(stream)) throw new TypeError('the value is not a WritableStream');
      return stream.#slots;
    }, isWritableStream);
  }

  get locked() {
    return isWritableLocked(this.#slots);
  }

  abort(reason = undefined) {
    try {
      const stream = this.#slots;
      if (isWritableLocked(stream)) throw new TypeError('the stream is locked to a writer');
      return abortWritable(stream, reason);
    } catch (error) {
      return promiseReject(error);
    }
  }

  close() {
    try {
      const stream = this.#slots;
      if (isWritableLocked(stream)) throw new TypeError('the stream is locked to a writer');
      if (closeQueuedOrInFlight(stream)) throw new TypeError('the stream is being closed');
      return closeWritable(stream);
    } catch (error) {
      return promiseReject(error);
    }
  }

  getWriter() {
    this.#slots; // the brand check
    return new WritableStreamDefaultWriter(this);
  }
}

/** The public object for slots that the platform made. */
export const writableObject = (slots) => slots.object ?? new WritableStream(slots);

const released = () => new TypeError('the writer was released');

export class WritableStreamDefaultWriter {
  #slots;

  constructor(stream) {
    requireArguments(arguments.length, 1, 'new WritableStreamDefaultWriter');
    const writer = new WriterSlots();
    attachWriter(writer, writableSlots(stream));
    this.#slots = writer;
  }

  get closed() {
    try {
      return writerClosed(this.#slots);
    } catch (error) {
      return promiseReject(error);
    }
  }

  get desiredSize() {
    const { stream } = this.#slots;
    if (stream === null) throw released();
    return desiredSizeOf(stream);
  }

  get ready() {
    try {
      return writerReady(this.#slots);
    } catch (error) {
      return promiseReject(error);
    }
  }

  abort(reason = undefined) {
    try {
      const { stream } = this.#slots;
      if (stream === null) throw released();
      return abortWritable(stream, reason);
    } catch (error) {
      return promiseReject(error);
    }
  }

  close() {
    try {
      const { stream } = this.#slots;
      if (stream === null) throw released();
      if (closeQueuedOrInFlight(stream)) throw new TypeError('the stream is being closed');
      return closeWritable(stream);
    } catch (error) {
      return promiseReject(error);
    }
  }

  releaseLock() {
    const writer = this.#slots;
    if (writer.stream !== null) releaseWriter(writer);
  }

  write(chunk = undefined) {
    try {
      const writer = this.#slots;
      if (writer.stream === null) throw released();
      const deferred = newDeferred();
      writeChunk(writer, chunk, deferred);
      return deferred.promise;
    } catch (error) {
      return promiseReject(error);
    }
  }
}

defineInterface(WritableStream);
defineInterface(WritableStreamDefaultWriter);
