// URLPattern, which Node has too.
const say = (label, make) => {
  let value;
  try {
    value = make();
  } catch (error) {
    value = error.name;
  }
  console.log(`${label}: ${JSON.stringify(value, (_, item) => (item === undefined ? '[undefined]' : item))}`);
};
const components = ['protocol', 'username', 'password', 'hostname', 'port', 'pathname', 'search', 'hash'];
const plain = (result) =>
  result && {
    inputs: result.inputs.map((input) =>
      typeof input === 'string'
        ? input
        : Object.entries(input)
            .filter(([, value]) => value !== undefined)
            .sort(),
    ),
    ...Object.fromEntries(
      components.map((name) => [
        name,
        { input: result[name].input, groups: Object.entries(result[name].groups).sort() },
      ]),
    ),
  };
const cases = [
  [
    ['https://example.com/books/:id'],
    ['https://example.com/books/123'],
    ['https://example.com/books/123/more'],
    ['http://example.com/books/1'],
  ],
  [
    [{ pathname: '/books/:id' }],
    ['https://example.com/books/123'],
    [{ pathname: '/books/a' }],
    [{ pathname: '/other' }],
  ],
  [
    ['/books/:id(\\d+)', 'https://example.com'],
    ['https://example.com/books/12'],
    ['https://example.com/books/x'],
    ['/books/5', 'https://example.com'],
  ],
  [[{ pathname: '/a/:b?' }], [{ pathname: '/a' }], [{ pathname: '/a/b' }]],
  [[{ pathname: '/a/:rest*' }], [{ pathname: '/a' }], [{ pathname: '/a/b/c' }]],
  [[{ pathname: '/a/:rest+' }], [{ pathname: '/a' }], [{ pathname: '/a/b/c' }]],
  [[{ pathname: '/files/*.:ext(png|jpg)' }], [{ pathname: '/files/x/y.png' }], [{ pathname: '/files/x.gif' }]],
  [
    [{ hostname: '{:sub.}?example.com' }],
    [{ hostname: 'example.com' }],
    [{ hostname: 'api.example.com' }],
    [{ hostname: 'api.v1.example.com' }],
  ],
  [
    ['https://*.example.com:8*/p?q=:q#:h'],
    ['https://a.example.com:80/p?q=1#x'],
    ['https://a.example.com:8443/p?q=%20#é'],
  ],
  [[{ pathname: '/Case' }, { ignoreCase: true }], [{ pathname: '/cASE' }]],
  [[{ pathname: '/Case' }], [{ pathname: '/case' }]],
  [['https://example.com/:a/:b-:c'], ['https://example.com/x/y-z']],
  [['data\\:foo*'], ['data:foobar']],
  [[{ protocol: 'http{s}?', hostname: '*' }], ['https://a.b/'], ['ftp://a.b/']],
  [[], ['https://anything/at?all#really'], [{}]],
  [[{ baseURL: 'https://example.com/x/y?z#w', pathname: 'rel' }], ['https://example.com/x/rel']],
  [[{ search: 'a=:a&b=:b' }], ['https://x/?a=1&b=2']],
  [[{ pathname: '/é/:naïve' }], [{ pathname: '/é/x' }], ['https://x/%C3%A9/y']],
  [[{ username: 'u', password: ':p' }], ['https://u:secret@x/']],
  [[{ port: '8080' }], ['http://x:8080/'], ['http://x/']],
  [[{ protocol: 'https', port: '443' }], ['https://x:443/']],
];
for (const [arguments_, ...inputs] of cases) {
  const label = JSON.stringify(arguments_);
  let pattern;
  say(label, () => {
    pattern = new URLPattern(...arguments_);
    return [...components.map((name) => pattern[name]), pattern.hasRegExpGroups];
  });
  for (const input of inputs)
    say(`  ${JSON.stringify(input)}`, () => [pattern.test(...input), plain(pattern.exec(...input))]);
}
for (const bad of [
  ['relative'],
  ['https://a/('],
  [{ pathname: '/:a/:a' }],
  [{ pathname: '(?<x>a)' }],
  [{}, 'https://x'],
  ['https://[invalid'],
  [{ port: 'x' }],
  [{ pathname: '/{' }],
  [5],
])
  say(`bad ${JSON.stringify(bad)}`, () => new URLPattern(...bad).pathname);
say('an object with a base', () => new URLPattern({ pathname: '/*' }).test({ pathname: '/x' }, 'https://a'));
say('not a URL', () => [
  new URLPattern({ pathname: '/*' }).test('nonsense'),
  new URLPattern({ pathname: '/*' }).exec('nonsense'),
]);
say('shape', () => [typeof URLPattern.prototype.exec]);
say('without new', () => URLPattern());
say('text of the v flag', () => [
  /a-b/v.test('a-b'),
  /a&&b/v.test('a&&b'),
  /[a\-z]/v.test('-'),
  /^[\w--\d]+$/v.test('abc'),
]);
say('a class of the v flag', () => new RegExp('[a-]', 'v').test('a'));
