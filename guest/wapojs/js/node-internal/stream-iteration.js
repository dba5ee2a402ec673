// Async iteration of Readables, and their array-like methods:
// https://nodejs.org/api/stream.html#readablesymbolasynciterator and the sections that follow it

import { abortError, requireFunction } from './errors.js';
import { defineMembers } from './stream-base.js';
import { finished } from './stream-finished.js';
import { Readable } from './stream-readable.js';

const nop = () => {};

async function* iterate(stream, destroyOnReturn) {
  let wake = nop;
  let error;
  const waitUntilReadable = (resolve) => {
    wake = resolve;
  };
  const onReadable = () => {
    const resolve = wake;
    wake = nop;
    resolve();
  };
  stream.on('readable', onReadable);
  const cleanup = finished(stream, { writable: false }, (failure) => {
    error = failure ?? null;
    onReadable();
  });
  let completed = false;
  try {
    for (;;) {
      const chunk = stream.destroyed ? null : stream.read();
      if (chunk !== null) yield chunk;
      else if (error) throw error;
      else if (error === null) {
        completed = true;
        return;
      } else await new Promise(waitUntilReadable);
    }
  } catch (failure) {
    error ??= failure;
    throw error;
  } finally {
    if ((error || destroyOnReturn) && (error === undefined || stream._readableState.autoDestroy)) {
      if (!completed || error === undefined) stream.destroy(error ?? undefined);
    } else {
      stream.off('readable', onReadable);
      cleanup();
    }
  }
}

async function* mapped(source, fn, { signal, concurrency = 1 } = {}) {
  const running = [];
  const run = async (chunk) => fn(chunk, { signal });
  for await (const chunk of source) {
    if (signal?.aborted) throw abortError(signal);
    running.push(run(chunk));
    if (running.length >= concurrency) yield running.shift();
  }
  while (running.length > 0) yield running.shift();
}

async function* filtered(source, fn, options) {
  for await (const [chunk, kept] of mapped(
    source,
    async (chunk, context) => [chunk, await fn(chunk, context)],
    options,
  )) {
    if (kept) yield chunk;
  }
}

async function* flattened(source, fn, options) {
  for await (const part of mapped(source, fn, options)) yield* part;
}

async function* taken(source, count) {
  if (count <= 0) return;
  for await (const chunk of source) {
    yield chunk;
    if (--count <= 0) return;
  }
}

async function* dropped(source, count) {
  for await (const chunk of source) if (count-- <= 0) yield chunk;
}

defineMembers(Readable.prototype, {
  iterator(options) {
    return iterate(this, options?.destroyOnReturn !== false);
  },
  map(fn, options) {
    requireFunction(fn, 'fn');
    return Readable.from(mapped(this, fn, options));
  },
  filter(fn, options) {
    requireFunction(fn, 'fn');
    return Readable.from(filtered(this, fn, options));
  },
  flatMap(fn, options) {
    requireFunction(fn, 'fn');
    return Readable.from(flattened(this, fn, options));
  },
  take(count) {
    return Readable.from(taken(this, count));
  },
  drop(count) {
    return Readable.from(dropped(this, count));
  },
  async forEach(fn, options) {
    requireFunction(fn, 'fn');
    for await (const chunk of mapped(this, fn, options)) void chunk;
  },
  async toArray() {
    const list = [];
    for await (const chunk of this) list.push(chunk);
    return list;
  },
  async some(fn, options) {
    for await (const found of mapped(this, fn, options)) if (found) return true;
    return false;
  },
  async every(fn, options) {
    for await (const found of mapped(this, fn, options)) if (!found) return false;
    return true;
  },
  async find(fn, options) {
    for await (const chunk of filtered(this, fn, options)) return chunk;
    return undefined;
  },
  async reduce(fn, ...initial) {
    let value = initial[0];
    let started = initial.length > 0;
    for await (const chunk of this) {
      value = started ? await fn(value, chunk, {}) : chunk;
      started = true;
    }
    if (!started) throw new TypeError('Reduce of an empty stream requires an initial value');
    return value;
  },
});
Object.defineProperty(Readable.prototype, Symbol.asyncIterator, {
  __proto__: null,
  writable: true,
  configurable: true,
  value() {
    return iterate(this, true);
  },
});
