// Promise helpers of Web IDL: https://webidl.spec.whatwg.org/#js-promise-manipulation
//
// Reacting to a promise allocates a derived promise with two functions, about ten times the price of a microtask in
// this engine. So internal algorithms may return `undefined` where the standard says "a promise resolved with
// undefined", and `react` then queues the reaction as a bare microtask: same order, nothing allocated.

import { markHandled, promiseReact } from 'wapo:native';
import { enqueueMicrotask, uncurryThis } from './primordials.js';

/** Promise.prototype.then as a function of the promise. */
export const promiseThen = uncurryThis(Promise.prototype.then);
/** "A promise resolved with x"; a genuine promise is returned as it is. */
export const promiseResolve = Promise.resolve.bind(Promise);
/** "A promise rejected with r". */
export const promiseReject = Promise.reject.bind(Promise);

const { Promise: PromiseConstructor } = globalThis;

/** A promise with the functions that settle it: `{ promise, resolve, reject }`. */
export const newDeferred = PromiseConstructor.withResolvers
  ? PromiseConstructor.withResolvers.bind(PromiseConstructor)
  : () => {
      const deferred = { promise: undefined, resolve: undefined, reject: undefined };
      deferred.promise = new PromiseConstructor((resolve, reject) => {
        deferred.resolve = resolve;
        deferred.reject = reject;
      });
      return deferred;
    };

/** "Set promise.[[PromiseIsHandled]] to true": its rejection is never reported as unhandled. */
export const markPromiseHandled = markHandled;

/** "A promise rejected with r", marked as handled. */
export function handledRejection(reason) {
  const promise = promiseReject(reason);
  markHandled(promise);
  return promise;
}

/**
 * Reacts to a genuine promise where nobody wants to know what becomes of the reaction: no promise is made for it, and
 * neither function may throw.
 */
export { promiseReact };

/** What an algorithm returns if it will call the reaction itself, in a microtask. */
export const LATER = { __proto__: null };

/**
 * Reacts to what an algorithm returned. Neither function may throw.
 * @param {undefined|Promise|*} result `undefined` stands for a promise already resolved; for LATER nothing is done
 */
export function react(result, onFulfilled, onRejected) {
  if (result === undefined) {
    enqueueMicrotask(onFulfilled);
  } else if (result !== LATER) {
    promiseReact(promiseResolve(result), onFulfilled, onRejected);
  }
}

/** Calls an algorithm and returns the promise for its result, rejected if it throws. */
export function promiseCall(algorithm, argument) {
  try {
    return promiseResolve(algorithm(argument));
  } catch (error) {
    return promiseReject(error);
  }
}

/** "Wait for all", to react to the end of several promises: rejected as soon as one is. */
export function waitForAll(promises) {
  const { promise, resolve, reject } = newDeferred();
  let pending = promises.length;
  if (pending === 0) resolve(undefined);
  const fulfilled = () => {
    if (--pending === 0) resolve(undefined);
  };
  for (let i = 0; i < promises.length; i++) promiseThen(promises[i], fulfilled, reject);
  return promise;
}
