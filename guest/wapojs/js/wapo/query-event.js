// addEventListener('query', ...): wapojs-api.md 4.15, where scripts had to bring it along.

import { fireEvent, hasListeners } from '../event-target.js';
import { DOMException } from '../dom-exception.js';
import { Event } from '../event.js';
import { defineInterface } from '../interfaces.js';
import { promiseResolve } from '../promises.js';
import { requireArguments } from '../webidl.js';

/** The promise given to respondWith, or null. */
let answerOf;

export class QueryEvent extends Event {
  #request;
  #answer = null;

  /** @param {{origin: ?Uint8Array, path: string, payload: Uint8Array}} request */
  constructor(type, request) {
    super(type);
    this.#request = request;
  }

  get request() {
    return this.#request;
  }

  respondWith(answer) {
    requireArguments(arguments.length, 1, 'QueryEvent.respondWith');
    if (this.#answer !== null) throw new DOMException('respondWith has been called already', 'InvalidStateError');
    this.stopImmediatePropagation();
    this.#answer = promiseResolve(answer);
  }

  static {
    answerOf = (event) => event.#answer;
  }
}

defineInterface(QueryEvent);

export const hasQueryListener = () => hasListeners(globalThis, 'query');

/** Fires the event; the promise for the answer, or null if nobody gave one. */
export function dispatchQuery(request) {
  const event = new QueryEvent('query', request);
  fireEvent(globalThis, event);
  return answerOf(event);
}
