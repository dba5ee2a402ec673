// FormData, multipart/form-data and application/x-www-form-urlencoded
import { Blob, File } from '../../../guest/wapojs/js/blob.js';
import { TextDecoder, TextEncoder } from '../../../guest/wapojs/js/encoding.js';
import { createFormData, FormData, formDataEntries } from '../../../guest/wapojs/js/form-data.js';
import { parseMultipart, serializeMultipart } from '../../../guest/wapojs/js/multipart.js';
import { concatBytes } from '../../../guest/wapojs/js/streams/internal.js';
import { parseUrlEncodedBytes } from '../../../guest/wapojs/js/urlencoded.js';
import { assert, assertEquals, assertInterface, assertSame, assertThrows, test } from './harness.js';

const encoder = new TextEncoder();

test('FormData: interface shape', () => {
  assertInterface(FormData, 'FormData', {
    methods: { append: 2, delete: 1, get: 1, getAll: 1, has: 1, set: 2, entries: 0, keys: 0, values: 0, forEach: 1 },
  });
  assertSame(FormData.prototype[Symbol.iterator], FormData.prototype.entries);
  assertThrows(TypeError, () => new FormData({}));
  assertThrows(TypeError, () => new FormData(null));
  new FormData(undefined);
});

test('append, get, getAll, has, delete', () => {
  const form = new FormData();
  form.append('a', 1);
  form.append('b', null);
  form.append('a', 'x\ud800');
  assertEquals(
    [form.get('a'), form.getAll('a'), form.get('c'), form.getAll('c'), form.has('b'), form.has('c')],
    ['1', ['1', 'x\ufffd'], null, [], true, false],
  );
  form.delete('a');
  assertEquals([...form], [['b', 'null']]);
  for (const name of ['append', 'set']) assertThrows(TypeError, () => form[name]('a'));
  for (const name of ['get', 'getAll', 'has', 'delete']) assertThrows(TypeError, () => form[name]());
});

test('set replaces the first entry of the name and removes the others', () => {
  const form = new FormData();
  for (const [k, v] of [
    ['a', '1'],
    ['b', '2'],
    ['a', '3'],
  ])
    form.append(k, v);
  form.set('a', 'new');
  form.set('c', 'added');
  assertEquals(
    [...form],
    [
      ['a', 'new'],
      ['b', '2'],
      ['c', 'added'],
    ],
  );
});

test('blobs become files: named blob, or by the given name', () => {
  const form = new FormData();
  const file = new File(['x'], 'own.txt', { type: 'text/plain', lastModified: 7 });
  form.append('plain', new Blob(['ab'], { type: 'a/b' }));
  form.append('named', new Blob(['ab']), 'name.bin');
  form.append('file', file);
  form.append('renamed', file, 'other.txt');
  const plain = form.get('plain');
  assert(plain instanceof File);
  assertEquals([plain.name, plain.type, plain.size], ['blob', 'a/b', 2]);
  assertEquals(form.get('named').name, 'name.bin');
  assertSame(form.get('file'), file);
  assertEquals(
    [form.get('renamed').name, form.get('renamed').type, form.get('renamed').lastModified],
    ['other.txt', 'text/plain', 7],
  );
});

test('a file name needs a blob', () => {
  const form = new FormData();
  assertThrows(TypeError, () => form.append('a', 'text', 'name'));
  assertThrows(TypeError, () => form.append('a', 'text', undefined));
  assertThrows(TypeError, () => form.set('a', {}, 'name'));
});

test('iteration is live and has the right prototype', () => {
  const form = new FormData();
  form.append('a', '1');
  form.append('b', '2');
  const got = [];
  for (const [key] of form) {
    got.push(key);
    if (key === 'a') form.delete('a');
  }
  assertEquals(got, ['a']);
  const iterator = form.keys();
  assertEquals(Object.getPrototypeOf(iterator)[Symbol.toStringTag], 'FormData Iterator');
  assertSame(
    Object.getPrototypeOf(Object.getPrototypeOf(iterator)),
    Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())),
  );
  assertEquals([...form.values()], ['2']);
  assertThrows(TypeError, () => iterator.next.call({}));
});

test('forEach gives value, name and object', () => {
  const form = new FormData();
  form.append('a', '1');
  const receiver = {};
  let seen;
  form.forEach(function (...args) {
    seen = [this, ...args];
  }, receiver);
  assertSame(seen[0], receiver);
  assertEquals(seen.slice(1, 3), ['1', 'a']);
  assertSame(seen[3], form);
  assertThrows(TypeError, () => form.forEach());
  assertThrows(TypeError, () => form.forEach({}));
});

// multipart/form-data

function textOf({ parts, length }) {
  return new TextDecoder().decode(concatBytes(parts, length));
}

test('serializeMultipart: form of the body, and its length', () => {
  const form = new FormData();
  form.append('text', 'a\nb\r\nc\rd');
  form.append('f', new File(['data'], 'n"a\r\nme.txt', { type: 'text/plain' }));
  form.append('q"\n', new Blob(['']));
  const body = serializeMultipart(formDataEntries(form));
  const b = body.boundary;
  const expected = [
    `--${b}`,
    'Content-Disposition: form-data; name="text"',
    '',
    'a\r\nb\r\nc\r\nd',
    `--${b}`,
    'Content-Disposition: form-data; name="f"; filename="n%22a%0D%0Ame.txt"',
    'Content-Type: text/plain',
    '',
    'data',
    `--${b}`,
    'Content-Disposition: form-data; name="q%22%0D%0A"; filename="blob"',
    'Content-Type: application/octet-stream',
    '',
    '',
    `--${b}--`,
    '',
  ].join('\r\n');
  assertEquals(textOf(body), expected);
  assertEquals(body.length, encoder.encode(expected).length);
  assertEquals(textOf(serializeMultipart([])).replace(/-+\w+-*/, 'B'), 'B\r\n');
});

test('boundaries differ', () => {
  assert(serializeMultipart([]).boundary !== serializeMultipart([]).boundary);
});

test('parseMultipart reads what serializeMultipart writes', async () => {
  const form = new FormData();
  form.append('name \u00e9"', 'v\u00e4lue');
  form.append('file', new File([new Uint8Array([0, 255, 13, 10, 45, 45])], 'b\u00efn"\n.dat', { type: 'a/b' }));
  const body = serializeMultipart(formDataEntries(form));
  const entries = parseMultipart(concatBytes(body.parts, body.length), body.boundary);
  assertEquals(entries[0], ['name \u00e9"', 'v\u00e4lue']);
  const [name, file] = entries[1];
  assertEquals(
    [name, file.name, file.type, await file.bytes()],
    ['file', 'b\u00efn"\n.dat', 'a/b', new Uint8Array([0, 255, 13, 10, 45, 45])],
  );
});

test('parseMultipart: other ways to write the same', () => {
  const parse = (text) => parseMultipart(encoder.encode(text), 'B');
  assertEquals(parse('--B--'), []);
  assertEquals(parse('--B--\r\n'), []);
  assertEquals(parse('\r\n--B\r\ncontent-disposition:form-data;name=a\r\n\r\nv\r\n--B--\r\n'), [['a', 'v']]);
  assertEquals(parse('--B\r\nX-Other: 1\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n--B--'), [['a', '']]);
  const [[, file]] = parse('--B\r\nContent-Disposition: form-data; name="a"; filename=""\r\n\r\nx\r\n--B--');
  assertEquals([file.name, file.type, file.size], ['', 'text/plain', 1]);
});

test('parseMultipart: what is not valid throws a TypeError', () => {
  const bad = [
    '',
    'junk',
    '--C--',
    '--B',
    '--B\r\n',
    '--B\r\n\r\nx\r\n--B--',
    '--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nv',
    '--B\r\nContent-Disposition: attachment; name="a"\r\n\r\nv\r\n--B--',
    '--B\r\nContent-Disposition form-data\r\n\r\nv\r\n--B--',
    '--B\r\nContent-Disposition: form-data\r\n\r\nv\r\n--B--',
    '--Bx\r\n',
  ];
  for (const text of bad) assertThrows(TypeError, () => parseMultipart(encoder.encode(text), 'B'));
});

test('createFormData takes finished entries', () => {
  assertEquals(
    [
      ...createFormData([
        ['a', 'b'],
        ['a', 'c'],
      ]),
    ],
    [
      ['a', 'b'],
      ['a', 'c'],
    ],
  );
});

test('urlencoded bytes: raw and escaped bytes form characters together', () => {
  const parse = (text) => parseUrlEncodedBytes(encoder.encode(text));
  assertEquals(parse('a=b&c=%20+d&&e&=f'), [
    ['a', 'b'],
    ['c', '  d'],
    ['e', ''],
    ['', 'f'],
  ]);
  assertEquals(parse('\u00e9=\u20ac'), [['\u00e9', '\u20ac']]);
  assertEquals(parseUrlEncodedBytes(new Uint8Array([0x61, 0x3d, 0xe2, 0x25, 0x38, 0x32, 0xac])), [['a', '\u20ac']]);
  assertEquals(parse('%EF%BB%BFa=%FF%4'), [['\ufeffa', '\ufffd%4']]);
});
