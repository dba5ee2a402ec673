// WebAssembly.Instance: https://webassembly.github.io/spec/js-api/#instances

import { wasmInstanceExports, wasmInstantiate, wasmModuleImports } from 'wapo:native';
import { defineInterface } from '../interfaces.js';
import { isObject, requireArguments } from '../webidl.js';
import { adopt } from './types.js';

const { TypeError } = globalThis;

/** The values that a module wants, as the import object has them. */
function readImports(module, importObject) {
  const flat = wasmModuleImports(module);
  if (flat.length > 0 && importObject === undefined) throw new TypeError('the module has imports, and none were given');
  const values = [];
  for (let i = 0; i < flat.length; i += 3) {
    const namespace = importObject[flat[i]];
    if (!isObject(namespace)) throw new TypeError(`import "${flat[i]}" must be an object`);
    values[values.length] = namespace[flat[i + 1]];
  }
  return values;
}

/** An instance, by what its prototype is to be. */
export function instantiate(module, importObject, newTarget) {
  if (importObject !== undefined && !isObject(importObject)) throw new TypeError('the imports must be an object');
  return adopt(wasmInstantiate(module, readImports(module, importObject)), newTarget);
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
