// Errors that nobody catches: their text for the log, and rejections that nobody handles.
// https://html.spec.whatwg.org/#unhandled-promise-rejections

import { log, memoryExhausted } from 'wapo:native';
import { fireRejectionHandled, fireUnhandledRejection } from './global-errors.js';
import { inspect } from './inspect.js';

const { Map, WeakSet } = globalThis;
const LEVEL_ERROR = 1;
/** A program that leaves rejections behind for ever must not keep all of them in memory. */
const MAX_OUTSTANDING = 16;

/** The text of an error for the log: name, message, the user's lines, causes. */
export function describe(error) {
  // What the engine throws when there is no memory left for an error object.
  if (error === null && memoryExhausted()) return 'InternalError: out of memory';
  try {
    return inspect(error);
  } catch {
    return memoryExhausted() ? 'InternalError: out of memory' : 'an error that cannot be printed';
  }
}

/** "About-to-be-notified rejected promises list" */
let rejected = [];
/** "Outstanding rejected promises weak set" */
const reported = new WeakSet();
/** The last of those that no listener took care of, with their reasons. */
const outstanding = new Map();

/** The engine tells of a rejection without a handler, or of a handler that came later. */
export function trackRejection(promise, reason, handled) {
  if (!handled) {
    rejected.push({ promise, reason });
  } else if (reported.delete(promise)) {
    outstanding.delete(promise);
    fireRejectionHandled(promise, reason);
  } else {
    rejected = rejected.filter((entry) => entry.promise !== promise);
  }
}

/**
 * Reports what is still unhandled; called when the microtask queue has run dry.
 * @returns {boolean} whether there was anything that no listener took care of
 */
export function reportRejections() {
  if (rejected.length === 0) return false;
  const unhandled = rejected;
  rejected = [];
  let any = false;
  for (let i = 0; i < unhandled.length; i++) {
    const { promise, reason } = unhandled[i];
    const taken = fireUnhandledRejection(promise, reason);
    reported.add(promise);
    if (taken) continue;
    any = true;
    if (outstanding.size === MAX_OUTSTANDING) outstanding.delete(outstanding.keys().next().value);
    outstanding.set(promise, reason);
    log(LEVEL_ERROR, `Uncaught (in promise) ${describe(reason)}`);
  }
  return any;
}

/** The latest rejection that is unhandled to this moment, as `{ reason }`, or null. */
export function unhandledRejection() {
  let last = null;
  outstanding.forEach((reason) => (last = { reason }));
  return last;
}
