// ReadableByteStreamController: https://streams.spec.whatwg.org/#rbs-controller-class
// and its abstract operations: https://streams.spec.whatwg.org/#rbs-controller-abstract-ops

import { isDetached } from 'wapo:native';
import { defineInterface, illegalConstructor } from '../interfaces.js';
import { arrayBufferByteLength, arrayBufferTransfer, copyBuffer, typedArraySet } from '../primordials.js';
import { promiseCall } from '../promises.js';
import { requireArguments } from '../webidl.js';
import { viewBuffer, viewByteLength, viewByteOffset, toView, viewType } from './buffer-views.js';
import { createByobRequest, invalidateByobRequest } from './byob-request.js';
import { Deque } from './deque.js';
import { PullingController } from './pulling.js';
import { closeReadable, errorReadable } from './readable-operations.js';
import { CLOSED, ERRORED, READABLE } from './states.js';

const { ArrayBuffer, RangeError, TypeError, Uint8Array } = globalThis;
const { min } = Math;

// [[readerType]] of a pull-into descriptor
const DEFAULT = 0;
const BYOB = 1;
const NONE = 2; // its reader was released

/** A pull-into descriptor: a piece of a buffer that is to be filled for a reader. */
class PullInto {
  bytesFilled = 0;

  constructor(buffer, byteOffset, byteLength, minimumFill, elementSize, viewConstructor, readerType) {
    this.buffer = buffer;
    this.bufferByteLength = arrayBufferByteLength(buffer);
    this.byteOffset = byteOffset;
    this.byteLength = byteLength;
    this.minimumFill = minimumFill;
    this.elementSize = elementSize;
    this.viewConstructor = viewConstructor;
    this.readerType = readerType;
  }
}

/** The slots of a ReadableByteStreamController, which are also what internal byte sources call. */
export class ByteControllerSlots extends PullingController {
  #object = null;
  /** @type {Deque<Uint8Array>} a queue entry is a view of a buffer that nobody else has */
  #queue = new Deque();
  queueTotalSize = 0;
  /** @type {number|undefined} */
  #autoAllocateChunkSize;
  /** @type {PullInto[]} */
  pendingPullIntos = [];
  /** @type {?ReadableStreamBYOBRequest} */
  #byobRequest = null;

  constructor(stream, pullAlgorithm, cancelAlgorithm, highWaterMark, autoAllocateChunkSize) {
    super(stream, pullAlgorithm, cancelAlgorithm, highWaterMark);
    this.#autoAllocateChunkSize = autoAllocateChunkSize;
  }

  get object() {
    return (this.#object ??= new ReadableByteStreamController(this));
  }

  /** [[CancelSteps]] */
  cancelSteps(reason) {
    this.clearPendingPullIntos();
    this.#resetQueue();
    const { cancelAlgorithm } = this;
    this.clearAlgorithms();
    return promiseCall(cancelAlgorithm, reason);
  }

  /** [[PullSteps]] */
  pullSteps(request) {
    if (this.queueTotalSize > 0) {
      this.#fillReadRequestFromQueue(request);
      return;
    }
    const size = this.#autoAllocateChunkSize;
    if (size !== undefined) {
      let buffer;
      try {
        buffer = new ArrayBuffer(size);
      } catch (error) {
        request.error(error);
        return;
      }
      this.pendingPullIntos.push(new PullInto(buffer, 0, size, 1, 1, Uint8Array, DEFAULT));
    }
    this.stream.reader.requests.push(request);
    this.callPullIfNeeded();
  }

  /** [[ReleaseSteps]] */
  releaseSteps() {
    if (this.pendingPullIntos.length === 0) return;
    const first = this.pendingPullIntos[0];
    first.readerType = NONE;
    this.pendingPullIntos = [first];
  }

  /** ReadableByteStreamControllerShouldCallPull */
  shouldCallPull() {
    const { stream } = this;
    if (stream.state !== READABLE || this.closeRequested || !this.started) return false;
    const { reader } = stream;
    return (reader !== null && reader.requests.length > 0) || this.highWaterMark > this.queueTotalSize;
  }

  canCloseOrEnqueue() {
    return !this.closeRequested && this.stream.state === READABLE;
  }

  clearAlgorithms() {
    this.pullAlgorithm = null;
    this.cancelAlgorithm = null;
  }

  #resetQueue() {
    this.#queue.clear();
    this.queueTotalSize = 0;
  }

  /** ReadableByteStreamControllerClearPendingPullIntos */
  clearPendingPullIntos() {
    this.#invalidateByobRequest();
    this.pendingPullIntos = [];
  }

  /** ReadableByteStreamControllerClose */
  close() {
    if (!this.canCloseOrEnqueue()) return;
    if (this.queueTotalSize > 0) {
      this.closeRequested = true;
      return;
    }
    if (this.pendingPullIntos.length > 0) {
      const first = this.pendingPullIntos[0];
      if (first.bytesFilled % first.elementSize !== 0) {
        const error = new TypeError('the stream ends within an element of the view that is being filled');
        this.error(error);
        throw error;
      }
    }
    this.clearAlgorithms();
    closeReadable(this.stream);
  }

  /** ReadableByteStreamControllerError */
  error(reason) {
    if (this.stream.state !== READABLE) return;
    this.clearPendingPullIntos();
    this.#resetQueue();
    this.clearAlgorithms();
    errorReadable(this.stream, reason);
  }

  /** ReadableByteStreamControllerGetDesiredSize; null for an errored stream */
  get desiredSize() {
    const { state } = this.stream;
    if (state === READABLE) return this.highWaterMark - this.queueTotalSize;
    return state === ERRORED ? null : 0;
  }

  /**
   * ReadableByteStreamControllerEnqueue, without the transfer of the chunk's buffer: the caller gives it away.
   * @param {Uint8Array} chunk not empty, over a buffer that nobody else uses; whoever reads the stream will own it
   */
  enqueue(chunk) {
    const { stream } = this;
    if (!this.canCloseOrEnqueue()) return;
    if (this.pendingPullIntos.length > 0) {
      const first = this.pendingPullIntos[0];
      if (isDetached(first.buffer)) throw new TypeError('the buffer of the BYOB request was detached');
      this.#invalidateByobRequest();
      first.buffer = arrayBufferTransfer(first.buffer);
      if (first.readerType === NONE) this.#enqueueDetachedPullInto(first);
    }
    const { reader } = stream;
    if (reader === null) {
      this.#enqueueToQueue(chunk);
    } else if (reader.isByob) {
      this.#enqueueToQueue(chunk);
      this.#commitAll(this.#fillPullIntosFromQueue());
    } else {
      // ReadableByteStreamControllerProcessReadRequestsUsingQueue
      const { requests } = reader;
      while (requests.length > 0 && this.queueTotalSize > 0) this.#fillReadRequestFromQueue(requests.shift());
      if (requests.length === 0) {
        this.#enqueueToQueue(chunk);
      } else {
        if (this.pendingPullIntos.length > 0) this.#shiftPendingPullInto();
        requests.shift().chunk(chunk);
      }
    }
    this.callPullIfNeeded();
  }

  #enqueueToQueue(chunk) {
    this.#queue.push(chunk);
    this.queueTotalSize += chunk.length;
  }

  /** ReadableByteStreamControllerEnqueueClonedChunkToQueue */
  #enqueueClone(buffer, byteOffset, byteLength) {
    let clone;
    try {
      clone = copyBuffer(buffer, byteOffset, byteLength);
    } catch (error) {
      this.error(error);
      throw error;
    }
    this.#enqueueToQueue(new Uint8Array(clone));
  }

  /** ReadableByteStreamControllerEnqueueDetachedPullIntoToQueue */
  #enqueueDetachedPullInto(pullInto) {
    if (pullInto.bytesFilled > 0) this.#enqueueClone(pullInto.buffer, pullInto.byteOffset, pullInto.bytesFilled);
    this.#shiftPendingPullInto();
  }

  #shiftPendingPullInto() {
    return this.pendingPullIntos.shift();
  }

  /** ReadableByteStreamControllerFillReadRequestFromQueue */
  #fillReadRequestFromQueue(request) {
    const chunk = this.#queue.shift();
    this.queueTotalSize -= chunk.length;
    this.#handleQueueDrain();
    request.chunk(chunk);
  }

  /** ReadableByteStreamControllerHandleQueueDrain */
  #handleQueueDrain() {
    if (this.queueTotalSize === 0 && this.closeRequested) {
      this.clearAlgorithms();
      closeReadable(this.stream);
    } else {
      this.callPullIfNeeded();
    }
  }

  /** ReadableByteStreamControllerFillPullIntoDescriptorFromQueue: whether the descriptor is filled enough */
  #fillPullIntoFromQueue(pullInto) {
    const queue = this.#queue;
    const maxBytesFilled = pullInto.bytesFilled + min(this.queueTotalSize, pullInto.byteLength - pullInto.bytesFilled);
    const maxAlignedBytes = maxBytesFilled - (maxBytesFilled % pullInto.elementSize);
    const ready = maxAlignedBytes >= pullInto.minimumFill;
    let remaining = (ready ? maxAlignedBytes : maxBytesFilled) - pullInto.bytesFilled;
    const destination = new Uint8Array(pullInto.buffer, pullInto.byteOffset, pullInto.byteLength);
    while (remaining > 0) {
      const head = queue.peek();
      const count = min(remaining, head.length);
      if (count === head.length) {
        typedArraySet(destination, head, pullInto.bytesFilled);
        queue.shift();
      } else {
        typedArraySet(destination, new Uint8Array(head.buffer, head.byteOffset, count), pullInto.bytesFilled);
        queue.replaceFirst(new Uint8Array(head.buffer, head.byteOffset + count, head.length - count));
      }
      this.queueTotalSize -= count;
      pullInto.bytesFilled += count;
      remaining -= count;
    }
    return ready;
  }

  /** ReadableByteStreamControllerProcessPullIntoDescriptorsUsingQueue: the descriptors that are ready */
  #fillPullIntosFromQueue() {
    const filled = [];
    while (this.pendingPullIntos.length > 0 && this.queueTotalSize > 0) {
      const first = this.pendingPullIntos[0];
      if (this.#fillPullIntoFromQueue(first)) {
        this.#shiftPendingPullInto();
        filled.push(first);
      }
    }
    return filled;
  }

  /** ReadableByteStreamControllerCommitPullIntoDescriptor */
  #commit(pullInto) {
    const view = this.#convert(pullInto);
    const request = this.stream.reader.requests.shift();
    if (this.stream.state === CLOSED) request.close(view);
    else request.chunk(view);
  }

  #commitAll(filled) {
    for (let i = 0; i < filled.length; i++) this.#commit(filled[i]);
  }

  /** ReadableByteStreamControllerConvertPullIntoDescriptor */
  #convert({ buffer, byteOffset, bytesFilled, elementSize, viewConstructor: View }) {
    return new View(arrayBufferTransfer(buffer), byteOffset, bytesFilled / elementSize);
  }

  /**
   * ReadableByteStreamControllerPullInto
   * @param view a view that the caller has checked
   * @param min in elements
   * @param request a read-into request: `chunk(view)`, `close(view or undefined)`, `error(reason)`
   */
  pullInto(view, min, request) {
    const { stream } = this;
    const { constructor: View, elementSize } = viewType(view);
    const byteOffset = viewByteOffset(view);
    const byteLength = viewByteLength(view);
    let buffer;
    try {
      buffer = arrayBufferTransfer(viewBuffer(view));
    } catch (error) {
      request.error(error);
      return;
    }
    const pullInto = new PullInto(buffer, byteOffset, byteLength, min * elementSize, elementSize, View, BYOB);
    if (this.pendingPullIntos.length > 0) {
      this.pendingPullIntos.push(pullInto);
      stream.reader.requests.push(request);
      return;
    }
    if (stream.state === CLOSED) {
      request.close(new View(buffer, byteOffset, 0));
      return;
    }
    if (this.queueTotalSize > 0) {
      if (this.#fillPullIntoFromQueue(pullInto)) {
        const filledView = this.#convert(pullInto);
        this.#handleQueueDrain();
        request.chunk(filledView);
        return;
      }
      if (this.closeRequested) {
        const error = new TypeError('the stream ends before the view is filled');
        this.error(error);
        request.error(error);
        return;
      }
    }
    this.pendingPullIntos.push(pullInto);
    stream.reader.requests.push(request);
    this.callPullIfNeeded();
  }

  /** ReadableByteStreamControllerGetBYOBRequest */
  get byobRequest() {
    if (this.#byobRequest === null && this.pendingPullIntos.length > 0) {
      const { buffer, byteOffset, byteLength, bytesFilled } = this.pendingPullIntos[0];
      const view = new Uint8Array(buffer, byteOffset + bytesFilled, byteLength - bytesFilled);
      this.#byobRequest = createByobRequest(this, view);
    }
    return this.#byobRequest;
  }

  /** ReadableByteStreamControllerInvalidateBYOBRequest */
  #invalidateByobRequest() {
    if (this.#byobRequest === null) return;
    invalidateByobRequest(this.#byobRequest);
    this.#byobRequest = null;
  }

  /** ReadableByteStreamControllerRespond */
  respond(bytesWritten) {
    const first = this.pendingPullIntos[0];
    if (this.stream.state === CLOSED) {
      if (bytesWritten !== 0) throw new TypeError('the stream is closed: bytesWritten must be 0');
    } else {
      if (bytesWritten === 0) throw new TypeError('bytesWritten must not be 0 while the stream is readable');
      if (first.bytesFilled + bytesWritten > first.byteLength) throw new RangeError('bytesWritten is out of range');
    }
    first.buffer = arrayBufferTransfer(first.buffer);
    this.#respondInternal(bytesWritten);
  }

  /** ReadableByteStreamControllerRespondWithNewView */
  respondWithNewView(view) {
    const first = this.pendingPullIntos[0];
    const byteLength = viewByteLength(view);
    if (this.stream.state === CLOSED) {
      if (byteLength !== 0) throw new TypeError('the stream is closed: the view must be empty');
    } else if (byteLength === 0) {
      throw new TypeError('the view must not be empty while the stream is readable');
    }
    if (first.byteOffset + first.bytesFilled !== viewByteOffset(view)) {
      throw new RangeError('the view must begin where the view of the BYOB request began');
    }
    const buffer = viewBuffer(view);
    if (first.bufferByteLength !== arrayBufferByteLength(buffer)) {
      throw new RangeError('the buffer of the view must be as long as that of the BYOB request');
    }
    if (first.bytesFilled + byteLength > first.byteLength) throw new RangeError('the view is too long');
    first.buffer = arrayBufferTransfer(buffer);
    this.#respondInternal(byteLength);
  }

  /** ReadableByteStreamControllerRespondInternal */
  #respondInternal(bytesWritten) {
    const first = this.pendingPullIntos[0];
    this.#invalidateByobRequest();
    if (this.stream.state === CLOSED) this.#respondInClosedState(first);
    else this.#respondInReadableState(bytesWritten, first);
    this.callPullIfNeeded();
  }

  /** ReadableByteStreamControllerRespondInClosedState */
  #respondInClosedState(first) {
    if (first.readerType === NONE) this.#shiftPendingPullInto();
    const { reader } = this.stream;
    if (reader === null || !reader.isByob) return;
    const filled = [];
    for (let i = reader.requests.length; i > 0; i--) filled.push(this.#shiftPendingPullInto());
    this.#commitAll(filled);
  }

  /** ReadableByteStreamControllerRespondInReadableState */
  #respondInReadableState(bytesWritten, pullInto) {
    pullInto.bytesFilled += bytesWritten;
    if (pullInto.readerType === NONE) {
      this.#enqueueDetachedPullInto(pullInto);
      this.#commitAll(this.#fillPullIntosFromQueue());
      return;
    }
    if (pullInto.bytesFilled < pullInto.minimumFill) return;
    this.#shiftPendingPullInto();
    const remainder = pullInto.bytesFilled % pullInto.elementSize;
    if (remainder > 0) {
      this.#enqueueClone(pullInto.buffer, pullInto.byteOffset + pullInto.bytesFilled - remainder, remainder);
      pullInto.bytesFilled -= remainder;
    }
    const filled = this.#fillPullIntosFromQueue();
    this.#commit(pullInto);
    this.#commitAll(filled);
  }
}

export class ReadableByteStreamController {
  #slots;

  constructor(slots = undefined) {
    if (!(slots instanceof ByteControllerSlots)) throw illegalConstructor();
    this.#slots = slots;
  }

  get byobRequest() {
    return this.#slots.byobRequest;
  }

  get desiredSize() {
    return this.#slots.desiredSize;
  }

  close() {
    const slots = this.#slots;
    if (!slots.canCloseOrEnqueue()) throw new TypeError('the stream is closed or errored, or is being closed');
    slots.close();
  }

  enqueue(chunk) {
    const slots = this.#slots;
    requireArguments(arguments.length, 1, 'ReadableByteStreamController.enqueue');
    toView(chunk, 'ReadableByteStreamController.enqueue: the chunk');
    const buffer = viewBuffer(chunk);
    const byteOffset = viewByteOffset(chunk);
    const byteLength = viewByteLength(chunk);
    if (byteLength === 0) throw new TypeError('the chunk must not be empty');
    if (arrayBufferByteLength(buffer) === 0) throw new TypeError('the buffer of the chunk must not be empty');
    if (!slots.canCloseOrEnqueue()) throw new TypeError('the stream is closed or errored, or is being closed');
    slots.enqueue(new Uint8Array(arrayBufferTransfer(buffer), byteOffset, byteLength));
  }

  error(reason = undefined) {
    this.#slots.error(reason);
  }
}

defineInterface(ReadableByteStreamController);
