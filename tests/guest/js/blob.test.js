// https://w3c.github.io/FileAPI/
import { Blob, File } from '../../../guest/wapojs/js/blob.js';
import { ReadableStream } from '../../../guest/wapojs/js/streams/readable-stream.js';
import { assert, assertEquals, assertInterface, assertRejects, assertSame, assertThrows, test } from './harness.js';

const error1 = new Error('error1');

test('interfaces: shape', () => {
  assertInterface(Blob, 'Blob', {
    attributes: ['size', 'type'],
    methods: { slice: 0, stream: 0, text: 0, arrayBuffer: 0, bytes: 0 },
  });
  assertInterface(File, 'File', { length: 2, parent: Blob, attributes: ['name', 'lastModified'] });
});

test('methods that return promises reject for a foreign this', async () => {
  for (const name of ['text', 'arrayBuffer', 'bytes']) await assertRejects(TypeError, Blob.prototype[name].call({}));
});

test('an empty blob', async () => {
  for (const blob of [new Blob(), new Blob(undefined), new Blob([]), new Blob([''])]) {
    assertEquals([blob.size, blob.type, await blob.text()], [0, '', '']);
  }
});

test('the parts must be an iterable object', () => {
  for (const bad of [null, 1, 'x', true, {}, new Date(), /x/]) assertThrows(TypeError, () => new Blob(bad));
  assertEquals(new Blob(new Set(['a', 'b'])).size, 2);
  assertEquals(new Blob(Object('ab')).size, 2);
  assertEquals(new Blob(new Uint8Array([1, 22])).size, 3);
});

test('parts: strings, buffers, views, blobs, and anything else as a string', async () => {
  const buffer = new Uint8Array([0x61, 0x62, 0x63, 0x64]).buffer;
  const blob = new Blob([
    'x\ud800',
    buffer,
    new Uint16Array(buffer, 2),
    new DataView(buffer, 1, 1),
    new Blob(['B', 'L']),
    null,
    12,
    [1, [2]],
    {},
  ]);
  assertEquals(await blob.text(), 'x\ufffdabcdcdbBLnull121,2[object Object]');
  assertThrows(TypeError, () => new Blob([Symbol()]));
});

test('a part is copied', async () => {
  const bytes = new Uint8Array([0x61]);
  const blob = new Blob([bytes]);
  bytes[0] = 0x7a;
  assertEquals(await blob.text(), 'a');
});

test('exceptions of the iteration are thrown', () => {
  assertThrows(
    error1,
    () =>
      new Blob({
        [Symbol.iterator]() {
          throw error1;
        },
      }),
  );
  assertThrows(
    error1,
    () =>
      new Blob([
        {
          toString() {
            throw error1;
          },
        },
      ]),
  );
});

test('options: endings before type, after the parts', () => {
  const order = [];
  new Blob([{ toString: () => (order.push('part'), '') }], {
    get type() {
      order.push('type');
      return '';
    },
    get endings() {
      order.push('endings');
      return 'transparent';
    },
  });
  assertEquals(order, ['part', 'endings', 'type']);
  for (const bad of [1, 'x', true]) assertThrows(TypeError, () => new Blob([], bad));
  assertThrows(TypeError, () => new Blob([], { endings: 'x' }));
  new Blob([], null);
  new Blob([], () => {});
});

test('endings: native makes line feeds of all line breaks in strings', async () => {
  const text = 'a\r\nb\rc\nd\r\r\n';
  assertEquals(await new Blob([text], { endings: 'native' }).text(), 'a\nb\nc\nd\n\n');
  assertEquals(await new Blob([text]).text(), text);
  assertEquals(await new Blob([new Blob([text])], { endings: 'native' }).text(), text);
});

test('type: lower case, or empty if it is not printable ASCII', () => {
  const cases = [
    ['Text/HTML', 'text/html'],
    ['text/plain;charset=UTF-8', 'text/plain;charset=utf-8'],
    ['', ''],
    [undefined, ''],
    [null, 'null'],
    ['te\u00e9', ''],
    ['a\tb', ''],
    ['a\u007f', ''],
    ['a b', 'a b'],
  ];
  for (const [given, expected] of cases) assertEquals(new Blob([], { type: given }).type, expected);
});

test('slice: positions count from the end if negative, and are clamped', async () => {
  const blob = new Blob(['abc', 'defg', new Blob(['hij'])]);
  const cases = [
    [[], 'abcdefghij'],
    [[2], 'cdefghij'],
    [[2, 8], 'cdefgh'],
    [[-3], 'hij'],
    [[-5, -2], 'fgh'],
    [[5, 2], ''],
    [[20], ''],
    [[0, 100], 'abcdefghij'],
    [[undefined, 3], 'abc'],
    [[null, 3], 'abc'],
    [['1', '3'], 'bc'],
    [[NaN, 2], 'ab'],
    [[0.5, 1.5], 'ab'],
    [[-Infinity, Infinity], 'abcdefghij'],
    [[3, 7], 'defg'],
  ];
  for (const [args, expected] of cases) {
    const slice = blob.slice(...args);
    assertEquals([slice.size, await slice.text()], [expected.length, expected], JSON.stringify(args));
  }
  assertEquals(await blob.slice(2, 8).slice(1, 4).text(), 'def');
});

test('slice has no type unless one is given', () => {
  const blob = new Blob(['a'], { type: 'text/plain' });
  assertEquals(
    [
      blob.slice().type,
      blob.slice(0, 1, 'Image/PNG').type,
      blob.slice(0, 1, '\u00e9').type,
      blob.slice(0, 1, null).type,
    ],
    ['', 'image/png', '', 'null'],
  );
});

test('text is decoded as UTF-8 without a BOM', async () => {
  assertEquals(await new Blob([new Uint8Array([0xef, 0xbb, 0xbf, 0x61, 0xff])]).text(), 'a\ufffd');
});

test('arrayBuffer and bytes give copies', async () => {
  const blob = new Blob(['ab']);
  const buffer = await blob.arrayBuffer();
  assert(buffer instanceof ArrayBuffer);
  new Uint8Array(buffer)[0] = 0;
  const bytes = await blob.bytes();
  assertEquals(bytes, new Uint8Array([0x61, 0x62]));
  bytes[0] = 0;
  assertEquals(await blob.text(), 'ab');
});

test('stream: a byte stream of copies in chunks', async () => {
  const big = new Uint8Array(150_000).fill(7);
  const blob = new Blob(['ab', big]);
  const stream = blob.stream();
  assert(stream instanceof ReadableStream);
  let size = 0;
  for await (const chunk of stream) {
    assert(chunk instanceof Uint8Array && chunk.length <= 65536);
    size += chunk.length;
    chunk.fill(0);
  }
  assertEquals(size, 150_002);
  assertEquals((await blob.bytes())[2], 7);
});

test('stream: can be read with a BYOB reader, and of an empty blob ends', async () => {
  const reader = new Blob(['abc']).stream().getReader({ mode: 'byob' });
  assertEquals((await reader.read(new Uint8Array(2))).value, new Uint8Array([0x61, 0x62]));
  assertEquals((await reader.read(new Uint8Array(2))).value, new Uint8Array([0x63]));
  assertEquals((await reader.read(new Uint8Array(2))).done, true);
  assertEquals((await new Blob().stream().getReader().read()).done, true);
});

test('File: name, lastModified and the blob', async () => {
  const file = new File(['ab', 'c'], 'na/me\ud800', { type: 'Text/Plain', lastModified: 5 });
  assert(file instanceof Blob);
  assertEquals(
    [file.name, file.lastModified, file.type, file.size, await file.text()],
    ['na/me\ufffd', 5, 'text/plain', 3, 'abc'],
  );
  assertEquals(file.slice(1).constructor, Blob);
  const now = Date.now();
  const { lastModified } = new File([], 'x');
  assert(Number.isInteger(lastModified) && Math.abs(lastModified - now) < 5000);
  assertEquals(new File([], 'x', { lastModified: 1.9 }).lastModified, 1);
  assertEquals(new File([], 'x', { lastModified: -3 }).lastModified, -3);
  assertEquals(new File([], 'x', { lastModified: NaN }).lastModified, 0);
  assertEquals(new File([], null).name, 'null');
});

test('File: both arguments are needed', () => {
  assertThrows(TypeError, () => new File());
  assertThrows(TypeError, () => new File([]));
  for (const bad of [undefined, null, 'x', 1]) assertThrows(TypeError, () => new File(bad, 'name'));
  assertThrows(TypeError, () => new File([], Symbol()));
});

test('a File as a part gives its bytes', async () => {
  assertEquals(await new Blob([new File(['x'], 'n'), 'y']).text(), 'xy');
  assertSame(new Blob([new File(['x'], 'n')]).constructor, Blob);
});
