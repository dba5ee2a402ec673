// TransformStream: https://streams.spec.whatwg.org/#ts-class
// TransformStreamDefaultController: https://streams.spec.whatwg.org/#ts-default-controller-class
//
// [[backpressureChangePromise]] is waited for by at most one write and one pull at a time. Both wait with LATER, and a
// change of backpressure queues the microtasks that the promise would have.

import { defineInterface, illegalConstructor } from '../interfaces.js';
import { call, enqueueMicrotask } from '../primordials.js';
import { LATER, newDeferred, promiseCall, promiseReject, promiseResolve, promiseThen, react } from '../promises.js';
import { isObject, toCallback } from '../webidl.js';
import { DefaultControllerSlots } from './readable-default-controller.js';
import { ReadableSlots } from './readable-operations.js';
import { readableObject } from './readable-stream.js';
import { ERRORED, ERRORING, READABLE } from './states.js';
import { extractHighWaterMark, extractSizeAlgorithm, toStrategy } from './strategies.js';
import { WritableControllerSlots } from './writable-controller.js';
import { WritableSlots } from './writable-operations.js';
import { writableObject } from './writable-stream.js';

const { RangeError, TypeError } = globalThis;

/**
 * The slots of a TransformStream and of its controller, which are also what internal transformers call.
 *
 * Algorithms may throw, and return undefined or a promise: `transform(chunk)`, `flush()`, `cancel(reason)`.
 */
export class TransformSlots {
  readable = new ReadableSlots();
  writable = new WritableSlots();
  #object = null;
  #backpressure = true;
  #transformAlgorithm;
  #flushAlgorithm;
  #cancelAlgorithm;
  /** @type {?Promise} [[finishPromise]] */
  #finish = null;

  /** A write that waits for backpressure to go, and its chunk. */
  #writeWaits = false;
  #waitingChunk = undefined;
  /** A pull that waits for backpressure to come back. */
  #pullWaits = false;

  constructor(writableHighWaterMark, writableSize, readableHighWaterMark, readableSize) {
    new WritableControllerSlots(
      this.writable,
      (chunk) => this.#write(chunk),
      () => this.#close(),
      (reason) => this.#abort(reason),
      writableHighWaterMark,
      writableSize,
    );
    new DefaultControllerSlots(
      this.readable,
      () => this.#pull(),
      (reason) => this.#cancel(reason),
      readableHighWaterMark,
      readableSize,
    );
  }

  /** Sets the algorithms; `start` begins both sides once the start algorithm has ended. */
  setAlgorithms(transform, flush, cancel) {
    this.#transformAlgorithm = transform;
    this.#flushAlgorithm = flush;
    this.#cancelAlgorithm = cancel;
  }

  /** @param startResult what the start algorithm returned */
  start(startResult) {
    if (startResult !== undefined) startResult = promiseResolve(startResult);
    this.writable.controller.start(startResult);
    this.readable.controller.start(startResult);
  }

  get object() {
    return (this.#object ??= new TransformStreamDefaultController(this));
  }

  get desiredSize() {
    return this.readable.controller.desiredSize;
  }

  #clearAlgorithms() {
    this.#transformAlgorithm = null;
    this.#flushAlgorithm = null;
    this.#cancelAlgorithm = null;
  }

  /** TransformStreamError */
  error(error) {
    this.readable.controller.error(error);
    this.#errorWritableAndUnblockWrite(error);
  }

  #errorWritableAndUnblockWrite(error) {
    this.#clearAlgorithms();
    this.writable.controller.errorIfNeeded(error);
    this.#unblockWrite();
  }

  #unblockWrite() {
    if (this.#backpressure) this.#setBackpressure(false);
  }

  /** TransformStreamSetBackpressure */
  #setBackpressure(backpressure) {
    this.#backpressure = backpressure;
    if (this.#writeWaits) {
      this.#writeWaits = false;
      enqueueMicrotask(this.#resumeWrite);
    }
    if (this.#pullWaits) {
      this.#pullWaits = false;
      enqueueMicrotask(this.readable.controller.onPulled);
    }
  }

  /** TransformStreamDefaultControllerEnqueue */
  enqueue(chunk) {
    const { controller } = this.readable;
    if (controller.closeRequested || this.readable.state !== READABLE) {
      throw new TypeError('the readable side is closed or errored');
    }
    try {
      controller.enqueue(chunk);
    } catch (error) {
      this.#errorWritableAndUnblockWrite(error);
      throw this.readable.storedError;
    }
    const backpressure = controller.hasBackpressure();
    if (backpressure !== this.#backpressure) this.#setBackpressure(true);
  }

  /** TransformStreamDefaultControllerTerminate */
  terminate() {
    this.readable.controller.close();
    this.#errorWritableAndUnblockWrite(new TypeError('the transform stream was terminated'));
  }

  /** TransformStreamDefaultControllerPerformTransform */
  #transform(chunk) {
    let result;
    try {
      result = this.#transformAlgorithm(chunk);
    } catch (error) {
      return this.#transformFailed(error);
    }
    return result === undefined ? undefined : promiseThen(promiseResolve(result), undefined, this.#transformFailed);
  }

  #transformFailed = (error) => {
    this.error(error);
    return promiseReject(error);
  };

  // Sink algorithms: https://streams.spec.whatwg.org/#transform-stream-default-sink

  #write(chunk) {
    if (!this.#backpressure) return this.#transform(chunk);
    this.#writeWaits = true;
    this.#waitingChunk = chunk;
    return LATER;
  }

  #resumeWrite = () => {
    const { writable } = this;
    const { controller } = writable;
    const chunk = this.#waitingChunk;
    this.#waitingChunk = undefined;
    if (writable.state === ERRORING) controller.onWriteFailed(writable.storedError);
    else react(this.#transform(chunk), controller.onWritten, controller.onWriteFailed);
  };

  #abort(reason) {
    return this.#end(
      () => this.#cancelAlgorithm(reason),
      (deferred) => {
        const { readable } = this;
        if (readable.state === ERRORED) {
          deferred.reject(readable.storedError);
        } else {
          readable.controller.error(reason);
          deferred.resolve(undefined);
        }
      },
      (error) => this.readable.controller.error(error),
    );
  }

  #close() {
    return this.#end(
      this.#flushAlgorithm,
      (deferred) => {
        const { readable } = this;
        if (readable.state === ERRORED) {
          deferred.reject(readable.storedError);
        } else {
          readable.controller.close();
          deferred.resolve(undefined);
        }
      },
      (error) => this.readable.controller.error(error),
    );
  }

  // Source algorithms: https://streams.spec.whatwg.org/#transform-stream-default-source

  #pull() {
    this.#setBackpressure(false);
    this.#pullWaits = true;
    return LATER;
  }

  #cancel(reason) {
    return this.#end(
      () => this.#cancelAlgorithm(reason),
      (deferred) => {
        const { writable } = this;
        if (writable.state === ERRORED) {
          deferred.reject(writable.storedError);
        } else {
          writable.controller.errorIfNeeded(reason);
          this.#unblockWrite();
          deferred.resolve(undefined);
        }
      },
      (error) => {
        this.writable.controller.errorIfNeeded(error);
        this.#unblockWrite();
      },
    );
  }

  /**
   * What abort, close and cancel have in common: the first of them runs its algorithm and decides [[finishPromise]].
   * @param {function()} algorithm
   * @param {function(object)} succeeded settles the deferred of the finish promise
   * @param {function(*)} failed is told what the algorithm threw; the finish promise is rejected with that
   */
  #end(algorithm, succeeded, failed) {
    if (this.#finish !== null) return this.#finish;
    const deferred = newDeferred();
    this.#finish = deferred.promise;
    const result = promiseCall(algorithm);
    this.#clearAlgorithms();
    promiseThen(
      result,
      () => succeeded(deferred),
      (error) => {
        failed(error);
        deferred.reject(error);
      },
    );
    return deferred.promise;
  }
}

/** Converts a Transformer dictionary, in lexicographical order of its members. */
function toTransformer(transformer) {
  const { cancel } = transformer;
  if (cancel !== undefined) toCallback(cancel, 'cancel');
  const { flush } = transformer;
  if (flush !== undefined) toCallback(flush, 'flush');
  const { readableType } = transformer;
  const { start } = transformer;
  if (start !== undefined) toCallback(start, 'start');
  const { transform } = transformer;
  if (transform !== undefined) toCallback(transform, 'transform');
  const { writableType } = transformer;
  return { cancel, flush, readableType, start, transform, writableType };
}

const EMPTY_TRANSFORMER = { __proto__: null };
const doNothing = () => undefined;

export class TransformStream {
  #slots;

  constructor(transformer = undefined, writableStrategy = undefined, readableStrategy = undefined) {
    if (transformer !== undefined && !isObject(transformer)) {
      throw new TypeError('new TransformStream: the transformer must be an object');
    }
    writableStrategy = toStrategy(writableStrategy, 'new TransformStream: the writable strategy');
    readableStrategy = toStrategy(readableStrategy, 'new TransformStream: the readable strategy');
    const { cancel, flush, readableType, start, transform, writableType } = toTransformer(
      transformer ?? EMPTY_TRANSFORMER,
    );
    if (readableType !== undefined) throw new RangeError('new TransformStream: readableType must be undefined');
    if (writableType !== undefined) throw new RangeError('new TransformStream: writableType must be undefined');
    const readableHighWaterMark = extractHighWaterMark(readableStrategy, 0);
    const readableSize = extractSizeAlgorithm(readableStrategy);
    const writableHighWaterMark = extractHighWaterMark(writableStrategy, 1);
    const writableSize = extractSizeAlgorithm(writableStrategy);
    const slots = new TransformSlots(writableHighWaterMark, writableSize, readableHighWaterMark, readableSize);
    this.#slots = slots;
    const controllerObject = transformer === undefined ? undefined : slots.object;
    slots.setAlgorithms(
      transform === undefined
        ? (chunk) => slots.enqueue(chunk)
        : (chunk) => call(transform, transformer, chunk, controllerObject),
      flush === undefined ? doNothing : () => call(flush, transformer, controllerObject),
      cancel === undefined ? doNothing : (reason) => call(cancel, transformer, reason),
    );
    slots.start(start === undefined ? undefined : call(start, transformer, controllerObject));
  }

  get readable() {
    return readableObject(this.#slots.readable);
  }

  get writable() {
    return writableObject(this.#slots.writable);
  }
}

export class TransformStreamDefaultController {
  #slots;

  constructor(slots = undefined) {
    if (!(slots instanceof TransformSlots)) throw illegalConstructor();
    this.#slots = slots;
  }

  get desiredSize() {
    return this.#slots.desiredSize;
  }

  enqueue(chunk = undefined) {
    this.#slots.enqueue(chunk);
  }

  error(reason = undefined) {
    this.#slots.error(reason);
  }

  terminate() {
    this.#slots.terminate();
  }
}

defineInterface(TransformStream);
defineInterface(TransformStreamDefaultController);
