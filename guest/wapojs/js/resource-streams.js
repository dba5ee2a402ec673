// Streams of the host: a resource that is read or written in pieces, with the host's back-pressure.

import { close, read, shutdown, write } from 'wapo:native';
import { newDeferred } from './promises.js';
import { acquireDefaultReader, cancelReader, createReadableByteStream, readChunk } from './streams/internal.js';
import { isBufferSource, isObject, toBytes } from './webidl.js';

const { TypeError, WeakSet } = globalThis;
const CHUNK_BYTES = 65536;

/**
 * A readable byte stream over a resource.
 * @param {number} resource owned by the stream from now on: it is closed at the end, or when nobody wants more
 * @param {?Uint8Array} first bytes that come before those of the resource
 * @param {function(string): *} failed makes the error for the host's sentence
 * @param {function(number)} [end] closes the resource
 */
export function resourceStream(resource, first, failed, end = close) {
  let open = true;
  const release = () => {
    if (open) end(resource);
    open = false;
  };
  const source = {
    pull(controller) {
      if (first !== null) {
        const bytes = first;
        first = null;
        if (bytes.length > 0) {
          controller.enqueue(bytes);
          return undefined;
        }
      }
      const { promise, resolve } = newDeferred();
      read(resource, CHUNK_BYTES, (error, bytes) => {
        if (!open) return;
        if (error !== null) {
          release();
          controller.error(failed(error));
        } else if (bytes === null) {
          release();
          controller.close();
        } else {
          controller.enqueue(bytes);
        }
        resolve(undefined);
      });
      return promise;
    },
    cancel: release,
  };
  const { stream, controller } = createReadableByteStream(source);
  return {
    stream,
    /** Ends it with an error from outside (an abort). */
    fail(reason) {
      if (!open) return;
      release();
      controller.error(reason);
    },
  };
}

/** A resource that is written, as a promise for the end of each write. */
export function writeResource(resource, bytes) {
  const { promise, resolve, reject } = newDeferred();
  write(resource, bytes, (error) => (error === null ? resolve(undefined) : reject(new TypeError(error))));
  return promise;
}

/** Errors of a resource that was written, and not of the stream that it was written from. */
const ofResource = new WeakSet();
export const isOfResource = (error) => isObject(error) && ofResource.has(error);

function resourceFailure(text) {
  const error = new TypeError(text);
  ofResource.add(error);
  return error;
}

/** Copies a stream of bytes into a resource, piece by piece. */
class Pump {
  #reader;
  #resource;
  #deferred;

  constructor(stream, resource, deferred) {
    this.#reader = acquireDefaultReader(stream);
    this.#resource = resource;
    this.#deferred = deferred;
  }

  next() {
    readChunk(this.#reader, this);
  }

  chunk(value) {
    if (!isBufferSource(value)) {
      this.error(new TypeError('a chunk of the body is not a Uint8Array'), true);
      return;
    }
    write(this.#resource, toBytes(value, 'a chunk'), (error, code) => {
      if (error === null) this.next();
      else this.error(code === null ? new TypeError(error) : resourceFailure(error), true);
    });
  }

  close() {
    shutdown(this.#resource);
    this.#deferred.resolve(undefined);
  }

  error(reason, cancel = false) {
    if (cancel) cancelReader(this.#reader, reason);
    this.#deferred.reject(reason);
  }
}

/**
 * Writes a whole stream into a resource and ends it. Cancels the stream if the resource cannot be written any more.
 * @returns {Promise<undefined>} rejected with the stream's error, or with a TypeError for the resource's
 *   (`isOfResource`). The caller closes the resource.
 */
export function pumpInto(stream, resource) {
  const deferred = newDeferred();
  new Pump(stream, resource, deferred).next();
  return deferred.promise;
}
