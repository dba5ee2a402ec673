// https://html.spec.whatwg.org/#structured-cloning
import { isDetached } from 'wapo:native';
import { Blob, File } from '../../../guest/wapojs/js/blob.js';
import { DOMException } from '../../../guest/wapojs/js/dom-exception.js';
import { Headers } from '../../../guest/wapojs/js/headers.js';
import { MessageChannel } from '../../../guest/wapojs/js/message-channel.js';
import { structuredClone } from '../../../guest/wapojs/js/structured-clone.js';
import { ReadableStream } from '../../../guest/wapojs/js/streams/readable-stream.js';
import { assert, assertEquals, assertSame, assertThrows, test } from './harness.js';

const error1 = new Error('error1');

test('an argument is needed; options are a dictionary', () => {
  assertThrows(TypeError, () => structuredClone());
  assertEquals(structuredClone(undefined), undefined);
  assertThrows(TypeError, () => structuredClone(1, 1));
  assertThrows(TypeError, () => structuredClone(1, { transfer: 1 }));
  assertThrows(TypeError, () => structuredClone(1, { transfer: [1] }));
  assertEquals(structuredClone.length, 1);
});

test('primitives', () => {
  for (const value of [undefined, null, true, false, 0, -0, NaN, Infinity, 'x\ud800', 10n])
    assertSame(structuredClone(value), value);
});

test('boxed primitives', () => {
  for (const value of [Object(true), Object(5), Object(-0), Object('str'), Object(10n)]) {
    value.extra = 1;
    const copy = structuredClone(value);
    assert(copy !== value);
    assertSame(Object.getPrototypeOf(copy), Object.getPrototypeOf(value));
    assertSame(copy.valueOf(), value.valueOf());
    assertEquals(copy.extra, undefined);
  }
});

test('Date and RegExp', () => {
  assertEquals(structuredClone(new Date(5)).getTime(), 5);
  assertEquals(structuredClone(new Date(NaN)).getTime(), NaN);
  const regExp = /a\/(b)/giu;
  regExp.lastIndex = 3;
  regExp.extra = 1;
  const copy = structuredClone(regExp);
  assertEquals([copy.source, copy.flags, copy.lastIndex, copy.extra], ['a\\/(b)', 'giu', 0, undefined]);
});

test('plain objects: own enumerable string keys in order, without prototype or accessors', () => {
  class Point {
    constructor() {
      this.x = 1;
    }
    get y() {
      return 2;
    }
  }
  const copy = structuredClone(new Point());
  assertSame(Object.getPrototypeOf(copy), Object.prototype);
  assertEquals(copy, { x: 1 });
  const source = Object.defineProperties(
    {
      b: 1,
      get a() {
        return 'got';
      },
      [Symbol('s')]: 1,
      1: 'one',
    },
    { hidden: { value: 1 } },
  );
  const copy2 = structuredClone(source);
  assertEquals(Reflect.ownKeys(copy2), ['1', 'b', 'a']);
  assertEquals(Object.getOwnPropertyDescriptor(copy2, 'a'), {
    value: 'got',
    writable: true,
    enumerable: true,
    configurable: true,
  });
  assertSame(Object.getPrototypeOf(structuredClone(Object.create(null))), Object.prototype);
});

test('a property named __proto__ is a property', () => {
  const source = JSON.parse('{"__proto__": {"a": 1}}');
  const copy = structuredClone(source);
  assertSame(Object.getPrototypeOf(copy), Object.prototype);
  assertEquals(Object.hasOwn(copy, '__proto__'), true);
});

test('getters run in order, once, and may delete what follows', () => {
  const order = [];
  const source = {
    get a() {
      order.push('a');
      delete this.b;
      return 1;
    },
    b: 2,
    get c() {
      order.push('c');
      return 3;
    },
  };
  assertEquals(structuredClone(source), { a: 1, c: 3 });
  assertEquals(order, ['a', 'c']);
  assertThrows(error1, () =>
    structuredClone({
      get a() {
        throw error1;
      },
    }),
  );
});

test('arrays: holes, length and extra properties', () => {
  const source = [1, , 'x', { a: 1 }];
  source.extra = 'e';
  source.length = 7;
  const copy = structuredClone(source);
  assert(Array.isArray(copy));
  assertEquals([copy.length, 1 in copy, copy[3], copy.extra], [7, false, { a: 1 }, 'e']);
  const sparse = [];
  sparse[100_000_000] = 1;
  assertEquals([structuredClone(sparse).length, Object.keys(structuredClone(sparse))], [100_000_001, ['100000000']]);
  assertEquals(structuredClone([[], [undefined, null]]), [[], [undefined, null]]);
});

test('Map and Set: entries in order, nested, as they are at the beginning', () => {
  const key = { k: 1 };
  const map = structuredClone(
    new Map([
      [key, new Set([1, key])],
      ['a', undefined],
    ]),
  );
  const [[copiedKey, set], second] = [...map];
  assertEquals(copiedKey, { k: 1 });
  assert(copiedKey !== key && set.has(copiedKey));
  assertEquals(second, ['a', undefined]);
  const growing = new Map();
  growing.set('first', {
    get x() {
      growing.set('later', 1);
      return 1;
    },
  });
  assertEquals([...structuredClone(growing).keys()], ['first']);
});

test('identity and cycles are kept', () => {
  const shared = {};
  const source = { one: shared, two: shared, list: [shared], map: new Map() };
  source.self = source;
  source.map.set(source, source);
  const copy = structuredClone(source);
  assert(copy.one === copy.two && copy.one === copy.list[0] && copy.one !== shared);
  assertSame(copy.self, copy);
  assertSame(copy.map.get(copy), copy);
});

test('errors: name, message and stack', () => {
  for (const Type of [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]) {
    const source = new Type('msg');
    source.extra = 1;
    const copy = structuredClone(source);
    assertSame(Object.getPrototypeOf(copy), Type.prototype);
    assertEquals(
      [copy.name, copy.message, copy.stack === source.stack, copy.extra],
      [source.name, 'msg', true, undefined],
    );
    assertEquals(Object.getOwnPropertyDescriptor(copy, 'message'), {
      value: 'msg',
      writable: true,
      enumerable: false,
      configurable: true,
    });
  }
});

test('errors: odd names and messages', () => {
  class Mine extends RangeError {}
  assertSame(Object.getPrototypeOf(structuredClone(new Mine('x'))), RangeError.prototype);
  const named = new Error('x');
  named.name = 'Custom';
  assertSame(Object.getPrototypeOf(structuredClone(named)), Error.prototype);
  named.name = 'TypeError';
  assertSame(Object.getPrototypeOf(structuredClone(named)), TypeError.prototype);
  assertEquals(Object.hasOwn(structuredClone(new Error()), 'message'), false);
  const accessor = new Error();
  Object.defineProperty(accessor, 'message', {
    get() {
      throw error1;
    },
  });
  assertEquals(Object.hasOwn(structuredClone(accessor), 'message'), false);
  const numeric = new Error();
  numeric.message = 5;
  assertSame(structuredClone(numeric).message, '5');
});

test('DOMException, Blob and File', async () => {
  const exception = new DOMException('m', 'AbortError');
  const copy = structuredClone(exception);
  assert(copy instanceof DOMException && copy !== exception);
  assertEquals([copy.name, copy.message, copy.code, copy.stack === exception.stack], ['AbortError', 'm', 20, true]);
  const { blob, file } = structuredClone({
    blob: new Blob(['ab'], { type: 'a/b' }),
    file: new File(['c'], 'n', { lastModified: 3, type: 'x/y' }),
  });
  assertEquals([await blob.text(), blob.type, blob instanceof File], ['ab', 'a/b', false]);
  assertEquals([await file.text(), file.name, file.lastModified, file.type], ['c', 'n', 3, 'x/y']);
});

test('ArrayBuffer and views share their copy', () => {
  const buffer = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]).buffer;
  const copy = structuredClone({
    buffer,
    bytes: new Uint8Array(buffer, 2, 3),
    words: new Uint16Array(buffer, 4),
    view: new DataView(buffer, 1, 4),
    floats: new Float64Array(buffer),
  });
  assert(copy.buffer !== buffer);
  assertEquals([...new Uint8Array(copy.buffer)], [1, 2, 3, 4, 5, 6, 7, 8]);
  for (const key of ['bytes', 'words', 'view', 'floats']) assertSame(copy[key].buffer, copy.buffer, key);
  assertEquals(
    [
      [...copy.bytes],
      copy.bytes.byteOffset,
      copy.words.length,
      copy.view.byteOffset,
      copy.view.byteLength,
      copy.floats.length,
    ],
    [[3, 4, 5], 2, 2, 1, 4, 1],
  );
  for (const Type of [Int8Array, Uint8ClampedArray, Int16Array, Int32Array, Uint32Array, Float32Array])
    assertSame(structuredClone(new Type(2)).constructor, Type);
  assertEquals(structuredClone(new BigInt64Array([5n]))[0], 5n);
});

test('resizable buffers and length-tracking views', () => {
  const buffer = new ArrayBuffer(4, { maxByteLength: 16 });
  new Uint8Array(buffer).set([1, 2, 3, 4]);
  const copy = structuredClone({
    buffer,
    tracking: new Uint8Array(buffer),
    fixed: new Uint8Array(buffer, 1, 2),
    view: new DataView(buffer, 1),
  });
  assertEquals([copy.buffer.resizable, copy.buffer.maxByteLength, [...copy.tracking]], [true, 16, [1, 2, 3, 4]]);
  copy.buffer.resize(8);
  assertEquals([copy.tracking.length, copy.fixed.length, copy.view.byteLength], [8, 2, 7]);
  const full = new ArrayBuffer(16, { maxByteLength: 16 });
  new Uint8Array(full).fill(9);
  const second = structuredClone(new Uint8Array(full));
  assertEquals([...new Uint8Array(full)], Array(16).fill(9));
  second.buffer.resize(8);
  assertEquals([second.length, second[7]], [8, 9]);
});

test('what cannot be cloned', () => {
  const generator = (function* () {})();
  const cases = [
    Symbol(),
    Object(Symbol()),
    () => {},
    class {},
    function f() {},
    new WeakMap(),
    new WeakSet(),
    new WeakRef({}),
    Promise.resolve(),
    generator,
    new Proxy({}, {}),
    new Proxy([], {}),
    new Headers(),
    new ReadableStream(),
    new Map().entries(),
    { nested: [() => {}] },
    new SharedArrayBuffer(1),
    new Uint8Array(new SharedArrayBuffer(1)),
  ];
  for (const value of cases) {
    const error = assertThrows('DataCloneError', () => structuredClone(value));
    assertEquals(error.code, 25);
  }
  assertEquals(structuredClone(Object.prototype), {});
});

test('transfer: the buffer moves, views of it move along', () => {
  const buffer = new Uint8Array([1, 2, 3, 4]).buffer;
  const view = new Uint8Array(buffer, 1, 2);
  const copy = structuredClone(
    { view, list: [buffer], set: new Set([buffer]), map: new Map([[buffer, view]]) },
    { transfer: [buffer] },
  );
  assert(isDetached(buffer));
  assertEquals([view.length, [...copy.view], copy.view.byteOffset], [0, [2, 3], 1]);
  assertSame(copy.list[0], copy.view.buffer);
  assert(copy.set.has(copy.view.buffer));
  assertSame(copy.map.get(copy.view.buffer), copy.view);
  assertEquals(structuredClone(new ArrayBuffer(3), { transfer: [] }).byteLength, 3);
});

test('transfer: a buffer that is not in the value is detached all the same', () => {
  const buffer = new ArrayBuffer(1);
  structuredClone('x', { transfer: [buffer] });
  assert(isDetached(buffer));
});

test('transfer: duplicates, detached buffers and other objects are refused, and nothing moves', () => {
  const buffer = new ArrayBuffer(1);
  assertThrows('DataCloneError', () => structuredClone(1, { transfer: [buffer, buffer] }));
  for (const bad of [{}, new Uint8Array(1), new SharedArrayBuffer(1), new ReadableStream()]) {
    assertThrows('DataCloneError', () => structuredClone(1, { transfer: [buffer, bad] }));
  }
  assertThrows('DataCloneError', () => structuredClone({ buffer, f() {} }, { transfer: [buffer] }));
  assertEquals(isDetached(buffer), false);
  structuredClone(1, { transfer: [buffer] });
  assertThrows('DataCloneError', () => structuredClone(1, { transfer: [buffer] }));
  assertThrows('DataCloneError', () => structuredClone(buffer));
});

test('transfer: a buffer detached by a getter meanwhile', () => {
  const buffer = new ArrayBuffer(1);
  const value = {
    get a() {
      structuredClone(1, { transfer: [buffer] });
      return 1;
    },
  };
  assertThrows('DataCloneError', () => structuredClone(value, { transfer: [buffer] }));
});

test('a port must be transferred', () => {
  const { port1 } = new MessageChannel();
  assertThrows('DataCloneError', () => structuredClone(port1));
  const copy = structuredClone({ port1 }, { transfer: [port1] });
  assert(copy.port1 !== port1 && copy.port1.constructor === port1.constructor);
  assertThrows('DataCloneError', () => structuredClone(port1, { transfer: [port1] }));
});
