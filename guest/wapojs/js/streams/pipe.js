// ReadableStreamPipeTo: https://streams.spec.whatwg.org/#readable-stream-pipe-to
//
// One object per pipe is the read request of every read and the observer of both ends, so a chunk costs no promise and
// no closure: it goes from the one queue to the other within a loop that runs as long as the destination wants more.

import { abortReason, addAbortAlgorithm, isAborted, removeAbortAlgorithm } from '../abort.js';
import { enqueueMicrotask } from '../primordials.js';
import { newDeferred, promiseReject, promiseResolve, promiseThen, waitForAll } from '../promises.js';
import { acquireDefaultReader, cancelReadable, readDefault, releaseReader } from './readable-operations.js';
import { CLOSED, ERRORED, READABLE, WRITABLE } from './states.js';
import {
  abortWritable,
  acquireWriter,
  closeQueuedOrInFlight,
  closeWritable,
  releaseWriter,
  writeChunk,
} from './writable-operations.js';

const { TypeError } = globalThis;

class Pipe {
  #source;
  #destination;
  #reader;
  #writer;
  #preventClose;
  #preventAbort;
  #preventCancel;
  #signal;
  #finished = newDeferred();

  #shuttingDown = false;
  /** A read is under way. */
  #reading = false;
  /** We are inside the loop, so a chunk may be written at once. */
  #looping = false;
  /** A chunk that arrived outside the loop, and is to be written by the next microtask. */
  #hasArrived = false;
  #arrived = undefined;
  #writesUnderWay = 0;
  /** What to do when all chunks that were read have been written. */
  #afterWrites = null;
  #abortSteps = null;

  /** The loop: reads and writes as long as the destination wants more, and chunks are there. */
  #loop = () => {
    const destination = this.#destination;
    this.#looping = true;
    // No backpressure: the desired size is above 0.
    while (!this.#reading && !this.#hasArrived && destination.state === WRITABLE && !destination.backpressure) {
      if (this.#shuttingDown) break;
      this.#reading = true;
      readDefault(this.#reader, this);
    }
    this.#looping = false;
  };

  /** Writes the chunk that arrived outside the loop. */
  #writeArrived = () => {
    this.#hasArrived = false;
    const chunk = this.#arrived;
    this.#arrived = undefined;
    this.#writesUnderWay++;
    writeChunk(this.#writer, chunk, this.#writeRequest);
    if (this.#afterWrites !== null) this.#checkWrites();
    else this.#loop();
  };

  /** The request behind every write. */
  #writeRequest;

  constructor(source, destination, preventClose, preventAbort, preventCancel, signal) {
    this.#source = source;
    this.#destination = destination;
    this.#preventClose = preventClose;
    this.#preventAbort = preventAbort;
    this.#preventCancel = preventCancel;
    this.#signal = signal;
    const writeEnded = () => {
      this.#writesUnderWay--;
      if (this.#afterWrites !== null) this.#checkWrites();
    };
    this.#writeRequest = { resolve: writeEnded, reject: writeEnded };
    this.#reader = acquireDefaultReader(source);
    this.#writer = acquireWriter(destination);
    source.disturbed = true;
    if (signal !== undefined && this.#listenTo(signal)) return;

    // "Errors and closing must be propagated": the order of these checks is that of the standard.
    if (source.state === ERRORED) this.sourceErrored(source.storedError);
    else if (destination.state === ERRORED) this.destinationErrored(destination.storedError);
    else if (source.state === CLOSED) this.sourceClosed();
    else if (closeQueuedOrInFlight(destination) || destination.state === CLOSED) this.#destinationClosed();
    this.#reader.observer = this;
    this.#writer.observer = this;
    enqueueMicrotask(this.#loop);
  }

  get promise() {
    return this.#finished.promise;
  }

  /** Step 14: returns whether the signal is aborted already. */
  #listenTo(signal) {
    this.#abortSteps = () => {
      const error = abortReason(signal);
      this.#shutdown(
        () => {
          const actions = [];
          const destination = this.#destination;
          if (!this.#preventAbort) {
            actions.push(
              destination.state === WRITABLE ? abortWritable(destination, error) : promiseResolve(undefined),
            );
          }
          const source = this.#source;
          if (!this.#preventCancel) {
            actions.push(source.state === READABLE ? cancelReadable(source, error) : promiseResolve(undefined));
          }
          return waitForAll(actions);
        },
        true,
        error,
      );
    };
    if (isAborted(signal)) {
      this.#abortSteps();
      return true;
    }
    addAbortAlgorithm(signal, this.#abortSteps);
    return false;
  }

  /** The read request: a chunk. */
  chunk(value) {
    this.#reading = false;
    if (this.#looping) {
      this.#writesUnderWay++;
      writeChunk(this.#writer, value, this.#writeRequest);
      return;
    }
    // We are inside a call of the source's `enqueue`, which must not call the sink.
    this.#hasArrived = true;
    this.#arrived = value;
    enqueueMicrotask(this.#writeArrived);
  }

  /** The read request: the end. The observer methods below do the work. */
  close() {
    this.#reading = false;
  }

  error() {
    this.#reading = false;
  }

  #checkWrites() {
    if (this.#writesUnderWay > 0 || this.#hasArrived) return;
    const action = this.#afterWrites;
    this.#afterWrites = null;
    enqueueMicrotask(action);
  }

  // What the ends report

  destinationReady() {
    if (!this.#looping) enqueueMicrotask(this.#loop);
  }

  sourceErrored(error) {
    this.#shutdown(this.#preventAbort ? null : () => abortWritable(this.#destination, error), true, error);
  }

  destinationErrored(error) {
    this.#shutdown(this.#preventCancel ? null : () => cancelReadable(this.#source, error), true, error);
  }

  sourceClosed() {
    this.#shutdown(this.#preventClose ? null : () => this.#closeDestination(), false, undefined);
  }

  #destinationClosed() {
    const error = new TypeError('the destination is closed');
    this.#shutdown(this.#preventCancel ? null : () => cancelReadable(this.#source, error), true, error);
  }

  /** WritableStreamDefaultWriterCloseWithErrorPropagation */
  #closeDestination() {
    const destination = this.#destination;
    if (closeQueuedOrInFlight(destination) || destination.state === CLOSED) return promiseResolve(undefined);
    if (destination.state === ERRORED) return promiseReject(destination.storedError);
    return closeWritable(destination);
  }

  /**
   * "Shutdown" and "shutdown with an action"
   * @param {?function(): Promise} action
   */
  #shutdown(action, isError, error) {
    if (this.#shuttingDown) return;
    this.#shuttingDown = true;
    const act = () => {
      if (action === null) {
        this.#finalize(isError, error);
        return;
      }
      promiseThen(
        action(),
        () => this.#finalize(isError, error),
        (reason) => this.#finalize(true, reason),
      );
    };
    const destination = this.#destination;
    if (destination.state === WRITABLE && !closeQueuedOrInFlight(destination)) {
      this.#afterWrites = act;
      this.#checkWrites();
    } else {
      enqueueMicrotask(act);
    }
  }

  /** "Finalize" */
  #finalize(isError, error) {
    this.#reader.observer = null;
    this.#writer.observer = null;
    releaseWriter(this.#writer);
    releaseReader(this.#reader);
    if (this.#signal !== undefined) removeAbortAlgorithm(this.#signal, this.#abortSteps);
    if (isError) this.#finished.reject(error);
    else this.#finished.resolve(undefined);
  }
}

/**
 * @param {ReadableSlots} source not locked
 * @param {WritableSlots} destination not locked
 * @param {AbortSignal|undefined} signal
 * @returns {Promise<undefined>}
 */
export function pipe(source, destination, preventClose, preventAbort, preventCancel, signal) {
  return new Pipe(source, destination, preventClose, preventAbort, preventCancel, signal).promise;
}
