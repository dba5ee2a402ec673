// Asynchronous iteration of a readable stream: https://streams.spec.whatwg.org/#rs-asynciterator
// The iterator's methods: https://webidl.spec.whatwg.org/#js-asynchronous-iterator-prototype-object

import { AsyncIteratorPrototype } from '../primordials.js';
import { defineIterator } from '../interfaces.js';
import { newDeferred, promiseReject, promiseResolve, promiseThen } from '../promises.js';
import { acquireDefaultReader, cancelReadable, readDefault, releaseReader } from './readable-operations.js';

/** The read request behind one call of `next`. A deferred is made only if it is not answered at once. */
class NextRequest {
  #iteration;
  #settled = undefined;
  #deferred = null;

  constructor(iteration) {
    this.#iteration = iteration;
  }

  chunk(value) {
    this.#resolve({ value, done: false });
  }

  close() {
    this.#iteration.finish();
    this.#resolve({ value: undefined, done: true });
  }

  error(reason) {
    this.#iteration.finish();
    if (this.#deferred === null) {
      this.#settled = promiseReject(reason);
    } else {
      this.#iteration.ended(this.#deferred.promise);
      this.#deferred.reject(reason);
    }
  }

  #resolve(result) {
    if (this.#deferred === null) {
      this.#settled = promiseResolve(result);
    } else {
      this.#iteration.ended(this.#deferred.promise);
      this.#deferred.resolve(result);
    }
  }

  /** The promise for the answer, which becomes the iteration's ongoing promise if it is still pending. */
  get promise() {
    if (this.#settled !== undefined) return this.#settled;
    this.#deferred = newDeferred();
    return (this.#iteration.ongoing = this.#deferred.promise);
  }
}

/** The slots of an iterator. */
class Iteration {
  #reader;
  #preventCancel;
  #isFinished = false;
  /** @type {?Promise} the last call's promise while it is pending: calls are answered one after the other */
  ongoing = null;

  constructor(stream, preventCancel) {
    this.#reader = acquireDefaultReader(stream);
    this.#preventCancel = preventCancel;
  }

  next() {
    return this.ongoing === null ? this.#next() : this.#afterOngoing(() => this.#next());
  }

  return(value) {
    if (this.ongoing !== null) return this.#afterOngoing(() => this.#return(value));
    return this.#track(this.#return(value));
  }

  #afterOngoing(start) {
    return this.#track(promiseThen(this.ongoing, start, start));
  }

  /** Makes a promise the ongoing one until it is settled. */
  #track(promise) {
    const ended = () => this.ended(promise);
    promiseThen(promise, ended, ended);
    return (this.ongoing = promise);
  }

  ended(promise) {
    if (this.ongoing === promise) this.ongoing = null;
  }

  /** The stream has ended: there is nothing left to wait for or to cancel. */
  finish() {
    this.#isFinished = true;
    releaseReader(this.#reader);
  }

  /** "Get the next iteration result" */
  #next() {
    if (this.#isFinished) return promiseResolve({ value: undefined, done: true });
    const request = new NextRequest(this);
    readDefault(this.#reader, request);
    return request.promise;
  }

  /** "Asynchronous iterator return" */
  #return(value) {
    const result = { value, done: true };
    if (this.#isFinished) return promiseResolve(result);
    this.#isFinished = true;
    const reader = this.#reader;
    if (this.#preventCancel) {
      releaseReader(reader);
      return promiseResolve(result);
    }
    const cancelled = cancelReadable(reader.stream, value);
    releaseReader(reader);
    return promiseThen(cancelled, () => result);
  }
}

export class AsyncIterator {
  #iteration;

  constructor(stream, preventCancel) {
    this.#iteration = new Iteration(stream, preventCancel);
  }

  next() {
    try {
      return this.#iteration.next();
    } catch (error) {
      return promiseReject(error);
    }
  }

  return(value = undefined) {
    try {
      return this.#iteration.return(value);
    } catch (error) {
      return promiseReject(error);
    }
  }
}

defineIterator(AsyncIterator, 'ReadableStream AsyncIterator', AsyncIteratorPrototype);
