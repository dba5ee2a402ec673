// node:async_hooks: https://nodejs.org/api/async_context.html
//
// AsyncLocalStorage and AsyncResource. There are no hooks: createHook gives an object that is never called.

import { bindContext, enterContext, getAsyncContext, runInContext } from '../async-context.js';
import { apply } from '../primordials.js';
import { requireFunction } from '../node-internal/errors.js';

const { Map } = globalThis;

export class AsyncLocalStorage {
  #enabled = true;
  #defaultValue;
  name;

  constructor({ defaultValue, name = '' } = {}) {
    this.#defaultValue = defaultValue;
    this.name = name;
  }

  static bind(fn) {
    requireFunction(fn, 'fn');
    return AsyncResource.bind(fn);
  }

  static snapshot() {
    const context = getAsyncContext();
    return (fn, ...args) => runInContext(context, fn, undefined, args);
  }

  #with(store) {
    this.#enabled = true;
    return new Map(getAsyncContext()).set(this, store);
  }

  run(store, callback, ...args) {
    return runInContext(this.#with(store), callback, undefined, args);
  }

  exit(callback, ...args) {
    const context = new Map(getAsyncContext());
    context.delete(this);
    return runInContext(context.size === 0 ? undefined : context, callback, undefined, args);
  }

  enterWith(store) {
    enterContext(this.#with(store));
  }

  disable() {
    this.#enabled = false;
  }

  getStore() {
    if (!this.#enabled) return undefined;
    const context = getAsyncContext();
    return context !== undefined && context.has(this) ? context.get(this) : this.#defaultValue;
  }
}

let lastId = 1;

export class AsyncResource {
  #context = getAsyncContext();
  #id = ++lastId;

  constructor(type) {
    this.type = type;
  }

  static bind(fn, type, thisArg) {
    requireFunction(fn, 'fn');
    const bound = bindContext(fn);
    return thisArg === undefined ? bound : bound.bind(thisArg);
  }

  bind(fn, thisArg) {
    requireFunction(fn, 'fn');
    const resource = this;
    return function (...args) {
      return resource.runInAsyncScope(fn, thisArg ?? this, ...args);
    };
  }

  runInAsyncScope(fn, thisArg, ...args) {
    return runInContext(this.#context, (...given) => apply(fn, thisArg, given), undefined, args);
  }

  emitDestroy() {
    return this;
  }

  asyncId() {
    return this.#id;
  }

  triggerAsyncId() {
    return 0;
  }
}

export const executionAsyncId = () => 0;
export const triggerAsyncId = () => 0;
export const executionAsyncResource = () => ({});

export function createHook() {
  const hook = { enable: () => hook, disable: () => hook };
  return hook;
}

export default {
  AsyncLocalStorage,
  AsyncResource,
  createHook,
  executionAsyncId,
  executionAsyncResource,
  triggerAsyncId,
};
