// What all of Node's streams share: destroying, errors, default high water marks.
// https://nodejs.org/api/stream.html#streamdestroyerror
//
// The state of a stream's sides is in `_readableState` and `_writableState`, as packages expect; a stream has either or
// both. Constructors are functions, so that old packages can inherit with `Readable.call(this)`.

import { EventEmitter } from '../node/events.js';
import { abortError, invalidArgument, outOfRange } from './errors.js';

const BYTES = 64 * 1024;
const OBJECTS = 16;
let defaultBytes = BYTES;
let defaultObjects = OBJECTS;

export const getDefaultHighWaterMark = (objectMode) => (objectMode ? defaultObjects : defaultBytes);
export function setDefaultHighWaterMark(objectMode, value) {
  if (objectMode) defaultObjects = value;
  else defaultBytes = value;
}

/** The high water mark of a side: `side` is 'readable' or 'writable'. */
export function highWaterMarkOf(options, side, isDuplex, objectMode) {
  const given = (isDuplex ? options?.[`${side}HighWaterMark`] : undefined) ?? options?.highWaterMark;
  if (given === undefined || given === null) return getDefaultHighWaterMark(objectMode);
  if (!(given >= 0)) throw outOfRange('options.highWaterMark', 'a non-negative number', given);
  return Math.floor(given);
}

export function objectModeOf(options, side, isDuplex) {
  return Boolean(options?.objectMode || (isDuplex && options?.[`${side}ObjectMode`]));
}

/** The oldest kind of stream: an emitter of 'data' that can be piped. */
export function Stream(options) {
  EventEmitter.call(this, options);
}
Object.setPrototypeOf(Stream.prototype, EventEmitter.prototype);
Object.setPrototypeOf(Stream, EventEmitter);

Stream.prototype.pipe = function (target, options) {
  this.on('data', (chunk) => {
    if (target.writable && target.write(chunk) === false) this.pause?.();
  });
  target.on('drain', () => this.resume?.());
  if (options?.end !== false) {
    this.once('end', () => target.end());
    this.once('close', () => target.destroy?.());
  }
  target.emit('pipe', this);
  return target;
};

const statesOf = (stream) => [stream._readableState, stream._writableState].filter((state) => state);

/** Runs the stream's `construct` option or `_construct` method; nothing else happens before it has called back. */
export function construct(stream, ready) {
  if (typeof stream._construct !== 'function') return;
  const states = statesOf(stream);
  for (const state of states) state.constructed = false;
  process.nextTick(() => {
    let called = false;
    const done = (error) => {
      if (called) return;
      called = true;
      for (const state of states) state.constructed = true;
      if (error) destroy.call(stream, error);
      else {
        stream.emit('_constructed');
        process.nextTick(ready);
      }
    };
    try {
      stream._construct(done);
    } catch (error) {
      done(error);
    }
  });
}

/** stream.destroy */
export function destroy(error, callback) {
  const states = statesOf(this);
  if (states.some((state) => state.destroyed)) {
    callback?.();
    return this;
  }
  for (const state of states) {
    state.destroyed = true;
    if (error) state.errored ??= error;
  }
  const go = () => runDestroy(this, states, error ?? null, callback);
  if (states.every((state) => state.constructed)) go();
  else this.once('_constructed', go);
  return this;
}

function runDestroy(stream, states, error, callback) {
  let called = false;
  const done = (failure) => {
    if (called) return;
    called = true;
    for (const state of states) {
      if (failure) state.errored ??= failure;
      state.closed = true;
    }
    callback?.(failure);
    process.nextTick(() => {
      if (failure) emitError(stream, states, failure);
      for (const state of states) state.closeEmitted = true;
      if (states.some((state) => state.emitClose)) stream.emit('close');
    });
  };
  try {
    stream._destroy(error, done);
  } catch (failure) {
    done(failure);
  }
}

function emitError(stream, states, error) {
  if (states.some((state) => state.errorEmitted)) return;
  for (const state of states) state.errorEmitted = true;
  stream.emit('error', error);
}

/** An error of an operation: destroys the stream, or only tells if it is not to be destroyed. */
export function failStream(stream, error, sync = false) {
  const states = statesOf(stream);
  if (states.some((state) => state.destroyed)) return;
  if (states.some((state) => state.autoDestroy)) {
    stream.destroy(error);
    return;
  }
  for (const state of states) state.errored ??= error;
  if (sync) process.nextTick(emitError, stream, states, error);
  else emitError(stream, states, error);
}

export function defaultDestroy(error, callback) {
  callback(error);
}

export function addAbortSignal(signal, stream) {
  if (typeof signal?.addEventListener !== 'function')
    throw invalidArgument('signal', 'an instance of AbortSignal', signal);
  const abort = () => stream.destroy(abortError(signal));
  if (signal.aborted) abort();
  else {
    signal.addEventListener('abort', abort, { once: true });
    stream.once('close', () => signal.removeEventListener('abort', abort));
  }
  return stream;
}

/** Copies methods and accessors to a prototype, as methods of a class are: not enumerable. */
export function defineMembers(prototype, members) {
  for (const key of Reflect.ownKeys(members)) {
    const descriptor = Object.getOwnPropertyDescriptor(members, key);
    descriptor.enumerable = false;
    Object.defineProperty(prototype, key, descriptor);
  }
}
