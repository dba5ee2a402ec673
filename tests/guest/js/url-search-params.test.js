// https://url.spec.whatwg.org/#interface-urlsearchparams
import {
  createForURL,
  isURLSearchParams,
  setQuery,
  URLSearchParams,
} from '../../../guest/wapojs/js/url-search-params.js';
import { assert, assertEquals, assertInterface, assertSame, assertThrows, test } from './harness.js';

const pairs = (init) => [...new URLSearchParams(init)];

test('interface shape', () => {
  assertInterface(URLSearchParams, 'URLSearchParams', {
    attributes: ['size'],
    methods: {
      append: 2,
      delete: 1,
      get: 1,
      getAll: 1,
      has: 1,
      set: 2,
      sort: 0,
      toString: 0,
      entries: 0,
      forEach: 1,
      keys: 0,
      values: 0,
    },
  });
  assertSame(URLSearchParams.prototype[Symbol.iterator], URLSearchParams.prototype.entries);
});

test('parsing', () => {
  const cases = [
    ['', []],
    ['?', []],
    ['a=b', [['a', 'b']]],
    [
      '?a=b&c',
      [
        ['a', 'b'],
        ['c', ''],
      ],
    ],
    ['??a', [['?a', '']]],
    ['&&a=1&&', [['a', '1']]],
    ['=', [['', '']]],
    ['a==b', [['a', '=b']]],
    ['a+b=c+d', [['a b', 'c d']]],
    ['a%20b=%2B', [['a b', '+']]],
    ['a=%', [['a', '%']]],
    ['a=%4', [['a', '%4']]],
    ['a=%zz%41', [['a', '%zzA']]],
    ['a=%C3%A9', [['a', '\u00e9']]],
    ['a=%FF', [['a', '\ufffd']]],
    ['a=%F0%9F%98%80', [['a', '\ud83d\ude00']]],
    ['a=\u00e9%FF', [['a', '\u00e9\ufffd']]],
    ['a=\ud800', [['a', '\ufffd']]],
    ['a=%EF%BB%BFx', [['a', '\ufeffx']]],
    ['a=b\0c', [['a', 'b\0c']]],
    ['a=%00', [['a', '\0']]],
    ['%61=%62', [['a', 'b']]],
    [
      'id=0&value=%',
      [
        ['id', '0'],
        ['value', '%'],
      ],
    ],
    ['a=%2sf%2a', [['a', '%2sf*']]],
  ];
  for (const [query, expected] of cases) assertEquals(pairs(query), expected, JSON.stringify(query));
});

test('init: undefined, null, numbers, objects, sequences, other params', () => {
  assertEquals(pairs(), []);
  assertEquals(pairs(undefined), []);
  assertEquals(pairs(null), [['null', '']]);
  assertEquals(pairs(5), [['5', '']]);
  assertEquals(pairs({ a: 1, b: null, 'c d': 'e&f' }), [
    ['a', '1'],
    ['b', 'null'],
    ['c d', 'e&f'],
  ]);
  assertEquals(
    pairs([
      ['a', '1'],
      ['a', '2'],
    ]),
    [
      ['a', '1'],
      ['a', '2'],
    ],
  );
  assertEquals(pairs([]), []);
  assertEquals(pairs([new Set(['x', 'y'])]), [['x', 'y']]);
  assertEquals(pairs(new Map([['a', 'b']])), [['a', 'b']]);
  const params = new URLSearchParams('a=1');
  const copy = new URLSearchParams(params);
  params.append('b', '2');
  assertEquals([...copy], [['a', '1']]);
  assertEquals(
    pairs(function f() {}),
    [],
  );
  assertEquals(pairs({ '\ud835x': '1', xx: '2', '\ud83dxx': '3' }), [
    ['\ufffdx', '1'],
    ['xx', '2'],
    ['\ufffdxx', '3'],
  ]);
  assertEquals(pairs({ 'x\udc53': '1', 'x\udc5c': '2', 'x\udc65': '3' }), [['x\ufffd', '3']]);
});

test('init: bad sequences throw', () => {
  for (const bad of [[[]], [['a']], [['a', 'b', 'c']], [1], ['ab', 1], { [Symbol.iterator]: 1 }])
    assertThrows(TypeError, () => new URLSearchParams(bad));
  assertThrows(TypeError, () => new URLSearchParams({ [Symbol('x')]: 1 }));
  assertThrows(TypeError, () => new URLSearchParams(Symbol()));
});

test('serializing', () => {
  const text = (k, v) => new URLSearchParams([[k, v]]).toString();
  assertEquals(text('a', 'b c'), 'a=b+c');
  assertEquals(text('', ''), '=');
  assertEquals(text('a+b', '&=%#?/'), 'a%2Bb=%26%3D%25%23%3F%2F');
  assertEquals(text('k', "*-._AZaz09~!'()"), 'k=*-._AZaz09%7E%21%27%28%29');
  assertEquals(text('k', '\0\u00e9\ud83d\ude00\n'), 'k=%00%C3%A9%F0%9F%98%80%0A');
  assertEquals(text('k', '\ud800'), 'k=%EF%BF%BD');
  assertEquals(new URLSearchParams('a=1&b&=c').toString(), 'a=1&b=&=c');
});

test('append, get, getAll, has, size', () => {
  const params = new URLSearchParams('a=1&b=2&a=3');
  params.append('c', null);
  assertEquals(
    [
      params.get('a'),
      params.getAll('a'),
      params.get('x'),
      params.getAll('x'),
      params.has('c'),
      params.has('x'),
      params.size,
    ],
    ['1', ['1', '3'], null, [], true, false, 4],
  );
  assertEquals(
    [params.has('a', '3'), params.has('a', '9'), params.has('a', undefined), params.has('c', null)],
    [true, false, true, true],
  );
  for (const name of ['get', 'getAll', 'has', 'delete']) assertThrows(TypeError, () => params[name]());
  for (const name of ['append', 'set']) assertThrows(TypeError, () => params[name]('a'));
});

test('delete by name, or by name and value', () => {
  const params = new URLSearchParams('a=1&a=2&b=1');
  params.delete('a', '2');
  assertEquals(params.toString(), 'a=1&b=1');
  params.delete('a', undefined);
  assertEquals(params.toString(), 'b=1');
});

test('set replaces the first and removes the rest', () => {
  const params = new URLSearchParams('a=1&b=2&a=3');
  params.set('a', 'x');
  params.set('c', 'y');
  assertEquals(params.toString(), 'a=x&b=2&c=y');
});

test('sort is by code units and stable', () => {
  const params = new URLSearchParams('z=b&a=b&z=a&a=a&\ufffc=1&\ud83c\udf08=2&=0');
  params.sort();
  assertEquals(
    [...params],
    [
      ['', '0'],
      ['a', 'b'],
      ['a', 'a'],
      ['z', 'b'],
      ['z', 'a'],
      ['\ud83c\udf08', '2'],
      ['\ufffc', '1'],
    ],
  );
});

test('iteration is live', () => {
  const params = new URLSearchParams('a=1&b=2&c=3');
  const seen = [];
  for (const [name] of params) {
    seen.push(name);
    params.delete(name);
  }
  assertEquals(seen, ['a', 'c']);
  assertEquals(Object.getPrototypeOf(params.keys())[Symbol.toStringTag], 'URLSearchParams Iterator');
});

test('the params of a URL report every change with the new query', () => {
  const queries = [];
  const params = createForURL('a=1', (query) => queries.push(query));
  params.append('b', '2');
  params.set('a', ' ');
  params.sort();
  params.delete('a');
  params.delete('b');
  assertEquals(queries, ['a=1&b=2', 'a=+&b=2', 'a=+&b=2', 'b=2', '']);
  setQuery(params, 'x=%20');
  assertEquals([[...params], queries.length], [[['x', ' ']], 5]);
  assert(isURLSearchParams(params) && !isURLSearchParams({}) && !isURLSearchParams(null));
});

test('queries of all forms', () => {
  assertEquals(pairs('a=%C3%A4&%2B=+&=x&y&&z=1=2&a=%'), [['a', 'ä'], ['+', ' '], ['', 'x'], ['y', ''], ['z', '1=2'], ['a', '%']]);
  assertEquals(pairs('a=%FF&b=%C3'), [['a', '\ufffd'], ['b', '\ufffd']]);
  assertEquals(pairs('ä=%E2%82&€=%zz%4'), [['ä', '\ufffd'], ['€', '%zz%4']]);
  assertEquals(pairs('a=%EF%BB%BFb&c=\ufeffd'), [['a', '\ufeffb'], ['c', '\ufeffd']]);
  assertEquals(pairs(`a=\ud800%00&${'x'.repeat(300)}=1`), [['a', '\ufffd\0'], ['x'.repeat(300), '1']]);
  assertEquals([...createForURL('?a=1', () => undefined)], [['?a', '1']]);
  assertEquals(pairs('??a=1'), [['?a', '1']]);
});
