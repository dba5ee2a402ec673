// WebAssembly.Table: https://webassembly.github.io/spec/js-api/#tables

import {
  wasmNewTable,
  wasmTableDefault,
  wasmTableGet,
  wasmTableGrow,
  wasmTableLength,
  wasmTableSet,
} from 'wapo:native';
import { defineInterface } from '../interfaces.js';
import { requireArguments } from '../webidl.js';
import { adopt, FUNCREF, readLimits, toDescriptor, toIndex, toType } from './types.js';

const { RangeError, TypeError } = globalThis;

export class Table {
  constructor(descriptor, value = undefined) {
    requireArguments(arguments.length, 1, 'WebAssembly.Table');
    const given = toDescriptor(descriptor, 'WebAssembly.Table: the descriptor');
    const { element } = given;
    if (element === undefined) throw new TypeError("WebAssembly.Table: 'element' is required");
    const type = toType(element, 'WebAssembly.Table: the type of elements', true);
    const { min, max } = readLimits(given, 'WebAssembly.Table');
    if (max !== undefined && max < min) throw new RangeError("WebAssembly.Table: 'maximum' is below 'initial'");
    const initial = value === undefined && type === FUNCREF ? null : value;
    return adopt(wasmNewTable(type, min, max, initial), new.target);
  }

  get length() {
    return wasmTableLength(this);
  }

  get(index) {
    wasmTableLength(this);
    requireArguments(arguments.length, 1, 'WebAssembly.Table.get');
    return wasmTableGet(this, toIndex(index, 'WebAssembly.Table.get: the index'));
  }

  set(index, value = undefined) {
    wasmTableLength(this);
    requireArguments(arguments.length, 1, 'WebAssembly.Table.set');
    const at = toIndex(index, 'WebAssembly.Table.set: the index');
    wasmTableSet(this, at, arguments.length > 1 ? value : wasmTableDefault(this));
  }

  grow(delta, value = undefined) {
    wasmTableLength(this);
    requireArguments(arguments.length, 1, 'WebAssembly.Table.grow');
    const more = toIndex(delta, 'WebAssembly.Table.grow: the number of elements');
    return wasmTableGrow(this, more, arguments.length > 1 ? value : wasmTableDefault(this));
  }
}

defineInterface(Table);
