// WebAssembly.Memory: https://webassembly.github.io/spec/js-api/#memories

import { wasmMemoryBuffer, wasmMemoryGrow, wasmNewMemory } from 'wapo:native';
import { defineInterface } from '../interfaces.js';
import { requireArguments } from '../webidl.js';
import { adopt, readLimits, toDescriptor, toIndex } from './types.js';

const { RangeError, TypeError } = globalThis;
const MAX_PAGES = 65536;

export class Memory {
  constructor(descriptor) {
    requireArguments(arguments.length, 1, 'WebAssembly.Memory');
    const given = toDescriptor(descriptor, 'WebAssembly.Memory: the descriptor');
    const { min, max } = readLimits(given, 'WebAssembly.Memory');
    if (given.shared) throw new TypeError('WebAssembly.Memory: a machine has one thread, so memory cannot be shared');
    if (max !== undefined && max < min) throw new RangeError("WebAssembly.Memory: 'maximum' is below 'initial'");
    if (min > MAX_PAGES || max > MAX_PAGES) throw new RangeError(`WebAssembly.Memory: more than ${MAX_PAGES} pages`);
    return adopt(wasmNewMemory(min, max), new.target);
  }

  grow(delta) {
    wasmMemoryBuffer(this);
    requireArguments(arguments.length, 1, 'WebAssembly.Memory.grow');
    return wasmMemoryGrow(this, toIndex(delta, 'WebAssembly.Memory.grow: the number of pages'));
  }

  get buffer() {
    return wasmMemoryBuffer(this);
  }
}

defineInterface(Memory);
