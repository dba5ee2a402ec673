// https://streams.spec.whatwg.org/#abstract-opdef-readablestreamtee
import { ReadableStream } from '../../../guest/wapojs/js/streams/readable-stream.js';
import { assert, assertEquals, assertRejects, assertSame, flushTasks, stateOf, test } from './harness.js';

const error1 = new Error('error1');

async function readAll(stream) {
  const chunks = [];
  const reader = stream.getReader();
  for (let r; !(r = await reader.read()).done;) chunks.push(r.value);
  return chunks;
}

test('both branches get all chunks, and the original is locked', async () => {
  const stream = new ReadableStream({
    start(c) {
      c.enqueue('a');
      c.enqueue('b');
      c.close();
    },
  });
  const branches = stream.tee();
  assert(Array.isArray(branches));
  assertEquals(branches.length, 2);
  assert(branches[0] instanceof ReadableStream && branches[1] instanceof ReadableStream);
  assert(stream.locked);
  assertEquals(await Promise.all(branches.map(readAll)), [
    ['a', 'b'],
    ['a', 'b'],
  ]);
});

test('chunks of a default stream are shared, not cloned', async () => {
  const chunk = {};
  const [a, b] = new ReadableStream({
    start(c) {
      c.enqueue(chunk);
    },
  }).tee();
  assertSame((await a.getReader().read()).value, chunk);
  assertSame((await b.getReader().read()).value, chunk);
});

test('an error reaches both branches after the chunks before it', async () => {
  let controller;
  const [a, b] = new ReadableStream({
    start(c) {
      controller = c;
    },
  }).tee();
  const [ra, rb] = [a.getReader(), b.getReader()];
  const read = ra.read();
  controller.enqueue('x');
  assertEquals((await read).value, 'x');
  assertEquals((await rb.read()).value, 'x');
  controller.error(error1);
  await assertRejects(error1, ra.closed);
  await assertRejects(error1, rb.read());
});

test('a stream that is errored already gives errored branches', async () => {
  const [a, b] = new ReadableStream({
    start(c) {
      c.error(error1);
    },
  }).tee();
  await assertRejects(error1, a.getReader().closed);
  await assertRejects(error1, b.getReader().closed);
});

test('cancelling one branch leaves the other; cancelling both cancels the source with both reasons', async () => {
  let reason;
  const [a, b] = new ReadableStream({
    cancel(r) {
      reason = r;
      return 'ignored';
    },
  }).tee();
  const first = a.cancel('one');
  await flushTasks();
  assertEquals(await stateOf(first), 'pending');
  assertEquals(reason, undefined);
  const second = b.cancel('two');
  assertEquals(await first, undefined);
  assertEquals(await second, undefined);
  assertEquals(reason, ['one', 'two']);
});

test('a failing cancel of the source rejects both cancels', async () => {
  const [a, b] = new ReadableStream({
    cancel() {
      throw error1;
    },
  }).tee();
  const both = [a.cancel(), b.cancel()];
  await assertRejects(error1, both[0]);
  await assertRejects(error1, both[1]);
});

test('a cancelled branch ends at once while the other reads on', async () => {
  let controller;
  const [a, b] = new ReadableStream({
    start(c) {
      controller = c;
    },
  }).tee();
  const cancelled = a.cancel();
  const reader = b.getReader();
  const read = reader.read();
  controller.enqueue('x');
  controller.close();
  assertEquals((await read).value, 'x');
  assertEquals((await reader.read()).done, true);
  await cancelled;
});

test('the source is pulled only as the branches want', async () => {
  let pulls = 0;
  const [a] = new ReadableStream(
    {
      pull(c) {
        pulls++;
        c.enqueue(pulls);
      },
    },
    { highWaterMark: 0 },
  ).tee();
  await flushTasks();
  assertEquals(pulls, 1); // each branch keeps one chunk ready
  await a.getReader().read();
  await flushTasks();
  assertEquals(pulls, 2);
});

test('tee of a byte stream: branches are byte streams with buffers of their own', async () => {
  const [a, b] = new ReadableStream({
    type: 'bytes',
    start(c) {
      c.enqueue(new Uint8Array([1, 2, 3]));
      c.close();
    },
  }).tee();
  const first = await a.getReader({ mode: 'byob' }).read(new Uint8Array(2));
  assertEquals(first.value, new Uint8Array([1, 2]));
  const second = await b.getReader().read();
  assertEquals(second.value, new Uint8Array([1, 2]));
  assert(first.value.buffer !== second.value.buffer);
});

test('tee of a byte stream: a BYOB read of a branch reaches the source', async () => {
  const sizes = [];
  const [a, b] = new ReadableStream({
    type: 'bytes',
    pull(c) {
      sizes.push(c.byobRequest.view.byteLength);
      c.byobRequest.view[0] = 6;
      c.byobRequest.respond(1);
    },
  }).tee();
  const { value } = await a.getReader({ mode: 'byob' }).read(new Uint8Array(7));
  assertEquals(value, new Uint8Array([6]));
  assertEquals(sizes, [7]);
  assertEquals((await b.getReader().read()).value, new Uint8Array([6]));
});

test('tee of a byte stream: readers of both kinds may alternate', async () => {
  let n = 0;
  const [a, b] = new ReadableStream({
    type: 'bytes',
    pull(c) {
      c.enqueue(new Uint8Array([++n]));
    },
  }).tee();
  const byob = a.getReader({ mode: 'byob' });
  const plain = b.getReader();
  assertEquals((await byob.read(new Uint8Array(1))).value, new Uint8Array([1]));
  assertEquals((await plain.read()).value, new Uint8Array([1]));
  assertEquals((await plain.read()).value, new Uint8Array([2]));
  assertEquals((await byob.read(new Uint8Array(1))).value, new Uint8Array([2]));
  byob.releaseLock();
  plain.releaseLock();
  const later = [a.cancel(error1), b.cancel(error1)];
  await Promise.all(later);
});

test('tee of a byte stream: closing ends BYOB reads of both branches', async () => {
  let controller;
  const [a, b] = new ReadableStream({
    type: 'bytes',
    start(c) {
      controller = c;
    },
  }).tee();
  const reads = [
    a.getReader({ mode: 'byob' }).read(new Uint8Array(1)),
    b.getReader({ mode: 'byob' }).read(new Uint8Array(1)),
  ];
  await flushTasks();
  controller.close();
  controller.byobRequest?.respond(0);
  const results = await Promise.all(reads);
  assertEquals(
    results.map((r) => [r.done, r.value?.byteLength]),
    [
      [true, 0],
      [true, 0],
    ],
  );
});

test('tee of a byte stream: an error reaches both branches', async () => {
  let controller;
  const [a, b] = new ReadableStream({
    type: 'bytes',
    start(c) {
      controller = c;
    },
  }).tee();
  const [ra, rb] = [a.getReader(), b.getReader({ mode: 'byob' })];
  controller.error(error1);
  await assertRejects(error1, ra.read());
  await assertRejects(error1, rb.closed);
});
