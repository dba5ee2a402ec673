// Errors with a code, as Node's functions throw them: https://nodejs.org/api/errors.html#nodejs-error-codes

import { inspect } from '../inspect.js';

const { defineProperty } = Object;

/** `error` with a code, which its stack and its text name as Node's do. */
function coded(Base, code, message) {
  const error = new Base(message);
  defineProperty(error, 'code', { __proto__: null, value: code, writable: true, configurable: true, enumerable: true });
  return error;
}

export const typeError = (code, message) => coded(TypeError, code, message);
export const rangeError = (code, message) => coded(RangeError, code, message);
export const plainError = (code, message) => coded(Error, code, message);

function received(value) {
  if (value === null || value === undefined) return ` Received ${value}`;
  if (typeof value === 'function') return ` Received function ${value.name}`;
  if (typeof value === 'object') {
    const name = value.constructor?.name;
    return name ? ` Received an instance of ${name}` : ` Received ${inspect(value, { depth: -1 })}`;
  }
  const text = inspect(value);
  return ` Received type ${typeof value} (${text.length > 28 ? `${text.slice(0, 25)}...` : text})`;
}

/** ERR_INVALID_ARG_TYPE: `expected` ends the sentence "must be ...". */
export function invalidArgument(name, expected, value) {
  const what = name.includes('.') ? 'property' : 'argument';
  return typeError('ERR_INVALID_ARG_TYPE', `The "${name}" ${what} must be ${expected}.${received(value)}`);
}

/** ERR_INVALID_ARG_VALUE */
export function invalidValue(name, value, reason = 'is invalid') {
  const what = name.includes('.') ? 'property' : 'argument';
  return typeError('ERR_INVALID_ARG_VALUE', `The ${what} '${name}' ${reason}. Received ${inspect(value)}`);
}

/** ERR_OUT_OF_RANGE */
export function outOfRange(name, range, value) {
  return rangeError(
    'ERR_OUT_OF_RANGE',
    `The value of "${name}" is out of range. It must be ${range}. Received ${inspect(value)}`,
  );
}

export function requireString(value, name) {
  if (typeof value !== 'string') throw invalidArgument(name, 'of type string', value);
}

export function requireFunction(value, name) {
  if (typeof value !== 'function') throw invalidArgument(name, 'of type function', value);
}

export function requireNumber(value, name) {
  if (typeof value !== 'number') throw invalidArgument(name, 'of type number', value);
}

/** The error of an operation that was aborted. */
export function abortError(signal) {
  const error = coded(Error, 'ABORT_ERR', 'The operation was aborted');
  error.name = 'AbortError';
  if (signal?.reason !== undefined) error.cause = signal.reason;
  return error;
}

/** What is known by name, but not there. */
export function notAvailable(what) {
  return plainError('ERR_METHOD_NOT_IMPLEMENTED', `${what} is not available in Wapo`);
}
