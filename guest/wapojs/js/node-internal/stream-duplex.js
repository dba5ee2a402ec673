// Duplex, Transform and PassThrough: https://nodejs.org/api/stream.html#duplex-and-transform-streams

import { invalidArgument, plainError } from './errors.js';
import { defineMembers } from './stream-base.js';
import './stream-from.js';
import { Readable } from './stream-readable.js';
import { destroyWritable, Writable, writableMembers } from './stream-writable.js';

export function Duplex(options) {
  if (!(this instanceof Duplex)) return new Duplex(options);
  this.allowHalfOpen = options?.allowHalfOpen !== false;
  const sides = { ...options, isDuplexSide: true };
  Readable.call(this, sides);
  Writable.call(this, sides);
  if (options?.readable === false) {
    const state = this._readableState;
    state.readableFlag = false;
    state.ended = state.endEmitted = true;
  }
  if (options?.writable === false) {
    const state = this._writableState;
    state.writableFlag = false;
    state.ending = state.ended = state.finished = true;
  }
  return undefined;
}
Object.setPrototypeOf(Duplex.prototype, Readable.prototype);
Object.setPrototypeOf(Duplex, Readable);
defineMembers(Duplex.prototype, writableMembers);
defineMembers(Duplex.prototype, {
  destroy: destroyWritable,
  get destroyed() {
    return this._readableState?.destroyed === true && this._writableState?.destroyed === true;
  },
  set destroyed(value) {
    if (this._readableState && this._writableState)
      this._readableState.destroyed = this._writableState.destroyed = value;
  },
  get errored() {
    return this._readableState?.errored ?? this._writableState?.errored ?? null;
  },
});

/** A Duplex over what is readable, writable, both, iterable or a promise. */
Duplex.from = function (body) {
  if (body instanceof Duplex) return body;
  if (typeof body?.then === 'function') {
    return new Duplex({
      objectMode: true,
      writable: false,
      read() {
        body.then(
          (value) => {
            if (value !== null && value !== undefined) this.push(value);
            this.push(null);
          },
          (error) => this.destroy(error),
        );
      },
    });
  }
  let readable = body?.readable ?? null;
  let writable = body?.writable ?? null;
  if (body instanceof Readable) [readable, writable] = [body, null];
  else if (body instanceof Writable) [readable, writable] = [null, body];
  else if (typeof body === 'string' || body?.[Symbol.asyncIterator] || body?.[Symbol.iterator]) {
    [readable, writable] = [Readable.from(body), null];
  }
  if (readable !== null && typeof readable === 'object' && !(readable instanceof Readable))
    readable = Readable.from(readable);
  if (!(readable instanceof Readable) && !(writable instanceof Writable)) {
    throw invalidArgument('body', 'a stream, an iterable or a promise', body);
  }
  return joined(readable instanceof Readable ? readable : null, writable instanceof Writable ? writable : null);
};

/** A Duplex whose sides are two other streams. */
function joined(readable, writable) {
  const duplex = new Duplex({
    readableObjectMode: readable?.readableObjectMode,
    writableObjectMode: writable?.writableObjectMode,
    readable: readable !== null,
    writable: writable !== null,
    read() {
      readable.resume();
    },
    write(chunk, encoding, callback) {
      if (writable.write(chunk, encoding)) callback();
      else writable.once('drain', callback);
    },
    final(callback) {
      writable.end(callback);
    },
    destroy(error, callback) {
      readable?.destroy(error);
      writable?.destroy(error);
      callback(error);
    },
  });
  if (readable !== null) {
    readable.on('data', (chunk) => {
      if (!duplex.push(chunk)) readable.pause();
    });
    readable.on('end', () => duplex.push(null));
    readable.pause();
  }
  for (const side of [readable, writable]) side?.on('error', (error) => duplex.destroy(error));
  return duplex;
}

const WAITING = Symbol('the callback of a chunk whose output is not wanted yet');

export function Transform(options) {
  if (!(this instanceof Transform)) return new Transform(options);
  Duplex.call(this, options);
  this._readableState.sync = false;
  this[WAITING] = null;
  if (typeof options?.transform === 'function') this._transform = options.transform;
  if (typeof options?.flush === 'function') this._flush = options.flush;
  this.on('prefinish', () => {
    if (this._final !== Transform.prototype._final) Transform.prototype._final.call(this);
  });
  return undefined;
}
Object.setPrototypeOf(Transform.prototype, Duplex.prototype);
Object.setPrototypeOf(Transform, Duplex);

defineMembers(Transform.prototype, {
  _transform() {
    throw plainError('ERR_METHOD_NOT_IMPLEMENTED', 'The _transform() method is not implemented');
  },

  _final(callback) {
    const end = (error, data) => {
      if (error) {
        if (callback) callback(error);
        else this.destroy(error);
        return;
      }
      if (data !== undefined && data !== null) this.push(data);
      this.push(null);
      callback?.();
    };
    if (typeof this._flush !== 'function' || this.destroyed) {
      end();
      return;
    }
    const result = this._flush(end);
    if (typeof result?.then === 'function') result.then((data) => end(null, data), end);
  },

  _write(chunk, encoding, callback) {
    const readable = this._readableState;
    const writable = this._writableState;
    const { length } = readable;
    const done = (error, value) => {
      if (error) {
        callback(error);
        return;
      }
      if (value !== undefined && value !== null) this.push(value);
      if (readable.ended) {
        callback();
        return;
      }
      if (writable.ended || length === readable.length || readable.length < readable.highWaterMark) callback();
      else this[WAITING] = callback;
    };
    const result = this._transform(chunk, encoding, done);
    if (typeof result?.then === 'function') result.then((value) => done(null, value), done);
  },

  _read() {
    const callback = this[WAITING];
    if (callback === null) return;
    this[WAITING] = null;
    callback();
  },
});

export function PassThrough(options) {
  if (!(this instanceof PassThrough)) return new PassThrough(options);
  Transform.call(this, options);
  return undefined;
}
Object.setPrototypeOf(PassThrough.prototype, Transform.prototype);
Object.setPrototypeOf(PassThrough, Transform);
defineMembers(PassThrough.prototype, {
  _transform(chunk, _encoding, callback) {
    callback(null, chunk);
  },
});
