// WebAssembly.Exception: https://webassembly.github.io/spec/js-api/#exceptions

import { classOf, wasmExceptionGet, wasmExceptionIs, wasmNewException } from 'wapo:native';
import { defineInterface } from '../interfaces.js';
import { requireArguments, toDictionary, toSequence } from '../webidl.js';
import { adopt, toIndex } from './types.js';

const { Error, TypeError, WeakMap } = globalThis;
const stacks = new WeakMap(); // of exceptions that were asked for one

const isException = (value) => classOf(value) === 'WebAssembly.Exception';

export class Exception {
  constructor(tag, payload, options = undefined) {
    requireArguments(arguments.length, 2, 'WebAssembly.Exception');
    const values = toSequence(payload, (value) => value, 'WebAssembly.Exception: the values');
    const { traceStack } = toDictionary(options, 'WebAssembly.Exception: the options');
    const exception = adopt(wasmNewException(tag, values), new.target);
    if (traceStack) stacks.set(exception, new Error().stack);
    return exception;
  }

  getArg(tag, index) {
    requireArguments(arguments.length, 2, 'WebAssembly.Exception.getArg');
    return wasmExceptionGet(this, tag, toIndex(index, 'WebAssembly.Exception.getArg: the index'));
  }

  is(tag) {
    requireArguments(arguments.length, 1, 'WebAssembly.Exception.is');
    return wasmExceptionIs(this, tag);
  }

  get stack() {
    if (!isException(this)) throw new TypeError('stack of an object that is no WebAssembly.Exception');
    return stacks.get(this);
  }
}

defineInterface(Exception);
