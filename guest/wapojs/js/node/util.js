// node:util: https://nodejs.org/api/util.html

import { format } from '../console.js';
import { customInspect, inspect as inspectValue } from '../inspect.js';
import { apply } from '../primordials.js';
import { TextDecoder, TextEncoder } from '../encoding.js';
import { isDeepStrictEqual } from '../node-internal/deep-equal.js';
import { invalidArgument, requireFunction, typeError } from '../node-internal/errors.js';
import { setImmediate, setTimeout } from '../timers.js';
import * as timersPromises from './timers/promises.js';
import types from './util/types.js';
import { parseArgs } from '../node-internal/parse-args.js';

const { defineProperties, defineProperty, getOwnPropertyDescriptors, getPrototypeOf, setPrototypeOf } = Object;

const NODE_DEPTH = 2;

export function inspect(value, options, depth) {
  if (typeof options === 'boolean') options = { showHidden: options, depth: depth === undefined ? NODE_DEPTH : depth };
  return inspectValue(value, { depth: NODE_DEPTH, ...inspect.defaultOptions, ...options });
}
inspect.custom = customInspect;
inspect.defaultOptions = {};
inspect.colors = { __proto__: null };
inspect.styles = { __proto__: null };

export { format, isDeepStrictEqual, TextDecoder, TextEncoder, types };

export const formatWithOptions = (_options, ...args) => format(...args);

export function inherits(constructor, superConstructor) {
  requireFunction(constructor, 'ctor');
  requireFunction(superConstructor, 'superCtor');
  defineProperty(constructor, 'super_', {
    __proto__: null,
    value: superConstructor,
    writable: true,
    configurable: true,
  });
  setPrototypeOf(constructor.prototype, superConstructor.prototype);
}

const customPromisify = Symbol.for('nodejs.util.promisify.custom');

export function promisify(original) {
  requireFunction(original, 'original');
  const custom = original[customPromisify];
  if (custom !== undefined) {
    requireFunction(custom, 'util.promisify.custom');
    return custom;
  }
  function promised(...args) {
    return new Promise((resolve, reject) => {
      apply(original, this, [
        ...args,
        (error, value) => {
          if (error) reject(error);
          else resolve(value);
        },
      ]);
    });
  }
  setPrototypeOf(promised, getPrototypeOf(original));
  defineProperties(promised, getOwnPropertyDescriptors(original));
  return defineProperty(promised, customPromisify, { __proto__: null, value: promised, configurable: true });
}
promisify.custom = customPromisify;
// Promises of the global functions, as packages make them.
for (const [fn, promised] of [
  [setTimeout, timersPromises.setTimeout],
  [setImmediate, timersPromises.setImmediate],
]) {
  defineProperty(fn, customPromisify, { __proto__: null, value: promised, configurable: true });
}

export function callbackify(original) {
  requireFunction(original, 'original');
  return function (...args) {
    const callback = args.pop();
    requireFunction(callback, 'last argument');
    apply(original, this, args).then(
      (value) => process.nextTick(callback, null, value),
      (reason) => {
        if (!reason) {
          const error = typeError('ERR_FALSY_VALUE_REJECTION', 'Promise was rejected with falsy value');
          error.reason = reason;
          reason = error;
        }
        process.nextTick(callback, reason);
      },
    );
  };
}

const warned = new Set();

export function deprecate(fn, message, code) {
  requireFunction(fn, 'fn');
  let told = false;
  function deprecated(...args) {
    if (!told) {
      told = true;
      if (code === undefined || !warned.has(code)) process.emitWarning(message, 'DeprecationWarning', code);
      if (code !== undefined) warned.add(code);
    }
    return new.target ? Reflect.construct(fn, args, new.target) : apply(fn, this, args);
  }
  setPrototypeOf(deprecated, fn);
  if (fn.prototype) deprecated.prototype = fn.prototype;
  return deprecated;
}

/** A logger of debugging messages; NODE_DEBUG says which are wanted. */
export function debuglog(section) {
  const wanted = () => (process.env.NODE_DEBUG ?? '').toUpperCase().split(',').includes(section.toUpperCase());
  const log = (...args) => {
    if (wanted()) console.error(`${section.toUpperCase()} ${process.pid}: ${format(...args)}`);
  };
  return defineProperty(log, 'enabled', { __proto__: null, get: wanted, enumerable: true });
}
export { debuglog as debug };

export function aborted(signal, resource) {
  if (!(signal instanceof AbortSignal))
    return Promise.reject(invalidArgument('signal', 'an instance of AbortSignal', signal));
  if (resource === null || typeof resource !== 'object') {
    return Promise.reject(invalidArgument('resource', 'of type object', resource));
  }
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

const ESCAPES =
  /\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[\u001b\u009b][[\]()#;?]*(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PR-TZcf-nq-uy=><~]/g;

export function stripVTControlCharacters(text) {
  if (typeof text !== 'string') throw invalidArgument('str', 'of type string', text);
  return text.replace(ESCAPES, '');
}

/** A log is no terminal: texts have no styles. */
export const styleText = (_format, text) => text;

export const toUSVString = (value) => String(value).toWellFormed();

export function getSystemErrorName(number) {
  return `Unknown system error ${number}`;
}

export { parseArgs };

// Deprecated, and still called.
export const { isArray } = Array;
export const isBoolean = (value) => typeof value === 'boolean';
export const isNull = (value) => value === null;
export const isNullOrUndefined = (value) => value === null || value === undefined;
export const isNumber = (value) => typeof value === 'number';
export const isString = (value) => typeof value === 'string';
export const isSymbol = (value) => typeof value === 'symbol';
export const isUndefined = (value) => value === undefined;
export const isRegExp = types.isRegExp;
export const isObject = (value) => value !== null && typeof value === 'object';
export const isDate = types.isDate;
export const isError = (value) => types.isNativeError(value) || value instanceof Error;
export const isFunction = (value) => typeof value === 'function';
export const isPrimitive = (value) => value === null || (typeof value !== 'object' && typeof value !== 'function');
export const isBuffer = (value) => Buffer.isBuffer(value);

export function log(...args) {
  console.log(...args);
}

export function _extend(target, source) {
  return source === null || typeof source !== 'object' ? target : Object.assign(target, source);
}

export default {
  inspect,
  format,
  formatWithOptions,
  inherits,
  promisify,
  callbackify,
  deprecate,
  debuglog,
  debug: debuglog,
  types,
  aborted,
  isDeepStrictEqual,
  stripVTControlCharacters,
  styleText,
  toUSVString,
  getSystemErrorName,
  parseArgs,
  TextDecoder,
  TextEncoder,
  isArray,
  isBoolean,
  isNull,
  isNullOrUndefined,
  isNumber,
  isString,
  isSymbol,
  isUndefined,
  isRegExp,
  isObject,
  isDate,
  isError,
  isFunction,
  isPrimitive,
  isBuffer,
  log,
  _extend,
};
