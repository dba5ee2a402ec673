// ReadableStream: https://streams.spec.whatwg.org/#rs-class

import { isAbortSignal } from '../abort.js';
import { defineInterface } from '../interfaces.js';
import { call } from '../primordials.js';
import { markPromiseHandled, promiseReject } from '../promises.js';
import { enforceRange, isObject, requireArguments, toCallback, toDictionary, toEnum } from '../webidl.js';
import { AsyncIterator } from './async-iterator.js';
import { pullFromIterable } from './from-iterable.js';
import { pipe } from './pipe.js';
import { ByteControllerSlots } from './readable-byte-controller.js';
import { DefaultControllerSlots } from './readable-default-controller.js';
import { cancelReadable, isLocked, ReadableSlots, setReadableSlots } from './readable-operations.js';
import { ReadableStreamBYOBReader, ReadableStreamDefaultReader } from './readable-readers.js';
import { extractHighWaterMark, extractSizeAlgorithm, toStrategy } from './strategies.js';
import { tee } from './tee.js';
import { isWritableLocked, isWritableStream, writableSlots } from './writable-operations.js';

const { Object, RangeError, TypeError } = globalThis;
const { defineProperty } = Object;

/** The public object for slots that the platform made. */
let wrap;
let isReadableStream;

/** Converts an UnderlyingSource dictionary, in lexicographical order of its members. */
function toSource(source) {
  let { autoAllocateChunkSize } = source;
  if (autoAllocateChunkSize !== undefined)
    autoAllocateChunkSize = enforceRange(autoAllocateChunkSize, 'autoAllocateChunkSize');
  const { cancel } = source;
  if (cancel !== undefined) toCallback(cancel, 'cancel');
  const { pull } = source;
  if (pull !== undefined) toCallback(pull, 'pull');
  const { start } = source;
  if (start !== undefined) toCallback(start, 'start');
  let { type } = source;
  if (type !== undefined) type = toEnum(type, ['bytes'], 'type');
  return { autoAllocateChunkSize, cancel, pull, start, type };
}

const EMPTY_SOURCE = { __proto__: null };
const doNothing = () => undefined;

/** Converts a StreamPipeOptions dictionary. */
function toPipeOptions(value, what) {
  const options = toDictionary(value, what);
  const preventAbort = !!options.preventAbort;
  const preventCancel = !!options.preventCancel;
  const preventClose = !!options.preventClose;
  const { signal } = options;
  if (signal !== undefined && !isAbortSignal(signal)) throw new TypeError(`${what}: signal must be an AbortSignal`);
  return { preventAbort, preventCancel, preventClose, signal };
}

export class ReadableStream {
  #slots;

  constructor(underlyingSource = undefined, strategy = undefined) {
    if (underlyingSource instanceof ReadableSlots) {
      this.#slots = underlyingSource;
      underlyingSource.object = this;
      return;
    }
    if (underlyingSource !== undefined && !isObject(underlyingSource)) {
      throw new TypeError('new ReadableStream: the underlying source must be an object');
    }
    strategy = toStrategy(strategy, 'new ReadableStream: the strategy');
    const source = toSource(underlyingSource ?? EMPTY_SOURCE);
    const slots = new ReadableSlots();
    slots.object = this;
    this.#slots = slots;

    const { start, pull, cancel } = source;
    let controller;
    let controllerObject;
    const pullAlgorithm = pull === undefined ? null : () => call(pull, underlyingSource, controllerObject);
    const cancelAlgorithm = cancel === undefined ? doNothing : (reason) => call(cancel, underlyingSource, reason);
    if (source.type === 'bytes') {
      if (strategy.size !== undefined) throw new RangeError('the strategy of a byte stream must have no size function');
      const highWaterMark = extractHighWaterMark(strategy, 0);
      const { autoAllocateChunkSize } = source;
      if (autoAllocateChunkSize === 0) throw new TypeError('autoAllocateChunkSize must be greater than 0');
      controller = new ByteControllerSlots(slots, pullAlgorithm, cancelAlgorithm, highWaterMark, autoAllocateChunkSize);
    } else {
      const size = extractSizeAlgorithm(strategy);
      const highWaterMark = extractHighWaterMark(strategy, 1);
      controller = new DefaultControllerSlots(slots, pullAlgorithm, cancelAlgorithm, highWaterMark, size);
    }
    if (pull !== undefined || start !== undefined) controllerObject = controller.object;
    controller.start(start === undefined ? undefined : call(start, underlyingSource, controllerObject));
  }

  static {
    setReadableSlots((stream) => {
      if (!isReadableStream(stream)) throw new TypeError('the value is not a ReadableStream');
      return stream.#slots;
    });
    isReadableStream = (value) => isObject(value) && #slots in value;
    wrap = (slots) => slots.object ?? new ReadableStream(slots);
  }

  static from(asyncIterable) {
    requireArguments(arguments.length, 1, 'ReadableStream.from');
    const { pull, cancel } = pullFromIterable(
      asyncIterable,
      (chunk) => controller.enqueue(chunk),
      () => controller.close(),
    );
    const slots = new ReadableSlots();
    const controller = new DefaultControllerSlots(slots, pull, cancel, 0, null);
    controller.start(undefined);
    return new ReadableStream(slots);
  }

  get locked() {
    return isLocked(this.#slots);
  }

  cancel(reason = undefined) {
    try {
      const stream = this.#slots;
      if (isLocked(stream)) throw new TypeError('the stream is locked to a reader');
      return cancelReadable(stream, reason);
    } catch (error) {
      return promiseReject(error);
    }
  }

  getReader(options = undefined) {
    this.#slots; // the brand check comes before the conversion
    const { mode } = toDictionary(options, 'ReadableStream.getReader: options');
    if (mode === undefined) return new ReadableStreamDefaultReader(this);
    toEnum(mode, ['byob'], 'ReadableStream.getReader: mode');
    return new ReadableStreamBYOBReader(this);
  }

  pipeThrough(transform, options = undefined) {
    const source = this.#slots;
    requireArguments(arguments.length, 1, 'ReadableStream.pipeThrough');
    const { readable, writable } = toReadableWritablePair(transform);
    const { preventAbort, preventCancel, preventClose, signal } = toPipeOptions(
      options,
      'ReadableStream.pipeThrough: options',
    );
    if (isLocked(source)) throw new TypeError('ReadableStream.pipeThrough: the stream is locked to a reader');
    const destination = writableSlots(writable);
    if (isWritableLocked(destination)) throw new TypeError('ReadableStream.pipeThrough: the writable side is locked');
    markPromiseHandled(pipe(source, destination, preventClose, preventAbort, preventCancel, signal));
    return readable;
  }

  pipeTo(destination, options = undefined) {
    try {
      const source = this.#slots;
      requireArguments(arguments.length, 1, 'ReadableStream.pipeTo');
      const destinationSlots = writableSlots(destination);
      const { preventAbort, preventCancel, preventClose, signal } = toPipeOptions(
        options,
        'ReadableStream.pipeTo: options',
      );
      if (isLocked(source)) throw new TypeError('ReadableStream.pipeTo: the stream is locked to a reader');
      if (isWritableLocked(destinationSlots)) throw new TypeError('ReadableStream.pipeTo: the destination is locked');
      return pipe(source, destinationSlots, preventClose, preventAbort, preventCancel, signal);
    } catch (error) {
      return promiseReject(error);
    }
  }

  tee() {
    const branches = tee(this.#slots, null);
    return [wrap(branches[0]), wrap(branches[1])];
  }

  values(options = undefined) {
    const stream = this.#slots;
    const preventCancel = !!toDictionary(options, 'ReadableStream.values: options').preventCancel;
    return new AsyncIterator(stream, preventCancel);
  }
}

function toReadableWritablePair(value) {
  const { readable, writable } = toDictionary(value, 'ReadableStream.pipeThrough: the argument');
  if (!isReadableStream(readable)) throw new TypeError('ReadableStream.pipeThrough: readable must be a ReadableStream');
  if (!isWritableStream(writable)) throw new TypeError('ReadableStream.pipeThrough: writable must be a WritableStream');
  return { readable, writable };
}

defineInterface(ReadableStream);
defineProperty(ReadableStream.prototype, Symbol.asyncIterator, {
  __proto__: null,
  value: ReadableStream.prototype.values,
  writable: true,
  configurable: true,
});

export { isReadableStream, wrap as readableObject };
