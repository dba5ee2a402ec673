// CompileError, LinkError, RuntimeError: https://webassembly.github.io/spec/js-api/#error-objects

import { construct } from '../primordials.js';

const { Error } = globalThis;
const { captureStackTrace } = Error;
const { defineProperty, setPrototypeOf } = Object;

/** A NativeError of ECMAScript by another name: https://tc39.es/ecma262/#sec-nativeerror-object-structure */
function defineError(name) {
  const NativeError = {
    [name]: function (message, options = undefined) {
      const error = construct(Error, [message, options], new.target ?? NativeError);
      captureStackTrace(error, NativeError); // without this function and what it calls
      return error;
    },
  }[name];
  setPrototypeOf(NativeError, Error);
  setPrototypeOf(NativeError.prototype, Error.prototype);
  defineProperty(NativeError, 'prototype', { __proto__: null, writable: false });
  for (const [key, value] of [
    ['name', name],
    ['message', ''],
  ]) {
    defineProperty(NativeError.prototype, key, { __proto__: null, value, writable: true, configurable: true });
  }
  return NativeError;
}

export const CompileError = defineError('CompileError');
export const LinkError = defineError('LinkError');
export const RuntimeError = defineError('RuntimeError');
