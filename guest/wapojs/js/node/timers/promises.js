// node:timers/promises: https://nodejs.org/api/timers.html#timers-promises-api

import * as timers from '../../timers.js';
import { abortError } from '../../node-internal/errors.js';

/** A promise of `value` that `start(resolve)` fulfils; it returns the timer. */
function later(value, options, start) {
  const { signal } = options ?? {};
  if (signal?.aborted) return Promise.reject(abortError(signal));
  return new Promise((resolve, reject) => {
    const abort = () => {
      timers.clearTimeout(id);
      reject(abortError(signal));
    };
    const id = start(() => {
      signal?.removeEventListener('abort', abort);
      resolve(value);
    });
    signal?.addEventListener('abort', abort, { once: true });
  });
}

export function setTimeout(delay, value, options) {
  return later(value, options, (done) => timers.setTimeout(done, delay));
}

export function setImmediate(value, options) {
  return later(value, options, (done) => timers.setImmediate(done));
}

export async function* setInterval(delay, value, options) {
  const { signal } = options ?? {};
  if (signal?.aborted) throw abortError(signal);
  let due = 0;
  let wake = () => {};
  const id = timers.setInterval(() => {
    due++;
    wake();
  }, delay);
  const abort = () => wake();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    for (;;) {
      if (signal?.aborted) throw abortError(signal);
      if (due === 0) await new Promise((resolve) => (wake = resolve));
      if (signal?.aborted) throw abortError(signal);
      for (; due > 0; due--) yield value;
    }
  } finally {
    timers.clearInterval(id);
    signal?.removeEventListener('abort', abort);
  }
}

export const scheduler = {
  wait: (delay, options) => setTimeout(delay, undefined, options),
  yield: () => setImmediate(),
};

export default { setTimeout, setImmediate, setInterval, scheduler };
