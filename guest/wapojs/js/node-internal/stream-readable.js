// Readable: https://nodejs.org/api/stream.html#readable-streams

import { Buffer } from '../node/buffer.js';
import { StringDecoder } from '../node/string_decoder.js';
import { invalidArgument, plainError } from './errors.js';
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

class ReadableState {
  constructor(options, isDuplex) {
    this.objectMode = objectModeOf(options, 'readable', isDuplex);
    this.highWaterMark = highWaterMarkOf(options, 'readable', isDuplex, this.objectMode);
    this.buffer = [];
    this.length = 0;
    this.pipes = [];
    /** null: nobody has said; true: 'data' events; false: paused */
    this.flowing = null;
    this.ended = false;
    this.endEmitted = false;
    this.reading = false;
    this.constructed = true;
    /** whether _read is running: 'data' events wait for the next tick */
    this.sync = true;
    this.needReadable = false;
    this.emittedReadable = false;
    this.readableListening = false;
    this.resumeScheduled = false;
    this.errored = null;
    this.errorEmitted = false;
    this.closed = false;
    this.closeEmitted = false;
    this.destroyed = false;
    this.emitClose = options?.emitClose !== false;
    this.autoDestroy = options?.autoDestroy !== false;
    this.dataEmitted = false;
    this.decoder = null;
    this.encoding = null;
    this.readingMore = false;
    /** targets of pipe that are full */
    this.awaitDrain = new Set();
    if (options?.encoding) {
      this.decoder = new StringDecoder(options.encoding);
      this.encoding = options.encoding;
    }
  }
}

export function Readable(options) {
  if (!(this instanceof Readable)) return new Readable(options);
  const isDuplex = options?.isDuplexSide === true || '_writableState' in this;
  this._readableState = new ReadableState(options, isDuplex);
  if (typeof options?.read === 'function') this._read = options.read;
  if (typeof options?.destroy === 'function') this._destroy = options.destroy;
  if (!isDuplex) {
    if (typeof options?.construct === 'function') this._construct = options.construct;
    if (options?.signal) addAbortSignal(options.signal, this);
  }
  Stream.call(this, options);
  if (!isDuplex) construct(this, () => this._readableState.needReadable && maybeReadMore(this, this._readableState));
  return undefined;
}
Object.setPrototypeOf(Readable.prototype, Stream.prototype);
Object.setPrototypeOf(Readable, Stream);
Readable.ReadableState = ReadableState;

const sizeOf = (state, chunk) => (state.objectMode ? 1 : chunk.length);

function addChunk(stream, state, chunk, front) {
  if (state.flowing && state.length === 0 && !state.sync && stream.listenerCount('data') > 0) {
    state.awaitDrain.clear();
    state.dataEmitted = true;
    stream.emit('data', chunk);
  } else {
    state.length += sizeOf(state, chunk);
    if (front) state.buffer.unshift(chunk);
    else state.buffer.push(chunk);
    if (state.needReadable) emitReadable(stream);
  }
  maybeReadMore(stream, state);
}

/** What push and unshift take, as what is kept; undefined if it is nothing. */
function toChunk(state, chunk, encoding) {
  if (state.objectMode) return chunk;
  if (typeof chunk === 'string') {
    if (state.decoder !== null && state.encoding === (encoding ?? 'utf8')) return chunk;
    chunk = Buffer.from(chunk, encoding);
  } else if (!(chunk instanceof Buffer)) {
    if (ArrayBuffer.isView(chunk)) chunk = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    else throw invalidArgument('chunk', 'of type string or an instance of Buffer, TypedArray, or DataView', chunk);
  }
  return chunk;
}

function add(stream, chunk, encoding, front) {
  const state = stream._readableState;
  if (chunk === null) {
    state.reading = false;
    endOfChunks(stream, state);
    return false;
  }
  try {
    chunk = toChunk(state, chunk, encoding);
  } catch (error) {
    failStream(stream, error);
    return false;
  }
  if (!state.objectMode && (chunk === undefined || chunk.length === 0)) {
    if (!front) {
      state.reading = false;
      maybeReadMore(stream, state);
    }
    return !state.ended && (state.length < state.highWaterMark || state.length === 0);
  }
  if (front) {
    if (state.endEmitted)
      failStream(stream, plainError('ERR_STREAM_UNSHIFT_AFTER_END_EVENT', 'stream.unshift() after end event'));
    else if (state.destroyed || state.errored) return false;
    else addChunk(stream, state, chunk, true);
  } else if (state.ended) {
    failStream(stream, plainError('ERR_STREAM_PUSH_AFTER_EOF', 'stream.push() after EOF'));
  } else if (state.destroyed || state.errored) {
    return false;
  } else {
    state.reading = false;
    if (state.decoder !== null && typeof chunk !== 'string') {
      chunk = state.decoder.write(chunk);
      if (chunk.length === 0) maybeReadMore(stream, state);
      else addChunk(stream, state, chunk, false);
    } else {
      addChunk(stream, state, chunk, false);
    }
  }
  return !state.ended && (state.length < state.highWaterMark || state.length === 0);
}

function endOfChunks(stream, state) {
  if (state.ended) return;
  if (state.decoder !== null) {
    const rest = state.decoder.end();
    if (rest.length > 0) {
      state.buffer.push(rest);
      state.length += sizeOf(state, rest);
    }
  }
  state.ended = true;
  if (state.sync) {
    emitReadable(stream);
  } else {
    state.needReadable = false;
    state.emittedReadable = true;
    emitReadableNow(stream);
  }
}

function emitReadable(stream) {
  const state = stream._readableState;
  state.needReadable = false;
  if (state.emittedReadable) return;
  state.emittedReadable = true;
  process.nextTick(emitReadableNow, stream);
}

function emitReadableNow(stream) {
  const state = stream._readableState;
  if (!state.destroyed && !state.errored && (state.length > 0 || state.ended)) {
    stream.emit('readable');
    state.emittedReadable = false;
  }
  state.needReadable = !state.flowing && !state.ended && state.length <= state.highWaterMark;
  flow(stream);
}

function maybeReadMore(stream, state) {
  if (state.readingMore || !state.constructed) return;
  state.readingMore = true;
  process.nextTick(() => {
    while (
      !state.reading &&
      !state.ended &&
      (state.length < state.highWaterMark || (state.flowing && state.length === 0))
    ) {
      const before = state.length;
      stream.read(0);
      if (before === state.length) break;
    }
    state.readingMore = false;
  });
}

function flow(stream) {
  const state = stream._readableState;
  while (state.flowing && stream.read() !== null);
}

function resumeLater(stream, state) {
  if (state.resumeScheduled) return;
  state.resumeScheduled = true;
  process.nextTick(() => {
    if (!state.reading) stream.read(0);
    state.resumeScheduled = false;
    stream.emit('resume');
    flow(stream);
    if (state.flowing && !state.reading) stream.read(0);
  });
}

function howMuch(state, n) {
  if (n <= 0 || (state.length === 0 && state.ended)) return 0;
  if (state.objectMode) return 1;
  if (Number.isNaN(n)) return state.flowing && state.length > 0 ? state.buffer[0].length : state.length;
  if (n <= state.length) return n;
  return state.ended ? state.length : 0;
}

/** Takes n bytes or characters, or one object, off the queue. */
function take(state, n) {
  if (state.objectMode) return state.buffer.shift();
  const { buffer } = state;
  if (n >= state.length) {
    const all =
      buffer.length === 1 ? buffer[0] : state.decoder !== null ? buffer.join('') : Buffer.concat(buffer, state.length);
    state.buffer = [];
    return all;
  }
  if (n <= buffer[0].length) {
    const first = buffer[0];
    if (n === first.length) return buffer.shift();
    buffer[0] = first.slice(n);
    return first.slice(0, n);
  }
  const parts = [];
  for (let left = n; left > 0; ) {
    const first = buffer[0];
    if (first.length <= left) {
      parts.push(buffer.shift());
      left -= first.length;
    } else {
      parts.push(first.slice(0, left));
      buffer[0] = first.slice(left);
      left = 0;
    }
  }
  return state.decoder !== null ? parts.join('') : Buffer.concat(parts, n);
}

function endReadable(stream) {
  const state = stream._readableState;
  if (state.endEmitted || state.endScheduled) return;
  state.ended = true;
  state.endScheduled = true;
  process.nextTick(() => {
    if (state.errored || state.closeEmitted || state.endEmitted || state.length > 0) {
      state.endScheduled = false;
      return;
    }
    state.endEmitted = true;
    stream.emit('end');
    const writable = stream._writableState;
    if (writable && !writable.ending && stream.allowHalfOpen === false) {
      stream.end();
    } else if (
      state.autoDestroy &&
      (!writable || (writable.autoDestroy && (writable.finished || writable.writableFlag === false)))
    ) {
      stream.destroy();
    }
  });
}

function updateListening(stream) {
  const state = stream._readableState;
  state.readableListening = stream.listenerCount('readable') > 0;
  if (state.resumeScheduled && state.flowing !== false) state.flowing = true;
  else if (stream.listenerCount('data') > 0 && !state.readableListening) stream.resume();
  else if (!state.readableListening) state.flowing = null;
}

defineMembers(Readable.prototype, {
  destroy,
  _destroy: defaultDestroy,

  _read() {
    throw plainError('ERR_METHOD_NOT_IMPLEMENTED', 'The _read() method is not implemented');
  },

  push(chunk, encoding) {
    return add(this, chunk, encoding, false);
  },

  unshift(chunk, encoding) {
    return add(this, chunk, encoding, true);
  },

  read(n) {
    n = n === undefined ? NaN : Number.parseInt(n, 10);
    const state = this._readableState;
    const asked = n;
    if (n > state.highWaterMark) state.highWaterMark = n;
    if (n !== 0) state.emittedReadable = false;
    if (
      n === 0 &&
      state.needReadable &&
      ((state.highWaterMark !== 0 ? state.length >= state.highWaterMark : state.length > 0) || state.ended)
    ) {
      if (state.length === 0 && state.ended) endReadable(this);
      else emitReadable(this);
      return null;
    }
    n = howMuch(state, n);
    if (n === 0 && state.ended) {
      if (state.length === 0) endReadable(this);
      return null;
    }
    let wanted = state.needReadable || state.length === 0 || state.length - n < state.highWaterMark;
    if (state.ended || state.reading || state.destroyed || state.errored || !state.constructed) wanted = false;
    if (wanted) {
      state.reading = true;
      state.sync = true;
      if (state.length === 0) state.needReadable = true;
      try {
        const result = this._read(state.highWaterMark);
        if (typeof result?.then === 'function') result.then(nop, (error) => failStream(this, error));
      } catch (error) {
        failStream(this, error);
      }
      state.sync = false;
      if (!state.reading) n = howMuch(state, asked);
    }
    let chunk = null;
    if (n > 0) chunk = take(state, n);
    if (chunk === null || chunk === undefined) {
      state.needReadable = state.length <= state.highWaterMark;
      n = 0;
      chunk = null;
    } else {
      state.length -= n;
      state.awaitDrain.clear();
    }
    if (state.length === 0) {
      if (!state.ended) state.needReadable = true;
      if (asked !== n && state.ended) endReadable(this);
    }
    if (chunk !== null && !state.errored && !state.closeEmitted) {
      state.dataEmitted = true;
      this.emit('data', chunk);
    }
    return chunk;
  },

  on(type, listener) {
    const result = Stream.prototype.on.call(this, type, listener);
    const state = this._readableState;
    if (type === 'data') {
      state.readableListening = this.listenerCount('readable') > 0;
      if (state.flowing !== false) this.resume();
    } else if (type === 'readable' && !state.endEmitted && !state.readableListening) {
      state.readableListening = state.needReadable = true;
      state.flowing = false;
      state.emittedReadable = false;
      if (state.length > 0) emitReadable(this);
      else if (!state.reading) process.nextTick(() => this.read(0));
    }
    return result;
  },

  removeListener(type, listener) {
    const result = Stream.prototype.removeListener.call(this, type, listener);
    if (type === 'readable') process.nextTick(updateListening, this);
    return result;
  },

  removeAllListeners(type) {
    const result = Stream.prototype.removeAllListeners.apply(this, arguments);
    if (type === 'readable' || type === undefined) process.nextTick(updateListening, this);
    return result;
  },

  resume() {
    const state = this._readableState;
    if (!state.flowing) {
      state.flowing = !state.readableListening;
      resumeLater(this, state);
    }
    state.paused = false;
    return this;
  },

  pause() {
    const state = this._readableState;
    if (state.flowing !== false) {
      state.flowing = false;
      this.emit('pause');
    }
    state.paused = true;
    return this;
  },

  isPaused() {
    return this._readableState.paused === true || this._readableState.flowing === false;
  },

  setEncoding(encoding) {
    const state = this._readableState;
    const decoder = new StringDecoder(encoding);
    const text = state.buffer.map((chunk) => decoder.write(chunk)).join('');
    state.decoder = decoder;
    state.encoding = decoder.encoding;
    state.buffer = text === '' ? [] : [text];
    state.length = text.length;
    return this;
  },

  pipe(target, options) {
    const state = this._readableState;
    state.pipes.push(target);
    const full = () => {
      state.awaitDrain.add(target);
      this.pause();
      target.once('drain', drained);
    };
    const drained = () => {
      state.awaitDrain.delete(target);
      if (state.awaitDrain.size === 0 && this.listenerCount('data') > 0) {
        state.flowing = true;
        flow(this);
        if (state.flowing) resumeLater(this, state);
      }
    };
    const onData = (chunk) => {
      if (target.write(chunk) === false && state.pipes.includes(target)) full();
    };
    const onError = (error) => {
      cleanup();
      if (target.listenerCount('error') === 0) failStream(target, error);
    };
    const onEnd = () => target.end();
    const onGone = () => this.unpipe(target);
    const onUnpipe = (source) => {
      if (source === this) cleanup();
    };
    const cleanup = () => {
      this.removeListener('data', onData);
      this.removeListener('end', onEnd);
      this.removeListener('end', onGone);
      target.removeListener('error', onError);
      target.removeListener('close', onGone);
      target.removeListener('finish', onGone);
      target.removeListener('unpipe', onUnpipe);
      target.removeListener('drain', drained);
    };
    const ends = options?.end !== false && target !== process.stdout && target !== process.stderr;
    if (state.endEmitted) process.nextTick(ends ? onEnd : onGone);
    else this.once('end', ends ? onEnd : onGone);
    target.on('unpipe', onUnpipe);
    this.on('data', onData);
    target.prependListener('error', onError);
    target.once('close', onGone);
    target.once('finish', onGone);
    target.emit('pipe', this);
    if (target.writableNeedDrain === true) full();
    else if (!state.flowing) this.resume();
    return target;
  },

  unpipe(target) {
    const state = this._readableState;
    const gone = target === undefined ? state.pipes : state.pipes.filter((other) => other === target);
    state.pipes = state.pipes.filter((other) => !gone.includes(other));
    for (const other of gone) {
      state.awaitDrain.delete(other);
      other.emit('unpipe', this, { hasUnpiped: false });
    }
    if (gone.length > 0 && state.pipes.length === 0) this.pause();
    return this;
  },

  wrap(old) {
    old.on('data', (chunk) => {
      if (!this.push(chunk)) old.pause?.();
    });
    old.on('end', () => this.push(null));
    old.on('error', (error) => failStream(this, error));
    old.on('close', () => this.destroy());
    this._read = () => old.resume?.();
    return this;
  },

  get readable() {
    const state = this._readableState;
    return state.readableFlag !== false && !state.destroyed && !state.endEmitted && !state.errored;
  },
  set readable(value) {
    this._readableState.readableFlag = Boolean(value);
  },
  get readableDidRead() {
    return this._readableState.dataEmitted;
  },
  get readableAborted() {
    const state = this._readableState;
    return (state.destroyed || state.errored !== null) && !state.endEmitted;
  },
  get readableHighWaterMark() {
    return this._readableState.highWaterMark;
  },
  get readableBuffer() {
    return this._readableState.buffer;
  },
  get readableFlowing() {
    return this._readableState.flowing;
  },
  set readableFlowing(value) {
    this._readableState.flowing = value;
  },
  get readableLength() {
    return this._readableState.length;
  },
  get readableObjectMode() {
    return this._readableState.objectMode;
  },
  get readableEncoding() {
    return this._readableState.encoding;
  },
  get readableEnded() {
    return this._readableState.endEmitted;
  },
  get destroyed() {
    return this._readableState?.destroyed === true;
  },
  set destroyed(value) {
    if (this._readableState) this._readableState.destroyed = value;
  },
  get errored() {
    return this._readableState?.errored ?? null;
  },
  get closed() {
    return this._readableState?.closed === true;
  },
});
Readable.prototype.addListener = Readable.prototype.on;
Readable.prototype.off = Readable.prototype.removeListener;
