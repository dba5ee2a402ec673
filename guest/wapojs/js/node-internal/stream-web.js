// Node's streams as web streams, and the other way round: https://nodejs.org/api/webstreams.html#interoperability

import { Buffer } from '../node/buffer.js';
import { abortError } from './errors.js';
import { finished } from './stream-finished.js';
import { Duplex } from './stream-duplex.js';
import { Readable } from './stream-readable.js';
import { Writable } from './stream-writable.js';

Readable.toWeb = function (readable, options) {
  const { objectMode } = readable._readableState;
  const strategy =
    options?.strategy ??
    (objectMode
      ? new CountQueuingStrategy({ highWaterMark: readable.readableHighWaterMark })
      : { highWaterMark: readable.readableHighWaterMark, size: (chunk) => chunk?.byteLength ?? 1 });
  readable.pause();
  let cancelled = false;
  return new ReadableStream(
    {
      start(controller) {
        finished(readable, { writable: false }, (error) => {
          if (cancelled) return;
          cancelled = true;
          if (error) controller.error(error);
          else controller.close();
        });
        readable.on('data', (chunk) => {
          if (cancelled) return;
          controller.enqueue(
            chunk instanceof Buffer && !objectMode
              ? new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
              : chunk,
          );
          if (controller.desiredSize <= 0) readable.pause();
        });
        readable.pause();
      },
      pull() {
        readable.resume();
      },
      cancel(reason) {
        cancelled = true;
        readable.destroy(reason instanceof Error ? reason : undefined);
      },
    },
    strategy,
  );
};

Readable.fromWeb = function (stream, options) {
  const reader = stream.getReader();
  let closed = false;
  const readable = new Readable({
    ...options,
    read() {
      reader.read().then(
        ({ value, done }) => {
          if (done) closed = true;
          readable.push(done ? null : value);
        },
        (error) => {
          closed = true;
          readable.destroy(error);
        },
      );
    },
    destroy(error, callback) {
      if (closed) callback(error);
      else
        reader.cancel(error ?? undefined).then(
          () => callback(error),
          () => callback(error),
        );
    },
  });
  return readable;
};

Writable.toWeb = function (writable) {
  let controller;
  const stream = new WritableStream({
    start(given) {
      controller = given;
    },
    write(chunk) {
      return new Promise((resolve, reject) => {
        writable.write(chunk, (error) => {
          if (error) reject(error);
          else if (writable.writableNeedDrain) writable.once('drain', resolve);
          else resolve();
        });
      });
    },
    close() {
      return new Promise((resolve, reject) => {
        finished(writable, { readable: false }, (error) => (error ? reject(error) : resolve()));
        writable.end();
      });
    },
    abort(reason) {
      writable.destroy(reason instanceof Error ? reason : abortError());
    },
  });
  writable.on('error', (error) => controller.error(error));
  return stream;
};

Writable.fromWeb = function (stream, options) {
  const writer = stream.getWriter();
  const settle = (promise, callback) =>
    promise.then(
      () => callback(),
      (error) => callback(error ?? new Error('the stream has failed')),
    );
  return new Writable({
    ...options,
    write(chunk, encoding, callback) {
      settle(
        writer.ready.then(() => writer.write(chunk)),
        callback,
      );
    },
    final(callback) {
      settle(writer.close(), callback);
    },
    destroy(error, callback) {
      if (error)
        writer.abort(error).then(
          () => callback(error),
          () => callback(error),
        );
      else callback(error);
    },
  });
};

Duplex.toWeb = (duplex) => ({ readable: Readable.toWeb(duplex), writable: Writable.toWeb(duplex) });

Duplex.fromWeb = function ({ readable, writable }, options) {
  const reader = readable.getReader();
  const writer = writable.getWriter();
  let over = false;
  const duplex = new Duplex({
    ...options,
    read() {
      reader.read().then(
        ({ value, done }) => {
          over ||= done;
          duplex.push(done ? null : value);
        },
        (error) => duplex.destroy(error),
      );
    },
    write(chunk, encoding, callback) {
      writer.ready.then(() => writer.write(chunk)).then(() => callback(), callback);
    },
    final(callback) {
      writer.close().then(() => callback(), callback);
    },
    destroy(error, callback) {
      const ends = [];
      if (!over) ends.push(reader.cancel(error ?? undefined));
      if (error) ends.push(writer.abort(error));
      Promise.allSettled(ends).then(() => callback(error));
    },
  });
  return duplex;
};
