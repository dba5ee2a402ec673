// https://encoding.spec.whatwg.org/#api and the streams of the same standard
import { TextDecoder, TextEncoder } from '../../../guest/wapojs/js/encoding.js';
import { encodingForLabel } from '../../../guest/wapojs/js/encoding-labels.js';
import { TextDecoderStream, TextEncoderStream } from '../../../guest/wapojs/js/text-streams.js';
import { ReadableStream } from '../../../guest/wapojs/js/streams/readable-stream.js';
import { assert, assertEquals, assertInterface, assertRejects, assertThrows, test } from './harness.js';

const bytes = (...values) => new Uint8Array(values);
const decode = (values, label = 'utf-8', options) => new TextDecoder(label, options).decode(new Uint8Array(values));

test('interfaces: shape', () => {
  assertInterface(TextDecoder, 'TextDecoder', {
    attributes: ['encoding', 'fatal', 'ignoreBOM'],
    methods: { decode: 0 },
  });
  assertInterface(TextEncoder, 'TextEncoder', { attributes: ['encoding'], methods: { encode: 0, encodeInto: 2 } });
  assertInterface(TextDecoderStream, 'TextDecoderStream', {
    attributes: ['encoding', 'fatal', 'ignoreBOM', 'readable', 'writable'],
  });
  assertInterface(TextEncoderStream, 'TextEncoderStream', { attributes: ['encoding', 'readable', 'writable'] });
});

test('TextEncoder.encode: any string, lone surrogates become U+FFFD', () => {
  const encoder = new TextEncoder();
  assertEquals(encoder.encoding, 'utf-8');
  assertEquals(encoder.encode(), bytes());
  assertEquals(encoder.encode(undefined), bytes());
  assertEquals(encoder.encode(null), bytes(0x6e, 0x75, 0x6c, 0x6c));
  assertEquals(
    encoder.encode('a\u00e9\u20ac\ud83d\ude00'),
    bytes(0x61, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80),
  );
  for (const lone of ['\ud800', '\udc00', '\udc00\ud800']) {
    assertEquals(encoder.encode(lone), new Uint8Array(Array.from(lone, () => [0xef, 0xbf, 0xbd]).flat()));
  }
  assertEquals(encoder.encode('\0'), bytes(0));
});

test('TextEncoder.encodeInto: writes what fits of whole characters', () => {
  const encoder = new TextEncoder();
  const cases = [
    ['', 0, [0, 0], []],
    ['abc', 0, [0, 0], []],
    ['abc', 2, [2, 2], [97, 98]],
    ['abc', 5, [3, 3], [97, 98, 99]],
    ['\u20ac', 2, [0, 0], []],
    ['a\u20ac', 3, [1, 1], [97]],
    ['a\u20acb', 4, [2, 4], [97, 0xe2, 0x82, 0xac]],
    ['\ud83d\ude00', 3, [0, 0], []],
    ['\ud83d\ude00', 4, [2, 4], [0xf0, 0x9f, 0x98, 0x80]],
    ['a\ud83d\ude00b', 5, [3, 5], [97, 0xf0, 0x9f, 0x98, 0x80]],
    ['\ud800', 3, [1, 3], [0xef, 0xbf, 0xbd]],
    ['\ud800', 2, [0, 0], []],
    ['\ud83d\ude00', 1, [0, 0], []],
    ['\u00e9\u00e9\u00e9', 5, [2, 4], [0xc3, 0xa9, 0xc3, 0xa9]],
  ];
  for (const [source, room, [read, written], content] of cases) {
    const buffer = new Uint8Array(room + 2).fill(0x80);
    const result = encoder.encodeInto(source, buffer.subarray(1, room + 1));
    assertEquals(result, { read, written }, `${JSON.stringify(source)} into ${room}`);
    assertEquals(buffer.slice(1, 1 + written), new Uint8Array(content));
    assert(buffer[0] === 0x80 && buffer.subarray(1 + written).every((b) => b === 0x80), 'wrote elsewhere');
  }
});

test('TextEncoder.encodeInto: the destination must be a Uint8Array', () => {
  const encoder = new TextEncoder();
  for (const bad of [
    undefined,
    null,
    [],
    new ArrayBuffer(4),
    new Int8Array(4),
    new Uint8ClampedArray(4),
    new DataView(new ArrayBuffer(4)),
  ]) {
    assertThrows(TypeError, () => encoder.encodeInto('', bad));
  }
  assertThrows(TypeError, () => encoder.encodeInto(''));
  assertEquals(encoder.encodeInto('x', new Uint8Array(new SharedArrayBuffer(1))), { read: 1, written: 1 });
});

test('TextDecoder: attributes and options', () => {
  const decoder = new TextDecoder();
  assertEquals([decoder.encoding, decoder.fatal, decoder.ignoreBOM], ['utf-8', false, false]);
  const other = new TextDecoder('UTF-16BE', { fatal: 1, ignoreBOM: 'x' });
  assertEquals([other.encoding, other.fatal, other.ignoreBOM], ['utf-16be', true, true]);
  assertThrows(TypeError, () => new TextDecoder('utf-8', 1));
  assertThrows(TypeError, () => new TextDecoder(Symbol()));
});

test('TextDecoder: labels ignore case and surrounding whitespace', () => {
  for (const label of ['utf8', ' UTF-8\t', '\nunicode-1-1-utf-8\f', 'Unicode20UTF8', 'x-unicode20utf8']) {
    assertEquals(new TextDecoder(label).encoding, 'utf-8');
  }
  for (const label of ['latin1', 'ASCII', 'iso-8859-1', 'us-ascii', 'windows-1252', 'l1', 'cp1252']) {
    assertEquals(new TextDecoder(label).encoding, 'windows-1252');
  }
  for (const label of ['utf-16', 'ucs-2', 'unicode', 'csunicode'])
    assertEquals(new TextDecoder(label).encoding, 'utf-16le');
  assertEquals(encodingForLabel('sjis'), 'Shift_JIS');
  assertEquals(encodingForLabel('GB2312'), 'GBK');
});

test('TextDecoder: unknown, replacement and unsupported labels are RangeErrors', () => {
  for (const label of [
    '',
    'utf-8\0',
    'utf-7',
    'utf-32',
    '\u00a0utf-8',
    'utf-8\v',
    'replacement',
    'hz-gb-2312',
    'iso-2022-kr',
    'big5',
    'null',
  ]) {
    assertThrows(RangeError, () => new TextDecoder(label));
  }
});

test('TextDecoder.decode: what it takes', () => {
  const decoder = new TextDecoder();
  assertEquals(decoder.decode(), '');
  assertEquals(decoder.decode(undefined), '');
  const buffer = bytes(0x61, 0x62, 0x63, 0x64).buffer;
  assertEquals(decoder.decode(buffer), 'abcd');
  assertEquals(decoder.decode(new Uint16Array(buffer, 2)), 'cd');
  assertEquals(decoder.decode(new DataView(buffer, 1, 2)), 'bc');
  const shared = new Uint8Array(new SharedArrayBuffer(2)).fill(0x7a);
  assertEquals([decoder.decode(shared), decoder.decode(shared.buffer)], ['zz', 'zz']);
  for (const bad of [null, 'abc', [1], {}, 1]) assertThrows(TypeError, () => decoder.decode(bad));
  assertThrows(TypeError, () => decoder.decode(bytes(), 1));
});

test('UTF-8: invalid sequences become U+FFFD, one for each maximal part', () => {
  const cases = [
    [[0xff], '\ufffd'],
    [[0xc0, 0x80], '\ufffd\ufffd'],
    [[0xc3], '\ufffd'],
    [[0xe2, 0x82], '\ufffd'],
    [[0xf0, 0x9f, 0x98], '\ufffd'],
    [[0xe2, 0x82, 0x41], '\ufffdA'],
    [[0xed, 0xa0, 0x80], '\ufffd\ufffd\ufffd'],
    [[0xf4, 0x90, 0x80, 0x80], '\ufffd\ufffd\ufffd\ufffd'],
    [[0xf0, 0x80, 0x80, 0x80], '\ufffd\ufffd\ufffd\ufffd'],
    [[0xe0, 0x80], '\ufffd\ufffd'],
    [[0x80, 0xbf], '\ufffd\ufffd'],
    [[0xf8, 0x88], '\ufffd\ufffd'],
    [[0x41, 0xc3, 0xa9, 0xff, 0x42], 'A\u00e9\ufffdB'],
    [[0xf1, 0x80, 0x41], '\ufffdA'],
  ];
  for (const [input, expected] of cases) {
    assertEquals(decode(input), expected, String(input));
    if (expected.includes('\ufffd')) assertThrows(TypeError, () => decode(input, 'utf-8', { fatal: true }));
    // Cut anywhere, the text must be the same.
    for (let cut = 0; cut <= input.length; cut++) {
      const decoder = new TextDecoder();
      const text =
        decoder.decode(new Uint8Array(input.slice(0, cut)), { stream: true }) +
        decoder.decode(new Uint8Array(input.slice(cut)));
      assertEquals(text, expected, `${input} cut at ${cut}`);
    }
  }
});

test('UTF-8: a byte at a time', () => {
  const text = 'a\u00e9\u20ac\ud83d\ude00z';
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let got = '';
  for (const byte of new TextEncoder().encode(text)) got += decoder.decode(bytes(byte), { stream: true });
  got += decoder.decode();
  assertEquals(got, text);
});

test('UTF-8: characters come out as soon as they are complete', () => {
  const decoder = new TextDecoder();
  assertEquals(decoder.decode(bytes(0x61, 0xe2, 0x82), { stream: true }), 'a');
  assertEquals(decoder.decode(bytes(0xac, 0x62), { stream: true }), '\u20acb');
  assertEquals(decoder.decode(bytes(0xe2), { stream: true }), '');
  assertEquals(decoder.decode(bytes(0x41), { stream: true }), '\ufffdA');
  assertEquals(decoder.decode(bytes(0xf0, 0x90), { stream: true }), '');
  assertEquals(decoder.decode(), '\ufffd');
});

test('the BOM: removed once at the beginning, unless ignoreBOM', () => {
  const bom = [0xef, 0xbb, 0xbf];
  assertEquals(decode([...bom, 0x61]), 'a');
  assertEquals(decode([...bom, ...bom, 0x61]), '\ufeffa');
  assertEquals(decode([0x61, ...bom]), 'a\ufeff');
  assertEquals(decode([...bom, 0x61], 'utf-8', { ignoreBOM: true }), '\ufeffa');
  assertEquals(decode([0xff, 0xfe, 0x61, 0], 'utf-16le'), 'a');
  assertEquals(decode([0xfe, 0xff, 0, 0x61], 'utf-16be'), 'a');
  assertEquals(decode([0xfe, 0xff, 0, 0x61], 'utf-16be', { ignoreBOM: true }), '\ufeffa');
  assertEquals(decode([0xff, 0xfe], 'utf-16be'), '\ufffe');
  const decoder = new TextDecoder();
  assertEquals([0xef, 0xbb, 0xbf, 0x61].map((b) => decoder.decode(bytes(b), { stream: true })).join(''), 'a');
  assertEquals(decoder.decode(bytes(...bom, 0x62)), '\ufeffb');
  assertEquals(decoder.decode(bytes(...bom, 0x62)), 'b');
});

test('a decoder starts anew after decode without stream, also after an error', () => {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  assertEquals(decoder.decode(bytes(0xe2, 0x82), { stream: true }), '');
  assertThrows(TypeError, () => decoder.decode());
  assertEquals(decoder.decode(bytes(0x61)), 'a');
  assertThrows(TypeError, () => decoder.decode(bytes(0xff)));
  assertEquals(decoder.decode(bytes(0xe2, 0x82, 0xac)), '\u20ac');
});

test('UTF-16: surrogates, odd lengths and streaming', () => {
  assertEquals(decode([0x3d, 0xd8, 0x00, 0xde], 'utf-16le'), '\ud83d\ude00');
  assertEquals(decode([0xd8, 0x3d, 0xde, 0x00], 'utf-16be'), '\ud83d\ude00');
  assertEquals(decode([0x3d, 0xd8], 'utf-16le'), '\ufffd');
  assertEquals(decode([0x00, 0xde, 0x61, 0], 'utf-16le'), '\ufffda');
  assertEquals(decode([0x3d, 0xd8, 0x61, 0], 'utf-16le'), '\ufffda');
  assertEquals(decode([0x61], 'utf-16le'), '\ufffd');
  assertEquals(decode([0x3d, 0xd8, 0x61], 'utf-16le'), '\ufffd');
  for (const input of [[0x3d, 0xd8], [0x00, 0xde], [0x61]])
    assertThrows(TypeError, () => decode(input, 'utf-16le', { fatal: true }));
  const decoder = new TextDecoder('utf-16le', { fatal: true });
  assertEquals(
    [0x3d, 0xd8, 0x00, 0xde].map((b) => decoder.decode(bytes(b), { stream: true })),
    ['', '', '', '\ud83d\ude00'],
  );
  assertEquals(decoder.decode(bytes(0), { stream: true }), '');
  assertThrows(TypeError, () => decoder.decode(bytes(0, 0)));
});

test('UTF-16: long input', () => {
  const text = 'h\u00e9llo \ud83d\ude00'.repeat(3000);
  const units = new Uint16Array(text.length);
  for (let i = 0; i < text.length; i++) units[i] = text.charCodeAt(i);
  assertEquals(new TextDecoder('utf-16le').decode(units) === text, true);
});

test('windows-1252 and x-user-defined', () => {
  const all = Array.from({ length: 256 }, (_, i) => i);
  const text = decode(all, 'latin1');
  assertEquals(text.length, 256);
  assertEquals(
    [text[0x41], text[0x80], text[0x81], text[0x99], text[0xe9], text[0xff]],
    ['A', '\u20ac', '\x81', '\u2122', '\u00e9', '\u00ff'],
  );
  assertEquals(decode([0x41, 0x80, 0xff], 'x-user-defined'), 'A\uf780\uf7ff');
  assertEquals(decode([0xef, 0xbb, 0xbf], 'latin1'), '\u00ef\u00bb\u00bf');
});

// Streams

async function pass(chunks, transform) {
  const got = [];
  for await (const chunk of ReadableStream.from(chunks).pipeThrough(transform)) got.push(chunk);
  return got;
}

test('TextDecoderStream: characters split over chunks, BOM, empty chunks', async () => {
  assertEquals(
    await pass(
      [bytes(0xef, 0xbb), bytes(0xbf, 0x61), bytes(), bytes(0xe2), bytes(0x82, 0xac).buffer],
      new TextDecoderStream(),
    ),
    ['a', '\u20ac'],
  );
  assertEquals(await pass([bytes(0x61, 0xe2)], new TextDecoderStream()), ['a', '\ufffd']);
  assertEquals(await pass([], new TextDecoderStream()), []);
  assertEquals(await pass([bytes(0x61), bytes(0)], new TextDecoderStream('utf-16le')), ['a']);
});

test('TextDecoderStream: fatal errors, and chunks that are no buffers', async () => {
  await assertRejects(TypeError, pass([bytes(0xff)], new TextDecoderStream('utf-8', { fatal: true })));
  await assertRejects(TypeError, pass([bytes(0xe2)], new TextDecoderStream('utf-8', { fatal: true })));
  for (const bad of [undefined, null, 'a', 3, { length: 1 }, [65]])
    await assertRejects(TypeError, pass([bad], new TextDecoderStream()));
  assertThrows(RangeError, () => new TextDecoderStream('x'));
  const stream = new TextDecoderStream('latin1', { fatal: true, ignoreBOM: true });
  assertEquals([stream.encoding, stream.fatal, stream.ignoreBOM], ['windows-1252', true, true]);
});

test('TextEncoderStream: surrogate pairs split over chunks', async () => {
  const join = async (chunks) => (await pass(chunks, new TextEncoderStream())).flatMap((chunk) => [...chunk]);
  const smile = [0xf0, 0x9f, 0x98, 0x80];
  const bad = [0xef, 0xbf, 0xbd];
  assertEquals(await join(['\ud83d', '\ude00']), smile);
  assertEquals(await join(['a\ud83d', '', '\ude00b']), [0x61, ...smile, 0x62]);
  assertEquals(await join(['\ud83d']), bad);
  assertEquals(await join(['\ud83d', 'a']), [...bad, 0x61]);
  assertEquals(await join(['\ud83d', '\ud83d', '\ude00']), [...bad, ...smile]);
  assertEquals(await join(['\ude00']), bad);
});

test('TextEncoderStream: chunks are converted to strings; empty ones give nothing', async () => {
  assertEquals(await pass(['', ''], new TextEncoderStream()), []);
  assertEquals((await pass([null], new TextEncoderStream()))[0], new TextEncoder().encode('null'));
  assertEquals((await pass([3.14], new TextEncoderStream()))[0], new TextEncoder().encode('3.14'));
  await assertRejects(TypeError, pass([Symbol()], new TextEncoderStream()));
  assertEquals(new TextEncoderStream().encoding, 'utf-8');
});
