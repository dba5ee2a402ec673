// ReadableStreamDefaultController: https://streams.spec.whatwg.org/#rs-default-controller-class

import { defineInterface, illegalConstructor } from '../interfaces.js';
import { promiseCall } from '../promises.js';
import { ChunkQueue } from './chunk-queue.js';
import { PullingController } from './pulling.js';
import { closeReadable, errorReadable } from './readable-operations.js';
import { ERRORED, READABLE } from './states.js';

const { TypeError } = globalThis;

/** The slots of a ReadableStreamDefaultController, which are also what internal sources call. */
export class DefaultControllerSlots extends PullingController {
  /** @type {?ReadableStreamDefaultController} made when user code is given it */
  #object = null;
  queue;
  /** Whether each chunk counts as 1. */
  #countsOnes;
  /** @type {?function(*): number} null if each chunk counts as 1, or the stream is not readable any more */
  #sizeAlgorithm;

  constructor(stream, pullAlgorithm, cancelAlgorithm, highWaterMark, sizeAlgorithm) {
    super(stream, pullAlgorithm, cancelAlgorithm, highWaterMark);
    this.#countsOnes = sizeAlgorithm === null;
    this.#sizeAlgorithm = sizeAlgorithm;
    this.queue = new ChunkQueue(sizeAlgorithm !== null);
  }

  get object() {
    return (this.#object ??= new ReadableStreamDefaultController(this));
  }

  /** [[CancelSteps]] */
  cancelSteps(reason) {
    this.queue.reset();
    const { cancelAlgorithm } = this;
    this.clearAlgorithms();
    return promiseCall(cancelAlgorithm, reason);
  }

  /** [[PullSteps]] */
  pullSteps(request) {
    const { queue } = this;
    if (queue.length > 0) {
      const chunk = this.#countsOnes ? queue.shift() : queue.dequeue();
      if (this.closeRequested && queue.length === 0) {
        this.clearAlgorithms();
        closeReadable(this.stream);
      } else if (this.pullAlgorithm !== null && !this.pullAgain) {
        this.callPullIfNeeded();
      }
      request.chunk(chunk);
    } else {
      this.stream.reader.requests.push(request);
      this.callPullIfNeeded();
    }
  }

  /** [[ReleaseSteps]] */
  releaseSteps() {}

  /** ReadableStreamDefaultControllerShouldCallPull */
  shouldCallPull() {
    const { stream } = this;
    if (!this.started || this.closeRequested || stream.state !== READABLE) return false;
    const { reader } = stream;
    if (reader !== null && reader.requests.length > 0) return true;
    return this.highWaterMark > (this.#countsOnes ? this.queue.length : this.queue.total);
  }

  clearAlgorithms() {
    this.pullAlgorithm = null;
    this.cancelAlgorithm = null;
    this.#sizeAlgorithm = null;
  }

  /** ReadableStreamDefaultControllerCanCloseOrEnqueue */
  canCloseOrEnqueue() {
    return !this.closeRequested && this.stream.state === READABLE;
  }

  /** ReadableStreamDefaultControllerClose; does nothing if the stream cannot be closed any more. */
  close() {
    if (!this.canCloseOrEnqueue()) return;
    this.closeRequested = true;
    if (this.queue.length > 0) return;
    this.clearAlgorithms();
    closeReadable(this.stream);
  }

  /** ReadableStreamDefaultControllerEnqueue; does nothing if the stream cannot be enqueued to any more. */
  enqueue(chunk) {
    const { reader, state } = this.stream;
    if (this.closeRequested || state !== READABLE) return;
    if (reader !== null && reader.requests.length > 0) {
      // ReadableStreamFulfillReadRequest
      reader.requests.shift().chunk(chunk);
    } else if (this.#countsOnes) {
      this.queue.push(chunk);
    } else {
      try {
        this.queue.enqueue(chunk, this.#sizeAlgorithm(chunk));
      } catch (error) {
        this.error(error);
        throw error;
      }
    }
    if (this.pullAlgorithm !== null && !this.pullAgain) this.callPullIfNeeded();
  }

  /** ReadableStreamDefaultControllerError */
  error(reason) {
    if (this.stream.state !== READABLE) return;
    this.queue.reset();
    this.clearAlgorithms();
    errorReadable(this.stream, reason);
  }

  /** ReadableStreamDefaultControllerGetDesiredSize; null for an errored stream */
  get desiredSize() {
    const { state } = this.stream;
    if (state === READABLE) return this.highWaterMark - this.queue.total;
    return state === ERRORED ? null : 0;
  }

  /** ReadableStreamDefaultControllerHasBackpressure */
  hasBackpressure() {
    return !this.shouldCallPull();
  }
}

export class ReadableStreamDefaultController {
  #slots;

  constructor(slots = undefined) {
    if (!(slots instanceof DefaultControllerSlots)) throw illegalConstructor();
    this.#slots = slots;
  }

  get desiredSize() {
    return this.#slots.desiredSize;
  }

  close() {
    const slots = this.#slots;
    if (!slots.canCloseOrEnqueue()) throw new TypeError('the stream is closed or errored, or is being closed');
    slots.close();
  }

  enqueue(chunk = undefined) {
    const slots = this.#slots;
    if (slots.closeRequested || slots.stream.state !== READABLE) {
      throw new TypeError('the stream is closed or errored, or is being closed');
    }
    slots.enqueue(chunk);
  }

  error(reason = undefined) {
    this.#slots.error(reason);
  }
}

defineInterface(ReadableStreamDefaultController);
