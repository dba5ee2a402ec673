// The JavaScript API of WebAssembly, case by case: https://webassembly.github.io/spec/js-api/
// Run by test_webassembly_api.py, which puts the bytes of a module in the place of its text.

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
    (error) => throws(kind, () => { throw error; }),
  );
}
const { CompileError, LinkError, RuntimeError, Module, Instance, Memory, Table, Global } = WebAssembly;
const instance = (bytes, imports) => new Instance(new Module(bytes), imports).exports;

const EMPTY = wat`(module)`;
const ADD = wat`(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))`;

// The namespace

test('the namespace has its members and no others', () => {
  same(Object.getOwnPropertyNames(WebAssembly).sort(), [
    'CompileError', 'Exception', 'Global', 'Instance', 'JSTag', 'LinkError', 'Memory', 'Module', 'RuntimeError', 'Table', 'Tag', 'compile',
    'compileStreaming', 'instantiate', 'instantiateStreaming', 'parseWat', 'validate',
  ]);
  same(Object.keys(WebAssembly), ['compile', 'compileStreaming', 'instantiate', 'instantiateStreaming', 'validate', 'JSTag']);
  equal(Object.prototype.toString.call(WebAssembly), '[object WebAssembly]');
  const { enumerable, writable, configurable } = Object.getOwnPropertyDescriptor(globalThis, 'WebAssembly');
  same([enumerable, writable, configurable], [false, true, true]);
});
test('interfaces have the shape of Web IDL', () => {
  for (const [Interface, length] of [[Module, 1], [Instance, 1], [Memory, 1], [Table, 1], [Global, 1]]) {
    equal(Interface.length, length);
    equal(Interface.prototype[Symbol.toStringTag], `WebAssembly.${Interface.name}`);
    throws(TypeError, () => Interface({}));
    throws(TypeError, () => new Interface());
    throws(TypeError, () => new Interface(1));
  }
  same(Object.keys(Table.prototype).sort(), ['get', 'grow', 'length', 'set']);
  same(Object.keys(Module), ['exports', 'imports', 'customSections']);
  equal(Object.prototype.toString.call(new Memory({ initial: 0 })), '[object WebAssembly.Memory]');
});
test('errors are native errors by other names', () => {
  for (const Class of [CompileError, LinkError, RuntimeError]) {
    const error = Class('text', { cause: 1 });
    same([error.name, error.message, error.cause, String(error)], [Class.name, 'text', 1, `${Class.name}: text`]);
    equal(error instanceof Class && error instanceof Error, true);
    equal(Object.getPrototypeOf(Class), Error);
    equal(Object.getPrototypeOf(Class.prototype), Error.prototype);
    equal(Class.length, 1);
    equal(typeof error.stack, 'string');
    equal(Object.hasOwn(new Class(), 'message'), false);
    equal(Object.getOwnPropertyDescriptor(Class, 'prototype').writable, false);
    class Sub extends Class {}
    equal(new Sub('x') instanceof Sub, true);
  }
});

// validate, compile, instantiate

test('validate tells valid from invalid', () => {
  equal(WebAssembly.validate(ADD), true);
  equal(WebAssembly.validate(ADD.buffer), true);
  equal(WebAssembly.validate(new DataView(ADD.buffer)), true);
  equal(WebAssembly.validate(ADD.slice(0, -1)), false);
  equal(WebAssembly.validate(new Uint8Array()), false);
  throws(TypeError, () => WebAssembly.validate());
  throws(TypeError, () => WebAssembly.validate('bytes'));
});
test('compile gives a module or rejects with a CompileError', async () => {
  equal((await WebAssembly.compile(ADD)) instanceof Module, true);
  const error = await rejects(CompileError, WebAssembly.compile(ADD.slice(0, 12)));
  equal(/at byte \d+/.test(error.message), true);
  await rejects(TypeError, WebAssembly.compile());
  await rejects(TypeError, WebAssembly.compile({}));
});
test('the bytes are copied before compile returns', async () => {
  const bytes = ADD.slice();
  const promise = WebAssembly.compile(bytes);
  bytes.fill(0);
  equal(new Instance(await promise).exports.add(1, 2), 3);
});
test('instantiate gives an instance for a module, both for bytes', async () => {
  const both = await WebAssembly.instantiate(ADD);
  same(Object.keys(both), ['module', 'instance']);
  equal(both.module instanceof Module && both.instance instanceof Instance, true);
  const one = await WebAssembly.instantiate(both.module);
  equal(one instanceof Instance, true);
  equal(one.exports.add(2, 3), 5);
  await rejects(TypeError, WebAssembly.instantiate());
  await rejects(TypeError, WebAssembly.instantiate(ADD, 5));
  await rejects(CompileError, WebAssembly.instantiate(new Uint8Array(3)));
});
test('instantiateStreaming takes a Response of the right type', async () => {
  const response = (type, init) => new Response(ADD, { headers: { 'content-type': type }, ...init });
  const { instance } = await WebAssembly.instantiateStreaming(response('application/wasm'));
  equal(instance.exports.add(20, 22), 42);
  const module = await WebAssembly.compileStreaming(Promise.resolve(response('Application/WASM')));
  equal(module instanceof Module, true);
  await rejects(TypeError, WebAssembly.compileStreaming(response('text/plain')));
  await rejects(TypeError, WebAssembly.compileStreaming(response('application/wasm;x')));
  await rejects(TypeError, WebAssembly.compileStreaming(response('application/wasm', { status: 404 })));
  await rejects(TypeError, WebAssembly.compileStreaming({}));
  await rejects(CompileError, WebAssembly.compileStreaming(new Response('x', { headers: { 'content-type': 'application/wasm' } })));
  const used = response('application/wasm');
  await used.arrayBuffer();
  await rejects(TypeError, WebAssembly.compileStreaming(used));
});

// Modules

const RICH = wat`(module
  (import "m" "f" (func)) (import "m" "g" (global i32)) (import "n" "t" (table 1 funcref)) (import "n" "b" (memory 1))
  (func $x (export "fn") nop) (global (export "gl") f64 (f64.const 1)) (export "mem" (memory 0)) (export "tab" (table 0))
  (@custom "note" "one") (@custom "note" "two"))`;
test('Module.exports and imports describe', () => {
  const module = new Module(RICH);
  same(Module.exports(module), [
    { name: 'fn', kind: 'function' }, { name: 'gl', kind: 'global' }, { name: 'mem', kind: 'memory' },
    { name: 'tab', kind: 'table' },
  ]);
  same(Module.imports(module), [
    { module: 'm', name: 'f', kind: 'function' }, { module: 'm', name: 'g', kind: 'global' },
    { module: 'n', name: 't', kind: 'table' }, { module: 'n', name: 'b', kind: 'memory' },
  ]);
  throws(TypeError, () => Module.exports({}));
  throws(TypeError, () => Module.imports());
});
test('Module.customSections copies', () => {
  const module = new Module(RICH);
  const texts = () => Module.customSections(module, 'note').map((buffer) => new TextDecoder().decode(buffer));
  same(texts(), ['one', 'two']);
  new Uint8Array(Module.customSections(module, 'note')[0]).fill(0);
  same(texts(), ['one', 'two']);
  same(Module.customSections(module, 'other'), []);
  throws(TypeError, () => Module.customSections(module));
  throws(TypeError, () => Module.customSections(module, undefined));
});
test('classes can be derived from', () => {
  class MyModule extends Module {}
  equal(new MyModule(EMPTY) instanceof MyModule, true);
  class MyMemory extends Memory {}
  const memory = new MyMemory({ initial: 1 });
  equal(memory instanceof MyMemory && memory.buffer.byteLength, 65536);
});

// Instances

test('exports are a frozen object without prototype', () => {
  const made = new Instance(new Module(ADD));
  const { exports } = made;
  equal(made.exports, exports);
  equal(Object.getPrototypeOf(exports), null);
  equal(Object.isFrozen(exports), true);
  same(Object.keys(exports), ['add']);
  throws(TypeError, () => Instance.prototype.exports);
});
test('imports are looked for where the module says', () => {
  const module = new Module(wat`(module (import "m" "f" (func)))`);
  throws(TypeError, () => new Instance(module));
  throws(TypeError, () => new Instance(module, {}));
  throws(TypeError, () => new Instance(module, { m: 1 }));
  throws(TypeError, () => new Instance(module, null));
  const error = throws(LinkError, () => new Instance(module, { m: {} }));
  equal(error.message.includes('"m" "f"'), true);
  throws(LinkError, () => new Instance(module, { m: { f: 1 } }));
  new Instance(module, { m: { f() {} } });
  new Instance(new Module(EMPTY), {});
});
test('imports are read and checked one after another', () => {
  const seen = [];
  const imports = new Proxy({}, { get: (_, module) => (seen.push(module), module === 'b' ? 5 : new Proxy({}, {
    get: (_, name) => (seen.push(name), name === 'g' ? 1 : () => 0),
  })) });
  const module = (text) => new Module(WebAssembly.parseWat(text));
  throws(TypeError, () => new Instance(module('(import "a" "f" (func)) (import "b" "f" (func)) (import "c" "f" (func))'), imports));
  same(seen.splice(0), ['a', 'f', 'b']);
  throws(LinkError, () => new Instance(module('(import "a" "g" (func)) (import "b" "f" (func))'), imports));
  same(seen.splice(0), ['a', 'g']);
  new Instance(module('(import "a" "g" (global i32)) (import "" "\\c3\\bf" (func))'), imports);
  same(seen, ['a', 'g', '', 'ÿ']);
});
test('the start function runs, and what it throws comes out', async () => {
  const bytes = wat`(module (import "m" "f" (func $f)) (start $f))`;
  let calls = 0;
  instance(bytes, { m: { f() { calls++; } } });
  equal(calls, 1);
  const boom = new Error('boom');
  const imports = { m: { f() { throw boom; } } };
  try { instance(bytes, imports); calls = 0; } catch (error) { equal(error, boom); }
  equal(calls, 1);
  await WebAssembly.instantiate(bytes, imports).then(() => { throw 1; }, (error) => equal(error, boom));
});

// Functions

test('exported functions are functions', () => {
  const { add } = instance(ADD);
  equal(typeof add, 'function');
  same([add.name, add.length, Object.getPrototypeOf(add) === Function.prototype], ['0', 2, true]);
  same([add(), add(1), add('3', 4.9), add(2 ** 31, 0), add(NaN, Infinity)], [0, 1, 7, -(2 ** 31), 0]);
  throws(TypeError, () => new add());
  throws(TypeError, () => add(1n, 2));
  equal(add.call(undefined, 1, 2, 3), 3);
  equal(instance(wat`(module (func $f) (export "a" (func $f)) (export "b" (func $f)))`).a.name, '0');
  const { a, b } = instance(wat`(module (func $f) (export "a" (func $f)) (export "b" (func $f)))`);
  equal(a, b);
});
test('values of every type go both ways', () => {
  for (const [type, given, expected] of [
    ['i32', -1, -1], ['i32', 4294967295, -1], ['i64', -(2n ** 63n), -(2n ** 63n)], ['i64', 2n ** 64n + 5n, 5n],
    ['f32', 0.1, Math.fround(0.1)], ['f64', 0.1, 0.1], ['f64', -0, -0], ['f64', NaN, NaN], ['f32', 1e300, Infinity],
  ]) {
    const { pass } = instance(PASS[type], { m: { f: (value) => value } });
    equal(pass(given), expected);
  }
  throws(TypeError, () => instance(PASS.i64, { m: { f: () => 5 } }).pass(1n));
  throws(TypeError, () => instance(PASS.i64, { m: { f: (x) => x } }).pass(1));
  throws(TypeError, () => instance(PASS.i64, { m: { f: (x) => x } }).pass());
  equal(instance(PASS.i64, { m: { f: (x) => x } }).pass('12'), 12n);
  const object = {};
  for (const value of [object, null, undefined, 1, 1.5, 'text', 10n, Symbol.iterator, true]) {
    equal(instance(PASS.externref, { m: { f: (x) => x } }).pass(value), value);
  }
  equal(instance(PASS.externref, { m: { f: (x) => x } }).pass(), undefined);
  const { pass } = instance(PASS.funcref, { m: { f: (x) => x } });
  same([pass(pass) === pass, pass(null)], [true, null]);
  throws(TypeError, () => pass(() => 1));
  throws(TypeError, () => pass());
});
const OLD = wat`(module (import "m" "f" (func $f (param externref))) (import "m" "f" (func $n (param i32)))
  (tag $a (param i32)) (tag $b)
  (func (export "nothing") (param i32) (result i32)
    try (result i32) local.get 0 call $n i32.const 1 catch_all i32.const 2 end)
  (func (export "values") (param i32) (result i32)
    i32.const 100
    try (param i32) (result i32)
      local.get 0
      if (param i32) (result i32) local.get 0 i32.add throw $a else drop throw $b end
    catch $a catch $b i32.const 9 end)
  (func (export "rethrown") (param externref) (result i32)
    try $out local.get 0 call $f
    catch_all try throw $b catch $b rethrow $out end end i32.const 0)
  (func (export "delegated") (result i32)
    try $outer (result i32)
      try (result i32) try (result i32) i32.const 5 throw $a delegate $outer
      catch $a drop i32.const 1000 end
    catch $a i32.const 10 i32.add end)
  (func $past (export "past") try $l try throw $b delegate 1 catch_all end)
  (func (export "outside") (result i32) try (result i32) call $past i32.const 1 catch $b i32.const 30 end)
  (func (export "inner") (result i32) (local i32)
    try try i32.const 3 throw $a catch $a local.set 0 throw $b end
    catch $b local.get 0 i32.const 4 i32.add local.set 0 end local.get 0)
  (func (export "loop") (param i32) (result i32) (local i32)
    loop $again
      try local.get 0 throw $a
      catch $a local.get 1 i32.add local.set 1 local.get 0 i32.const 1 i32.sub local.tee 0 br_if $again end
    end local.get 1))`;
const PASS = {
  i32: wat`(module (import "m" "f" (func (param i32) (result i32))) (func (export "pass") (param i32) (result i32) (call 0 (local.get 0))))`,
  i64: wat`(module (import "m" "f" (func (param i64) (result i64))) (func (export "pass") (param i64) (result i64) (call 0 (local.get 0))))`,
  f32: wat`(module (import "m" "f" (func (param f32) (result f32))) (func (export "pass") (param f32) (result f32) (call 0 (local.get 0))))`,
  f64: wat`(module (import "m" "f" (func (param f64) (result f64))) (func (export "pass") (param f64) (result f64) (call 0 (local.get 0))))`,
  externref: wat`(module (import "m" "f" (func (param externref) (result externref))) (func (export "pass") (param externref) (result externref) (call 0 (local.get 0))))`,
  funcref: wat`(module (import "m" "f" (func (param funcref) (result funcref))) (func (export "pass") (param funcref) (result funcref) (call 0 (local.get 0))))`,
};
test('several results are an array, and any iterable the other way', () => {
  const bytes = wat`(module (import "m" "f" (func (result i32 i64 f64)))
    (func (export "many") (result i32 i64 f64) call 0) (func (export "fixed") (result i32 i64) i32.const 1 i64.const 2))`;
  const many = (f) => instance(bytes, { m: { f } }).many();
  const result = many(() => [1, 2n, 3.5]);
  equal(Array.isArray(result), true);
  equal(result.join(), '1,2,3.5');
  equal(many(function* () { yield 4; yield 5n; yield 6; }).join(), '4,5,6');
  throws(TypeError, () => many(() => [1, 2n]));
  throws(TypeError, () => many(() => [1, 2n, 3, 4]));
  throws(TypeError, () => many(() => 1));
  equal(instance(bytes, { m: { f() {} } }).fixed().join(), '1,2');
});
test('an imported function is called without this', () => {
  let seen = 0;
  const { run } = instance(wat`(module (import "m" "f" (func (param i32))) (func (export "run") (call 0 (i32.const 7))))`, {
    m: { f(...values) { seen = [this, ...values]; } },
  });
  run();
  equal(seen[0], undefined);
  same(seen.slice(1), [7]);
});
test('exceptions of JavaScript pass through WebAssembly', () => {
  const thrown = { any: 'thing' };
  const { run } = instance(wat`(module (import "m" "f" (func)) (func $g call 0) (func (export "run") call $g))`, {
    m: { f() { throw thrown; } },
  });
  try { run(); } catch (error) { equal(error, thrown); return; }
  throw new Error('nothing was thrown');
});
test('converting an argument may call WebAssembly', () => {
  const { add } = instance(ADD);
  const value = { valueOf: () => add(add(1, 2), { valueOf: () => add(3, 4) }) };
  equal(add(value, { valueOf: () => add(5, value) }), 10 + 15);
});
test('traps are RuntimeErrors', () => {
  const traps = instance(wat`(module (memory 1) (table 2 funcref) (elem (i32.const 0) $unreachable) (type $t (func (result i32)))
    (func $unreachable (export "unreachable") unreachable)
    (func (export "integer divide by zero") (drop (i32.div_s (i32.const 1) (i32.const 0))))
    (func (export "integer overflow") (drop (i32.div_s (i32.const -2147483648) (i32.const -1))))
    (func (export "invalid conversion to integer") (drop (i32.trunc_f32_s (f32.const nan))))
    (func (export "out of bounds memory access") (drop (i32.load offset=4294967295 (i32.const -1))))
    (func (export "out of bounds table access") (drop (table.get 0 (i32.const 2))))
    (func (export "undefined element") (call_indirect (i32.const 2)))
    (func (export "uninitialized element") (call_indirect (i32.const 1)))
    (func (export "indirect call type mismatch") (drop (call_indirect (type $t) (i32.const 0)))))`);
  for (const name in traps) equal(throws(RuntimeError, traps[name]).message, name);
});
test('functions of other instances keep their instance', () => {
  const one = instance(wat`(module (memory (export "m") 1) (global $g (mut i32) (i32.const 5))
    (func (export "next") (result i32) (global.set $g (i32.add (global.get $g) (i32.const 1)))
      (i32.store (i32.const 0) (global.get $g)) (i32.load (i32.const 0))))`);
  const two = instance(wat`(module (import "one" "next" (func (result i32))) (memory 1)
    (func (export "twice") (result i32) (i32.store (i32.const 0) (i32.const 99)) (i32.add (call 0) (call 0)))
    (func (export "mine") (result i32) (i32.load (i32.const 0))) (export "same" (func 0)))`, { one });
  same([two.twice(), two.mine(), two.same === one.next], [13, 99, true]);
  throws(LinkError, () => instance(wat`(module (import "one" "next" (func)))`, { one }));
});
test('tail calls run in one frame', () => {
  const { down, even } = instance(wat`(module
    (func $down (export "down") (param i32) (result i32)
      (if (i32.eqz (local.get 0)) (then (return (i32.const 77)))) (return_call $down (i32.sub (local.get 0) (i32.const 1))))
    (table funcref (elem $even $odd)) (type $t (func (param i32) (result i32)))
    (func $even (export "even") (param i32) (result i32) (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
      (return_call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 1)))
    (func $odd (param i32) (result i32) (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
      (return_call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))))`);
  same([down(100000), even(100001), even(100000)], [77, 0, 1]);
});

// Memory

test('the buffer is the memory', () => {
  const { memory, load, store } = instance(wat`(module (memory (export "memory") 1)
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1))) (data (i32.const 8) "hello"))`);
  equal(memory instanceof Memory, true);
  equal(memory.buffer, memory.buffer);
  equal(new TextDecoder().decode(new Uint8Array(memory.buffer, 8, 5)), 'hello');
  store(100, 0x01020304);
  same([...new Uint8Array(memory.buffer, 100, 4)], [4, 3, 2, 1]);
  new Uint32Array(memory.buffer)[50] = 12345;
  equal(load(200), 12345);
});
test('growing detaches the buffer', () => {
  const { memory, grow } = instance(wat`(module (memory (export "memory") 1 4)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`);
  const first = memory.buffer, view = new Uint8Array(first);
  view[9] = 42;
  equal(memory.grow(1), 1);
  same([first.detached, first.byteLength, view.length, view[9] === undefined], [true, 0, 0, true]);
  same([memory.buffer.byteLength, new Uint8Array(memory.buffer)[9]], [131072, 42]);
  const second = memory.buffer;
  equal(grow(1), 2);
  same([second.detached, memory.buffer.byteLength], [true, 196608]);
  const third = memory.buffer;
  equal(memory.grow(0), 3);
  same([third.detached, memory.buffer.byteLength, memory.buffer === third], [true, 196608, false]);
  equal(grow(2), -1);
  throws(RangeError, () => memory.grow(2));
  throws(TypeError, () => memory.grow(-1));
  throws(TypeError, () => memory.grow());
  throws(TypeError, () => memory.grow(2 ** 32));
  throws(TypeError, () => Memory.prototype.grow.call({}, 1));
});
test('nothing else detaches the buffer', () => {
  const memory = new Memory({ initial: 1 });
  const { buffer } = memory;
  throws(TypeError, () => buffer.transfer());
  throws(TypeError, () => buffer.transfer(0));
  throws(TypeError, () => buffer.transferToFixedLength(10));
  throws(TypeError, () => buffer.resize(10));
  let failed = false;
  try { structuredClone(buffer, { transfer: [buffer] }); } catch { failed = true; }
  same([failed, buffer.detached, buffer.byteLength, memory.buffer === buffer], [true, false, 65536, true]);
});
test('a buffer outlives its memory', () => {
  let { buffer } = new Memory({ initial: 1 });
  for (let i = 0; i < 50; i++) new Memory({ initial: 2 }).buffer;
  const bytes = new Uint8Array(buffer);
  bytes.fill(7);
  equal(bytes.every((byte) => byte === 7), true);
});
test('descriptors of memories are checked', () => {
  for (const descriptor of [{}, { initial: -1 }, { initial: NaN }, { initial: 2 ** 32 }, { initial: 1, maximum: -1 }, null, 1]) {
    throws(TypeError, () => new Memory(descriptor));
  }
  for (const descriptor of [{ initial: 2, maximum: 1 }, { initial: 65537 }, { initial: 65536 }]) {
    throws(RangeError, () => new Memory(descriptor));
  }
  throws(TypeError, () => new Memory({ initial: 1, maximum: 1, shared: true }));
  const order = [];
  new Memory({
    get maximum() { order.push('maximum'); return { valueOf() { order.push('to maximum'); return 2; } }; },
    get initial() { order.push('initial'); return { valueOf() { order.push('to initial'); return 1; } }; },
  });
  same(order, ['initial', 'to initial', 'maximum', 'to maximum']);
});
test('an imported memory is shared between instances', () => {
  const memory = new Memory({ initial: 1, maximum: 3 });
  const bytes = wat`(module (import "m" "memory" (memory 1 3)) (export "memory" (memory 0))
    (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
    (func (export "grow") (result i32) (memory.grow (i32.const 1))) (func (export "size") (result i32) memory.size))`;
  const a = instance(bytes, { m: { memory } }), b = instance(bytes, { m: { memory } });
  equal(a.memory, memory);
  new Uint8Array(memory.buffer)[5] = 66;
  same([a.load(5), b.load(5), a.grow(), b.size(), memory.buffer.byteLength, b.load(5)], [66, 66, 1, 2, 131072, 66]);
  throws(LinkError, () => instance(bytes, { m: { memory: new Memory({ initial: 1 }) } }));
  throws(LinkError, () => instance(bytes, { m: { memory: new Memory({ initial: 1, maximum: 4 }) } }));
  throws(LinkError, () => instance(bytes, { m: { memory: new Memory({ initial: 0, maximum: 3 }) } }));
  throws(LinkError, () => instance(bytes, { m: { memory: { buffer: new ArrayBuffer(65536) } } }));
});
test('memory that grows in a call is the new one after it', () => {
  const bytes = wat`(module (import "m" "f" (func)) (memory (export "memory") 1)
    (func (export "run") (result i32) (call 0) (i32.store (i32.const 65536) (i32.const 31)) (i32.load (i32.const 65536))))`;
  const exports = instance(bytes, { m: { f: () => exports.memory.grow(1) } });
  same([exports.run(), new Uint8Array(exports.memory.buffer)[65536]], [31, 31]);
});
test('bulk memory', () => {
  const { fill, copy, init, drop, memory } = instance(wat`(module (memory (export "memory") 1) (data $d "abcdef")
    (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
    (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
    (func (export "init") (param i32 i32 i32) (memory.init $d (local.get 0) (local.get 1) (local.get 2)))
    (func (export "drop") (data.drop $d)))`);
  const text = () => new TextDecoder().decode(new Uint8Array(memory.buffer, 0, 8));
  fill(0, 120, 8);
  init(1, 2, 4);
  equal(text(), 'xcdefxxx');
  copy(2, 1, 4);
  equal(text(), 'xccdefxx');
  throws(RuntimeError, () => init(0, 3, 4));
  throws(RuntimeError, () => fill(65530, 0, 7));
  throws(RuntimeError, () => copy(0, 65530, 7));
  throws(RuntimeError, () => fill(-1, 0, -1));
  drop();
  init(0, 0, 0);
  throws(RuntimeError, () => init(0, 0, 1));
});

// Tables

test('tables hold functions', () => {
  const table = new Table({ element: 'anyfunc', initial: 2, maximum: 4 });
  const { add } = instance(ADD);
  same([table.length, table.get(0)], [2, null]);
  table.set(1, add);
  equal(table.get(1), add);
  table.set(1);
  equal(table.get(1), null);
  same([table.grow(1), table.length, table.get(2)], [2, 3, null]);
  equal(table.grow(1, add), 3);
  equal(table.get(3), add);
  throws(RangeError, () => table.grow(1));
  throws(RangeError, () => table.get(4));
  throws(RangeError, () => table.set(4, null));
  throws(TypeError, () => table.set(0, () => 1));
  throws(TypeError, () => table.set(0, undefined));
  throws(TypeError, () => table.get());
  throws(TypeError, () => table.get(-1));
  throws(TypeError, () => Table.prototype.get.call({}, 0));
  throws(TypeError, () => new Table({ element: 'i32', initial: 1 }));
  throws(TypeError, () => new Table({ initial: 1 }));
  throws(TypeError, () => new Table({ element: 'anyfunc', initial: 1 }, () => 1));
  throws(RangeError, () => new Table({ element: 'anyfunc', initial: 2, maximum: 1 }));
  throws(RangeError, () => new Table({ element: 'anyfunc', initial: 2 ** 32 - 1 }));
});
test('tables hold any value', () => {
  const object = {};
  const table = new Table({ element: 'externref', initial: 2 }, object);
  same([table.get(0) === object, table.get(1) === object], [true, true]);
  table.set(0);
  equal(table.get(0), undefined);
  table.set(0, null);
  equal(table.get(0), null);
  equal(new Table({ element: 'externref', initial: 1 }).get(0), undefined);
  table.grow(1, 'text');
  equal(table.get(2), 'text');
});
test('a table is shared between instances and called through', () => {
  const table = new Table({ element: 'anyfunc', initial: 3 });
  instance(wat`(module (import "m" "t" (table 3 funcref)) (elem (i32.const 1) $f) (func $f (param i32) (result i32)
    (i32.mul (local.get 0) (i32.const 10))))`, { m: { t: table } });
  const { run } = instance(wat`(module (import "m" "t" (table 1 funcref)) (type $t (func (param i32) (result i32)))
    (func (export "run") (param i32) (result i32) (call_indirect (type $t) (i32.const 7) (local.get 0))))`, { m: { t: table } });
  same([run(1), table.get(1)(4)], [70, 40]);
  equal(throws(RuntimeError, () => run(0)).message, 'uninitialized element');
  const host = instance(wat`(module (import "m" "f" (func (param i32) (result i32))) (export "f" (func 0)))`, { m: { f: (x) => -x } });
  table.set(0, host.f);
  equal(run(0), -7);
});
test('instructions of tables', () => {
  const object = {};
  const e = instance(wat`(module (table $a (export "a") 2 8 externref) (table $f 4 funcref) (elem $e func $one $two) (elem declare func $one)
    (func $one (result i32) i32.const 1) (func $two (result i32) i32.const 2)
    (func (export "size") (result i32) table.size $a)
    (func (export "grow") (param externref i32) (result i32) (table.grow $a (local.get 0) (local.get 1)))
    (func (export "fill") (param i32 externref i32) (table.fill $a (local.get 0) (local.get 1) (local.get 2)))
    (func (export "init") (table.init $f $e (i32.const 1) (i32.const 0) (i32.const 2)))
    (func (export "copy") (table.copy $f $f (i32.const 2) (i32.const 1) (i32.const 2)))
    (func (export "drop") (elem.drop $e))
    (func (export "one") (result funcref) ref.func $one)
    (func (export "null") (param externref) (result i32) (ref.is_null (local.get 0)))
    (func (export "call") (param i32) (result i32) (call_indirect $f (result i32) (local.get 0))))`);
  equal(e.grow(object, 3), 2);
  same([e.size(), e.a.get(4) === object, e.a.get(0)], [5, true, null]);
  e.fill(1, 'x', 2);
  same([0, 1, 2, 3].map((k) => e.a.get(k) === 'x'), [false, true, true, false]);
  equal(e.grow(null, 4), -1);
  throws(RuntimeError, () => e.fill(4, null, 2));
  e.init();
  e.copy();
  same([e.call(1), e.call(2), e.call(3)], [1, 1, 2]);
  e.drop();
  throws(RuntimeError, () => e.init());
  same([e.one()(), e.one() === e.one(), e.null(null), e.null(undefined), e.null(0)], [1, true, 1, 0, 0]);
});

// Globals

test('globals', () => {
  const global = new Global({ value: 'i32', mutable: true }, 7);
  same([global.value, global.valueOf()], [7, 7]);
  global.value = '12';
  equal(global.value, 12);
  equal(new Global({ value: 'i64' }).value, 0n);
  equal(new Global({ value: 'i64' }, 2n ** 63n).value, -(2n ** 63n));
  equal(new Global({ value: 'f32' }, 0.1).value, Math.fround(0.1));
  equal(new Global({ value: 'externref' }).value, undefined);
  equal(new Global({ value: 'externref' }, 'x').value, 'x');
  equal(new Global({ value: 'anyfunc' }).value, null);
  const constant = new Global({ value: 'f64' });
  equal(constant.value, 0);
  throws(TypeError, () => { constant.value = 1; });
  throws(TypeError, () => new Global({ value: 'i64' }, 1));
  throws(TypeError, () => new Global({ value: 'i33' }));
  throws(TypeError, () => new Global({}));
  throws(TypeError, () => new Global({ value: 'anyfunc' }, () => 1));
  throws(TypeError, () => Global.prototype.valueOf.call({}));
});
test('globals are shared with instances', () => {
  const counter = new Global({ value: 'i64', mutable: true }, 5n);
  const bytes = wat`(module (import "m" "g" (global $g (mut i64))) (export "g" (global $g))
    (func (export "next") (result i64) (global.set $g (i64.add (global.get $g) (i64.const 1))) (global.get $g)))`;
  const { next, g } = instance(bytes, { m: { g: counter } });
  same([next() === 6n, counter.value === 6n, g === counter], [true, true, true]);
  counter.value = 100n;
  equal(next(), 101n);
  for (const wrong of [5n, 5, new Global({ value: 'i64' }), new Global({ value: 'i32', mutable: true })]) {
    throws(LinkError, () => instance(bytes, { m: { g: wrong } }));
  }
});
test('a constant global may be imported as a value', () => {
  const bytes = wat`(module (import "m" "a" (global i32)) (import "m" "b" (global i64)) (import "m" "c" (global externref))
    (global (export "sum") i32 (i32.add (global.get 0) (i32.const 2))) (global (export "c") externref (global.get 2))
    (export "a" (global 0)) (memory (export "memory") 1) (data (global.get 0) "!"))`;
  const exports = instance(bytes, { m: { a: 40, b: 1n, c: 'any' } });
  same([exports.sum.value, exports.c.value, exports.a.value, new Uint8Array(exports.memory.buffer)[40]], [42, 'any', 40, 33]);
  throws(LinkError, () => instance(bytes, { m: { a: 1n, b: 1n, c: 0 } }));
  throws(LinkError, () => instance(bytes, { m: { a: 1, b: 1, c: 0 } }));
  throws(LinkError, () => instance(bytes, { m: { a: '1', b: 1n, c: 0 } }));
});

// Exceptions

const { Tag, Exception } = WebAssembly;
function thrown(body) {
  try {
    return `returned ${body()}`;
  } catch (error) {
    return error;
  }
}
test('tags and exceptions', () => {
  const tag = new Tag({ parameters: ['i32', 'i64', 'externref'] }), other = new Tag({ parameters: [] });
  const exception = new Exception(tag, [1.9, 2n, 'x']);
  same([exception.is(tag), exception.is(other), exception.getArg(tag, 0), exception.getArg(tag, 2)], [true, false, 1, 'x']);
  equal(exception.getArg(tag, 1), 2n);
  same([exception.stack, exception instanceof Error], [undefined, false]);
  equal(typeof new Exception(other, [], { traceStack: true }).stack, 'string');
  throws(TypeError, () => exception.getArg(other, 0));
  throws(RangeError, () => exception.getArg(tag, 3));
  throws(TypeError, () => exception.getArg(tag, -1));
  throws(TypeError, () => exception.is({}));
  throws(TypeError, () => new Exception(tag, [1]));
  throws(TypeError, () => new Exception(tag, [1, 2, 3]));
  throws(TypeError, () => new Exception({}, []));
  throws(TypeError, () => new Exception(WebAssembly.JSTag, [1]));
  throws(TypeError, () => new Tag({ parameters: ['i33'] }));
  throws(TypeError, () => new Tag({}));
  equal(WebAssembly.JSTag, WebAssembly.JSTag);
});
test('try_table catches by tag, any, and with the exception', () => {
  const tag = new Tag({ parameters: ['i32', 'externref'] });
  const bytes = wat`(module (import "m" "tag" (tag $t (param i32 externref))) (import "m" "f" (func $f (param i32)))
    (tag $mine (export "mine") (param i64)) (export "tag" (tag $t)) (global $n (mut i32) (i32.const 0))
    (func $deep (param i32) (if (local.get 0) (then (return (call $deep (i32.sub (local.get 0) (i32.const 1))))))
      (call $f (i32.const 5)) (global.set $n (i32.const 99)))
    (func (export "run") (param i32) (result i32 externref)
      (block $caught (result i32 externref)
        (block $any
          (try_table (catch $t $caught) (catch_all $any) (call $deep (local.get 0)))
          (return (i32.const 1) (ref.null extern)))
        (return (i32.const 2) (ref.null extern)))
      (return))
    (func (export "again") (result i32)
      (block $h (result exnref) (try_table (catch_all_ref $h) (call $f (i32.const 6))) (return (i32.const 0))) (throw_ref))
    (func (export "mineThrown") (param i64) (throw $mine (local.get 0)))
    (func (export "both") (param i64) (result i64) (local i64) (local.set 1 (i64.const 100))
      (block $h (result i64 exnref)
        (try_table (result i64) (catch_ref $mine $h) (local.set 1 (i64.const 1000))
          (throw $mine (i64.add (local.get 0) (i64.const 1)))) (return))
      (drop) (i64.add (local.get 1)))
    (func (export "null") (throw_ref (ref.null exn)))
    (func (export "trap") (result i32) (block $h (try_table (catch_all $h) unreachable)) (i32.const 7)))`;
  let act = () => {};
  const e = instance(bytes, { m: { tag, f: (n) => act(n) } });
  same(Module.exports(new Module(bytes)).slice(0, 2), [{ name: 'mine', kind: 'tag' }, { name: 'tag', kind: 'tag' }]);
  equal(e.tag, tag);
  same(e.run(3), [1, null]);
  act = (n) => { throw new Exception(tag, [n + 1, 'payload']); };
  same(e.run(1000), [6, 'payload']);
  act = () => { throw new Exception(new Tag({ parameters: ['i32', 'externref'] }), [1, 2]); };
  same(e.run(0), [2, null]);
  for (const value of [new Error('x'), 'text', null, undefined, { deep: 1 }]) {
    act = () => { throw value; };
    same(e.run(2), [2, null]);
    equal(thrown(e.again), value);
  }
  const exception = new Exception(tag, [1, null]);
  act = () => { throw exception; };
  equal(thrown(e.again), exception);
  const mine = thrown(() => e.mineThrown(40n));
  same([mine instanceof Exception, mine.is(e.mine), String(mine.getArg(e.mine, 0))], [true, true, '40']);
  equal(e.both(41n), 1042n);
  equal(thrown(e.null).message, 'null exception reference');
  equal(thrown(e.trap).message, 'unreachable');
  throws(LinkError, () => instance(bytes, { m: { tag: new Tag({ parameters: [] }), f() {} } }));
  throws(LinkError, () => instance(bytes, { m: { tag: {}, f() {} } }));
});
test('what JavaScript throws has a tag', () => {
  const e = instance(wat`(module (import "m" "js" (tag $js (param externref))) (import "m" "f" (func $f))
    (func (export "run") (result externref) (block $h (result externref) (try_table (catch $js $h) (call $f)) (ref.null extern)))
    (func (export "throw") (param externref) (throw $js (local.get 0))))`, {
    m: { js: WebAssembly.JSTag, f() { throw 'from JavaScript'; } },
  });
  equal(e.run(), 'from JavaScript');
  const error = new Error();
  equal(thrown(() => e.throw(error)), error);
});
test('the older instructions: try, catch, rethrow, delegate', () => {
  const e = instance(OLD, { m: { f(n) { if (n) throw n; } } });
  same([e.nothing(0), e.nothing(5), e.values(3), e.values(0)], [1, 2, 103, 9]);
  equal(thrown(() => e.rethrown('x')), 'x');
  same([e.rethrown(0), e.delegated(), e.outside(), e.inner()], [0, 15, 30, 7]);
  equal(thrown(() => e.past()) instanceof Exception, true);
  equal(e.loop(10), 55);
});

// Text, as the original WapoJS has it

test('parseWat assembles text', () => {
  const text = `(module $name ;; a comment
    (import "m" "log" (func $log (param i32) (result i64))) (type $t (func (param $x i32) (result i32)))
    (memory (export "memory") (data "a\\00\\u{e9}\\n")) (; another (; inside ;) one ;)
    (table $table funcref (elem $double $twice)) (global $g (export "g") (mut f64) (f64.const -0x1.8p+3))
    (func $double (export "double") (type $t) local.get 0 i32.const 0x2 i32.mul)
    (func $twice (param $a i32) (result i32) (local $n i32) (local.set $n (i32.const -1_0))
      (block $out (result i32) (loop $again (br_if $out (i32.const 5) (i32.gt_s (local.get $a) (i32.const 9)))
        (local.set $a (i32.add (local.get $a) (i32.const 1))) (br $again)) unreachable) local.get $n i32.add)
    (func (export "choose") (param i32) (result i32)
      (if (result i32) (i32.eqz (local.get 0)) (then (call_indirect (type $t) (i32.const 21) (i32.const 0)))
        (else (i32.const 3) (i32.const 1) (call_indirect (param i32) (result i32)))))
    (func (export "log") (result i64) i32.const 7 call $log) (data $d "xyz")
    (func (export "init") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 3))))`;
  for (const source of [text, new TextEncoder().encode(text), new TextEncoder().encode(text).buffer]) {
    const e = instance(WebAssembly.parseWat(source), { m: { log: (n) => BigInt(n) << 40n } });
    same([e.g.value, e.double(4), e.choose(0), e.choose(1), e.log() === 7n << 40n], [-12, 8, 42, -5, true]);
    equal(new TextDecoder().decode(new Uint8Array(e.memory.buffer, 0, 5)), 'a\0é\n');
    e.init();
    equal(new TextDecoder().decode(new Uint8Array(e.memory.buffer, 0, 3)), 'xyz');
  }
  for (const wrong of ['(', ')', '(module (func', '(module (fun))', '(func i32.cons 1)', '(func br $x)', '"', '(; ;', 'x']) {
    throws(SyntaxError, () => WebAssembly.parseWat(wrong));
  }
  throws(TypeError, () => WebAssembly.parseWat());
});

// References are kept alive, and no longer than they must be

test('a value is alive while only WebAssembly has it', () => {
  const { keep, take } = instance(wat`(module (import "m" "churn" (func)) (table $t 1 externref)
    (func (export "keep") (param externref) (table.set $t (i32.const 0) (local.get 0)))
    (func (export "take") (result externref) (local $x externref) (local.set $x (table.get $t (i32.const 0)))
      (table.set $t (i32.const 0) (ref.null extern)) (call 0) (local.get $x)))`, {
    m: { churn() { for (let i = 0; i < 20000; i++) ({ i }); } },
  });
  keep({ deep: { text: 'alive' } });
  equal(take().deep.text, 'alive');
});
test('many values pass through one call', () => {
  let count = 0;
  const { run } = instance(wat`(module (import "m" "make" (func $make (result externref)))
    (import "m" "use" (func $use (param externref externref)))
    (func (export "run") (param i32) (local $first externref) (local.set $first (call $make))
      (loop $again (call $use (local.get $first) (call $make))
        (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`, {
    m: {
      make: () => ({ text: `value ${count++}`, room: new Uint8Array(1000) }),
      use(first, last) {
        if (first.text !== 'value 0' || last.text !== `value ${count - 1}`) throw new Error(`${first.text} ${last.text}`);
      },
    },
  });
  run(100000); // a hundred times the memory that there is, were they all kept
  equal(count, 100001);
});
test('instances that nobody has any more are freed', () => {
  const module = new Module(wat`(module (memory (export "m") 16) (table (export "t") 1 funcref) (elem (i32.const 0) $f)
    (func $f (export "f") (result i32) i32.const 1))`);
  for (let i = 0; i < 500; i++) equal(new Instance(module).exports.f(), 1); // 500 MB of memories
});
test('a function keeps the instance of its table alive', () => {
  const make = () => {
    const table = new Table({ element: 'anyfunc', initial: 1 });
    instance(wat`(module (import "m" "t" (table 1 funcref)) (memory 1) (data (i32.const 0) "*") (elem (i32.const 0) $f)
      (func $f (result i32) (i32.load8_u (i32.const 0))))`, { m: { t: table } });
    return table;
  };
  const tables = Array.from({ length: 50 }, make);
  for (let i = 0; i < 200; i++) new Memory({ initial: 16 });
  equal(tables.every((table) => table.get(0)() === 42), true);
});

(async () => {
  const results = {};
  for (const [name, body] of cases) {
    try {
      await body();
      results[name] = '';
    } catch (error) {
      results[name] = String(error?.stack && `${error}\n${error.stack}`) || String(error);
    }
  }
  globalThis.scriptOutput = JSON.stringify(results);
})();
