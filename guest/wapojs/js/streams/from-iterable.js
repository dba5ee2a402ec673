// ReadableStreamFromIterable: https://streams.spec.whatwg.org/#readable-stream-from-iterable

import { call } from '../primordials.js';
import { promiseResolve, promiseThen } from '../promises.js';
import { isObject } from '../webidl.js';

const { String, TypeError } = globalThis;
const { asyncIterator, iterator } = Symbol;

/** GetMethod: undefined if there is none. */
function methodOf(object, key) {
  const method = object[key];
  if (method === undefined || method === null) return undefined;
  if (typeof method !== 'function') throw new TypeError(`${String(key)} is not a function`);
  return method;
}

/**
 * The iterator of an async iterable, or of an iterable: its values may be promises then.
 * @returns {{object, next: Function, isSync: boolean}}
 */
function openIterator(iterable) {
  if (iterable === undefined || iterable === null)
    throw new TypeError('ReadableStream.from: the argument is not iterable');
  let method = methodOf(iterable, asyncIterator);
  const isSync = method === undefined;
  if (isSync) method = methodOf(iterable, iterator);
  if (method === undefined) throw new TypeError('ReadableStream.from: the argument is not iterable');
  const object = call(method, iterable);
  if (!isObject(object)) throw new TypeError('ReadableStream.from: the iterator is not an object');
  return { object, next: object.next, isSync };
}

function checkResult(result) {
  if (!isObject(result)) throw new TypeError('an iterator result must be an object');
  return result;
}

/**
 * The pull and cancel algorithms of a stream over an iterable.
 * @param {function(*)} enqueue
 * @param {function()} close
 */
export function pullFromIterable(iterable, enqueue, close) {
  const { object, next, isSync } = openIterator(iterable);

  const deliver = (result) => {
    if (checkResult(result).done) {
      close();
      return undefined;
    }
    if (!isSync) {
      enqueue(result.value);
      return undefined;
    }
    // AsyncFromSyncIterator: the value is awaited, and the iterator is closed if it rejects.
    return promiseThen(promiseResolve(result.value), enqueue, (reason) => {
      try {
        const closeIterator = methodOf(object, 'return');
        if (closeIterator !== undefined) call(closeIterator, object);
      } catch {
        // the rejection is what counts
      }
      throw reason;
    });
  };

  const pull = () => {
    const result = call(next, object);
    return isSync ? deliver(result) : promiseThen(promiseResolve(result), deliver);
  };

  const cancel = (reason) => {
    const closeIterator = methodOf(object, 'return');
    if (closeIterator === undefined) return undefined;
    const result = call(closeIterator, object, reason);
    if (!isSync) return promiseThen(promiseResolve(result), checkResult);
    checkResult(result);
    return result.done ? undefined : promiseThen(promiseResolve(result.value), () => undefined);
  };

  return { pull, cancel };
}
