// FetchEvent and addEventListener('fetch', ...): https://w3c.github.io/ServiceWorker/#fetchevent-interface

import { fireEvent, hasListeners } from './event-target.js';
import { Event } from './event.js';
import { defineInterface } from './interfaces.js';
import { promiseResolve } from './promises.js';
import { DOMException } from './dom-exception.js';
import { requireArguments, toDictionary } from './webidl.js';

/** The promise given to respondWith, or null. */
let responseOf;

export class FetchEvent extends Event {
  #request;
  #response = null;
  #waitUntil;
  #open = true;

  constructor(type, init = undefined) {
    requireArguments(arguments.length, 2, 'new FetchEvent');
    super(type, init);
    const { request, waitUntil } = toDictionary(init, 'new FetchEvent: init');
    this.#request = request;
    this.#waitUntil = typeof waitUntil === 'function' ? waitUntil : () => undefined;
  }

  get request() {
    return this.#request;
  }

  respondWith(response) {
    requireArguments(arguments.length, 1, 'FetchEvent.respondWith');
    if (this.#response !== null) throw new DOMException('respondWith has been called already', 'InvalidStateError');
    if (!this.#open) throw new DOMException('respondWith must be called while the event is handled', 'InvalidStateError');
    this.stopImmediatePropagation();
    this.#response = promiseResolve(response);
  }

  waitUntil(promise) {
    requireArguments(arguments.length, 1, 'FetchEvent.waitUntil');
    this.#waitUntil(promise);
  }

  passThroughOnException() {
    this.#request;
  }

  static {
    responseOf = (event) => {
      event.#open = false;
      return event.#response;
    };
  }
}

defineInterface(FetchEvent);

export const hasFetchListener = () => hasListeners(globalThis, 'fetch');

/** Fires the event; the promise for a Response, or null if nobody answered. */
export function dispatchFetch(request, waitUntil) {
  const event = new FetchEvent('fetch', { request, waitUntil, cancelable: true });
  fireEvent(globalThis, event);
  return responseOf(event);
}
