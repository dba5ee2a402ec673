// WebAssembly.Global: https://webassembly.github.io/spec/js-api/#globals

import { wasmGlobalGet, wasmGlobalSet, wasmNewGlobal } from 'wapo:native';
import { defineInterface } from '../interfaces.js';
import { requireArguments } from '../webidl.js';
import { adopt, EXTERNREF, FUNCREF, I64, toDescriptor, toType } from './types.js';

const { BigInt, TypeError } = globalThis;
const ZERO = BigInt(0);

/** The value of a type where none is given. */
function defaultValue(type) {
  if (type === I64) return ZERO;
  if (type === EXTERNREF) return undefined;
  return type === FUNCREF ? null : 0;
}

export class Global {
  constructor(descriptor, value = undefined) {
    requireArguments(arguments.length, 1, 'WebAssembly.Global');
    const given = toDescriptor(descriptor, 'WebAssembly.Global: the descriptor');
    const mutable = Boolean(given.mutable);
    const { value: name } = given;
    if (name === undefined) throw new TypeError("WebAssembly.Global: 'value' is required");
    const type = toType(name, 'WebAssembly.Global: the type');
    return adopt(wasmNewGlobal(type, mutable, value === undefined ? defaultValue(type) : value), new.target);
  }

  get value() {
    return wasmGlobalGet(this);
  }

  set value(value) {
    wasmGlobalSet(this, value);
  }

  valueOf() {
    return wasmGlobalGet(this);
  }
}

defineInterface(Global);
