import assert from 'node:assert';
import strict from 'node:assert/strict';
import path from 'node:path';
import posix from 'node:path/posix';
import querystring from 'node:querystring';
import { StringDecoder } from 'node:string_decoder';
import url from 'node:url';
import util from 'node:util';
import types from 'node:util/types';

const text = (value) =>
  JSON.stringify(value, (_, item) =>
    typeof item === 'function'
      ? `[function ${item.name}]`
      : item === undefined
        ? '[undefined]'
        : typeof item === 'bigint'
          ? `${item}n`
          : item,
  );
const say = (label, make) => {
  let value;
  try {
    value = make();
  } catch (error) {
    value = `${error.name} ${error.code}`;
  }
  console.log(`${label}: ${text(value)}`);
};

// path
const paths = [
  '',
  '.',
  '..',
  '/',
  '///a',
  '/a',
  'a',
  'a/',
  '/a/b/',
  '/a/../b',
  '../a',
  'a//b',
  './a',
  'a/./b/..',
  'a.b.c',
  '.x',
  '.x.y',
  'a.',
  '/a.b/c',
  '..',
  'a/..',
  'x/y.tar.gz',
  '/a/b.html/',
];
for (const p of paths) {
  say(`path ${p}`, () => [
    path.normalize(p),
    path.dirname(p),
    path.basename(p),
    path.extname(p),
    path.isAbsolute(p),
    path.parse(p),
    path.format(path.parse(p)),
    path.basename(p, '.c'),
  ]);
}
say('join', () => [
  path.join(),
  path.join(''),
  path.join('a', '..', '..', 'b'),
  path.join('/a', '/b', '../c'),
  path.join('a', '', 'b/'),
]);
say('resolve', () => [path.resolve('/a', 'b', '../c'), path.resolve('/a', '/b', 'c'), path.resolve('/')]);
for (const [from, to] of [
  ['/a/b', '/a/c'],
  ['/a/b', '/a/b'],
  ['/a/b/c', '/d'],
  ['/', '/a'],
  ['/a', '/'],
  ['/a/b', '/a/b/c'],
])
  say(`relative ${from} ${to}`, () => path.relative(from, to));
say('path of no text', () => path.join(5));
say('posix', () => [posix === path.posix || posix.join === path.join, path.sep, path.delimiter]);
say('format', () => [
  path.format({ dir: '/x', base: 'y' }),
  path.format({ root: '/', name: 'n', ext: 'e' }),
  path.format({ root: '/', dir: '/', base: 'b' }),
]);

// querystring
for (const query of ['', 'a=1&b=2&a=3', 'a', 'a=', '=b', 'a=b=c', 'x=%C3%A9&y=%zz&z=+ +', '&&a=1&', 'a%20b=c%2Bd'])
  say(`parse ${query}`, () => querystring.parse(query));
say('parse options', () => [
  querystring.parse('a:1;b:2', ';', ':'),
  querystring.parse('a=1&b=2&c=3', null, null, { maxKeys: 2 }),
  querystring.parse('a=x', null, null, { decodeURIComponent: (s) => s + '!' }),
]);
say('stringify', () => [
  querystring.stringify({ a: 1, b: ['x', 'y'], c: true, d: null, e: undefined, f: '', g: 'é +&', h: NaN, i: 5n }),
  querystring.stringify({ a: 1, b: 2 }, ';', ':'),
  querystring.stringify('x'),
  querystring.escape("a b'()*"),
  querystring.unescape('%41%zz'),
]);

// string_decoder
say('decoder utf8', () => {
  const decoder = new StringDecoder('utf8');
  return [
    decoder.write(Buffer.from([0xe2, 0x82])),
    decoder.write(Buffer.from([0xac, 0x61, 0xf0, 0x9f])),
    decoder.end(),
    decoder.end(Buffer.from('x')),
  ];
});
say('decoder base64', () => {
  const decoder = new StringDecoder('base64');
  return [decoder.write(Buffer.from('ab')), decoder.write(Buffer.from('cdef')), decoder.end()];
});
say('decoder utf16', () => {
  const decoder = new StringDecoder('utf16le');
  return [
    decoder.write(Buffer.from([0x3d])),
    decoder.write(Buffer.from([0xd8, 0x4d, 0xdc, 0x61])),
    decoder.end(Buffer.from([0])),
  ];
});
say(
  'decoder hex',
  () => new StringDecoder('hex').write(Buffer.from('ab')) + new StringDecoder('latin1').end(Buffer.from([0xe9])),
);
say('decoder unknown', () => new StringDecoder('nope'));

// url
const urls = [
  'http://user:pass@host.com:8080/p/a/t/h?query=string#hash',
  'HTTP://EXAMPLE.com',
  'http://x.com?a',
  'http://x.com#h',
  '//host/path',
  '/a/b?c=d',
  'mailto:a@b.c',
  'javascript:alert(1)',
  'x y',
  'http://a.com/b c',
  'http://[::1]:80/x',
  'http://a@b@c/',
  'file:///etc/passwd',
  '',
  '?q',
  '#h',
  'http://münchen.de/',
  'a:b',
  'http://a.com:/x',
  "http://x/'y",
];
for (const u of urls) say(`url.parse ${u}`, () => ({ ...url.parse(u) }));
say('url.parse with a query', () => url.parse('/a?x=1&y=2', true).query);
say('url.parse with slashes', () => [url.parse('//h/p', false, true).host, url.parse('//h/p').host]);
say('url.parse of no text', () => url.parse(5));
say('url.format', () => [
  url.format({ protocol: 'http', host: 'a.com', pathname: 'x', query: { a: 1 } }),
  url.format({ hostname: 'a', port: 80, hash: 'h', search: 's' }),
  url.format({ pathname: '/a?b' }),
  url.format(new URL('http://u:p@a.com/x?y#z'), { auth: false, fragment: false, search: false }),
  url.format({ protocol: 'mailto:', pathname: 'a@b' }),
  url.format('http://a.com'),
]);
for (const [from, to] of [
  ['/one/two/three', 'four'],
  ['http://example.com/', '/one'],
  ['http://example.com/one', '/two'],
  ['http://a.com/b/c/d', '../e'],
  ['http://a.com/b/c/d', '?x=1'],
  ['http://a.com/b', '//c.com/d'],
  ['http://a.com/b?c', '#d'],
  ['http://a.com/b', 'https://x/'],
  ['http://a.com/b/', '.'],
  ['/a/b', '../../..'],
  ['http://a.com', 'b'],
  ['a/b', 'c'],
])
  say(`resolve ${from} ${to}`, () => url.resolve(from, to));
say('file URLs', () => [url.fileURLToPath('file:///a%20b'), url.pathToFileURL('/a b?#%').href]);
say('file URL of http', () => url.fileURLToPath('http://x'));
say('options', () => url.urlToHttpOptions(new URL('http://u:p@a.com:81/x?y#z')));
say('domains', () => [url.domainToASCII('español.com'), url.domainToASCII('xn--iñvalid.com'), url.URL === URL]);

// util
say('format', () => [
  util.format('%s %d %i %f %j %o %O %% %c x', 'a', 1.5, 1.5, '1.5', { a: 1 }, 1, 2, 'css'),
  util.format('a', 'b', 1),
  util.format(1, 2),
  util.format('%s'),
  util.format('%d', 5n),
  util.format('%s', null, undefined),
]);
say('inspect', () => [
  util.inspect('a'),
  util.inspect([1, [2, [3, [4, [5]]]]]),
  util.inspect({ a: { b: { c: { d: 1 } } } }, { depth: 0 }),
  util.inspect(new Map([[1, 2]])),
  util.inspect({ [util.inspect.custom]: () => 'custom' }),
  util.inspect(null),
  util.inspect({ a: 1 }, false, null),
]);
say('isDeepStrictEqual', () =>
  [
    [{ a: 1 }, { a: 1 }],
    [[1], ['1']],
    [new Set([1, { a: 1 }]), new Set([{ a: 1 }, 1])],
    [new Map([[{ k: 1 }, 1]]), new Map([[{ k: 1 }, 1]])],
    [NaN, NaN],
    [0, -0],
    [new Date(0), new Date(0)],
    [/a/g, /a/i],
    [Buffer.from('a'), Buffer.from('a')],
    [Object.create(null), {}],
    [new Error('a'), new Error('a')],
    [new Error('a'), new TypeError('a')],
    [
      [1, , 2],
      [1, undefined, 2],
    ],
    [Object('a'), Object('a')],
  ].map(([a, b]) => util.isDeepStrictEqual(a, b)),
);
say('types', () => [
  types.isPromise(Promise.resolve()),
  types.isRegExp(/a/),
  types.isDate(new Date()),
  types.isNativeError(new TypeError()),
  types.isUint8Array(Buffer.alloc(1)),
  types.isTypedArray(new Float32Array()),
  types.isAsyncFunction(async () => {}),
  types.isAsyncFunction(() => {}),
  types.isGeneratorFunction(function* () {}),
  types.isGeneratorObject((function* () {})()),
  types.isMap(new Map()),
  types.isMap({}),
  types.isProxy(new Proxy({}, {})),
  types.isProxy({}),
  types.isBoxedPrimitive(Object(1)),
  types.isArgumentsObject(
    (function () {
      return arguments;
    })(),
  ),
  types.isAnyArrayBuffer(new ArrayBuffer(1)),
  types.isMapIterator(new Map().keys()),
  types.isSymbolObject(Object(Symbol())),
]);
say('inherits', () => util.inherits(5, 6));
say('strip', () => util.stripVTControlCharacters('\u001b[31mred\u001b[39m'));
say('parseArgs', () =>
  util.parseArgs({
    args: ['-f', '--bar', 'b', '--no-x', 'pos', '--list=1', '--list', '2', '-vq', '--', '--raw'],
    strict: false,
    options: {
      f: { type: 'boolean', short: 'f' },
      bar: { type: 'string' },
      list: { type: 'string', multiple: true },
      verbose: { type: 'boolean', short: 'v' },
    },
  }),
);
say('parseArgs unknown', () => util.parseArgs({ args: ['--nope'], options: {} }));
say('parseArgs positional', () => util.parseArgs({ args: ['x'], options: {} }));
say('parseArgs default', () => util.parseArgs({ args: [], options: { a: { type: 'string', default: 'd' } } }).values);
const promised = util.promisify((a, b, callback) => callback(a > 1 ? new Error('no') : null, a + b));
console.log('promisify', await promised(1, 2), await promised(2, 2).catch((error) => error.message));
console.log('promisify.custom', await util.promisify(setTimeout)(1, 'value'));
await new Promise((resolve) =>
  util.callbackify(async (x) => x * 2)(4, (error, value) => resolve(console.log('callbackify', error, value))),
);
await new Promise((resolve) =>
  util.callbackify(async () => Promise.reject(null))((error) => resolve(console.log('callbackify', error.code))),
);

// assert
const passes = (label, make) => {
  try {
    make();
    console.log(`assert ${label}: passes`);
  } catch (error) {
    console.log(`assert ${label}: ${error.name} ${error.code} ${error.operator} ${error.generatedMessage}`);
  }
};
passes('true', () => assert(true));
passes('false', () => assert(0));
passes('message', () => assert(false, 'm'));
passes('own error', () => assert(false, new RangeError('r')));
passes('equal', () => assert.equal(1, '1'));
passes('strict equal', () => strict.equal(1, '1'));
passes('strictEqual', () => assert.strictEqual(NaN, NaN));
passes('notStrictEqual', () => assert.notStrictEqual(1, 1));
passes('deepEqual', () => assert.deepEqual({ a: [1, '2'] }, { a: ['1', 2] }));
passes('deepStrictEqual', () => assert.deepStrictEqual({ a: [1, 2] }, { a: [1, '2'] }));
passes('notDeepEqual', () => assert.notDeepStrictEqual({ a: 1 }, { a: 1 }));
passes('cycle', () => {
  const a = {};
  a.self = a;
  const b = {};
  b.self = b;
  assert.deepStrictEqual(a, b);
});
passes('throws', () =>
  assert.throws(() => {
    throw new TypeError('bad');
  }, TypeError),
);
passes('throws of another', () =>
  assert.throws(() => {
    throw new TypeError('bad');
  }, RangeError),
);
passes('throws regexp', () =>
  assert.throws(() => {
    throw new TypeError('bad');
  }, /bad/),
);
passes('throws object', () =>
  assert.throws(
    () => {
      throw new TypeError('bad');
    },
    { name: 'TypeError', message: /ba/ },
  ),
);
passes('throws object of another', () =>
  assert.throws(
    () => {
      throw new TypeError('bad');
    },
    { message: 'good' },
  ),
);
passes('throws nothing', () => assert.throws(() => {}));
passes('doesNotThrow', () =>
  assert.doesNotThrow(() => {
    throw new Error('x');
  }),
);
passes('match', () => assert.match('abc', /b/));
passes('doesNotMatch', () => assert.doesNotMatch('abc', /b/));
passes('fail', () => assert.fail('f'));
passes('ifError', () => assert.ifError(null));
passes('ifError of one', () => assert.ifError(new Error('e')));
await assert.rejects(Promise.reject(new Error('r')), /r/);
await assert.rejects(assert.rejects(Promise.resolve(1)), { code: 'ERR_ASSERTION' });
await assert.doesNotReject(async () => 1);
console.log(
  'assert message',
  (() => {
    try {
      assert.strictEqual(1, 2);
    } catch (error) {
      return error.message.split('\n')[0];
    }
  })(),
);

// punycode, which is deprecated and still asked for
const { default: punycode } = await import('node:punycode');
for (const word of ['mañana', 'bücher', '日本語', 'абв', 'plain', '☃-⌘', 'ü', '😀']) {
  say(`punycode ${word}`, () => [
    punycode.encode(word),
    punycode.decode(punycode.encode(word)) === word,
    punycode.toASCII(`${word}.com`),
  ]);
}
say('punycode back', () => [
  punycode.toUnicode('xn--bcher-kva.com'),
  punycode.toUnicode('a@xn--bcher-kva.com'),
  punycode.ucs2.decode('a😀'),
]);
say('punycode of rubbish', () => punycode.decode('é-'));

// call sites, which packages that deprecate look at
const prepare = Error.prepareStackTrace;
Error.prepareStackTrace = (_, sites) => sites;
const holder = {};
Error.captureStackTrace(holder);
const site = holder.stack[0];
Error.prepareStackTrace = prepare;
say('call sites', () => [
  typeof site.getFileName(),
  site.getLineNumber() > 0,
  site.isEval(),
  site.isNative(),
  typeof site.toString(),
  site.getEvalOrigin() === undefined,
]);
