// node:events: https://nodejs.org/api/events.html
//
// EventEmitter is a function, not a class: `EventEmitter.call(this)` is how old packages inherit from it.

import { inspect } from '../inspect.js';
import { apply } from '../primordials.js';
import { outOfRange, plainError, requireFunction } from '../node-internal/errors.js';
import { addAbortListener, on, once } from '../node-internal/event-waiting.js';

const { ownKeys } = Reflect;
const DEFAULT_MAX_LISTENERS = 10;

export const errorMonitor = Symbol('events.errorMonitor');
export const captureRejectionSymbol = Symbol.for('nodejs.rejection');
const captureRejections = Symbol('captureRejections');

export function EventEmitter(options) {
  EventEmitter.init.call(this, options);
}

EventEmitter.init = function (options) {
  if (this._events === undefined || this._events === Object.getPrototypeOf(this)._events) {
    this._events = { __proto__: null };
    this._eventsCount = 0;
  }
  this._maxListeners ??= undefined;
  if (options?.captureRejections) this[captureRejections] = true;
};

const { prototype } = EventEmitter;
prototype._events = undefined;
prototype._eventsCount = 0;
prototype._maxListeners = undefined;
prototype[captureRejections] = false;

let defaultMaxListeners = DEFAULT_MAX_LISTENERS;

function requireCount(value, name) {
  if (typeof value !== 'number' || !(value >= 0)) throw outOfRange(name, 'a non-negative number', value);
}

const limitOf = (emitter) => emitter._maxListeners ?? defaultMaxListeners;

function warnOfLeak(emitter, type, list) {
  const limit = limitOf(emitter);
  if (limit === 0 || list.length <= limit || list.warned) return;
  list.warned = true;
  console.warn(
    `MaxListenersExceededWarning: Possible EventEmitter memory leak detected. ${list.length} ${String(type)} ` +
      'listeners added. Use emitter.setMaxListeners() to increase limit',
  );
}

/** The listeners of a type as a list that nobody else has. */
function listOf(emitter, type) {
  const found = emitter._events?.[type];
  if (found === undefined) return [];
  return typeof found === 'function' ? [found] : found.slice();
}

function add(emitter, type, listener, first) {
  requireFunction(listener, 'listener');
  if (emitter._events === undefined) EventEmitter.init.call(emitter);
  let events = emitter._events;
  if (events.newListener !== undefined) {
    emitter.emit('newListener', type, listener.listener ?? listener);
    events = emitter._events;
  }
  const found = events[type];
  if (found === undefined) {
    events[type] = listener;
    emitter._eventsCount++;
    return emitter;
  }
  let list = found;
  if (typeof found === 'function') list = events[type] = first ? [listener, found] : [found, listener];
  else if (first) list.unshift(listener);
  else list.push(listener);
  warnOfLeak(emitter, type, list);
  return emitter;
}

function onceWrapper(emitter, type, listener) {
  requireFunction(listener, 'listener');
  let fired = false;
  const wrapper = (...args) => {
    if (fired) return undefined;
    fired = true;
    emitter.removeListener(type, wrapper);
    return apply(listener, emitter, args);
  };
  wrapper.listener = listener;
  return wrapper;
}

/** A promise that a listener returned: its rejection is an error of the emitter, if it asked for that. */
function watchResult(emitter, result, type, args) {
  if (result === undefined || result === null || typeof result.then !== 'function') return;
  result.then(undefined, (error) => {
    process.nextTick(() => {
      if (typeof emitter[captureRejectionSymbol] === 'function') emitter[captureRejectionSymbol](error, type, ...args);
      else emitter.emit('error', error);
    });
  });
}

function throwUnhandled(error) {
  if (error instanceof Error) throw error;
  const text = typeof error === 'string' ? `'${error}'` : inspect(error);
  const unhandled = plainError('ERR_UNHANDLED_ERROR', `Unhandled error. (${text})`);
  unhandled.context = error;
  throw unhandled;
}

const METHODS = {
  setMaxListeners(count) {
    requireCount(count, 'setMaxListeners');
    this._maxListeners = count;
    return this;
  },

  getMaxListeners() {
    return limitOf(this);
  },

  emit(type, ...args) {
    const events = this._events;
    if (type === 'error') {
      if (events?.[errorMonitor] !== undefined) this.emit(errorMonitor, ...args);
      if (events?.error === undefined) throwUnhandled(args[0]);
    }
    const found = events?.[type];
    if (found === undefined) return false;
    if (typeof found === 'function') {
      const result = apply(found, this, args);
      if (this[captureRejections]) watchResult(this, result, type, args);
      return true;
    }
    const list = found.slice();
    for (let i = 0; i < list.length; i++) {
      const result = apply(list[i], this, args);
      if (this[captureRejections]) watchResult(this, result, type, args);
    }
    return true;
  },

  addListener(type, listener) {
    return add(this, type, listener, false);
  },

  prependListener(type, listener) {
    return add(this, type, listener, true);
  },

  once(type, listener) {
    return this.on(type, onceWrapper(this, type, listener));
  },

  prependOnceListener(type, listener) {
    return this.prependListener(type, onceWrapper(this, type, listener));
  },

  removeListener(type, listener) {
    requireFunction(listener, 'listener');
    const events = this._events;
    const found = events?.[type];
    if (found === undefined) return this;
    let removed;
    if (found === listener || found.listener === listener) {
      removed = found;
      delete events[type];
      this._eventsCount--;
    } else if (typeof found !== 'function') {
      let at = found.length - 1;
      while (at >= 0 && found[at] !== listener && found[at].listener !== listener) at--;
      if (at < 0) return this;
      removed = found[at];
      found.splice(at, 1);
      if (found.length === 1) events[type] = found[0];
    } else {
      return this;
    }
    if (events.removeListener !== undefined) this.emit('removeListener', type, removed.listener ?? removed);
    return this;
  },

  removeAllListeners(type) {
    const events = this._events;
    if (events === undefined) return this;
    if (arguments.length === 0) {
      if (events.removeListener !== undefined) {
        for (const key of ownKeys(events)) if (key !== 'removeListener') this.removeAllListeners(key);
      }
      this._events = { __proto__: null };
      this._eventsCount = 0;
      return this;
    }
    const list = listOf(this, type);
    if (events.removeListener === undefined) {
      if (list.length > 0) {
        delete events[type];
        this._eventsCount--;
      }
      return this;
    }
    for (let i = list.length - 1; i >= 0; i--) this.removeListener(type, list[i]);
    return this;
  },

  listeners(type) {
    return listOf(this, type).map((listener) => listener.listener ?? listener);
  },

  rawListeners(type) {
    return listOf(this, type);
  },

  listenerCount(type, listener) {
    const list = listOf(this, type);
    if (listener === undefined) return list.length;
    return list.filter((other) => other === listener || other.listener === listener).length;
  },

  eventNames() {
    return this._eventsCount > 0 ? ownKeys(this._events) : [];
  },
};
METHODS.on = METHODS.addListener;
METHODS.off = METHODS.removeListener;
Object.assign(prototype, METHODS);

// Functions of the module

export function listenerCount(emitter, type) {
  return typeof emitter.listenerCount === 'function' ? emitter.listenerCount(type) : 0;
}

export function getEventListeners(emitter, type) {
  return typeof emitter.listeners === 'function' ? emitter.listeners(type) : [];
}

export function getMaxListeners(emitter) {
  return typeof emitter?.getMaxListeners === 'function' ? emitter.getMaxListeners() : defaultMaxListeners;
}

export function setMaxListeners(count = DEFAULT_MAX_LISTENERS, ...targets) {
  requireCount(count, 'setMaxListeners');
  if (targets.length === 0) defaultMaxListeners = count;
  for (const target of targets) if (typeof target.setMaxListeners === 'function') target.setMaxListeners(count);
}

Object.defineProperty(EventEmitter, 'defaultMaxListeners', {
  __proto__: null,
  enumerable: true,
  get: () => defaultMaxListeners,
  set(count) {
    requireCount(count, 'defaultMaxListeners');
    defaultMaxListeners = count;
  },
});
Object.assign(EventEmitter, {
  EventEmitter,
  once,
  on,
  listenerCount,
  getEventListeners,
  getMaxListeners,
  setMaxListeners,
  addAbortListener,
  errorMonitor,
  captureRejectionSymbol,
});

export { addAbortListener, defaultMaxListeners, on, once };
export default EventEmitter;
