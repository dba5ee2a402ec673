// WritableStreamDefaultController: https://streams.spec.whatwg.org/#ws-default-controller-class

import { AbortController } from '../abort.js';
import { defineInterface, illegalConstructor } from '../interfaces.js';
import { enqueueMicrotask } from '../primordials.js';
import { promiseReject, react } from '../promises.js';
import { ChunkQueue } from './chunk-queue.js';
import { ERRORING, WRITABLE } from './states.js';
import {
  dealWithRejection,
  finishClose,
  finishCloseWithError,
  finishErroring,
  finishWriteWithError,
  startErroring,
  updateBackpressure,
} from './writable-operations.js';

/**
 * The slots of a WritableStreamDefaultController.
 *
 * Algorithms: `write(chunk)`, `close()` and `abort(reason)` may throw, and return undefined, a promise, or (write
 * only) LATER: then `onWritten` or `onWriteFailed` must be called in a microtask.
 */
export class WritableControllerSlots {
  stream;
  #object = null;
  #queue;
  /** The close sentinel is in the queue, after all chunks. */
  #closeQueued = false;
  started = false;
  #highWaterMark;
  /** Whether each chunk counts as 1. */
  countsOnes;
  /** @type {?function(*): number} null if each chunk counts as 1, or the stream is not writable any more */
  #sizeAlgorithm;
  #writeAlgorithm;
  #closeAlgorithm;
  #abortAlgorithm;
  /** @type {?AbortController} made when somebody asks for the signal, or for an abort */
  #abortController = null;
  onWritten = null;
  onWriteFailed = null;

  constructor(stream, writeAlgorithm, closeAlgorithm, abortAlgorithm, highWaterMark, sizeAlgorithm) {
    this.stream = stream;
    this.#writeAlgorithm = writeAlgorithm;
    this.#closeAlgorithm = closeAlgorithm;
    this.#abortAlgorithm = abortAlgorithm;
    this.#highWaterMark = highWaterMark;
    this.countsOnes = sizeAlgorithm === null;
    this.#sizeAlgorithm = sizeAlgorithm;
    this.#queue = new ChunkQueue(sizeAlgorithm !== null);
    stream.controller = this;
    stream.backpressure = highWaterMark <= 0;
  }

  get object() {
    return (this.#object ??= new WritableStreamDefaultController(this));
  }

  get signal() {
    return (this.#abortController ??= new AbortController()).signal;
  }

  signalAbort(reason) {
    (this.#abortController ??= new AbortController()).abort(reason);
  }

  /** The end of SetUpWritableStreamDefaultController: reacts to what the start algorithm returned. */
  start(result) {
    react(
      result,
      () => {
        this.started = true;
        this.#advanceQueueIfNeeded();
      },
      (reason) => {
        this.started = true;
        dealWithRejection(this.stream, reason);
      },
    );
  }

  /** [[AbortSteps]]; an arrow function, since it is called through promiseCall */
  abortSteps = (reason) => {
    const abort = this.#abortAlgorithm;
    this.#clearAlgorithms();
    return abort(reason);
  };

  /** [[ErrorSteps]] */
  errorSteps() {
    this.#queue.reset();
    this.#closeQueued = false;
  }

  #clearAlgorithms() {
    this.#writeAlgorithm = null;
    this.#closeAlgorithm = null;
    this.#abortAlgorithm = null;
    this.#sizeAlgorithm = null;
  }

  get desiredSize() {
    return this.#highWaterMark - this.#queue.total;
  }

  /** WritableStreamDefaultControllerGetChunkSize, if `countsOnes` is false */
  sizeOf(chunk) {
    if (this.#sizeAlgorithm === null) return 1;
    try {
      return this.#sizeAlgorithm(chunk);
    } catch (error) {
      this.errorIfNeeded(error);
      return 1;
    }
  }

  /** WritableStreamDefaultControllerWrite */
  write(chunk, size) {
    if (this.countsOnes) {
      this.#queue.push(chunk);
    } else {
      try {
        this.#queue.enqueue(chunk, size);
      } catch (error) {
        this.errorIfNeeded(error);
        return;
      }
    }
    this.#updateBackpressure();
    this.#advanceQueueIfNeeded();
  }

  /** WritableStreamDefaultControllerGetBackpressure, and the update that follows it everywhere */
  #updateBackpressure() {
    const { stream } = this;
    if (stream.state !== WRITABLE || stream.closeRequest !== null || stream.inFlightCloseRequest !== null) return;
    const backpressure = this.#highWaterMark <= (this.countsOnes ? this.#queue.length : this.#queue.total);
    if (backpressure !== stream.backpressure) updateBackpressure(stream, backpressure);
  }

  /** WritableStreamDefaultControllerClose */
  close() {
    this.#closeQueued = true;
    this.#advanceQueueIfNeeded();
  }

  /** WritableStreamDefaultControllerAdvanceQueueIfNeeded */
  #advanceQueueIfNeeded() {
    const { stream } = this;
    if (!this.started || stream.inFlightWriteRequest !== null) return;
    if (stream.state === ERRORING) {
      finishErroring(stream);
      return;
    }
    if (this.#queue.length > 0) this.#processWrite();
    else if (this.#closeQueued) this.#processClose();
  }

  /** WritableStreamDefaultControllerProcessClose */
  #processClose() {
    const { stream } = this;
    stream.inFlightCloseRequest = stream.closeRequest;
    stream.closeRequest = null;
    this.#closeQueued = false;
    let result;
    try {
      result = this.#closeAlgorithm();
    } catch (error) {
      result = promiseReject(error);
    }
    this.#clearAlgorithms();
    react(
      result,
      () => finishClose(stream),
      (reason) => finishCloseWithError(stream, reason),
    );
  }

  /** WritableStreamDefaultControllerProcessWrite */
  #processWrite() {
    const { stream } = this;
    stream.inFlightWriteRequest = stream.writeRequests.shift();
    if (this.onWritten === null) this.#makeReactions();
    let result;
    try {
      result = this.#writeAlgorithm(this.#queue.peek());
    } catch (error) {
      result = promiseReject(error);
    }
    if (result === undefined) enqueueMicrotask(this.onWritten);
    else react(result, this.onWritten, this.onWriteFailed);
  }

  /** What to do when a write has ended; made once, on the first write. */
  #makeReactions() {
    const { stream } = this;
    this.onWritten = () => {
      // WritableStreamFinishInFlightWrite
      stream.inFlightWriteRequest.resolve(undefined);
      stream.inFlightWriteRequest = null;
      if (this.countsOnes) this.#queue.shift();
      else this.#queue.dequeue();
      this.#updateBackpressure();
      this.#advanceQueueIfNeeded();
    };
    this.onWriteFailed = (reason) => {
      if (stream.state === WRITABLE) this.#clearAlgorithms();
      finishWriteWithError(stream, reason);
    };
  }

  /** WritableStreamDefaultControllerErrorIfNeeded */
  errorIfNeeded(error) {
    if (this.stream.state === WRITABLE) this.error(error);
  }

  /** WritableStreamDefaultControllerError */
  error(error) {
    this.#clearAlgorithms();
    startErroring(this.stream, error);
  }
}

export class WritableStreamDefaultController {
  #slots;

  constructor(slots = undefined) {
    if (!(slots instanceof WritableControllerSlots)) throw illegalConstructor();
    this.#slots = slots;
  }

  get signal() {
    return this.#slots.signal;
  }

  error(reason = undefined) {
    const slots = this.#slots;
    if (slots.stream.state === WRITABLE) slots.error(reason);
  }
}

defineInterface(WritableStreamDefaultController);
