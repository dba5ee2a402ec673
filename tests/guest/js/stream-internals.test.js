// guest/wapojs/js/streams/internal.js and deque.js: what the rest of the platform uses
import { Deque } from '../../../guest/wapojs/js/streams/deque.js';
import {
  acquireDefaultReader,
  cancelReader,
  concatBytes,
  createReadableByteStream,
  createReadableStream,
  createTransformStream,
  createWritableStream,
  isClosed,
  isDisturbed,
  isErrored,
  isStreamLocked,
  readAllBytes,
  readChunk,
  releaseReader,
  teeStream,
} from '../../../guest/wapojs/js/streams/internal.js';
import { ReadableStream } from '../../../guest/wapojs/js/streams/readable-stream.js';
import { assert, assertEquals, assertRejects, assertSame, assertThrows, flushTasks, test } from './harness.js';

const error1 = new Error('error1');
const bytes = (...values) => new Uint8Array(values);

test('Deque keeps order while it wraps round and grows', () => {
  const deque = new Deque();
  let next = 0;
  let expected = 0;
  for (let round = 0; round < 200; round++) {
    for (let i = 0; i < (round * 7) % 13; i++) deque.push(next++);
    for (let i = 0; i < (round * 5) % 11 && deque.length > 0; i++) {
      assertEquals(deque.peek(), expected);
      assertEquals(deque.shift(), expected++);
    }
  }
  assertEquals(deque.length, next - expected);
  deque.clear();
  assertEquals(deque.length, 0);
});

test('createReadableByteStream: pull gets the controller; chunks need no copy', async () => {
  let n = 0;
  const chunk = bytes(1, 2);
  const { stream } = createReadableByteStream({
    pull(c) {
      if (n++ === 0) c.enqueue(chunk);
      else c.close();
    },
  });
  const reader = stream.getReader();
  assertSame((await reader.read()).value, chunk);
  assertEquals((await reader.read()).done, true);
});

test('createReadableByteStream: an internal stream can be read with BYOB', async () => {
  const { stream, controller } = createReadableByteStream({});
  controller.enqueue(bytes(1, 2, 3));
  const reader = stream.getReader({ mode: 'byob' });
  assertEquals((await reader.read(new Uint8Array(2))).value, bytes(1, 2));
  assertEquals((await reader.read(new Uint8Array(2))).value, bytes(3));
});

test('createReadableStream and createWritableStream', async () => {
  const got = [];
  const { stream, controller } = createReadableStream({ cancel() {} });
  const { stream: sink } = createWritableStream({
    write(chunk) {
      got.push(chunk);
    },
    close() {
      got.push('end');
    },
  });
  controller.enqueue('a');
  controller.close();
  await stream.pipeTo(sink);
  assertEquals(got, ['a', 'end']);
});

test('createTransformStream: transform, flush and cancel', async () => {
  const { readable, writable } = createTransformStream({
    transform(chunk, c) {
      c.enqueue(chunk * 2);
    },
    flush(c) {
      c.enqueue('end');
    },
  });
  const writer = writable.getWriter();
  writer.write(1);
  writer.close();
  const got = [];
  for await (const chunk of readable) got.push(chunk);
  assertEquals(got, [2, 'end']);
});

test('isDisturbed, isStreamLocked, isClosed and isErrored look without touching', async () => {
  const { stream, controller } = createReadableByteStream({});
  assertEquals(
    [isDisturbed(stream), isStreamLocked(stream), isClosed(stream), isErrored(stream)],
    [false, false, false, false],
  );
  const reader = stream.getReader();
  assertEquals([isDisturbed(stream), isStreamLocked(stream)], [false, true]);
  reader.read().catch(() => {});
  assertEquals(isDisturbed(stream), true);
  controller.error(error1);
  assertEquals(isErrored(stream), true);
  assertThrows(TypeError, () => isDisturbed({}));
});

test('readChunk answers at once when a chunk is there', () => {
  const { stream, controller } = createReadableByteStream({});
  controller.enqueue(bytes(1));
  const reader = acquireDefaultReader(stream);
  assertThrows(TypeError, () => acquireDefaultReader(stream));
  const got = [];
  const request = { chunk: (c) => got.push(c), close: () => got.push('close'), error: (e) => got.push(e) };
  readChunk(reader, request);
  assertEquals(got, [bytes(1)]);
  readChunk(reader, request);
  assertEquals(got.length, 1);
  controller.close();
  assertEquals(got[1], 'close');
  releaseReader(reader);
  assertEquals(stream.locked, false);
});

test('cancelReader cancels the source', async () => {
  let reason;
  const { stream } = createReadableByteStream({
    cancel(r) {
      reason = r;
    },
  });
  await cancelReader(acquireDefaultReader(stream), 'why');
  assertEquals(reason, 'why');
});

test('readAllBytes: empty, one chunk without a copy, many, sync and async sources', async () => {
  assertEquals(
    await readAllBytes(
      new ReadableStream({
        start(c) {
          c.close();
        },
      }),
    ),
    bytes(),
  );
  const chunk = bytes(1, 2);
  const { stream, controller } = createReadableByteStream({});
  controller.enqueue(chunk);
  controller.close();
  assertSame(await readAllBytes(stream), chunk);
  let n = 0;
  const many = createReadableByteStream({
    pull(c) {
      if (n < 300) c.enqueue(bytes(n++ & 255));
      else c.close();
    },
  }).stream;
  const all = await readAllBytes(many);
  assertEquals([all.length, all[299]], [300, 299 & 255]);
  const slow = ReadableStream.from(
    (async function* () {
      yield bytes(1);
      await flushTasks();
      yield bytes(2);
    })(),
  );
  assertEquals(await readAllBytes(slow), bytes(1, 2));
});

test('readAllBytes does not overflow the stack on a long queue', async () => {
  const { stream, controller } = createReadableByteStream({});
  for (let i = 0; i < 20000; i++) controller.enqueue(bytes(1));
  controller.close();
  assertEquals((await readAllBytes(stream)).length, 20000);
});

test('readAllBytes rejects for errors, locked streams, and chunks that are no Uint8Array', async () => {
  await assertRejects(
    error1,
    readAllBytes(
      new ReadableStream({
        start(c) {
          c.error(error1);
        },
      }),
    ),
  );
  const locked = new ReadableStream();
  locked.getReader();
  await assertRejects(TypeError, readAllBytes(locked));
  let cancelled = false;
  await assertRejects(
    TypeError,
    readAllBytes(
      new ReadableStream({
        start(c) {
          c.enqueue('text');
        },
        cancel() {
          cancelled = true;
        },
      }),
    ),
  );
  assert(cancelled);
});

test('concatBytes joins', () => {
  assertEquals(concatBytes([bytes(1), bytes(), bytes(2, 3)], 3), bytes(1, 2, 3));
  assertEquals(concatBytes([], 0), bytes());
});

test('teeStream with a clone function gives the second branch copies', async () => {
  const chunk = { a: 1 };
  const [a, b] = teeStream(
    new ReadableStream({
      start(c) {
        c.enqueue(chunk);
        c.close();
      },
    }),
    (c) => ({ ...c }),
  );
  assertSame((await a.getReader().read()).value, chunk);
  const copy = (await b.getReader().read()).value;
  assert(copy !== chunk);
  assertEquals(copy, { a: 1 });
});
