// node:assert: https://nodejs.org/api/assert.html

import { inspect } from '../inspect.js';
import { AssertionError } from '../node-internal/assertion-error.js';
import { isDeepLooseEqual, isDeepStrictEqual } from '../node-internal/deep-equal.js';
import { invalidArgument, requireFunction } from '../node-internal/errors.js';

const { is } = Object;

/** Throws the message if it is an error, an AssertionError otherwise; `text` is its message if the caller gave none. */
function complain(options, text = undefined) {
  if (options.message instanceof Error) throw options.message;
  if (options.message !== undefined || text === undefined) throw new AssertionError(options);
  const error = new AssertionError({ ...options, message: text });
  error.generatedMessage = true;
  throw error;
}

const FALSY = 'The expression evaluated to a falsy value';

export default function assert(value, message) {
  if (value) return;
  const text = arguments.length === 0 ? 'No value argument passed to `assert.ok()`' : FALSY;
  complain({ message, actual: value, expected: true, operator: '==', stackStartFn: assert }, text);
}

export function ok(value, message) {
  if (value) return;
  const text = arguments.length === 0 ? 'No value argument passed to `assert.ok()`' : FALSY;
  complain({ message, actual: value, expected: true, operator: '==', stackStartFn: ok }, text);
}

/** An assertion that compares two values. */
const comparison = (operator, holds) =>
  ({
    [operator](actual, expected, message) {
      if (!holds(actual, expected)) complain({ message, actual, expected, operator, stackStartFn: this?.[operator] });
    },
  })[operator];

const loose = (a, b) => a == b || (a !== a && b !== b);

export const equal = comparison('equal', loose);
export const notEqual = comparison('notEqual', (a, b) => !loose(a, b));
export const strictEqual = comparison('strictEqual', is);
export const notStrictEqual = comparison('notStrictEqual', (a, b) => !is(a, b));
export const deepEqual = comparison('deepEqual', isDeepLooseEqual);
export const notDeepEqual = comparison('notDeepEqual', (a, b) => !isDeepLooseEqual(a, b));
export const deepStrictEqual = comparison('deepStrictEqual', isDeepStrictEqual);
export const notDeepStrictEqual = comparison('notDeepStrictEqual', (a, b) => !isDeepStrictEqual(a, b));

/** Whether all that `expected` has is in `actual`. */
function contains(actual, expected) {
  if (expected === null || typeof expected !== 'object') return is(actual, expected);
  if (actual === null || typeof actual !== 'object') return false;
  if (expected instanceof Map)
    return [...expected].every(([key, value]) => actual.has?.(key) && contains(actual.get(key), value));
  if (expected instanceof Set) return [...expected].every((item) => [...actual].some((other) => contains(other, item)));
  if (Array.isArray(expected)) {
    let from = 0;
    return expected.every((item) => {
      while (from < actual.length && !contains(actual[from], item)) from++;
      return from++ < actual.length;
    });
  }
  const names = Object.keys(expected);
  if (names.length === 0)
    return isDeepStrictEqual(actual, expected) || Object.getPrototypeOf(expected) === Object.prototype;
  return names.every((name) => contains(actual[name], expected[name]));
}
export const partialDeepStrictEqual = comparison('partialDeepStrictEqual', contains);

export function fail(message) {
  complain({ message: message ?? 'Failed', operator: 'fail', stackStartFn: fail });
}

export function ifError(value) {
  if (value === null || value === undefined) return;
  const text = value instanceof Error ? value.message : inspect(value);
  const error = new AssertionError({
    message: `ifError got unwanted exception: ${text}`,
    actual: value,
    expected: null,
    operator: 'ifError',
    stackStartFn: ifError,
  });
  throw error;
}

function matches(text, pattern, message, operator, wanted) {
  if (!(pattern instanceof RegExp)) throw invalidArgument('regexp', 'an instance of RegExp', pattern);
  if (typeof text === 'string' && pattern.test(text) === wanted) return;
  const what = wanted
    ? 'The input did not match the regular expression'
    : 'The input was expected to not match the regular expression';
  complain(
    { message, actual: text, expected: pattern, operator },
    `${what} ${inspect(pattern)}. Input:\n\n${inspect(text)}\n`,
  );
}
export const match = (text, pattern, message) => matches(text, pattern, message, 'match', true);
export const doesNotMatch = (text, pattern, message) => matches(text, pattern, message, 'doesNotMatch', false);

/** Checks what was thrown against what throws() and rejects() take as their second argument. */
function checkThrown(error, expected, message, operator) {
  if (expected === undefined) return;
  if (typeof expected === 'function') {
    if (expected.prototype !== undefined && error instanceof expected) return;
    if (Error.isPrototypeOf(expected) || expected === Error) {
      complain(
        { message, actual: error, expected, operator },
        `The error is expected to be an instance of "${expected.name}". Received "${error?.name}"\n\n` +
          `Error message:\n\n${error?.message}`,
      );
    }
    if (expected.call({}, error) === true) return;
    complain({ message, actual: error, expected, operator }, 'The validation function is expected to return "true".');
  } else if (expected instanceof RegExp) {
    if (expected.test(String(error))) return;
    complain(
      { message, actual: error, expected, operator },
      `The input did not match the regular expression ${inspect(expected)}. Input:\n\n${inspect(String(error))}\n`,
    );
  } else {
    const names = Object.keys(expected);
    if (expected instanceof Error) names.push('name', 'message');
    for (const name of names) {
      const matched =
        expected[name] instanceof RegExp && typeof error[name] === 'string'
          ? expected[name].test(error[name])
          : isDeepStrictEqual(error?.[name], expected[name]);
      if (!matched) complain({ message, actual: error?.[name], expected: expected[name], operator });
    }
  }
}

/** throws(fn, 'message') and throws(fn, expected, 'message') */
function split(expected, message) {
  return typeof expected === 'string' ? [undefined, expected] : [expected, message];
}

const NOTHING = Symbol('nothing was thrown');

function caught(fn) {
  requireFunction(fn, 'fn');
  try {
    fn();
  } catch (error) {
    return error;
  }
  return NOTHING;
}

async function caughtLater(promiseOrFunction) {
  let promise = promiseOrFunction;
  if (typeof promise === 'function') promise = promise();
  if (typeof promise?.then !== 'function')
    throw invalidArgument('promiseFn', 'of type function or an instance of Promise', promiseOrFunction);
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return NOTHING;
}

function requireThrown(error, expected, message, operator) {
  const [wanted, text] = split(expected, message);
  if (error === NOTHING) {
    const what = operator === 'rejects' ? 'rejection' : 'exception';
    const name = wanted?.name ? ` (${wanted.name})` : '';
    complain({ message: text ?? `Missing expected ${what}${name}.`, expected: wanted, operator });
  }
  checkThrown(error, wanted, text, operator);
}

function requireNothing(error, expected, message, operator) {
  if (error === NOTHING) return;
  const [wanted, text] = split(expected, message);
  if (typeof wanted === 'function' && !(error instanceof wanted)) throw error;
  const what = operator === 'doesNotReject' ? 'rejection' : 'exception';
  complain({
    message: `Got unwanted ${what}${text ? `: ${text}` : '.'}\nActual message: "${error?.message}"`,
    actual: error,
    expected: wanted,
    operator,
  });
}

export function throws(fn, expected, message) {
  requireThrown(caught(fn), expected, message, 'throws');
}
export function doesNotThrow(fn, expected, message) {
  requireNothing(caught(fn), expected, message, 'doesNotThrow');
}
export async function rejects(promiseOrFunction, expected, message) {
  requireThrown(await caughtLater(promiseOrFunction), expected, message, 'rejects');
}
export async function doesNotReject(promiseOrFunction, expected, message) {
  requireNothing(await caughtLater(promiseOrFunction), expected, message, 'doesNotReject');
}

export { AssertionError };

export function strict(value, message) {
  ok(value, message);
}

Object.assign(assert, {
  AssertionError,
  ok,
  equal,
  notEqual,
  strictEqual,
  notStrictEqual,
  deepEqual,
  notDeepEqual,
  deepStrictEqual,
  notDeepStrictEqual,
  partialDeepStrictEqual,
  fail,
  ifError,
  match,
  doesNotMatch,
  throws,
  doesNotThrow,
  rejects,
  doesNotReject,
  strict,
});
Object.assign(strict, assert, {
  equal: strictEqual,
  notEqual: notStrictEqual,
  deepEqual: deepStrictEqual,
  notDeepEqual: notDeepStrictEqual,
});
