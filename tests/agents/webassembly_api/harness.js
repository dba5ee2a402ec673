// What the cases of this folder share: before them. Each module's text becomes the bytes of that module.
'use strict';
const cases = [];
const test = (name, body) => cases.push([name, body]);

function equal(actual, expected) {
  if (!Object.is(actual, expected)) throw new Error(`${String(actual)} is not ${String(expected)}`);
}
const same = (actual, expected) => equal(JSON.stringify(actual), JSON.stringify(expected));
function throws(kind, body) {
  try {
    body();
  } catch (error) {
    if (error instanceof kind && error.constructor === kind) return error;
    throw new Error(`threw ${error} and not a ${kind.name}`);
  }
  throw new Error(`did not throw a ${kind.name}`);
}
async function rejects(kind, promise) {
  if (!(promise instanceof Promise)) throw new Error('no promise');
  return promise.then(
    () => {
      throw new Error(`did not reject with a ${kind.name}`);
    },
    (error) =>
      throws(kind, () => {
        throw error;
      }),
  );
}
const { CompileError, LinkError, RuntimeError, Module, Instance, Memory, Table, Global } = WebAssembly;
const instance = (bytes, imports) => new Instance(new Module(bytes), imports).exports;

const EMPTY = wat`(module)`;
const ADD = wat`(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))`;
