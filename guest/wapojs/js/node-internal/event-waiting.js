// Waiting for events of an EventEmitter or an EventTarget: once, on, addAbortListener
// (https://nodejs.org/api/events.html#eventsonceemitter-name-options and what follows it)

import { call } from '../primordials.js';
import { abortError, invalidArgument } from './errors.js';

const isTarget = (value) => typeof value?.addEventListener === 'function' && typeof value.on !== 'function';

/** Listens to an emitter or an EventTarget; returns what ends that. */
function listen(source, type, listener, once = false) {
  if (isTarget(source)) {
    source.addEventListener(type, listener, { once });
    return () => source.removeEventListener(type, listener);
  }
  if (typeof source?.on !== 'function')
    throw invalidArgument('emitter', 'an instance of EventEmitter or EventTarget', source);
  if (once) source.once(type, listener);
  else source.on(type, listener);
  return () => source.removeListener(type, listener);
}

export function once(emitter, type, options = {}) {
  return new Promise((resolve, reject) => {
    const { signal } = options ?? {};
    if (signal?.aborted) {
      reject(abortError(signal));
      return;
    }
    const stops = [];
    const settle =
      (done) =>
      (...values) => {
        for (const stop of stops) stop();
        done(values);
      };
    stops.push(listen(emitter, type, settle(resolve), true));
    if (type !== 'error' && !isTarget(emitter))
      stops.push(
        listen(
          emitter,
          'error',
          settle(([error]) => reject(error)),
          true,
        ),
      );
    if (signal)
      stops.push(
        listen(
          signal,
          'abort',
          settle(() => reject(abortError(signal))),
          true,
        ),
      );
  });
}

export function on(emitter, type, options = {}) {
  const { signal, close: closeEvents = [] } = options ?? {};
  if (signal?.aborted) throw abortError(signal);
  const ready = [];
  const waiting = [];
  const stops = [];
  let failure = null;
  let finished = false;

  const finish = () => {
    finished = true;
    for (const stop of stops) stop();
    for (const { resolve } of waiting.splice(0)) resolve({ value: undefined, done: true });
    return Promise.resolve({ value: undefined, done: true });
  };
  const fail = (error) => {
    const next = waiting.shift();
    if (next === undefined) failure = error;
    else next.reject(error);
    finish();
  };
  stops.push(
    listen(emitter, type, (...values) => {
      const next = waiting.shift();
      if (next === undefined) ready.push(values);
      else next.resolve({ value: values, done: false });
    }),
  );
  if (type !== 'error' && !isTarget(emitter)) stops.push(listen(emitter, 'error', fail));
  for (const name of closeEvents) stops.push(listen(emitter, name, finish));
  if (signal) stops.push(listen(signal, 'abort', () => fail(abortError(signal)), true));

  return {
    next() {
      if (ready.length > 0) return Promise.resolve({ value: ready.shift(), done: false });
      if (failure !== null) {
        const error = failure;
        failure = null;
        return Promise.reject(error);
      }
      if (finished) return Promise.resolve({ value: undefined, done: true });
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    return: finish,
    throw(error) {
      fail(error);
      return Promise.resolve({ value: undefined, done: true });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

export function addAbortListener(signal, listener) {
  if (signal.aborted) queueMicrotask(() => call(listener, signal));
  else signal.addEventListener('abort', listener, { once: true });
  return {
    [Symbol.dispose ?? Symbol.for('nodejs.dispose')]() {
      signal.removeEventListener('abort', listener);
    },
  };
}
