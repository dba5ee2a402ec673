// Where exceptions go that no caller can receive, thrown by listeners, timers and microtasks:
// https://html.spec.whatwg.org/#report-the-exception
//
// The files at the bottom (event targets, timers) report, the files at the top (console, the global object) know what
// to do with it; this is the hook between them.

import { log } from 'wapo:native';

const { String } = globalThis;

const LEVEL_ERROR = 1; // of the guest ABI

let reporter = (error) => {
  let text;
  try {
    text = String(error);
  } catch {
    text = 'an exception that cannot be printed';
  }
  log(LEVEL_ERROR, `Uncaught ${text}`);
};

/** Reports an exception. Never throws. */
export function reportException(error) {
  reporter(error);
}

/** Replaces what reporting does; `report(error)` must not throw. */
export function setExceptionReporter(report) {
  reporter = report;
}
