// EventTarget: https://dom.spec.whatwg.org/#interface-eventtarget
// Event handler attributes (`onabort` and the like): https://html.spec.whatwg.org/#event-handler-attributes

import { DOMException } from './dom-exception.js';
import { dispatch, isDispatchable, isEvent, setTrusted } from './event.js';
import { defineInterface } from './interfaces.js';
import { call } from './primordials.js';
import { isObject, requireArguments, toDOMString } from './webidl.js';

const { Map, TypeError } = globalThis;
const { defineProperty, getOwnPropertyDescriptor } = Object;

/** The event listeners and event handlers of one target. */
export class ListenerStore {
  /** @type {?Map<string, Listener[]>} lists are replaced, never changed, so that dispatch can iterate one */
  lists = null;
  /** @type {?Map<string, {value: *, listener: ?Listener}>} the event handler map */
  handlers = null;
  /** @type {?function(string)} called when a listener for a type has been added */
  added = null;

  listenersOf(type) {
    return this.lists === null ? undefined : this.lists.get(type);
  }

  find(type, callback, capture) {
    const list = this.listenersOf(type);
    if (list === undefined) return undefined;
    for (let i = 0; i < list.length; i++) {
      if (list[i].callback === callback && list[i].capture === capture) return list[i];
    }
    return undefined;
  }

  add(type, listener) {
    this.lists ??= new Map();
    const list = this.lists.get(type);
    this.lists.set(type, list === undefined ? [listener] : list.concat(listener));
    if (this.added !== null) this.added(type);
  }

  remove(type, listener) {
    if (listener.removed) return;
    listener.removed = true;
    const left = this.lists.get(type).filter((other) => other !== listener);
    if (left.length === 0) this.lists.delete(type);
    else this.lists.set(type, left);
  }
}

const makeListener = (callback, capture, passive, once) => ({ callback, capture, passive, once, removed: false });

// AbortSignal is built on this file; abort.js passes up what `options.signal` needs.
let abortHooks;
/** @param hooks `{isAbortSignal(value), isAborted(signal), addAlgorithm(signal, steps)}` */
export function setAbortHooks(hooks) {
  abortHooks = hooks;
}

/** The store of a target; of the global object's for undefined, null or the global object itself. */
let storeOf;
let globalStore = null;

/** "Flatten" options: a boolean is `capture`. */
const captureOf = (options) => (isObject(options) ? !!options.capture : options !== null && !!options);

function toListener(value) {
  if (value === null || value === undefined) return null;
  if (!isObject(value)) throw new TypeError('an event listener must be a function or an object');
  return value;
}

export class EventTarget {
  #store = new ListenerStore();

  static {
    storeOf = (target) => {
      if (globalStore !== null && (target === undefined || target === null || target === globalThis))
        return globalStore;
      return target.#store;
    };
  }

  addEventListener(type, callback, options = undefined) {
    const store = storeOf(this);
    requireArguments(arguments.length, 2, 'EventTarget.addEventListener');
    type = toDOMString(type);
    callback = toListener(callback);
    const capture = captureOf(options);
    let once = false;
    let passive = false;
    let signal;
    if (isObject(options)) {
      once = !!options.once;
      passive = !!options.passive;
      signal = options.signal;
      if (signal !== undefined) {
        if (!abortHooks.isAbortSignal(signal)) throw new TypeError('options.signal must be an AbortSignal');
        if (abortHooks.isAborted(signal)) return;
      }
    }
    if (callback === null || store.find(type, callback, capture) !== undefined) return;
    const listener = makeListener(callback, capture, passive, once);
    store.add(type, listener);
    if (signal !== undefined) abortHooks.addAlgorithm(signal, () => store.remove(type, listener));
  }

  removeEventListener(type, callback, options = undefined) {
    const store = storeOf(this);
    requireArguments(arguments.length, 2, 'EventTarget.removeEventListener');
    type = toDOMString(type);
    callback = toListener(callback);
    const listener = store.find(type, callback, captureOf(options));
    if (listener !== undefined) store.remove(type, listener);
  }

  dispatchEvent(event) {
    const store = storeOf(this);
    requireArguments(arguments.length, 1, 'EventTarget.dispatchEvent');
    if (!isEvent(event)) throw new TypeError('EventTarget.dispatchEvent: the argument must be an Event');
    if (!isDispatchable(event)) throw new DOMException('The event is already being dispatched', 'InvalidStateError');
    setTrusted(event, false);
    return dispatch(event, this ?? globalThis, store);
  }
}

defineInterface(EventTarget);

/** Dispatches an event that the platform made; returns whether it was not cancelled. */
export function fireEvent(target, event) {
  setTrusted(event, true);
  return dispatch(event, target, storeOf(target));
}

/** Whether anything listens for events of a type, so that an event nobody wants need not be made. */
export function hasListeners(target, type) {
  return storeOf(target).listenersOf(type) !== undefined;
}

/** Calls `added(type)` whenever a listener is added to a target. */
export function watchListeners(target, added) {
  storeOf(target).added = added;
}

/** Makes the global object an event target: the methods appear on it, and work without a `this`. */
export function exposeGlobalEventTarget() {
  globalStore = new ListenerStore();
  for (const name of ['addEventListener', 'removeEventListener', 'dispatchEvent']) {
    const descriptor = getOwnPropertyDescriptor(EventTarget.prototype, name);
    descriptor.enumerable = false;
    defineProperty(globalThis, name, descriptor);
  }
}

/** "The event handler processing algorithm", for handlers without special cases. */
function callHandler(value, event) {
  if (typeof value === 'function' && call(value, event.currentTarget, event) === false) event.preventDefault();
}

/** `onerror` of the global object: https://html.spec.whatwg.org/#onerroreventhandler */
function callErrorHandler(value, event) {
  if (typeof value !== 'function') return;
  const { message, filename, lineno, colno, error } = event;
  if (call(value, event.currentTarget, message, filename, lineno, colno, error) === true) event.preventDefault();
}

/**
 * Defines an event handler attribute: `defineEventHandler(AbortSignal.prototype, 'abort')` makes `onabort`.
 * The handler takes its place among the listeners when it is first set to an object and keeps it until set to null.
 * @param {function(object)} [whenSet] called with the target after each assignment
 */
export function defineEventHandler(prototype, type, whenSet = undefined) {
  const attribute = `on${type}`;
  const invoke = prototype === globalThis && type === 'error' ? callErrorHandler : callHandler;
  const accessors = {
    get [attribute]() {
      const { handlers } = storeOf(this);
      return handlers === null ? null : (handlers.get(type)?.value ?? null);
    },
    set [attribute](value) {
      const store = storeOf(this);
      store.handlers ??= new Map();
      let handler = store.handlers.get(type);
      if (handler === undefined) store.handlers.set(type, (handler = { value: null, listener: null }));
      handler.value = isObject(value) ? value : null;
      if (handler.value === null) {
        if (handler.listener !== null) store.remove(type, handler.listener);
        handler.listener = null;
      } else if (handler.listener === null) {
        handler.listener = makeListener((event) => invoke(handler.value, event), false, false, false);
        store.add(type, handler.listener);
      }
      if (whenSet !== undefined) whenSet(this);
    },
  };
  defineProperty(prototype, attribute, getOwnPropertyDescriptor(accessors, attribute));
}
