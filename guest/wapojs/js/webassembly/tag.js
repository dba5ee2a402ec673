// WebAssembly.Tag: https://webassembly.github.io/spec/js-api/#tags

import { wasmNewTag } from 'wapo:native';
import { defineInterface } from '../interfaces.js';
import { requireArguments, toSequence } from '../webidl.js';
import { adopt, toDescriptor, toType } from './types.js';

const { TypeError } = globalThis;

export class Tag {
  constructor(type) {
    requireArguments(arguments.length, 1, 'WebAssembly.Tag');
    const { parameters } = toDescriptor(type, 'WebAssembly.Tag: the type');
    if (parameters === undefined) throw new TypeError("WebAssembly.Tag: 'parameters' is required");
    const types = toSequence(
      parameters,
      (name) => toType(name, 'WebAssembly.Tag: a parameter'),
      "WebAssembly.Tag: 'parameters'",
    );
    return adopt(wasmNewTag(types), new.target);
  }
}

defineInterface(Tag);
