// https://console.spec.whatwg.org/
import { createConsole, format } from '../../../guest/wapojs/js/console.js';
import { assert, assertEquals, assertSame, test } from './harness.js';

/** Runs calls on a new console and returns what it printed, as [level, text]. */
function printed(body) {
  const lines = [];
  body(createConsole((level, text) => lines.push([level, text])));
  return lines;
}

test('the namespace object: methods, tag and prototype', () => {
  const console = createConsole(() => {});
  const names = [
    'assert',
    'clear',
    'debug',
    'error',
    'info',
    'log',
    'table',
    'trace',
    'warn',
    'dir',
    'dirxml',
    'count',
    'countReset',
    'group',
    'groupCollapsed',
    'groupEnd',
    'time',
    'timeLog',
    'timeEnd',
  ];
  assertEquals(Object.keys(console), names);
  for (const name of names) {
    const { writable, configurable, value } = Object.getOwnPropertyDescriptor(console, name);
    assertEquals(
      [writable, configurable, typeof value, value.length, 'prototype' in value],
      [true, true, 'function', 0, false],
      name,
    );
  }
  assertEquals(Object.prototype.toString.call(console), '[object console]');
  const prototype = Object.getPrototypeOf(console);
  assertSame(Object.getPrototypeOf(prototype), Object.prototype);
  assertEquals(Reflect.ownKeys(prototype), []);
});

test('levels, and methods taken off the object', () => {
  const lines = printed(({ debug, log, info, warn, error }) => {
    debug('d');
    log('l');
    info('i');
    warn('w');
    error('e');
    assertEquals(log(), undefined);
  });
  assertEquals(lines, [
    ['debug', 'd'],
    ['info', 'l'],
    ['info', 'i'],
    ['warn', 'w'],
    ['error', 'e'],
    ['info', ''],
  ]);
});

test('strings are bare at the top level and quoted inside', () => {
  assertEquals(format('a', 1, 'b'), 'a 1 b');
  assertEquals(format(['a'], 'b', { c: 'd' }), "[ 'a' ] b { c: 'd' }");
  assertEquals(format(undefined, null, Symbol('s'), -0, 5n), 'undefined null Symbol(s) -0 5n');
  assertEquals(format('it\'s\n"x"'), 'it\'s\n"x"');
});

test('format specifiers', () => {
  const cases = [
    [['%s', 'x'], 'x'],
    [['%s %s', 'x'], 'x %s'],
    [['%s', 5n], '5n'],
    [['%s', -0], '-0'],
    [['%s', Symbol('a')], 'Symbol(a)'],
    [['%s', null], 'null'],
    [['%s', undefined], 'undefined'],
    [['%s', { a: { b: 1 } }], '{ a: [Object] }'],
    [['%s', () => 5], '() => 5'],
    [['%s', class A {}], 'class A {}'],
    [['%s', { toString: () => 'mine' }], 'mine'],
    [['%s', Object.create(null)], '[Object: null prototype] {}'],
    [['%d', '42.5'], '42.5'],
    [['%d', 5n], '5n'],
    [['%d', Symbol()], 'NaN'],
    [['%d', {}], 'NaN'],
    [['%d', 'x'], 'NaN'],
    [['%d', -0], '-0'],
    [['%d', ''], '0'],
    [['%i', '42.9px'], '42'],
    [['%i', 1.9], '1'],
    [['%i', {}], 'NaN'],
    [['%i', 5n], '5n'],
    [['%f', '1.5em'], '1.5'],
    [['%f', Symbol()], 'NaN'],
    [['%j', { a: [1] }], '{"a":[1]}'],
    [['%j', undefined], 'undefined'],
    [['%O', { a: { b: {} } }], '{ a: { b: {} } }'],
    [['%o', [1]], '[ 1, [length]: 1 ]'],
    [['%c styled', 'color: red'], ' styled'],
    [['%%'], '%%'],
    [['100%', 'x'], '100% x'],
    [['%% %s', 'x'], '% x'],
    [['%x %s', 'a'], '%x a'],
    [['a', '%s', 'b'], 'a %s b'],
    [['%s', 'a', 'b', { c: 1 }], 'a b { c: 1 }'],
    [[1, '%s', 'x'], '1 %s x'],
    [['%s%s', 'a', 'b'], 'ab'],
  ];
  for (const [args, expected] of cases) assertEquals(format(...args), expected, JSON.stringify(args[0]));
  const circular = {};
  circular.self = circular;
  assertEquals(format('%j', circular), '[Circular]');
});

test('hostile arguments never throw', () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const hostile = [
    {
      toString() {
        throw 1;
      },
    },
    {
      get toString() {
        throw 1;
      },
    },
    {
      [Symbol.toPrimitive]() {
        throw 1;
      },
    },
    revoked.proxy,
    {
      get [Symbol.toStringTag]() {
        throw 1;
      },
    },
    {
      toJSON() {
        throw 1;
      },
    },
    Object.create(null),
  ];
  for (const value of hostile)
    for (const specifier of ['%s', '%d', '%i', '%f', '%j', '%o', '%O', '%c', '']) format(specifier, value);
});

test('assert prints only for a falsy condition', () => {
  assertEquals(
    printed((c) => {
      c.assert(true, 'no');
      c.assert(1);
      c.assert(false, 'why %s', 'x');
      c.assert();
      c.assert(0, { a: 1 });
    }),
    [
      ['error', 'Assertion failed: why x'],
      ['error', 'Assertion failed'],
      ['error', 'Assertion failed { a: 1 }'],
    ],
  );
});

test('groups indent every line', () => {
  assertEquals(
    printed((c) => {
      c.group('outer', 1);
      c.log('a\nb');
      c.groupCollapsed();
      c.warn('c');
      c.groupEnd();
      c.groupEnd();
      c.groupEnd();
      c.log('d');
      c.group();
      c.clear();
      c.log('e');
    }),
    [
      ['info', 'outer 1'],
      ['info', '  a\n  b'],
      ['warn', '    c'],
      ['info', 'd'],
      ['info', 'e'],
    ],
  );
});

test('count and countReset', () => {
  assertEquals(
    printed((c) => {
      c.count();
      c.count('default');
      c.count(undefined);
      c.count(5);
      c.countReset();
      c.count();
      c.countReset('none');
    }),
    [
      ['info', 'default: 1'],
      ['info', 'default: 2'],
      ['info', 'default: 3'],
      ['info', '5: 1'],
      ['info', 'default: 1'],
      ['warn', "Count for 'none' does not exist"],
    ],
  );
});

test('time, timeLog and timeEnd', () => {
  const lines = printed((c) => {
    c.time();
    c.time();
    c.timeLog('default', 'note', 1);
    c.timeEnd();
    c.timeEnd();
    c.timeLog('x');
  });
  assertEquals(
    lines.map((line) => [line[0], line[1].replace(/[\d.]+m?s/, 'T')]),
    [
      ['warn', "Label 'default' already exists for console.time()"],
      ['info', 'default: T note 1'],
      ['info', 'default: T'],
      ['warn', "No such label 'default' for console.timeEnd()"],
      ['warn', "No such label 'x' for console.timeLog()"],
    ],
  );
});

test('dir, dirxml and trace', () => {
  const [[, dir], [, deep], [, dirxml], [level, trace]] = printed((c) => {
    c.dir({ a: { b: {} } }, { depth: 0 });
    c.dir('text');
    c.dirxml({ a: 1 }, 2);
    c.trace('here %d', 1);
  });
  assertEquals([dir, deep, dirxml, level], ['{ a: [Object] }', "'text'", '{ a: 1 } 2', 'info']);
  assert(/^Trace: here 1\n {4}at .*console\.test/.test(trace), trace);
});

test('table', () => {
  const table = (...args) => printed((c) => c.table(...args))[0][1];
  assertEquals(
    table([
      { a: 1, b: 'x' },
      { a: 2, c: {} },
    ]),
    [
      '┌─────────┬───┬─────┬────┐',
      '│ (index) │ a │  b  │ c  │',
      '├─────────┼───┼─────┼────┤',
      "│    0    │ 1 │ 'x' │    │",
      '│    1    │ 2 │     │ {} │',
      '└─────────┴───┴─────┴────┘',
    ].join('\n'),
  );
  assert(table({ x: 1, y: [2] }).includes('│    x    │'), 'rows of an object');
  assert(table(new Map([['k', 1]])).includes('(iteration index)'));
  assert(table(new Set([1])).includes('Values'));
  assert(!table([{ a: 1, b: 2 }], ['b']).includes(' a '));
  assertEquals(table(5), '5');
  assertEquals(table('x'), 'x');
  assertEquals(table(null), 'null');
});
