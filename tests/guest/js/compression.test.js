// https://compression.spec.whatwg.org/
import { CompressionStream, DecompressionStream } from '../../../guest/wapojs/js/compression.js';
import { assertEquals, assertInterface, assertRejects, assertThrows, test } from './harness.js';

const FORMATS = ['deflate', 'deflate-raw', 'gzip'];

// "expected output" three times, as other implementations write it
const HELLO = {
  deflate: [120, 156, 203, 72, 205, 201, 201, 7, 0, 6, 44, 2, 21],
  'deflate-raw': [203, 72, 205, 201, 201, 7, 0],
  gzip: [31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 203, 72, 205, 201, 201, 7, 0, 134, 166, 16, 54, 5, 0, 0, 0],
};

async function through(stream, ...chunks) {
  const parts = [];
  const reading = (async () => {
    const reader = stream.readable.getReader();
    for (let next; !(next = await reader.read()).done; ) for (const byte of next.value) parts.push(byte);
  })();
  const writer = stream.writable.getWriter();
  const writing = (async () => {
    for (const chunk of chunks) await writer.write(chunk);
    await writer.close();
  })();
  await Promise.all([reading, writing]);
  return parts;
}

const bytes = (...values) => new Uint8Array(values);
const text = (string) => Uint8Array.from(string, (c) => c.charCodeAt(0));

test('interfaces: shape', () => {
  assertInterface(CompressionStream, 'CompressionStream', { length: 1, attributes: ['readable', 'writable'] });
  assertInterface(DecompressionStream, 'DecompressionStream', { length: 1, attributes: ['readable', 'writable'] });
});

test('the format is checked', () => {
  for (const Stream of [CompressionStream, DecompressionStream]) {
    for (const format of ['GZIP', 'a', '', undefined, null, 0]) assertThrows(TypeError, () => new Stream(format));
    assertThrows(TypeError, () => new Stream());
    assertThrows(TypeError, () => Stream('gzip'));
    assertThrows(Error, () => new Stream({ toString() { throw new Error('mine'); } }));
    new Stream({ toString: () => 'gzip' });
  }
});

for (const format of FORMATS) {
  test(`${format}: what others have compressed is decompressed, however it is cut`, async () => {
    const whole = bytes(...HELLO[format]);
    assertEquals(await through(new DecompressionStream(format), whole), [...text('hello')]);
    const cut = [...whole].map((byte) => bytes(byte));
    assertEquals(await through(new DecompressionStream(format), ...cut), [...text('hello')]);
  });

  test(`${format}: what is compressed comes back`, async () => {
    for (const chunks of [[], [bytes()], [text('hello')], [text('a'), bytes(), text('b').buffer, new DataView(text('c').buffer)]]) {
      const plain = chunks.flatMap((c) => [...new Uint8Array(c.buffer ?? c)]);
      const coded = await through(new CompressionStream(format), ...chunks);
      assertEquals(await through(new DecompressionStream(format), Uint8Array.from(coded)), plain);
    }
  });

  test(`${format}: only a view's own bytes are compressed`, async () => {
    const coded = await through(new CompressionStream(format), text('xhellox').subarray(1, 6));
    assertEquals(await through(new DecompressionStream(format), Uint8Array.from(coded)), [...text('hello')]);
  });

  test(`${format}: large data is compressed, and comes back`, async () => {
    const plain = new Uint8Array(300000).map((_, i) => (i * i) >> 7);
    const coded = await through(new CompressionStream(format), plain.subarray(0, 100000), plain.subarray(100000));
    assertEquals(coded.length < plain.length, true);
    const back = await through(new DecompressionStream(format), Uint8Array.from(coded));
    assertEquals(back.length, plain.length);
    assertEquals(back.every((byte, i) => byte === plain[i]), true);
  });

  test(`${format}: what ends too early is an error`, async () => {
    const cut = bytes(...HELLO[format].slice(0, -1));
    await assertRejects(TypeError, through(new DecompressionStream(format), cut));
    await assertRejects(TypeError, through(new DecompressionStream(format)));
  });

  test(`${format}: what follows the end is an error`, async () => {
    await assertRejects(TypeError, through(new DecompressionStream(format), bytes(...HELLO[format], 0)));
    await assertRejects(TypeError, through(new DecompressionStream(format), bytes(...HELLO[format]), bytes(0)));
  });

  test(`${format}: what is no such data is an error`, async () => {
    await assertRejects(TypeError, through(new DecompressionStream(format), bytes(255, 255, 255, 255)));
  });
}

test('checksums and sizes are checked', async () => {
  for (const [format, from] of [['deflate', 9], ['gzip', 17]]) {
    for (let at = from; at < HELLO[format].length; at++) {
      const wrong = bytes(...HELLO[format]);
      wrong[at] ^= 1;
      await assertRejects(TypeError, through(new DecompressionStream(format), wrong));
    }
  }
});

test('a chunk that is no buffer is an error for both sides', async () => {
  for (const Stream of [CompressionStream, DecompressionStream]) {
    for (const chunk of [undefined, null, 3.14, {}, 'a', [0], new SharedArrayBuffer(8)]) {
      const stream = new Stream('gzip');
      const reader = stream.readable.getReader();
      const writer = stream.writable.getWriter();
      const write = writer.write(chunk);
      const read = reader.read();
      await assertRejects(TypeError, write);
      await assertRejects(TypeError, read);
    }
  }
});

test('many streams after one another', async () => {
  for (let i = 0; i < 100; i++) {
    const stream = new CompressionStream('gzip');
    const writer = stream.writable.getWriter();
    if (i % 3 === 0) await through({ readable: stream.readable, writable: { getWriter: () => writer } }, text('x'));
    else {
      const reading = stream.readable.cancel('enough');
      await writer.write(text('x')).catch(() => {});
      await reading;
    }
  }
});
