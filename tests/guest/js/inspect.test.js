// guest/wapojs/js/inspect.js: the texts of Node's util.inspect, at depth 5 and 80 columns
import { Blob } from '../../../guest/wapojs/js/blob.js';
import { DOMException } from '../../../guest/wapojs/js/dom-exception.js';
import { Headers } from '../../../guest/wapojs/js/headers.js';
import { customInspect, inspect } from '../../../guest/wapojs/js/inspect.js';
import { URLSearchParams } from '../../../guest/wapojs/js/url-search-params.js';
import { assert, assertEquals, test } from './harness.js';

function check(cases) {
  for (const [value, expected] of cases) assertEquals(inspect(value), expected);
}

test('primitives', () =>
  check([
    [1, '1'],
    [-0, '-0'],
    [10n, '10n'],
    [undefined, 'undefined'],
    [null, 'null'],
    [true, 'true'],
    [Symbol('s'), 'Symbol(s)'],
    [Symbol('a\nb'), 'Symbol(a\\nb)'],
  ]));

test('strings: the quote that needs no escape, and escapes', () =>
  check([
    ['a', "'a'"],
    ["it's", '"it\'s"'],
    ['it\'s "q"', '`it\'s "q"`'],
    ['\'"`', "'\\'\"`'"],
    ['a\nb\t\\\x01\x7f', "'a\\nb\\t\\\\\\x01\\x7F'"],
    ['\ud83d\ude00', "'\ud83d\ude00'"],
    ['\ud83d', "'\\ud83d'"],
  ]));

test('long strings are cut, and broken at line ends', () => {
  assertEquals(inspect('x'.repeat(10_005)), `'${'x'.repeat(10_000)}'... 5 more characters`);
  const line = 'a line of text that is long enough';
  assertEquals(
    inspect({ s: `${line}\n${line}\n${line}` }),
    `{\n  s: '${line}\\n' +\n    '${line}\\n' +\n    '${line}'\n}`,
  );
});

test('arrays', () =>
  check([
    [[], '[]'],
    [[1, 'a', [2]], "[ 1, 'a', [ 2 ] ]"],
    [[, 1], '[ <1 empty item>, 1 ]'],
    [[1, , , 2], '[ 1, <2 empty items>, 2 ]'],
    [Array(5), '[ <5 empty items> ]'],
    [Object.assign([1], { x: 2, '-1': 3 }), "[ 1, x: 2, '-1': 3 ]"],
    [new (class Mine extends Array {})(1, 2), 'Mine(2) [ 1, 2 ]'],
    [[undefined, null], '[ undefined, null ]'],
  ]));

test('long arrays are cut and grouped into columns', () => {
  assertEquals(inspect(Array.from({ length: 7 }, (_, i) => i)), '[\n  0, 1, 2, 3,\n  4, 5, 6\n]');
  const lines = inspect(Array.from({ length: 120 }, (_, i) => i)).split('\n');
  assertEquals(
    [lines.length, lines[1], lines.at(-2)],
    [12, '   0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11,', '  ... 20 more items'],
  );
  assertEquals(inspect(Array(3).fill('x'), { maxArrayLength: 1 }), "[ 'x', ... 2 more items ]");
});

test('a huge sparse array is shown at once', () => {
  const sparse = [];
  sparse[4_000_000_000] = 1;
  assertEquals(inspect(sparse), '[ <4000000000 empty items>, 1 ]');
});

test('objects', () =>
  check([
    [{}, '{}'],
    [{ a: 1, 'b-c': 2, [Symbol('q')]: 3 }, "{ a: 1, 'b-c': 2, [Symbol(q)]: 3 }"],
    [Object.create(null), '[Object: null prototype] {}'],
    [Object.assign(Object.create(null), { x: 1 }), '[Object: null prototype] { x: 1 }'],
    [
      new (class Foo {
        a = 1;
      })(),
      'Foo { a: 1 }',
    ],
    [new (class Foo {})(), 'Foo {}'],
    [{ a: undefined }, '{ a: undefined }'],
    [JSON.parse('{"__proto__": 1}'), "{ ['__proto__']: 1 }"],
    [Object.defineProperty({}, 'h', { value: 1 }), '{}'],
    [
      {
        get a() {
          return 1;
        },
        set a(v) {},
        get b() {
          return 1;
        },
        set c(v) {},
      },
      '{ a: [Getter/Setter], b: [Getter], c: [Setter] }',
    ],
    [{ [Symbol.toStringTag]: 'T', a: 1 }, "{ a: 1, [Symbol(Symbol.toStringTag)]: 'T' }"],
    [
      new (class Foo {
        get [Symbol.toStringTag]() {
          return 'bar';
        }
      })(),
      'Foo [bar] {}',
    ],
  ]));

test('the depth limit names what it hides', () =>
  check([
    [
      { a: { b: { c: { d: { e: { f: { g: 1 } } } } } } },
      '{\n  a: {\n    b: {\n      c: { d: { e: { f: [Object] } } }\n    }\n  }\n}',
    ],
    [[[[[[[]]]]]], '[\n  [\n    [ [ [ [] ] ] ]\n  ]\n]'],
  ]));

test('depth 0, null and Infinity', () => {
  const deep = { a: { b: { c: { d: { e: { f: { g: {} } } } } } } };
  assertEquals(inspect(deep, { depth: 0 }), '{ a: [Object] }');
  for (const depth of [null, Infinity]) assert(inspect(deep, { depth }).includes('g: {}'));
  assertEquals(
    inspect(
      [
        [1],
        new Map([[1, 2]]),
        new (class Foo {
          x = 1;
        })(),
      ],
      { depth: 0 },
    ),
    '[ [Array], [Map], [Foo] ]',
  );
});

test('objects break into lines at 80 columns', () => {
  const value = { first: 'x'.repeat(30), second: 'y'.repeat(30), third: [1, 2] };
  assertEquals(
    inspect(value),
    `{\n  first: '${'x'.repeat(30)}',\n  second: '${'y'.repeat(30)}',\n  third: [ 1, 2 ]\n}`,
  );
  assertEquals(inspect(value, { breakLength: Infinity }).includes('\n'), false);
});

test('circular references are numbered', () => {
  const one = { name: 'one' };
  one.self = one;
  one.two = { back: one };
  assertEquals(inspect(one), "<ref *1> {\n  name: 'one',\n  self: [Circular *1],\n  two: { back: [Circular *1] }\n}");
  const map = new Map();
  map.set(map, 1);
  assertEquals(inspect(map), '<ref *1> Map(1) { [Circular *1] => 1 }');
});

test('functions and classes', () => {
  class A {}
  class B extends A {}
  check([
    [function f() {}, '[Function: f]'],
    [() => {}, '[Function (anonymous)]'],
    [async () => {}, '[AsyncFunction (anonymous)]'],
    [function* g() {}, '[GeneratorFunction: g]'],
    [async function* g() {}, '[AsyncGeneratorFunction: g]'],
    [A, '[class A]'],
    [B, '[class B extends A]'],
    [class {}, '[class (anonymous)]'],
    [Object.assign(() => {}, { x: 1 }), '[Function (anonymous)] { x: 1 }'],
    [Math.max, '[Function: max]'],
  ]);
});

test('collections', () =>
  check([
    [
      new Map([
        ['a', 1],
        [{ b: 1 }, [2]],
      ]),
      "Map(2) { 'a' => 1, { b: 1 } => [ 2 ] }",
    ],
    [new Set([1, 'b']), "Set(2) { 1, 'b' }"],
    [new Map(), 'Map(0) {}'],
    [new Set(), 'Set(0) {}'],
    [new WeakMap(), 'WeakMap { <items unknown> }'],
    [new WeakSet(), 'WeakSet { <items unknown> }'],
    [new (class M extends Map {})(), 'M(0) [Map] {}'],
  ]));

test('buffers and views', () =>
  check([
    [new Uint8Array([1, 2]), 'Uint8Array(2) [ 1, 2 ]'],
    [new Float64Array(1), 'Float64Array(1) [ 0 ]'],
    [new BigInt64Array([1n]), 'BigInt64Array(1) [ 1n ]'],
    [new Uint8Array(0), 'Uint8Array(0) []'],
    [new Uint8Array([1, 255]).buffer, 'ArrayBuffer { [Uint8Contents]: <01 ff>, byteLength: 2 }'],
    [
      new DataView(new ArrayBuffer(1)),
      'DataView {\n  byteLength: 1,\n  byteOffset: 0,\n  buffer: ArrayBuffer { [Uint8Contents]: <00>, byteLength: 1 }\n}',
    ],
  ]));

test('dates, regular expressions, boxed primitives', () =>
  check([
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [new Date(NaN), 'Invalid Date'],
    [/a/g, '/a/g'],
    [Object.assign(/a/, { x: 1 }), '/a/ { x: 1 }'],
    [Object('x'), "[String: 'x']"],
    [Object(-0), '[Number: -0]'],
    [Object(1n), '[BigInt: 1n]'],
    [Object(true), '[Boolean: true]'],
    [Object(Symbol('s')), '[Symbol: Symbol(s)]'],
  ]));

test('promises show their state', async () => {
  const rejected = Promise.reject(5);
  rejected.catch(() => {});
  check([
    [Promise.resolve(4), 'Promise { 4 }'],
    [new Promise(() => {}), 'Promise { <pending> }'],
    [rejected, 'Promise { <rejected> 5 }'],
    [Promise.resolve({ a: [1] }), 'Promise { { a: [ 1 ] } }'],
  ]);
});

test('proxies show their target, without running traps', () => {
  const traps = new Proxy(
    {},
    {
      get() {
        throw new Error('a trap ran');
      },
    },
  );
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  check([
    [new Proxy({ a: 1 }, traps), '{ a: 1 }'],
    [new Proxy([1], traps), '[ 1 ]'],
    [revoked.proxy, '<Revoked Proxy>'],
    [[revoked.proxy], '[ <Revoked Proxy> ]'],
  ]);
});

const stackless = (error) => {
  Object.defineProperty(error, 'stack', { value: undefined, configurable: true });
  return error;
};

test('errors without a stack are in brackets', () =>
  check([
    [stackless(new Error('m')), '[Error: m]'],
    [stackless(new TypeError()), '[TypeError]'],
    [stackless(Object.assign(new Error('m'), { code: 'E' })), "[Error: m] { code: 'E' }"],
    [stackless(new (class FooError extends Error {})('m')), '[FooError: m]'],
    [[stackless(new Error('in'))], '[ [Error: in] ]'],
  ]));

test('errors with a stack, cause and properties', () => {
  const error = new RangeError('top', { cause: stackless(new Error('inner')) });
  error.extra = { a: 1 };
  const lines = inspect(error).split('\n');
  assertEquals(lines[0], 'RangeError: top');
  assert(/^ {4}at .*inspect\.test\.js/.test(lines[1]), lines[1]);
  assert(inspect(error).endsWith(' {\n  extra: { a: 1 },\n  [cause]: [Error: inner]\n}'), inspect(error));
  assert(inspect({ e: new Error('x') }).startsWith('{\n  e: Error: x\n      at '), inspect({ e: new Error('x') }));
  assert(inspect(new AggregateError([stackless(new Error('a'))], 'agg')).endsWith('{\n  [errors]: [ [Error: a] ]\n}'));
  assert(
    inspect(new DOMException('m', 'AbortError')).startsWith('DOMException [AbortError]: m\n    at '),
    inspect(new DOMException('m', 'AbortError')),
  );
});

test('platform objects show their attributes or pairs', () =>
  check([
    [new Headers({ b: '1', a: '2' }), "Headers { 'a' => '2', 'b' => '1' }"],
    [new URLSearchParams('a=1'), "URLSearchParams { 'a' => '1' }"],
    [new Blob(['x'], { type: 'a/b' }), "Blob { size: 1, type: 'a/b' }"],
    [new Headers(), 'Headers {}'],
  ]));

test('a custom inspection method decides', () => {
  const seen = [];
  const value = {
    [customInspect](depth, options, fn) {
      seen.push(depth, options.breakLength, fn === inspect);
      return { shown: 1 };
    },
  };
  assertEquals(inspect({ value }), '{ value: { shown: 1 } }');
  assertEquals(seen, [4, 80, true]);
  assertEquals(inspect({ a: { [customInspect]: () => 'two\nlines' } }), '{\n  a: two\n  lines\n}');
  assertEquals(inspect({ [customInspect]: () => 'x' }, { customInspect: false }).includes('[Function'), true);
});

test('options: showHidden, getters, sorted, maxStringLength', () => {
  assertEquals(inspect([1], { showHidden: true }), '[ 1, [length]: 1 ]');
  assertEquals(
    inspect(
      {
        get a() {
          return 5;
        },
      },
      { getters: true },
    ),
    '{ a: [Getter: 5] }',
  );
  assertEquals(inspect({ b: 1, a: 2 }, { sorted: true }), '{ a: 2, b: 1 }');
  assertEquals(inspect('abcdef', { maxStringLength: 2 }), "'ab'... 4 more characters");
});

test('nothing throws', () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const evil = new Proxy(
    {},
    {
      get() {
        throw 1;
      },
      ownKeys() {
        throw 2;
      },
      getOwnPropertyDescriptor() {
        throw 3;
      },
      getPrototypeOf() {
        throw 4;
      },
    },
  );
  const values = [
    {
      get [Symbol.toStringTag]() {
        throw 1;
      },
    },
    Object.create(evil),
    Object.create(revoked.proxy),
    {
      [customInspect]() {
        throw 1;
      },
    },
    {
      get [customInspect]() {
        throw 1;
      },
    },
    Object.defineProperty(new Error('x'), 'stack', {
      get() {
        throw 1;
      },
    }),
    Object.defineProperty(new Error('x'), 'message', {
      get() {
        throw 1;
      },
    }),
    Object.defineProperty(new Error('x'), 'name', { value: Symbol() }),
    Object.setPrototypeOf(new Map([[1, 2]]), null),
    Object.setPrototypeOf(() => {}, null),
    Object.setPrototypeOf(new Date(), null),
    Object.setPrototypeOf([1], null),
    Object.defineProperty(function () {}, 'name', {
      get() {
        throw 1;
      },
    }),
    Object.defineProperty(class {}, 'name', { value: 5 }),
    { constructor: { name: 5 } },
    { constructor: evil },
    evil,
  ];
  for (const value of values) {
    assertEquals(typeof inspect(value), 'string');
    assertEquals(typeof inspect([value, { value }]), 'string');
  }
  assertEquals(typeof inspect({}, evil), 'string');
});

test('an exploding object is cut short', () => {
  let value = 'leaf';
  for (let i = 0; i < 6; i++) value = Array(60).fill(value);
  assert(inspect(value).length < 20_000_000);
});
