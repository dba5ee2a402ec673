// WebAssembly.Module: https://webassembly.github.io/spec/js-api/#modules

import { wasmCompile, wasmCustomSections, wasmModuleExports, wasmModuleImports } from 'wapo:native';
import { defineInterface } from '../interfaces.js';
import { requireArguments, toBytes, toDOMString } from '../webidl.js';
import { adopt, KINDS } from './types.js';

const { TypeError } = globalThis;

export class Module {
  constructor(bytes) {
    requireArguments(arguments.length, 1, 'WebAssembly.Module');
    return adopt(wasmCompile(toBytes(bytes, 'WebAssembly.Module: the source')), new.target);
  }

  static exports(moduleObject) {
    requireArguments(arguments.length, 1, 'WebAssembly.Module.exports');
    const flat = wasmModuleExports(moduleObject);
    const list = [];
    for (let i = 0; i < flat.length; i += 2) list[list.length] = { name: flat[i], kind: KINDS[flat[i + 1]] };
    return list;
  }

  static imports(moduleObject) {
    requireArguments(arguments.length, 1, 'WebAssembly.Module.imports');
    const flat = wasmModuleImports(moduleObject);
    const list = [];
    for (let i = 0; i < flat.length; i += 3) {
      list[list.length] = { module: flat[i], name: flat[i + 1], kind: KINDS[flat[i + 2]] };
    }
    return list;
  }

  static customSections(moduleObject, sectionName) {
    requireArguments(arguments.length, 2, 'WebAssembly.Module.customSections');
    if (sectionName === undefined) throw new TypeError('WebAssembly.Module.customSections: a name is required');
    return wasmCustomSections(moduleObject, toDOMString(sectionName));
  }
}

defineInterface(Module);
