// node:timers: https://nodejs.org/api/timers.html
//
// The global functions return numbers, as in a browser; these return objects with ref and unref.

import { unrefTimer } from 'wapo:native';
import * as timers from '../timers.js';
import { requireFunction } from '../node-internal/errors.js';
import * as promises from './timers/promises.js';

class Timeout {
  #id;
  #start;
  #referenced = true;

  constructor(start) {
    this.#start = start;
    this.#id = start();
  }

  ref() {
    return this;
  }
  unref() {
    unrefTimer(this.#id);
    this.#referenced = false;
    return this;
  }
  hasRef() {
    return this.#referenced;
  }
  refresh() {
    timers.clearTimeout(this.#id);
    this.#id = this.#start();
    return this;
  }
  close() {
    timers.clearTimeout(this.#id);
    return this;
  }
  [Symbol.toPrimitive]() {
    return this.#id;
  }
}
if (Symbol.dispose) Timeout.prototype[Symbol.dispose] = Timeout.prototype.close;

class Immediate extends Timeout {}

const toDelay = (delay) => (delay >= 1 && delay <= 2 ** 31 - 1 ? Math.trunc(delay) : 1);

export function setTimeout(callback, delay, ...args) {
  requireFunction(callback, 'callback');
  return new Timeout(() => timers.setTimeout(callback, toDelay(delay), ...args));
}
export function setInterval(callback, delay, ...args) {
  requireFunction(callback, 'callback');
  return new Timeout(() => timers.setInterval(callback, toDelay(delay), ...args));
}
export function setImmediate(callback, ...args) {
  requireFunction(callback, 'callback');
  return new Immediate(() => timers.setImmediate(callback, ...args));
}

const clear = (timer) => {
  if (timer instanceof Timeout) timer.close();
  else timers.clearTimeout(timer);
};
export { clear as clearImmediate, clear as clearInterval, clear as clearTimeout };

Object.defineProperty(setTimeout, Symbol.for('nodejs.util.promisify.custom'), {
  __proto__: null,
  value: promises.setTimeout,
});
Object.defineProperty(setImmediate, Symbol.for('nodejs.util.promisify.custom'), {
  __proto__: null,
  value: promises.setImmediate,
});

export { promises };
export default {
  setTimeout,
  setInterval,
  setImmediate,
  clearTimeout: clear,
  clearInterval: clear,
  clearImmediate: clear,
  promises,
};
