// Writable: https://nodejs.org/api/stream.html#writable-streams

import { Buffer } from '../node/buffer.js';
import { encodingOf } from './encodings.js';
import { invalidArgument, plainError, typeError } from './errors.js';
import {
  addAbortSignal,
  construct,
  defaultDestroy,
  defineMembers,
  destroy,
  failStream,
  highWaterMarkOf,
  objectModeOf,
  Stream,
} from './stream-base.js';

const nop = () => {};

class WritableState {
  constructor(options, isDuplex) {
    this.objectMode = objectModeOf(options, 'writable', isDuplex);
    this.highWaterMark = highWaterMarkOf(options, 'writable', isDuplex, this.objectMode);
    this.decodeStrings = options?.decodeStrings !== false;
    this.defaultEncoding = options?.defaultEncoding ?? 'utf8';
    this.length = 0;
    /** @type {{chunk, encoding, callback}[]} what waits for the write under way */
    this.buffered = [];
    this.writing = false;
    this.corked = 0;
    this.sync = true;
    this.needDrain = false;
    this.ending = false;
    this.ended = false;
    this.finalCalled = false;
    this.prefinished = false;
    this.finished = false;
    this.constructed = true;
    this.destroyed = false;
    this.errored = null;
    this.errorEmitted = false;
    this.closed = false;
    this.closeEmitted = false;
    this.emitClose = options?.emitClose !== false;
    this.autoDestroy = options?.autoDestroy !== false;
    /** callbacks of write and final that have not been called */
    this.pending = 0;
    this.onFinished = [];
  }

  getBuffer() {
    return this.buffered.slice();
  }
}

export function Writable(options) {
  const isDuplex = options?.isDuplexSide === true || '_readableState' in this;
  if (!(this instanceof Writable) && !isDuplex) return new Writable(options);
  this._writableState = new WritableState(options, isDuplex);
  if (typeof options?.write === 'function') this._write = options.write;
  if (typeof options?.writev === 'function') this._writev = options.writev;
  if (typeof options?.destroy === 'function') this._destroy = options.destroy;
  if (typeof options?.final === 'function') this._final = options.final;
  if (typeof options?.construct === 'function') this._construct = options.construct;
  if (options?.signal) addAbortSignal(options.signal, this);
  Stream.call(this, options);
  construct(this, () => {
    const state = this._writableState;
    if (!state.writing) writeBuffered(this, state);
    maybeFinish(this, state);
    if (this._readableState && this._readableState.needReadable) this.read(0);
  });
  return undefined;
}
Object.setPrototypeOf(Writable.prototype, Stream.prototype);
Object.setPrototypeOf(Writable, Stream);
Writable.WritableState = WritableState;

// A Duplex is a Readable, and a Writable as well.
Object.defineProperty(Writable, Symbol.hasInstance, {
  __proto__: null,
  value(object) {
    if (Function.prototype[Symbol.hasInstance].call(this, object)) return true;
    return this === Writable && object?._writableState instanceof WritableState;
  },
});

function write(stream, chunk, encoding, callback) {
  const state = stream._writableState;
  if (typeof encoding === 'function') {
    callback = encoding;
    encoding = state.defaultEncoding;
  } else {
    encoding ??= state.defaultEncoding;
    if (encoding !== 'buffer' && encodingOf(encoding) === undefined) {
      throw typeError('ERR_UNKNOWN_ENCODING', `Unknown encoding: ${encoding}`);
    }
  }
  if (typeof callback !== 'function') callback = nop;
  if (chunk === null) throw typeError('ERR_STREAM_NULL_VALUES', 'May not write null values to stream');
  if (!state.objectMode) {
    if (typeof chunk === 'string') {
      if (state.decodeStrings) {
        chunk = Buffer.from(chunk, encoding);
        encoding = 'buffer';
      }
    } else if (ArrayBuffer.isView(chunk)) {
      if (!(chunk instanceof Buffer)) chunk = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      encoding = 'buffer';
    } else {
      throw invalidArgument('chunk', 'of type string or an instance of Buffer, TypedArray, or DataView', chunk);
    }
  }
  let error = null;
  if (state.ending) error = plainError('ERR_STREAM_WRITE_AFTER_END', 'write after end');
  else if (state.destroyed)
    error = plainError('ERR_STREAM_DESTROYED', 'Cannot call write after a stream was destroyed');
  if (error !== null) {
    process.nextTick(callback, error);
    failStream(stream, error, true);
    return error;
  }
  state.pending++;
  const length = state.objectMode ? 1 : chunk.length;
  state.length += length;
  const more = state.length < state.highWaterMark;
  if (!more) state.needDrain = true;
  if (state.writing || state.corked > 0 || state.errored || !state.constructed) {
    state.buffered.push({ chunk, encoding, callback });
  } else {
    startWrite(stream, state, length, callback, (done) => stream._write(chunk, encoding, done));
  }
  return more && !state.errored && !state.destroyed;
}

/** Runs one _write or _writev; `call(done)` makes it. */
function startWrite(stream, state, length, callback, call) {
  state.writing = true;
  state.sync = true;
  let called = false;
  const done = (error) => {
    if (called) {
      failStream(stream, plainError('ERR_MULTIPLE_CALLBACK', 'Callback called multiple times'));
      return;
    }
    called = true;
    afterWrite(stream, state, length, callback, error);
  };
  try {
    const result = call(done);
    if (typeof result?.then === 'function') result.then(nop, (error) => failStream(stream, error));
  } catch (error) {
    state.sync = false;
    if (!called) done(error);
    else throw error;
  }
  state.sync = false;
}

function afterWrite(stream, state, length, callback, error) {
  const { sync } = state;
  state.writing = false;
  state.length -= length;
  if (error) {
    state.errored ??= error;
    if (stream._readableState) stream._readableState.errored ??= error;
    const fail = () => {
      state.pending--;
      callback(error);
      failBuffered(state);
      // `errored` is set, so that nothing more is written; the stream is not destroyed yet.
      if (state.destroyed) return;
      if (state.autoDestroy) stream.destroy(error);
      else if (!state.errorEmitted) {
        state.errorEmitted = true;
        stream.emit('error', error);
      }
    };
    if (sync) process.nextTick(fail);
    else fail();
    return;
  }
  if (state.buffered.length > 0) writeBuffered(stream, state);
  const finish = () => {
    const drains = !state.ending && !state.destroyed && state.length === 0 && state.needDrain;
    if (drains) {
      state.needDrain = false;
      stream.emit('drain');
    }
    state.pending--;
    callback(null);
    if (state.destroyed) failBuffered(state);
    maybeFinish(stream, state);
  };
  if (sync) process.nextTick(finish);
  else finish();
}

/** Calls back for what will never be written. */
function failBuffered(state) {
  if (state.writing) return;
  const error = state.errored ?? plainError('ERR_STREAM_DESTROYED', 'Cannot call write after a stream was destroyed');
  for (const { chunk, callback } of state.buffered.splice(0)) {
    state.length -= state.objectMode ? 1 : chunk.length;
    state.pending--;
    callback(error);
  }
  for (const callback of state.onFinished.splice(0)) callback(error);
}

function writeBuffered(stream, state) {
  if (state.corked > 0 || state.destroyed || state.errored || !state.constructed) return;
  while (state.buffered.length > 0 && !state.writing) {
    if (state.buffered.length > 1 && typeof stream._writev === 'function') {
      const all = state.buffered;
      state.buffered = [];
      const { length } = state;
      state.pending -= all.length - 1;
      const callback = (error) => {
        for (const entry of all) entry.callback(error);
      };
      startWrite(stream, state, length, callback, (done) => stream._writev(all, done));
    } else {
      const { chunk, encoding, callback } = state.buffered.shift();
      startWrite(stream, state, state.objectMode ? 1 : chunk.length, callback, (done) =>
        stream._write(chunk, encoding, done),
      );
    }
  }
}

const mayFinish = (state) =>
  state.ending &&
  !state.destroyed &&
  state.constructed &&
  state.length === 0 &&
  !state.errored &&
  state.buffered.length === 0 &&
  !state.finished &&
  !state.writing;

function maybeFinish(stream, state, sync = false) {
  if (!mayFinish(state)) return;
  if (!state.finalCalled) {
    state.finalCalled = true;
    if (typeof stream._final === 'function') {
      callFinal(stream, state);
      return;
    }
    state.prefinished = true;
    stream.emit('prefinish');
  }
  if (!state.prefinished || state.pending > 0 || state.finishScheduled) return;
  if (!sync) {
    finish(stream, state);
    return;
  }
  state.finishScheduled = true;
  process.nextTick(() => {
    state.finishScheduled = false;
    if (mayFinish(state) && state.pending === 0) finish(stream, state);
  });
}

function callFinal(stream, state) {
  state.pending++;
  let called = false;
  const done = (error) => {
    if (called) {
      failStream(stream, error ?? plainError('ERR_MULTIPLE_CALLBACK', 'Callback called multiple times'));
      return;
    }
    called = true;
    state.pending--;
    if (error) {
      for (const callback of state.onFinished.splice(0)) callback(error);
      failStream(stream, error, true);
      return;
    }
    state.prefinished = true;
    stream.emit('prefinish');
    process.nextTick(maybeFinish, stream, state);
  };
  process.nextTick(() => {
    try {
      const result = stream._final(done);
      if (typeof result?.then === 'function')
        result.then(
          () => called || done(),
          (error) => called || done(error),
        );
    } catch (error) {
      done(error);
    }
  });
}

function finish(stream, state) {
  state.finished = true;
  for (const callback of state.onFinished.splice(0)) callback();
  stream.emit('finish');
  if (!state.autoDestroy) return;
  const readable = stream._readableState;
  if (!readable || (readable.autoDestroy && (readable.endEmitted || readable.readableFlag === false))) stream.destroy();
}

export const writableMembers = {
  write(chunk, encoding, callback) {
    return write(this, chunk, encoding, callback) === true;
  },

  _write(chunk, encoding, callback) {
    if (typeof this._writev === 'function') this._writev([{ chunk, encoding }], callback);
    else throw plainError('ERR_METHOD_NOT_IMPLEMENTED', 'The _write() method is not implemented');
  },

  cork() {
    this._writableState.corked++;
  },

  uncork() {
    const state = this._writableState;
    if (state.corked === 0) return;
    state.corked--;
    if (!state.writing) writeBuffered(this, state);
  },

  setDefaultEncoding(encoding) {
    const found = encodingOf(encoding);
    if (found === undefined) throw typeError('ERR_UNKNOWN_ENCODING', `Unknown encoding: ${encoding}`);
    this._writableState.defaultEncoding = found.name;
    return this;
  },

  end(chunk, encoding, callback) {
    const state = this._writableState;
    if (typeof chunk === 'function') {
      callback = chunk;
      chunk = encoding = undefined;
    } else if (typeof encoding === 'function') {
      callback = encoding;
      encoding = undefined;
    }
    let error;
    if (chunk !== undefined && chunk !== null) {
      const result = write(this, chunk, encoding);
      if (result instanceof Error) error = result;
    }
    if (state.corked > 0) {
      state.corked = 1;
      this.uncork();
    }
    if (error === undefined) {
      if (!state.errored && !state.ending) {
        state.ending = true;
        maybeFinish(this, state, true);
        state.ended = true;
      } else if (state.finished) {
        error = plainError('ERR_STREAM_ALREADY_FINISHED', 'Cannot call end after a stream was finished');
      } else if (state.destroyed) {
        error = plainError('ERR_STREAM_DESTROYED', 'Cannot call end after a stream was destroyed');
      }
    }
    if (typeof callback === 'function') {
      if (error !== undefined) process.nextTick(callback, error);
      else if (state.finished) process.nextTick(callback);
      else state.onFinished.push(callback);
    }
    return this;
  },

  get writable() {
    const state = this._writableState;
    return (
      state !== undefined &&
      state.writableFlag !== false &&
      !state.destroyed &&
      !state.errored &&
      !state.ending &&
      !state.ended
    );
  },
  set writable(value) {
    if (this._writableState) this._writableState.writableFlag = Boolean(value);
  },
  get writableFinished() {
    return this._writableState.finished;
  },
  get writableEnded() {
    return this._writableState.ending;
  },
  get writableAborted() {
    const state = this._writableState;
    return (state.destroyed || state.errored !== null) && !state.finished;
  },
  get writableLength() {
    return this._writableState.length;
  },
  get writableObjectMode() {
    return this._writableState.objectMode;
  },
  get writableHighWaterMark() {
    return this._writableState.highWaterMark;
  },
  get writableCorked() {
    return this._writableState.corked;
  },
  get writableBuffer() {
    return this._writableState.getBuffer();
  },
  get writableNeedDrain() {
    const state = this._writableState;
    return !state.destroyed && !state.ending && state.needDrain;
  },
};

defineMembers(Writable.prototype, writableMembers);
defineMembers(Writable.prototype, {
  destroy(error, callback) {
    const state = this._writableState;
    if (!state.destroyed && (state.buffered.length > 0 || state.onFinished.length > 0))
      process.nextTick(failBuffered, state);
    return destroy.call(this, error, callback);
  },
  _destroy: defaultDestroy,
  pipe() {
    failStream(this, plainError('ERR_STREAM_CANNOT_PIPE', 'Cannot pipe, not readable'));
  },
  get destroyed() {
    return this._writableState?.destroyed === true;
  },
  set destroyed(value) {
    if (this._writableState) this._writableState.destroyed = value;
  },
  get errored() {
    return this._writableState?.errored ?? null;
  },
  get closed() {
    return this._writableState?.closed === true;
  },
});

export const destroyWritable = Writable.prototype.destroy;
