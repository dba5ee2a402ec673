// ReadableStreamTee: https://streams.spec.whatwg.org/#abstract-opdef-readablestreamtee

import { copyBuffer, enqueueMicrotask } from '../primordials.js';
import { newDeferred } from '../promises.js';
import { byobRequestView } from './byob-request.js';
import { ByteControllerSlots } from './readable-byte-controller.js';
import { DefaultControllerSlots } from './readable-default-controller.js';
import {
  acquireDefaultReader,
  cancelReadable,
  ReadableSlots,
  readDefault,
  releaseReader,
} from './readable-operations.js';
import { acquireByobReader, readInto } from './readable-readers.js';
import { ERRORED } from './states.js';
import { viewBuffer, viewByteLength, viewByteOffset } from './buffer-views.js';

const { Uint8Array } = globalThis;

/** CloneAsUint8Array */
function cloneAsUint8Array(view) {
  return new Uint8Array(copyBuffer(viewBuffer(view), viewByteOffset(view), viewByteLength(view)));
}

/** What both kinds of tee share: cancelling once both branches are cancelled, and passing on errors. */
class Tee {
  stream;
  reader;
  /** The slots of the branches' controllers; 0 is the standard's branch 1. */
  branches;
  canceled = [false, false];
  #reasons = [undefined, undefined];
  #cancelled = newDeferred();
  reading = false;

  constructor(stream) {
    this.stream = stream;
    this.useReader(acquireDefaultReader(stream));
  }

  /** Reads with another reader from now on, and forwards the stream's error while that is so. */
  useReader(reader) {
    this.reader = reader;
    const forward = (error) => {
      enqueueMicrotask(() => {
        if (this.reader !== reader) return;
        this.errorBranches(error);
        this.ended();
      });
    };
    if (this.stream.state === ERRORED) forward(this.stream.storedError);
    else reader.observer = { sourceClosed() {}, sourceErrored: forward };
  }

  errorBranches(error) {
    this.branches[0].error(error);
    this.branches[1].error(error);
  }

  /** Nothing is left to cancel, unless both branches were cancelled. */
  ended() {
    if (!this.canceled[0] || !this.canceled[1]) this.#cancelled.resolve(undefined);
  }

  /** The cancel algorithm of a branch. */
  cancelBranch(index, reason) {
    this.canceled[index] = true;
    this.#reasons[index] = reason;
    if (this.canceled[1 - index]) {
      this.#cancelled.resolve(cancelReadable(this.stream, [this.#reasons[0], this.#reasons[1]]));
    }
    return this.#cancelled.promise;
  }

  /** A chunk could not be cloned. */
  cloneFailed(error) {
    this.errorBranches(error);
    this.#cancelled.resolve(cancelReadable(this.stream, error));
  }

  /** Makes the two branch streams. */
  makeBranches(makeController) {
    const streams = [new ReadableSlots(), new ReadableSlots()];
    this.branches = [makeController(streams[0], 0), makeController(streams[1], 1)];
    this.branches[0].start(undefined);
    this.branches[1].start(undefined);
    return streams;
  }
}

/** ReadableStreamDefaultTee; the read request of its own reads. */
class DefaultTee extends Tee {
  #cloneChunk;
  #readAgain = false;

  constructor(stream, cloneChunk) {
    super(stream);
    this.#cloneChunk = cloneChunk;
  }

  makeStreams() {
    const pull = () => this.#pull();
    return this.makeBranches(
      (stream, index) =>
        new DefaultControllerSlots(stream, pull, (reason) => this.cancelBranch(index, reason), 1, null),
    );
  }

  #pull() {
    if (this.reading) {
      this.#readAgain = true;
      return;
    }
    this.reading = true;
    readDefault(this.reader, this);
  }

  chunk(chunk) {
    // A microtask, since a branch's error must be able to come first: see the note in the standard.
    enqueueMicrotask(() => {
      this.#readAgain = false;
      let second = chunk;
      if (!this.canceled[1] && this.#cloneChunk !== null) {
        try {
          second = this.#cloneChunk(chunk);
        } catch (error) {
          this.cloneFailed(error);
          return;
        }
      }
      if (!this.canceled[0]) this.branches[0].enqueue(chunk);
      if (!this.canceled[1]) this.branches[1].enqueue(second);
      this.reading = false;
      if (this.#readAgain) this.#pull();
    });
  }

  close() {
    this.reading = false;
    if (!this.canceled[0]) this.branches[0].close();
    if (!this.canceled[1]) this.branches[1].close();
    this.ended();
  }

  error() {
    this.reading = false;
  }
}

/** ReadableByteStreamTee */
class ByteTee extends Tee {
  #readAgain = [false, false];

  makeStreams() {
    return this.makeBranches(
      (stream, index) =>
        new ByteControllerSlots(
          stream,
          () => this.#pull(index),
          (reason) => this.cancelBranch(index, reason),
          0,
          undefined,
        ),
    );
  }

  #pull(index) {
    if (this.reading) {
      this.#readAgain[index] = true;
      return;
    }
    this.reading = true;
    const request = this.branches[index].byobRequest;
    if (request === null) this.#pullWithDefaultReader();
    else this.#pullWithByobReader(byobRequestView(request), index);
  }

  #pullAgain() {
    this.reading = false;
    if (this.#readAgain[0]) this.#pull(0);
    else if (this.#readAgain[1]) this.#pull(1);
  }

  #pullWithDefaultReader() {
    if (this.reader.isByob) {
      releaseReader(this.reader);
      this.useReader(acquireDefaultReader(this.stream));
    }
    readDefault(this.reader, {
      chunk: (chunk) =>
        enqueueMicrotask(() => {
          this.#readAgain = [false, false];
          let second = chunk;
          if (!this.canceled[0] && !this.canceled[1]) {
            try {
              second = cloneAsUint8Array(chunk);
            } catch (error) {
              this.cloneFailed(error);
              return;
            }
          }
          if (!this.canceled[0]) this.branches[0].enqueue(chunk);
          if (!this.canceled[1]) this.branches[1].enqueue(second);
          this.#pullAgain();
        }),
      close: () => {
        this.reading = false;
        for (let i = 0; i < 2; i++) if (!this.canceled[i]) this.branches[i].close();
        for (let i = 0; i < 2; i++) if (this.branches[i].pendingPullIntos.length > 0) this.branches[i].respond(0);
        this.ended();
      },
      error: () => {
        this.reading = false;
      },
    });
  }

  #pullWithByobReader(view, index) {
    if (!this.reader.isByob) {
      releaseReader(this.reader);
      this.useReader(acquireByobReader(this.stream));
    }
    const byobBranch = this.branches[index];
    const otherBranch = this.branches[1 - index];
    readInto(this.reader, view, 1, {
      chunk: (chunk) =>
        enqueueMicrotask(() => {
          this.#readAgain = [false, false];
          let clone;
          if (!this.canceled[1 - index]) {
            try {
              clone = cloneAsUint8Array(chunk);
            } catch (error) {
              this.cloneFailed(error);
              return;
            }
          }
          if (!this.canceled[index]) byobBranch.respondWithNewView(chunk);
          if (clone !== undefined) otherBranch.enqueue(clone);
          this.#pullAgain();
        }),
      close: (chunk) => {
        this.reading = false;
        if (!this.canceled[index]) byobBranch.close();
        if (!this.canceled[1 - index]) otherBranch.close();
        if (chunk !== undefined) {
          if (!this.canceled[index]) byobBranch.respondWithNewView(chunk);
          if (!this.canceled[1 - index] && otherBranch.pendingPullIntos.length > 0) otherBranch.respond(0);
        }
        this.ended();
      },
      error: () => {
        this.reading = false;
      },
    });
  }
}

/**
 * @param {ReadableSlots} stream not locked, otherwise a TypeError is thrown
 * @param {?function(*): *} cloneChunk makes the second branch's chunk of a stream that is no byte stream
 * @returns {ReadableSlots[]} two streams
 */
export function tee(stream, cloneChunk) {
  const operation =
    stream.controller instanceof ByteControllerSlots ? new ByteTee(stream) : new DefaultTee(stream, cloneChunk);
  return operation.makeStreams();
}
