// Abstract operations on readable streams and their readers:
// https://streams.spec.whatwg.org/#rs-all-abstract-ops
//
// The slots of a stream, reader or controller are a plain object of one of the classes below and in the controllers'
// files; the public objects hold theirs in a private field, and operations work on slots alone. So user code cannot
// reach them, a stream used only inside the platform needs no public reader or controller, and the hot paths are
// ordinary property accesses.

import {
  markPromiseHandled,
  handledRejection,
  newDeferred,
  promiseResolve,
  promiseReject,
  promiseThen,
} from '../promises.js';
import { Deque } from './deque.js';
import { CLOSED, ERRORED, READABLE } from './states.js';

const { Object, TypeError } = globalThis;
const { assign } = Object;

/** The slots of a ReadableStream. */
export class ReadableSlots {
  static {
    // On the prototype: most streams never have most of it.
    assign(this.prototype, {
      /** @type {?ReadableStream} the public object */
      object: null,
      state: READABLE,
      /** @type {?ReaderSlots} */
      reader: null,
      storedError: undefined,
      disturbed: false,
      controller: null,
    });
  }
}

/**
 * The slots of a reader of either kind.
 *
 * `requests` holds read requests: objects with methods `chunk(value)`, `close(value)` and `error(reason)`. The closed
 * promise is made when somebody asks for it.
 */
export class ReaderSlots {
  /** @type {?ReadableSlots} */
  stream = null;
  isByob;
  requests = new Deque();
  /** @type {?{promise: Promise}} a deferred, until it is settled */
  closed = null;
  /** Told when the stream closes or errors: `sourceClosed()`, `sourceErrored(reason)`. */
  observer = null;

  constructor(isByob) {
    this.isByob = isByob;
  }
}

/** The slots of a genuine ReadableStream; throws a TypeError for anything else. Its class passes the accessor down. */
export let readableSlots;
export function setReadableSlots(accessor) {
  readableSlots = accessor;
}

export const isLocked = (stream) => stream.reader !== null;

/** ReadableStreamReaderGenericInitialize, after the check for a lock. */
export function attachReader(reader, stream) {
  if (stream.reader !== null) throw new TypeError('the stream is locked to a reader');
  reader.stream = stream;
  stream.reader = reader;
}

/** AcquireReadableStreamDefaultReader, without the public object. */
export function acquireDefaultReader(stream) {
  const reader = new ReaderSlots(false);
  attachReader(reader, stream);
  return reader;
}

/** [[closedPromise]] */
export function closedPromiseOf(reader) {
  if (reader.closed === null) {
    const { stream } = reader;
    if (stream === null) reader.closed = { promise: handledRejection(new TypeError('the reader was released')) };
    else if (stream.state === READABLE) reader.closed = newDeferred();
    else if (stream.state === CLOSED) reader.closed = { promise: promiseResolve(undefined) };
    else reader.closed = { promise: handledRejection(stream.storedError) };
  }
  return reader.closed.promise;
}

function rejectClosed(reader, reason) {
  if (reader.closed === null) return;
  markPromiseHandled(reader.closed.promise);
  reader.closed.reject(reason);
}

/** ReadableStreamDefaultReaderRelease and ReadableStreamBYOBReaderRelease */
export function releaseReader(reader) {
  const { stream } = reader;
  // ReadableStreamReaderGenericRelease
  if (stream.state === READABLE) rejectClosed(reader, new TypeError('the reader was released'));
  else reader.closed = null;
  stream.controller.releaseSteps();
  stream.reader = null;
  reader.stream = null;
  errorRequests(reader, new TypeError('the reader was released'));
}

/** ReadableStreamDefaultReaderErrorReadRequests, and the same for read-into requests */
function errorRequests(reader, reason) {
  const { requests } = reader;
  if (requests.length === 0) return;
  reader.requests = new Deque();
  while (requests.length > 0) requests.shift().error(reason);
}

/** ReadableStreamClose */
export function closeReadable(stream) {
  stream.state = CLOSED;
  const { reader } = stream;
  if (reader === null) return;
  if (reader.closed !== null) reader.closed.resolve(undefined);
  if (!reader.isByob) {
    const { requests } = reader;
    if (requests.length > 0) {
      reader.requests = new Deque();
      while (requests.length > 0) requests.shift().close();
    }
  }
  if (reader.observer !== null) reader.observer.sourceClosed();
}

/** ReadableStreamError */
export function errorReadable(stream, reason) {
  stream.state = ERRORED;
  stream.storedError = reason;
  const { reader } = stream;
  if (reader === null) return;
  rejectClosed(reader, reason);
  errorRequests(reader, reason);
  if (reader.observer !== null) reader.observer.sourceErrored(reason);
}

const returnUndefined = () => undefined;

/** ReadableStreamCancel */
export function cancelReadable(stream, reason) {
  stream.disturbed = true;
  if (stream.state === CLOSED) return promiseResolve(undefined);
  if (stream.state === ERRORED) return promiseReject(stream.storedError);
  closeReadable(stream);
  const { reader } = stream;
  if (reader !== null && reader.isByob) {
    const { requests } = reader;
    reader.requests = new Deque();
    while (requests.length > 0) requests.shift().close(undefined);
  }
  return promiseThen(stream.controller.cancelSteps(reason), returnUndefined);
}

/** ReadableStreamDefaultReaderRead */
export function readDefault(reader, request) {
  const { stream } = reader;
  stream.disturbed = true;
  if (stream.state === READABLE) stream.controller.pullSteps(request);
  else if (stream.state === CLOSED) request.close();
  else request.error(stream.storedError);
}
