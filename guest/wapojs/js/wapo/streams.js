// Streams by handle: wapojs-api.md 3.8.
//
// A handle is an object that names one direction of a resource of the host, and can be opened once. A handle or a
// writer that nobody has any more is closed at once, since the engine counts references; programs rely on that.

import { close as closeNumber, read, shutdown, write } from 'wapo:native';
import { defineTag } from '../interfaces.js';
import { call, enqueueMicrotask } from '../primordials.js';
import { promiseThen } from '../promises.js';
import { pumpInto } from '../resource-streams.js';
import { reportException } from '../report.js';
import { acquireDefaultReader, cancelReader, isReadableStream, readChunk } from '../streams/internal.js';
import { isBufferSource, isObject, toBytes } from '../webidl.js';
import { Lost } from './lost.js';
import { endResource, openResource } from './resources.js';
import { toObject, toWapoBytes } from './values.js';

const { Error, String, WeakMap } = globalThis;

const CHUNK_BYTES = 8192;
const BRIDGE_BYTES = 65536;
const QUEUE_CHUNKS = 128;

/** A resource of the host that several handles share; it is closed when the last of them is done with it. */
export class SharedResource {
  #users;

  constructor(number, users) {
    this.number = number;
    this.#users = users;
  }

  release() {
    if (--this.#users === 0) closeNumber(this.number);
  }
}

/** What a handle stands for, a SharedResource. */
const inputs = new WeakMap();
const outputs = new WeakMap();
const writers = new WeakMap();

const lost = new Lost((shared) => shared.release());
const lostWriters = new Lost((writer) => writer.close());

/** An object that says nothing but its name. */
export function opaque(tag) {
  const handle = {};
  defineTag(handle, tag);
  return handle;
}

export function inputHandle(shared) {
  const handle = opaque('OpaqueInputStream');
  inputs.set(handle, shared);
  lost.watch(handle, shared);
  return handle;
}

export function outputHandle(shared) {
  const handle = opaque('OpaqueOutputStream');
  outputs.set(handle, shared);
  lost.watch(handle, shared);
  return handle;
}

const usedUp = (what) => new Error(`failed to get ${what} from the handle: it is none, or was opened before`);

/** `{shared}`, or `{stream}` for a ReadableStream: the body of a Response is a handle too. */
function takeInput(handle) {
  if (isReadableStream(handle)) return { stream: handle };
  const shared = isObject(handle) ? inputs.get(handle) : undefined;
  if (shared === undefined) throw usedUp('input_stream');
  inputs.delete(handle);
  lost.forget(handle);
  return { shared };
}

function takeOutput(handle) {
  const shared = isObject(handle) ? outputs.get(handle) : undefined;
  if (shared === undefined) throw usedUp('output_stream');
  outputs.delete(handle);
  lost.forget(handle);
  return shared;
}

/** The resource behind an input handle, for who reads it in another way; the handle is used up. */
export const takeInputResource = (handle) => takeInput(handle).shared;
export const takeOutputResource = takeOutput;

/** Calls a program's function; what it throws is reported and nobody else's affair. */
export function callBack(callback, ...args) {
  try {
    call(callback, undefined, ...args);
  } catch (error) {
    reportException(error);
  }
}

/** Pieces of at most CHUNK_BYTES, as the original's pipes gave them. */
function deliver(callback, bytes) {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) callBack(callback, 'data', bytes.slice(at, at + CHUNK_BYTES));
}

export function streamOpenRead(handle, callback) {
  const { shared, stream } = takeInput(handle);
  let open = true;
  const reader = shared === undefined ? acquireDefaultReader(stream) : null;
  const release = () => {
    open = false;
    if (shared !== undefined) shared.release();
    else cancelReader(reader, undefined);
  };
  const id = openResource(release);
  const finish = (command, value) => {
    open = false;
    endResource(id);
    if (shared !== undefined) shared.release();
    callBack(callback, command, value);
  };
  if (shared === undefined) {
    readStream(reader, () => open, (bytes) => deliver(callback, bytes), finish);
  } else {
    const next = () => {
      if (!open) return;
      read(shared.number, CHUNK_BYTES, (error, bytes) => {
        if (!open) return;
        if (error !== null) {
          finish('error', error);
        } else if (bytes === null) {
          finish('end', null);
        } else {
          callBack(callback, 'data', bytes);
          enqueueMicrotask(next); // not at once: what is there already would pile up on the stack
        }
      });
    };
    next();
  }
  return id;
}

function readStream(reader, isOpen, onBytes, finish) {
  const next = () => {
    if (isOpen()) readChunk(reader, request);
  };
  const request = {
    chunk(value) {
      if (!isOpen()) return;
      if (!isBufferSource(value)) {
        cancelReader(reader, undefined);
        finish('error', 'a chunk of the stream is not a Uint8Array');
        return;
      }
      onBytes(toBytes(value, 'a chunk'));
      enqueueMicrotask(next);
    },
    close() {
      if (isOpen()) finish('end', null);
    },
    error(reason) {
      if (isOpen()) finish('error', String(reason?.message ?? reason));
    },
  };
  next();
}

/** The writing end of a resource: chunks are written one after another, in order. */
class WriterState {
  #shared;
  #queue = [];
  #busy = false;
  #closing = false;
  #failed = null;
  #id;

  constructor(shared) {
    this.#shared = shared;
    this.#id = openResource(() => this.#end());
  }

  get closed() {
    return this.#closing || this.#shared === null;
  }

  write(bytes, callback) {
    if (this.#queue.length >= QUEUE_CHUNKS || this.#failed !== null) {
      callBack(callback, false, 'failed to send chunk');
      throw new Error('failed to send chunk');
    }
    this.#queue.push({ bytes, callback });
    if (!this.#busy) this.#next();
  }

  #next() {
    const entry = this.#queue.shift();
    if (entry === undefined) {
      this.#busy = false;
      if (this.#closing) this.#end();
      return;
    }
    this.#busy = true;
    write(this.#shared.number, entry.bytes, (error) => {
      if (error === null) {
        callBack(entry.callback, true, null);
      } else {
        this.#failed = error;
        const left = [entry, ...this.#queue];
        this.#queue = [];
        for (let i = 0; i < left.length; i++) callBack(left[i].callback, false, error);
      }
      enqueueMicrotask(() => this.#next());
    });
  }

  /** Flushes, then ends the stream. */
  close() {
    if (this.closed) return;
    this.#closing = true;
    if (!this.#busy) this.#end();
  }

  #end() {
    if (this.#shared === null) return;
    const shared = this.#shared;
    this.#shared = null;
    this.#queue = [];
    endResource(this.#id);
    shutdown(shared.number);
    shared.release();
  }
}

export function streamOpenWrite(handle) {
  const state = new WriterState(takeOutput(handle));
  const writer = opaque('WriteStream');
  writers.set(writer, state);
  lostWriters.watch(writer, state);
  return writer;
}

function stateOf(writer) {
  const state = isObject(writer) ? writers.get(writer) : undefined;
  if (state === undefined || state.closed) throw new Error('failed to get writer: it is none, or closed');
  return state;
}

export function streamWriteChunk(writer, chunk, callback) {
  stateOf(writer).write(toWapoBytes(chunk).slice(), callback);
  return null;
}

export function streamClose(writer) {
  const state = isObject(writer) ? writers.get(writer) : undefined;
  if (state === undefined) throw new Error('failed to get writer: it is none');
  lostWriters.forget(writer);
  state.close();
  return null;
}

/** Copies a stream into another until its end. */
export function streamBridge(ends) {
  const { input, output } = toObject(ends, '{ input, output }');
  const source = takeInput(input);
  let target;
  try {
    target = takeOutput(output);
  } catch (error) {
    if (source.shared !== undefined) source.shared.release();
    throw error;
  }
  let open = true;
  const finish = (complete) => {
    if (!open) return;
    open = false;
    endResource(id);
    if (complete) shutdown(target.number);
    target.release();
    if (source.shared !== undefined) source.shared.release();
  };
  const id = openResource(() => finish(false));
  if (source.shared === undefined) {
    promiseThen(pumpInto(source.stream, target.number), () => finish(true), () => finish(false));
  } else {
    const next = () => {
      if (!open) return;
      read(source.shared.number, BRIDGE_BYTES, (error, bytes) => {
        if (!open) return;
        if (error !== null || bytes === null) finish(error === null);
        else write(target.number, bytes, (failure) => (failure === null ? enqueueMicrotask(next) : finish(false)));
      });
    };
    next();
  }
  return id;
}
