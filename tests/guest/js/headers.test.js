// https://fetch.spec.whatwg.org/#headers-class
import {
  fillHeaders,
  getHeader,
  Headers,
  headersChanged,
  headersFromList,
  headersListOf,
  removeHeader,
  setHeader,
} from '../../../guest/wapojs/js/headers.js';
import { assert, assertEquals, assertInterface, assertSame, assertThrows, test } from './harness.js';

const error1 = new Error('error1');
const guarded = (guard, list = []) => headersFromList(list, guard);

test('interface shape', () => {
  assertInterface(Headers, 'Headers', {
    methods: {
      append: 2,
      delete: 1,
      get: 1,
      getSetCookie: 0,
      has: 1,
      set: 2,
      entries: 0,
      forEach: 1,
      keys: 0,
      values: 0,
    },
  });
  assertSame(Headers.prototype[Symbol.iterator], Headers.prototype.entries);
  assertEquals(Object.getPrototypeOf(new Headers().entries())[Symbol.toStringTag], 'Headers Iterator');
});

test('init: nothing, a record, a sequence of pairs, an iterable, Headers', () => {
  assertEquals([...new Headers()], []);
  assertEquals([...new Headers(undefined)], []);
  assertEquals(
    [...new Headers({ B: 1, a: 'x' })],
    [
      ['a', 'x'],
      ['b', '1'],
    ],
  );
  assertEquals(
    [
      ...new Headers([
        ['a', '1'],
        ['A', '2'],
      ]),
    ],
    [['a', '1, 2']],
  );
  assertEquals([...new Headers(new Map([['k', 'v']]))], [['k', 'v']]);
  assertEquals([...new Headers(new Headers({ a: '1' }))], [['a', '1']]);
  assertEquals([...new Headers([new Set(['a', 'b'])])], [['a', 'b']]);
});

test('init: what is neither throws a TypeError', () => {
  for (const bad of [
    null,
    1,
    'x',
    true,
    Symbol(),
    [['a']],
    [['a', 'b', 'c']],
    ['ab', 'cd'].concat(1),
    [1],
    [[]],
    { [Symbol.iterator]: 1 },
  ]) {
    assertThrows(TypeError, () => new Headers(bad));
  }
  assertThrows(
    error1,
    () =>
      new Headers({
        [Symbol.iterator]() {
          throw error1;
        },
      }),
  );
});

test('init: a record with Symbol.iterator null or undefined is a record; symbol keys are refused', () => {
  assertThrows(TypeError, () => new Headers({ a: '1', [Symbol('x')]: '2' }));
  assertEquals(
    [
      ...new Headers(
        Object.create({ inherited: '1' }, { hidden: { value: 'x' }, own: { value: 'y', enumerable: true } }),
      ),
    ],
    [['own', 'y']],
  );
});

test('init: keys and values of a record are read and converted in turn', () => {
  const order = [];
  const proxy = new Proxy(
    { a: 1, b: 2 },
    {
      ownKeys: (t) => (order.push('ownKeys'), Reflect.ownKeys(t)),
      getOwnPropertyDescriptor: (t, k) => (order.push(`gopd ${k}`), Reflect.getOwnPropertyDescriptor(t, k)),
      get: (t, k) => (order.push(`get ${String(k)}`), t[k]),
    },
  );
  new Headers(proxy);
  assertEquals(order, ['get Symbol(Symbol.iterator)', 'ownKeys', 'gopd a', 'get a', 'gopd b', 'get b']);
});

test('get combines values with a comma, in any case of the name; null if there is none', () => {
  const headers = new Headers([
    ['X-A', '1'],
    ['x-a', ''],
    ['x-A', '3'],
  ]);
  assertEquals(
    [headers.get('X-a'), headers.get('none'), headers.has('x-a'), headers.has('none')],
    ['1, , 3', null, true, false],
  );
  for (const name of ['get', 'has', 'delete']) assertThrows(TypeError, () => headers[name]());
  for (const name of ['append', 'set']) assertThrows(TypeError, () => headers[name]('a'));
});

test('set replaces all values at the place of the first', () => {
  const headers = new Headers([
    ['a', '1'],
    ['b', '2'],
    ['A', '3'],
  ]);
  headers.set('a', 'new');
  assertEquals(headersListOf(headers), [
    ['a', 'new'],
    ['b', '2'],
  ]);
  headers.set('c', 'x');
  headers.delete('B');
  assertEquals(headersListOf(headers), [
    ['a', 'new'],
    ['c', 'x'],
  ]);
});

test('names must be tokens', () => {
  const headers = new Headers();
  for (const bad of ['', ' a', 'a b', 'a:', 'a\n', '\u00e9', '\u0100', 'a,b', '(x)', 'a"', '[', '{', '/']) {
    for (const call of [
      () => headers.append(bad, ''),
      () => headers.set(bad, ''),
      () => headers.get(bad),
      () => headers.has(bad),
      () => headers.delete(bad),
      () => new Headers({ [bad]: '' }),
    ]) {
      assertThrows(TypeError, call);
    }
  }
  headers.set("!#$%&'*+-.^_`|~09azAZ", 'ok');
  assertEquals([...headers.keys()], ["!#$%&'*+-.^_`|~09azaz"]);
});

test('values: whitespace is trimmed, NUL and line breaks inside are refused, other bytes are kept', () => {
  const headers = new Headers();
  const cases = [
    [' a ', 'a'],
    ['\t\r\n a b\n', 'a b'],
    ['', ''],
    [' ', ''],
    ['\x01\x7f\xff', '\x01\x7f\xff'],
    [1, '1'],
    [null, 'null'],
    ['\x0ba\x0c', '\x0ba\x0c'],
  ];
  for (const [given, expected] of cases) {
    headers.set('x', given);
    assertEquals(headers.get('x'), expected);
  }
  for (const bad of ['a\0b', '\0', 'a\nb', 'a\rb', '\u0100', '\ud800', Symbol()]) {
    assertThrows(TypeError, () => headers.set('x', bad));
    assertThrows(TypeError, () => headers.append('x', bad));
  }
});

test('iteration is sorted by name, in lower case, with Set-Cookie apart', () => {
  const headers = new Headers([
    ['Set-Cookie', 'b=1'],
    ['z', '1'],
    ['A', '2'],
    ['set-cookie', 'a=2'],
    ['z', '3'],
    ['set-cookie2', 'x'],
  ]);
  assertEquals(
    [...headers],
    [
      ['a', '2'],
      ['set-cookie', 'b=1'],
      ['set-cookie', 'a=2'],
      ['set-cookie2', 'x'],
      ['z', '1, 3'],
    ],
  );
  assertEquals(headers.getSetCookie(), ['b=1', 'a=2']);
  assertEquals(headers.get('set-cookie'), 'b=1, a=2');
  assertEquals([...headers.values()], ['2', 'b=1', 'a=2', 'x', '1, 3']);
  assertEquals(new Headers().getSetCookie(), []);
});

test('set and delete of Set-Cookie act on all of them', () => {
  const headers = new Headers([
    ['set-cookie', 'a'],
    ['set-cookie', 'b'],
  ]);
  headers.set('Set-Cookie', 'c');
  assertEquals(headers.getSetCookie(), ['c']);
  headers.delete('set-cookie');
  assertEquals([headers.has('set-cookie'), headers.getSetCookie()], [false, []]);
});

test('iterators are live', () => {
  const headers = new Headers([
    ['b', '2'],
    ['c', '3'],
  ]);
  const iterator = headers.entries();
  assertEquals(iterator.next().value, ['b', '2']);
  headers.append('d', '4');
  headers.delete('c');
  assertEquals(iterator.next().value, ['d', '4']);
  assertEquals(iterator.next(), { value: undefined, done: true });
  const seen = [];
  const more = new Headers([
    ['a', '1'],
    ['x', '2'],
  ]);
  more.forEach((value, name) => {
    seen.push(name);
    if (name === 'a') more.append('b', 'new');
  });
  assertEquals(seen, ['a', 'b', 'x']);
});

test('changing the pairs that an iterator gave does not change the headers', () => {
  const headers = new Headers({ a: '1' });
  [...headers][0][1] = 'changed';
  assertEquals([...headers], [['a', '1']]);
});

test('guard immutable: every change throws', () => {
  const headers = guarded('immutable', [['a', '1']]);
  assertEquals(headers.get('a'), '1');
  for (const call of [
    () => headers.append('b', ''),
    () => headers.set('b', ''),
    () => headers.delete('a'),
    () => headers.delete('b'),
  ])
    assertThrows(TypeError, call);
});

test('guard request: forbidden headers are ignored', () => {
  const headers = guarded('request');
  for (const name of [
    'Host',
    'Cookie',
    'Content-Length',
    'Connection',
    'Proxy-X',
    'Sec-Fetch-Mode',
    'Set-Cookie',
    'Origin',
    'Via',
    'TE',
    'Date',
    'DNT',
  ]) {
    headers.append(name, 'x');
    headers.set(name, 'x');
  }
  headers.append('X-Http-Method-Override', 'GET, trace');
  assertEquals([...headers], []);
  headers.append('X-Method-Override', 'GET');
  headers.append('Accept', '*/*');
  headers.append('Authorization', 'x');
  assertEquals([...headers.keys()], ['accept', 'authorization', 'x-method-override']);
});

test('guard response: Set-Cookie is ignored', () => {
  const headers = guarded('response');
  headers.append('Set-Cookie', 'a');
  headers.set('set-cookie2', 'a');
  headers.append('x', '1');
  assertEquals([...headers], [['x', '1']]);
});

test('guard request-no-cors: only safelisted headers, up to 128 bytes', () => {
  const headers = guarded('request-no-cors');
  headers.append('X-Custom', '1');
  headers.append('Content-Type', 'application/json');
  headers.append('Accept', 'text/html');
  headers.append('Content-Type', 'text/plain;charset=utf-8');
  headers.append('Accept', 'x'.repeat(120));
  headers.append('Accept-Language', 'de"');
  assertEquals(
    [...headers],
    [
      ['accept', 'text/html'],
      ['content-type', 'text/plain;charset=utf-8'],
    ],
  );
  headers.delete('content-type');
  assertEquals([...headers.keys()], ['accept']);
});

test('headersFromList does not copy', () => {
  const list = [['a', '1']];
  const headers = headersFromList(list, 'none');
  assertSame(headersListOf(headers), list);
  assertEquals([...headers], [['a', '1']]);
  list.push(['b', '2']);
  headersChanged(headers);
  assertEquals(
    [...headers],
    [
      ['a', '1'],
      ['b', '2'],
    ],
  );
});

test('functions on lists', () => {
  const list = [
    ['a', '1'],
    ['b', '2'],
    ['a', '3'],
  ];
  assertEquals([getHeader(list, 'a'), getHeader(list, 'c')], ['1, 3', null]);
  setHeader(list, 'a', 'x');
  setHeader(list, 'c', 'y');
  assertEquals(list, [
    ['a', 'x'],
    ['b', '2'],
    ['c', 'y'],
  ]);
  removeHeader(list, 'b');
  assertEquals(list, [
    ['a', 'x'],
    ['c', 'y'],
  ]);
  const headers = new Headers();
  fillHeaders(headers, { q: '1' });
  assert(headers.has('Q'));
});

test('foreign receivers throw', () => {
  for (const name of [
    'append',
    'delete',
    'get',
    'has',
    'set',
    'getSetCookie',
    'entries',
    'keys',
    'values',
    'forEach',
  ]) {
    assertThrows(TypeError, () => Headers.prototype[name].call({}, 'a', 'b'));
  }
});

test('records of all forms, plain or not', () => {
  const seen = [];
  const record = (init) => [...new Headers(init)];
  assertEquals(record({}), []);
  assertEquals(record({ 'Content-Type': 'a/b', B: ' c\t', a: '', 1: 'x' }), [['1', 'x'], ['a', ''], ['b', 'c'], ['content-type', 'a/b']]);
  assertEquals(record({ A: '1', a: '2' }), [['a', '1, 2']]);
  assertEquals(record({ a: 1, b: null, c: '\xe4', d: [1, 2] }), [['a', '1'], ['b', 'null'], ['c', '\xe4'], ['d', '1,2']]);
  assertEquals(record({ __proto__: { a: '1' }, b: '2' }), [['b', '2']]);
  assertEquals(record(Object.defineProperty({ b: '2' }, 'a', { value: '1' })), [['b', '2']]);
  assertEquals(record({ get a() { return seen.push('a'), '1'; }, get b() { return seen.push('b'), '2'; } }).length, 2);
  assertEquals(seen, ['a', 'b']);
  assertEquals(record(new Proxy({ a: '1' }, {})), [['a', '1']]);
  assertEquals(record(new (class { a = '1'; })()), [['a', '1']]);
  for (const init of [{ 'a b': '1' }, { '': '1' }, { 'ä': '1' }, { a: 'x\ny' }, { a: '\0' }, { a: '\u0100' }, { a: Symbol() }, { [Symbol()]: '1' }, { a: '1', [Symbol()]: '1' }]) {
    assertThrows(TypeError, () => new Headers(init));
  }
  const text = { a: '1' };
  const headers = new Headers(text);
  headers.append('b', '2');
  text.a = '3';
  assertEquals([...headers], [['a', '1'], ['b', '2']]);
});

test('a copy of Headers is what iterating it gives', () => {
  const headers = new Headers([['b', '2'], ['set-cookie', 'y'], ['a', '1'], ['B', '3'], ['set-cookie', 'x']]);
  const copy = new Headers(headers);
  assertEquals([...copy], [['a', '1'], ['b', '2, 3'], ['set-cookie', 'y'], ['set-cookie', 'x']]);
  copy.append('a', '4');
  copy.delete('b');
  headers.set('a', '5');
  assertEquals([...copy], [['a', '1, 4'], ['set-cookie', 'y'], ['set-cookie', 'x']]);
  assertEquals([...headers], [['a', '5'], ['b', '2, 3'], ['set-cookie', 'y'], ['set-cookie', 'x']]);
  headers[Symbol.iterator] = function* () { yield ['own', 'iterator']; };
  assertEquals([...new Headers(headers)], [['own', 'iterator']]);
});

test('many headers are in the same order as few', () => {
  for (const count of [5, 31, 32, 33, 100]) {
    const pairs = Array.from({ length: count }, (_, i) => [i % 7 === 0 ? 'set-cookie' : `x-${(i * 37) % 50}`, `${i}`]);
    const names = [...new Set(pairs.map(([name]) => name))].sort();
    const expected = names.flatMap((name) => {
      const values = pairs.filter((pair) => pair[0] === name).map((pair) => pair[1]);
      return name === 'set-cookie' ? values.map((value) => [name, value]) : [[name, values.join(', ')]];
    });
    assertEquals([...new Headers(pairs)], expected);
  }
});

test('names of any length', () => {
  for (const length of [1, 63, 64, 65, 1000]) assertEquals([...new Headers([['X'.repeat(length), '1']])], [['x'.repeat(length), '1']]);
  for (const name of ['', ' ', 'a b', 'a:', 'ä', '\0', 'a'.repeat(70) + ' ']) assertThrows(TypeError, () => new Headers().get(name));
  const headers = new Headers([['1', 'x'], ['null', 'y']]);
  assertEquals([headers.get(1), headers.get(null)], ['x', 'y']);
});
