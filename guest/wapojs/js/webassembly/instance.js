// WebAssembly.Instance: https://webassembly.github.io/spec/js-api/#instances

import { wasmInstanceExports, wasmInstantiate } from 'wapo:native';
import { defineInterface } from '../interfaces.js';
import { isObject, requireArguments } from '../webidl.js';
import { adopt } from './types.js';

const { TypeError } = globalThis;

/** An instance, by what its prototype is to be. */
export function instantiate(module, importObject, newTarget) {
  if (importObject !== undefined && !isObject(importObject)) throw new TypeError('the imports must be an object');
  return adopt(wasmInstantiate(module, importObject), newTarget);
}

export class Instance {
  constructor(module, importObject = undefined) {
    requireArguments(arguments.length, 1, 'WebAssembly.Instance');
    return instantiate(module, importObject, new.target);
  }

  get exports() {
    return wasmInstanceExports(this);
  }
}

defineInterface(Instance);
