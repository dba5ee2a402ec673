// Event: https://dom.spec.whatwg.org/#interface-event
//
// There is no tree of nodes here, so an event's path is its target alone: dispatch is one capturing and one bubbling
// visit of that target (https://dom.spec.whatwg.org/#dispatching-events, steps 5.13 and 5.14).

import { clockNow } from './clock.js';
import { defineInterface } from './interfaces.js';
import { call } from './primordials.js';
import { reportException } from './report.js';
import { requireArguments, toDictionary, toDOMString } from './webidl.js';

const { TypeError } = globalThis;
const { defineProperty } = Object;

const AT_TARGET = 2;

// The event's flags (https://dom.spec.whatwg.org/#stop-propagation-flag and following), and its init members.
const STOP_PROPAGATION = 1;
const STOP_IMMEDIATE = 2;
const CANCELED = 4;
const IN_PASSIVE_LISTENER = 8;
const COMPOSED = 16;
const INITIALIZED = 32;
const DISPATCHING = 64;
const BUBBLES = 128;
const CANCELABLE = 256;
const TRUSTED = 512;

/** Whether a value is a genuine Event. */
export let isEvent;
/** Whether an event may be given to dispatchEvent: initialised, and not being dispatched. */
export let isDispatchable;
/** Sets isTrusted. */
export let setTrusted;
/** Changes type, bubbles and cancelable as initEvent does; false if the event is being dispatched. */
export let initializeEvent;
/**
 * Dispatches to one target.
 * @param {ListenerStore} store the target's listeners, see event-target.js
 * @returns {boolean} whether the event was not cancelled
 */
export let dispatch;

let isTrustedDescriptor;

export class Event {
  #type;
  #flags = INITIALIZED;
  #target = null;
  #currentTarget = null;
  #phase = 0;
  #timeStamp = clockNow();

  constructor(type, eventInitDict = undefined) {
    requireArguments(arguments.length, 1, 'new Event');
    this.#type = toDOMString(type);
    if (eventInitDict !== undefined) {
      const init = toDictionary(eventInitDict, 'new Event: the init argument');
      if (init.bubbles) this.#flags |= BUBBLES;
      if (init.cancelable) this.#flags |= CANCELABLE;
      if (init.composed) this.#flags |= COMPOSED;
    }
    defineProperty(this, 'isTrusted', isTrustedDescriptor); // [LegacyUnforgeable]
  }

  get type() {
    return this.#type;
  }

  get target() {
    return this.#target;
  }

  get srcElement() {
    return this.#target;
  }

  get currentTarget() {
    return this.#currentTarget;
  }

  composedPath() {
    return this.#currentTarget === null ? [] : [this.#currentTarget];
  }

  get eventPhase() {
    return this.#phase;
  }

  stopPropagation() {
    this.#flags |= STOP_PROPAGATION;
  }

  get cancelBubble() {
    return (this.#flags & STOP_PROPAGATION) !== 0;
  }

  set cancelBubble(value) {
    const stop = !!value;
    this.#flags |= stop ? STOP_PROPAGATION : 0;
  }

  stopImmediatePropagation() {
    this.#flags |= STOP_PROPAGATION | STOP_IMMEDIATE;
  }

  get bubbles() {
    return (this.#flags & BUBBLES) !== 0;
  }

  get cancelable() {
    return (this.#flags & CANCELABLE) !== 0;
  }

  get returnValue() {
    return (this.#flags & CANCELED) === 0;
  }

  set returnValue(value) {
    if (!value) this.#cancel();
    else this.#flags |= 0; // the brand check
  }

  preventDefault() {
    this.#cancel();
  }

  #cancel() {
    if (this.#flags & CANCELABLE && !(this.#flags & IN_PASSIVE_LISTENER)) this.#flags |= CANCELED;
  }

  get defaultPrevented() {
    return (this.#flags & CANCELED) !== 0;
  }

  get composed() {
    return (this.#flags & COMPOSED) !== 0;
  }

  get timeStamp() {
    return this.#timeStamp;
  }

  initEvent(type, bubbles = false, cancelable = false) {
    requireArguments(arguments.length, 1, 'Event.initEvent');
    initializeEvent(this, toDOMString(type), !!bubbles, !!cancelable);
  }

  static {
    isEvent = (value) => typeof value === 'object' && value !== null && #flags in value;
    isDispatchable = (event) => (event.#flags & (DISPATCHING | INITIALIZED)) === INITIALIZED;
    setTrusted = (event, trusted) => {
      event.#flags = trusted ? event.#flags | TRUSTED : event.#flags & ~TRUSTED;
    };

    initializeEvent = (event, type, bubbles, cancelable) => {
      if (event.#flags & DISPATCHING) return false;
      event.#flags = (event.#flags & COMPOSED) | INITIALIZED | (bubbles ? BUBBLES : 0) | (cancelable ? CANCELABLE : 0);
      event.#target = null;
      event.#type = type;
      return true;
    };

    isTrustedDescriptor = {
      __proto__: null,
      get: {
        get isTrusted() {
          return (this.#flags & TRUSTED) !== 0;
        },
      }.__lookupGetter__('isTrusted'),
      enumerable: true,
    };

    // "Inner invoke": https://dom.spec.whatwg.org/#concept-event-listener-inner-invoke. The store replaces a list
    // when it changes, so the one that we iterate is the clone that "invoke" asks for.
    const invoke = (event, store, capture) => {
      const listeners = store.listenersOf(event.#type);
      if (listeners === undefined) return;
      for (let i = 0; i < listeners.length; i++) {
        const listener = listeners[i];
        if (listener.removed || listener.capture !== capture) continue;
        if (listener.once) store.remove(event.#type, listener);
        if (listener.passive) event.#flags |= IN_PASSIVE_LISTENER;
        try {
          const { callback } = listener;
          if (typeof callback === 'function') {
            call(callback, event.#currentTarget, event);
          } else {
            const { handleEvent } = callback;
            if (typeof handleEvent !== 'function') throw new TypeError('handleEvent is not a function');
            call(handleEvent, callback, event);
          }
        } catch (error) {
          reportException(error);
        }
        event.#flags &= ~IN_PASSIVE_LISTENER;
        if (event.#flags & STOP_IMMEDIATE) return;
      }
    };

    dispatch = (event, target, store) => {
      event.#flags |= DISPATCHING;
      event.#target = target;
      if (store.listenersOf(event.#type) !== undefined) {
        event.#phase = AT_TARGET;
        event.#currentTarget = target;
        if (!(event.#flags & STOP_PROPAGATION)) invoke(event, store, true);
        if (!(event.#flags & STOP_PROPAGATION)) invoke(event, store, false);
        event.#phase = 0;
        event.#currentTarget = null;
      }
      event.#flags &= ~(DISPATCHING | STOP_PROPAGATION | STOP_IMMEDIATE);
      return !(event.#flags & CANCELED);
    };
  }
}

defineInterface(Event, { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET, BUBBLING_PHASE: 3 });
