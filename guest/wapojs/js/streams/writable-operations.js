// Abstract operations on writable streams and their writers: https://streams.spec.whatwg.org/#ws-all-abstract-ops
//
// As in readable-operations.js, operations work on slots. A writer's promises are made when somebody asks for them: a
// pipe never does, and `ready` would otherwise cost a promise for each time that backpressure comes and goes.

import {
  handledRejection,
  markPromiseHandled,
  newDeferred,
  promiseCall,
  promiseReject,
  promiseResolve,
  promiseThen,
} from '../promises.js';
import { Deque } from './deque.js';
import { CLOSED, ERRORED, ERRORING, WRITABLE } from './states.js';

const { TypeError } = globalThis;

/** The slots of a WritableStream. Requests are objects with `resolve(value)` and `reject(reason)`. */
export class WritableSlots {
  /** @type {?WritableStream} the public object */
  object = null;
  state = WRITABLE;
  storedError = undefined;
  /** @type {?WriterSlots} */
  writer = null;
  controller = null;
  writeRequests = new Deque();
  inFlightWriteRequest = null;
  closeRequest = null;
  inFlightCloseRequest = null;
  /** @type {?{deferred, reason, wasAlreadyErroring: boolean}} */
  pendingAbortRequest = null;
  backpressure = false;
}

/** The slots of a WritableStreamDefaultWriter. */
export class WriterSlots {
  /** @type {?WritableSlots} */
  stream = null;
  /** @type {?{promise: Promise}} a deferred while it is pending */
  closed = null;
  ready = null;
  /** Told of the stream's progress: `destinationReady()`, `destinationErrored(reason)`. */
  observer = null;
}

/** The slots of a genuine WritableStream; throws a TypeError for anything else. Its class passes the accessors down. */
export let writableSlots;
export let isWritableStream;
export function setWritableSlots(accessor, predicate) {
  writableSlots = accessor;
  isWritableStream = predicate;
}

export const isWritableLocked = (stream) => stream.writer !== null;

/** WritableStreamCloseQueuedOrInFlight */
export const closeQueuedOrInFlight = (stream) => stream.closeRequest !== null || stream.inFlightCloseRequest !== null;

// A pending deferred keeps its `resolve`; settling drops it.
const settledAs = (promise) => ({ promise, resolve: null, reject: null });

function resolveDeferred(deferred) {
  if (deferred === null || deferred.resolve === null) return;
  deferred.resolve(undefined);
  deferred.resolve = null;
}

/** Rejects a pending deferred; returns one that is rejected in any case. */
function rejectDeferred(deferred, reason) {
  if (deferred === null || deferred.resolve === null) return settledAs(handledRejection(reason));
  markPromiseHandled(deferred.promise);
  deferred.reject(reason);
  deferred.resolve = null;
  return deferred;
}

// Writers

/** SetUpWritableStreamDefaultWriter */
export function attachWriter(writer, stream) {
  if (stream.writer !== null) throw new TypeError('the stream is locked to a writer');
  writer.stream = stream;
  stream.writer = writer;
  if (stream.state === ERRORING) writer.ready = settledAs(handledRejection(stream.storedError));
}

/** AcquireWritableStreamDefaultWriter, without the public object. */
export function acquireWriter(stream) {
  const writer = new WriterSlots();
  attachWriter(writer, stream);
  return writer;
}

/** [[closedPromise]] */
export function writerClosed(writer) {
  if (writer.closed === null) {
    const { state, storedError } = writer.stream; // a released writer has its promise already
    if (state === CLOSED) writer.closed = settledAs(promiseResolve(undefined));
    else if (state === ERRORED) writer.closed = settledAs(handledRejection(storedError));
    else writer.closed = newDeferred();
  }
  return writer.closed.promise;
}

/** [[readyPromise]] */
export function writerReady(writer) {
  if (writer.ready === null) {
    const { stream } = writer;
    const { state } = stream;
    if (state === ERRORED || state === ERRORING) writer.ready = settledAs(handledRejection(stream.storedError));
    else if (state === WRITABLE && stream.backpressure && !closeQueuedOrInFlight(stream)) writer.ready = newDeferred();
    else writer.ready = settledAs(promiseResolve(undefined));
  }
  return writer.ready.promise;
}

/** WritableStreamDefaultWriterRelease */
export function releaseWriter(writer) {
  const { stream } = writer;
  const reason = new TypeError('the writer was released');
  writer.ready = rejectDeferred(writer.ready, reason);
  writer.closed = rejectDeferred(writer.closed, reason);
  stream.writer = null;
  writer.stream = null;
}

/** WritableStreamDefaultWriterGetDesiredSize, for the writer's stream */
export function desiredSizeOf(stream) {
  const { state } = stream;
  if (state === ERRORED || state === ERRORING) return null;
  return state === CLOSED ? 0 : stream.controller.desiredSize;
}

/** WritableStreamDefaultWriterWrite: the request is told of the outcome. */
export function writeChunk(writer, chunk, request) {
  const { stream } = writer;
  const { controller } = stream;
  const size = controller.countsOnes ? 1 : controller.sizeOf(chunk); // may run user code
  if (stream === writer.stream && stream.state === WRITABLE && !closeQueuedOrInFlight(stream)) {
    stream.writeRequests.push(request);
    controller.write(chunk, size);
  } else {
    request.reject(whyNotWritable(stream, writer));
  }
}

function whyNotWritable(stream, writer) {
  if (stream !== writer.stream) return new TypeError('the writer was released');
  if (stream.state === ERRORED) return stream.storedError;
  if (stream.state === CLOSED || closeQueuedOrInFlight(stream))
    return new TypeError('the stream is closed or is being closed');
  return stream.storedError;
}

// Streams

/** WritableStreamAbort */
export function abortWritable(stream, reason) {
  if (stream.state === CLOSED || stream.state === ERRORED) return promiseResolve(undefined);
  stream.controller.signalAbort(reason);
  const { state } = stream; // the signal's listeners may have changed it
  if (state === CLOSED || state === ERRORED) return promiseResolve(undefined);
  if (stream.pendingAbortRequest !== null) return stream.pendingAbortRequest.deferred.promise;
  const wasAlreadyErroring = state === ERRORING;
  const deferred = newDeferred();
  stream.pendingAbortRequest = { deferred, reason: wasAlreadyErroring ? undefined : reason, wasAlreadyErroring };
  if (!wasAlreadyErroring) startErroring(stream, reason);
  return deferred.promise;
}

/** WritableStreamClose */
export function closeWritable(stream) {
  const { state, writer } = stream;
  if (state === CLOSED || state === ERRORED) {
    return promiseReject(new TypeError('the stream is closed or errored'));
  }
  const deferred = newDeferred();
  stream.closeRequest = deferred;
  if (writer !== null && stream.backpressure && state === WRITABLE) resolveDeferred(writer.ready);
  stream.controller.close();
  return deferred.promise;
}

/** WritableStreamDealWithRejection */
export function dealWithRejection(stream, error) {
  if (stream.state === WRITABLE) startErroring(stream, error);
  else finishErroring(stream);
}

/** WritableStreamStartErroring */
export function startErroring(stream, reason) {
  const { controller, writer } = stream;
  stream.state = ERRORING;
  stream.storedError = reason;
  if (writer !== null) writer.ready = rejectDeferred(writer.ready, reason);
  const inFlight = stream.inFlightWriteRequest !== null || stream.inFlightCloseRequest !== null;
  if (!inFlight && controller.started) finishErroring(stream);
}

/** WritableStreamFinishErroring */
export function finishErroring(stream) {
  stream.state = ERRORED;
  stream.controller.errorSteps();
  const { storedError, writeRequests } = stream;
  stream.writeRequests = new Deque();
  while (writeRequests.length > 0) writeRequests.shift().reject(storedError);
  const request = stream.pendingAbortRequest;
  stream.pendingAbortRequest = null;
  if (request === null) {
    rejectCloseAndClosed(stream);
  } else if (request.wasAlreadyErroring) {
    request.deferred.reject(storedError);
    rejectCloseAndClosed(stream);
  } else {
    promiseThen(
      promiseCall(stream.controller.abortSteps, request.reason),
      () => {
        request.deferred.resolve(undefined);
        rejectCloseAndClosed(stream);
      },
      (reason) => {
        request.deferred.reject(reason);
        rejectCloseAndClosed(stream);
      },
    );
  }
}

/** WritableStreamRejectCloseAndClosedPromiseIfNeeded */
function rejectCloseAndClosed(stream) {
  const { closeRequest, storedError, writer } = stream;
  if (closeRequest !== null) {
    stream.closeRequest = null;
    closeRequest.reject(storedError);
  }
  if (writer === null) return;
  writer.closed = rejectDeferred(writer.closed, storedError);
  if (writer.observer !== null) writer.observer.destinationErrored(storedError);
}

/** WritableStreamFinishInFlightWriteWithError */
export function finishWriteWithError(stream, error) {
  stream.inFlightWriteRequest.reject(error);
  stream.inFlightWriteRequest = null;
  dealWithRejection(stream, error);
}

/** WritableStreamFinishInFlightClose */
export function finishClose(stream) {
  stream.inFlightCloseRequest.resolve(undefined);
  stream.inFlightCloseRequest = null;
  if (stream.state === ERRORING) {
    // The error came too late.
    stream.storedError = undefined;
    if (stream.pendingAbortRequest !== null) {
      stream.pendingAbortRequest.deferred.resolve(undefined);
      stream.pendingAbortRequest = null;
    }
  }
  stream.state = CLOSED;
  if (stream.writer !== null) resolveDeferred(stream.writer.closed);
}

/** WritableStreamFinishInFlightCloseWithError */
export function finishCloseWithError(stream, error) {
  stream.inFlightCloseRequest.reject(error);
  stream.inFlightCloseRequest = null;
  if (stream.pendingAbortRequest !== null) {
    stream.pendingAbortRequest.deferred.reject(error);
    stream.pendingAbortRequest = null;
  }
  dealWithRejection(stream, error);
}

/** WritableStreamUpdateBackpressure, where it changes */
export function updateBackpressure(stream, backpressure) {
  stream.backpressure = backpressure;
  const { writer } = stream;
  if (writer === null) return;
  if (backpressure) {
    writer.ready = null;
  } else {
    if (writer.ready !== null) resolveDeferred(writer.ready);
    if (writer.observer !== null) writer.observer.destinationReady();
  }
}
