// The namespace WebAssembly: https://webassembly.github.io/spec/js-api/#webassembly-namespace
// Streaming: https://webassembly.github.io/spec/web-api/#streaming-modules

import { classOf, utf8Decode, wasmCompile, wasmJSTag, wasmSetup, wasmValidate } from 'wapo:native';
import { defineTag } from '../interfaces.js';
import { promiseReject, promiseResolve, promiseThen } from '../promises.js';
import { isBufferSource, isObject, requireArguments, toBytes, toDOMString, toSequence } from '../webidl.js';
import { CompileError, LinkError, RuntimeError } from './errors.js';
import { Exception } from './exception.js';
import { Global } from './global.js';
import { instantiate as instantiateModule, Instance } from './instance.js';
import { Memory } from './memory.js';
import { Module } from './module.js';
import { Table } from './table.js';
import { Tag } from './tag.js';
import { assemble } from './wat/assembler.js';

const { TypeError } = globalThis;
const { defineProperty, getOwnPropertyDescriptor } = Object;

/** The results that an imported function returns for several. */
function listOf(iterable, length) {
  const list = toSequence(iterable, (value) => value, 'the results of an imported function');
  if (list.length !== length) throw new TypeError(`an imported function returned ${list.length} values, not ${length}`);
  return list;
}

wasmSetup(
  Module.prototype, Instance.prototype, Memory.prototype, Table.prototype, Global.prototype, Tag.prototype,
  Exception.prototype, Function.prototype,
  CompileError, LinkError, RuntimeError, listOf,
); // prettier-ignore

const isModule = (value) => classOf(value) === 'WebAssembly.Module';

const checkImports = (imports) => {
  if (imports !== undefined && !isObject(imports)) throw new TypeError('the imports must be an object');
};

/** What a streaming function was given: the promise of a Response of the right type, read to its end. */
async function streamedBytes(source) {
  const response = await source;
  if (isBufferSource(response)) return response; // as the original WapoJS took it
  const { Response } = globalThis;
  if (!(response instanceof Response)) throw new TypeError('a Response, or the promise of one, was expected');
  const type = (response.headers.get('content-type') ?? '').trim().toLowerCase();
  if (type !== 'application/wasm') throw new TypeError(`the response is '${type}', and must be 'application/wasm'`);
  if (!response.ok) throw new TypeError(`the response has status ${response.status}`);
  return response.arrayBuffer();
}

const operations = {
  validate(bytes) {
    requireArguments(arguments.length, 1, 'WebAssembly.validate');
    return wasmValidate(toBytes(bytes, 'WebAssembly.validate: the source'));
  },

  async compile(bytes) {
    requireArguments(arguments.length, 1, 'WebAssembly.compile');
    return wasmCompile(toBytes(bytes, 'WebAssembly.compile: the source'));
  },

  instantiate(source, importObject = undefined) {
    try {
      requireArguments(arguments.length, 1, 'WebAssembly.instantiate');
      if (isModule(source)) {
        checkImports(importObject);
        return promiseThen(promiseResolve(undefined), () => instantiateModule(source, importObject, Instance));
      }
      const bytes = toBytes(source, 'WebAssembly.instantiate: the source');
      checkImports(importObject);
      const module = wasmCompile(bytes);
      return promiseThen(promiseResolve(undefined), () => ({
        module,
        instance: instantiateModule(module, importObject, Instance),
      }));
    } catch (error) {
      return promiseReject(error);
    }
  },

  async compileStreaming(source) {
    requireArguments(arguments.length, 1, 'WebAssembly.compileStreaming');
    return wasmCompile(toBytes(await streamedBytes(source), 'WebAssembly.compileStreaming: the source'));
  },

  async instantiateStreaming(source, importObject = undefined) {
    requireArguments(arguments.length, 1, 'WebAssembly.instantiateStreaming');
    checkImports(importObject);
    const module = wasmCompile(toBytes(await streamedBytes(source), 'WebAssembly.instantiateStreaming: the source'));
    return { module, instance: instantiateModule(module, importObject, Instance) };
  },
};

/** Of the original WapoJS, and not of the standard: the bytes of a module given as text. Throws a SyntaxError. */
function parseWat(text) {
  requireArguments(arguments.length, 1, 'WebAssembly.parseWat');
  const bytes = isBufferSource(text) ? toBytes(text, 'the text') : undefined;
  return assemble(bytes === undefined ? toDOMString(text) : utf8Decode(bytes, true, false));
}

/** The namespace object. */
export const WebAssembly = {};

for (const name of ['compile', 'compileStreaming', 'instantiate', 'instantiateStreaming', 'validate']) {
  defineProperty(WebAssembly, name, {
    __proto__: null, value: operations[name], writable: true, enumerable: true, configurable: true,
  }); // prettier-ignore
}

const interfaces = { CompileError, Exception, Global, Instance, LinkError, Memory, Module, RuntimeError, Table, Tag };
const hidden = { ...interfaces, parseWat };
for (const name in hidden) {
  defineProperty(WebAssembly, name, {
    __proto__: null, value: hidden[name], writable: true, enumerable: false, configurable: true,
  }); // prettier-ignore
}
// The tag of what JavaScript throws.
defineProperty(WebAssembly, 'JSTag', {
  __proto__: null,
  get: getOwnPropertyDescriptor({ get JSTag() { return wasmJSTag(); } }, 'JSTag').get,
  enumerable: true, configurable: true,
}); // prettier-ignore
defineTag(WebAssembly, 'WebAssembly');
for (const Interface of [Exception, Global, Instance, Memory, Module, Table, Tag]) {
  defineTag(Interface.prototype, `WebAssembly.${Interface.name}`); // [LegacyNamespace]
}
