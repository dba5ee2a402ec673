// Errors that reach the global object: https://html.spec.whatwg.org/#runtime-script-errors
//
// A program may listen for `error`, `unhandledrejection` and `rejectionhandled` on the global object; what it does not
// handle goes to the console.

import { ErrorEvent, PromiseRejectionEvent } from './event-types.js';
import { defineEventHandler, exposeGlobalEventTarget, fireEvent, hasListeners } from './event-target.js';
import { inspect } from './inspect.js';
import { reportException, setExceptionReporter } from './report.js';
import { requireArguments } from './webidl.js';

/** Where an error was thrown, as far as its stack tells. */
function positionOf(error) {
  let match = null;
  try {
    match = /\(?([^()\s]+):(\d+):(\d+)\)?/.exec(
      String(error.stack)
        .split('\n')
        .find((line) => /^\s*at /.test(line)) ?? '',
    );
  } catch {
    // not an error, or one that hides its stack
  }
  return match === null
    ? { filename: '', lineno: 0, colno: 0 }
    : { filename: match[1], lineno: +match[2], colno: +match[3] };
}

const { Error, String } = globalThis;

let reporting = false;

/**
 * Makes the global object an event target, and sends what nobody handles to `logError`.
 * @param {function(string)} logError must not throw
 */
export function installGlobalErrors(logError) {
  exposeGlobalEventTarget();
  for (const type of ['error', 'unhandledrejection', 'rejectionhandled']) defineEventHandler(globalThis, type);
  setExceptionReporter((error) => {
    if (!reporting && hasListeners(globalThis, 'error')) {
      reporting = true; // an exception thrown by a listener is only logged
      const message = `Uncaught ${error instanceof Error ? `${error.name}: ${error.message}` : inspect(error)}`;
      const event = new ErrorEvent('error', { cancelable: true, message, error, ...positionOf(error) });
      const notHandled = fireEvent(globalThis, event);
      reporting = false;
      if (!notHandled) return;
    }
    logError(`Uncaught ${inspect(error)}`);
  });
}

/** The global function. */
export function reportError(error) {
  requireArguments(arguments.length, 1, 'reportError');
  reportException(error);
}

/**
 * Fires `unhandledrejection` for a promise that was rejected and that nobody handles.
 * @returns {boolean} whether the program took care of it, so that it need not be reported
 */
export function fireUnhandledRejection(promise, reason) {
  if (!hasListeners(globalThis, 'unhandledrejection')) return false;
  return !fireEvent(globalThis, new PromiseRejectionEvent('unhandledrejection', { cancelable: true, promise, reason }));
}

/** Fires `rejectionhandled` for a promise that was reported and is handled after all. */
export function fireRejectionHandled(promise, reason) {
  if (!hasListeners(globalThis, 'rejectionhandled')) return;
  fireEvent(globalThis, new PromiseRejectionEvent('rejectionhandled', { promise, reason }));
}
