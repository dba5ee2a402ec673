// Readable.from: https://nodejs.org/api/stream.html#streamreadablefromiterable-options

import { invalidArgument, typeError } from './errors.js';
import { Readable } from './stream-readable.js';

Readable.from = function (iterable, options) {
  if (typeof iterable === 'string' || iterable instanceof Uint8Array) {
    return new Readable({
      objectMode: true,
      ...options,
      read() {
        this.push(iterable);
        this.push(null);
      },
    });
  }
  const method = iterable?.[Symbol.asyncIterator] ?? iterable?.[Symbol.iterator];
  if (typeof method !== 'function') throw invalidArgument('iterable', 'an instance of Iterable', iterable);
  const iterator = method.call(iterable);
  const stream = new Readable({ objectMode: true, highWaterMark: 1, ...options });
  let reading = false;
  stream._read = () => {
    if (!reading) {
      reading = true;
      void next();
    }
  };
  stream._destroy = (error, callback) => {
    close(error).then(
      () => process.nextTick(callback, error),
      (failure) => process.nextTick(callback, failure ?? error),
    );
  };
  async function close(error) {
    if (error !== null && error !== undefined && typeof iterator.throw === 'function') {
      const { value, done } = await iterator.throw(error);
      await value;
      if (done) return;
    }
    if (typeof iterator.return === 'function') await (await iterator.return())?.value;
  }
  async function next() {
    try {
      for (;;) {
        const { value, done } = await iterator.next();
        if (done) {
          stream.push(null);
          return;
        }
        const chunk = typeof value?.then === 'function' ? await value : value;
        if (chunk === null) throw typeError('ERR_STREAM_NULL_VALUES', 'May not write null values to stream');
        if (!stream.push(chunk)) break;
      }
      reading = false;
    } catch (error) {
      stream.destroy(error);
    }
  }
  return stream;
};
