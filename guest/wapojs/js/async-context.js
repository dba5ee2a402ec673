// The context of asynchronous work: what AsyncLocalStorage keeps, and what timers and ticks carry from where they were
// made to where they run. The engine carries it over promises (c/async_context.c).
//
// A context is undefined, or a Map from storages to their values that is never changed.

import { getAsyncContext, setAsyncContext } from 'wapo:native';
import { apply } from './primordials.js';

export { getAsyncContext };

/** Calls a function in a context. */
export function runInContext(context, fn, thisArgument, args) {
  const previous = setAsyncContext(context);
  try {
    return apply(fn, thisArgument, args);
  } finally {
    setAsyncContext(previous);
  }
}

/** From here on, to the end of the task and in what it starts. */
export const enterContext = (context) => void setAsyncContext(context);

/** A function that runs in the context of now, wherever it is called. */
export function bindContext(fn) {
  const context = getAsyncContext();
  if (context === undefined) return fn;
  return function (...args) {
    return runInContext(context, fn, this, args);
  };
}
