// Errors that nobody catches: how they are told, and the events that a program may listen for.
// https://html.spec.whatwg.org/#runtime-script-errors, https://html.spec.whatwg.org/#unhandled-promise-rejections

import { log, markHandled } from 'wapo:native';
import { ErrorEvent, PromiseRejectionEvent } from './event-types.js';
import { fireEvent, hasListeners } from './event-target.js';
import { inspect } from './inspect.js';
import { setExceptionReporter } from './report.js';

const { globalThis: global } = globalThis;
const LEVEL_ERROR = 1;

/** The text of an error for the log: name, message, the user's lines, causes. */
export function describe(error) {
  try {
    return inspect(error);
  } catch {
    return 'an error that cannot be printed';
  }
}

/** Promises rejected without a handler since the last report, with their reasons. */
let rejected = [];

/** The engine tells of a rejection without a handler, or of a handler that came later. */
export function trackRejection(promise, reason, handled) {
  if (!handled) rejected.push({ promise, reason });
  else rejected = rejected.filter((entry) => entry.promise !== promise);
}

/** Reports what is still unhandled; called when the microtask queue has run dry. Returns the reasons. */
export function reportRejections() {
  if (rejected.length === 0) return [];
  const unhandled = rejected;
  rejected = [];
  const reasons = [];
  for (let i = 0; i < unhandled.length; i++) {
    const { promise, reason } = unhandled[i];
    if (hasListeners(global, 'unhandledrejection')) {
      const event = new PromiseRejectionEvent('unhandledrejection', { promise, reason, cancelable: true });
      if (!fireEvent(global, event)) continue;
    }
    reasons.push(reason);
    log(LEVEL_ERROR, `Uncaught (in promise) ${describe(reason)}`);
    markHandled(promise);
  }
  return reasons;
}

let reporting = false;

/** https://html.spec.whatwg.org/#report-the-exception */
export function reportError(error) {
  if (!reporting && hasListeners(global, 'error')) {
    reporting = true;
    try {
      const message = error instanceof Error ? error.message : String(error);
      const event = new ErrorEvent('error', { error, message, cancelable: true });
      if (!fireEvent(global, event)) return;
    } finally {
      reporting = false;
    }
  }
  log(LEVEL_ERROR, `Uncaught ${describe(error)}`);
}

setExceptionReporter(reportError);
