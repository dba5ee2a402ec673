// Timers: https://html.spec.whatwg.org/#timers
// queueMicrotask: https://html.spec.whatwg.org/#microtask-queuing
// setImmediate is not of a standard; Node has it, and so had WapoJS.

import { clearTimer, setTimer } from 'wapo:native';
import { bindContext } from './async-context.js';
import { apply, call, enqueueMicrotask } from './primordials.js';
import { reportException } from './report.js';
import { requireArguments, toCallback, toDOMString } from './webidl.js';

const { Map } = globalThis;
const indirectEval = globalThis.eval;

// "If nesting level is greater than 5, and timeout is less than 4, then set timeout to 4."
const NESTING_LIMIT = 5;
const NESTED_MINIMUM_MS = 4;

/** @type {Map<number, {handler, args: Array, level: number, repeat: boolean}>} the active timers by their id */
const active = new Map();
/** The nesting level of the timer whose handler is running, 0 outside of handlers. */
let nestingLevel = 0;

function fire(id) {
  const timer = active.get(id);
  if (timer === undefined) return;
  if (!timer.repeat) active.delete(id);
  nestingLevel = timer.level;
  try {
    const { handler, args } = timer;
    if (typeof handler !== 'function') indirectEval(handler);
    else if (args.length === 0) call(handler, globalThis);
    else apply(handler, globalThis, args);
  } catch (error) {
    reportException(error);
  }
  nestingLevel = 0;
}

/** "The timer initialization steps" */
function startTimer(handler, timeout, args, repeat) {
  handler = typeof handler === 'function' ? bindContext(handler) : toDOMString(handler);
  let ms = timeout | 0; // long
  if (ms < 0) ms = 0;
  const level = nestingLevel + 1;
  // The engine's repeating timers keep one period, so an interval has its minimum from the beginning.
  if (ms < NESTED_MINIMUM_MS && (repeat || nestingLevel > NESTING_LIMIT)) ms = NESTED_MINIMUM_MS;
  const id = setTimer(() => fire(id), ms, repeat);
  active.set(id, { handler, args, level, repeat });
  return id;
}

export function setTimeout(handler, timeout = 0, ...args) {
  requireArguments(arguments.length, 1, 'setTimeout');
  return startTimer(handler, timeout, args, false);
}

export function setInterval(handler, timeout = 0, ...args) {
  requireArguments(arguments.length, 1, 'setInterval');
  return startTimer(handler, timeout, args, true);
}

let endOther = () => undefined;
/** What clearTimeout does to a number that is no timer's: programs for the original close anything with it. */
export function setOtherEnd(end) {
  endOther = end;
}

function stopTimer(id) {
  // 0 is a valid id here, so that "no id" must not become 0.
  if (id === undefined || id === null) return null;
  if (active.delete((id |= 0))) clearTimer(id);
  else endOther(id);
  return null; // KEEP: "nothing" is null in WapoJS
}

export function clearTimeout(id = undefined) {
  return stopTimer(id);
}

export function clearInterval(id = undefined) {
  return stopTimer(id);
}

export function setImmediate(handler, ...args) {
  toCallback(handler, 'setImmediate: the argument');
  const id = setTimer(() => fire(id), 0, false);
  active.set(id, { handler: bindContext(handler), args, level: 0, repeat: false });
  return id;
}

export function clearImmediate(id = undefined) {
  return stopTimer(id);
}

export function queueMicrotask(callback) {
  requireArguments(arguments.length, 1, 'queueMicrotask');
  toCallback(callback, 'queueMicrotask: the argument');
  const bound = bindContext(callback);
  enqueueMicrotask(() => {
    try {
      bound();
    } catch (error) {
      reportException(error);
    }
  });
}
