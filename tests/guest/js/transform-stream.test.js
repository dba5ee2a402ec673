// https://streams.spec.whatwg.org/#ts-class
import { ReadableStream } from '../../../guest/wapojs/js/streams/readable-stream.js';
import {
  TransformStream,
  TransformStreamDefaultController,
} from '../../../guest/wapojs/js/streams/transform-stream.js';
import { WritableStream } from '../../../guest/wapojs/js/streams/writable-stream.js';
import {
  assert,
  assertEquals,
  assertInterface,
  assertRejects,
  assertSame,
  assertThrows,
  flushTasks,
  stateOf,
  test,
} from './harness.js';

const error1 = new Error('error1');
const error2 = new Error('error2');

test('interfaces: shape', () => {
  assertInterface(TransformStream, 'TransformStream', { attributes: ['readable', 'writable'] });
  assertInterface(TransformStreamDefaultController, 'TransformStreamDefaultController', {
    attributes: ['desiredSize'],
    methods: { enqueue: 0, error: 0, terminate: 0 },
  });
});

test('the constructor checks its arguments', () => {
  new TransformStream();
  new TransformStream({});
  for (const bad of [null, 1]) assertThrows(TypeError, () => new TransformStream(bad));
  assertThrows(RangeError, () => new TransformStream({ readableType: 'bytes' }));
  assertThrows(RangeError, () => new TransformStream({ writableType: '' }));
  for (const key of ['start', 'transform', 'flush', 'cancel'])
    assertThrows(TypeError, () => new TransformStream({ [key]: 1 }));
  assertThrows(
    error1,
    () =>
      new TransformStream({
        start() {
          throw error1;
        },
      }),
  );
  assertThrows(RangeError, () => new TransformStream({}, { highWaterMark: -1 }));
  assertThrows(RangeError, () => new TransformStream({}, undefined, { highWaterMark: NaN }));
});

test('the sides are real streams and always the same', () => {
  const ts = new TransformStream();
  assert(ts.readable instanceof ReadableStream && ts.writable instanceof WritableStream);
  assertSame(ts.readable, ts.readable);
  assertSame(ts.writable, ts.writable);
});

test('by default the writable side wants one chunk, the readable side none', async () => {
  const ts = new TransformStream();
  const writer = ts.writable.getWriter();
  assertEquals(writer.desiredSize, 1);
  const write = writer.write('a');
  assertEquals(writer.desiredSize, 0);
  await flushTasks();
  assertEquals(await stateOf(write), 'pending');
  assertEquals(await ts.readable.getReader().read(), { value: 'a', done: false });
  await write;
});

test('an identity transform passes chunks and the end', async () => {
  const ts = new TransformStream();
  const writer = ts.writable.getWriter();
  const reader = ts.readable.getReader();
  writer.write('a');
  writer.write('b');
  const close = writer.close();
  assertEquals((await reader.read()).value, 'a');
  assertEquals((await reader.read()).value, 'b');
  assertEquals((await reader.read()).done, true);
  await close;
});

test('transform is called on the transformer with chunk and controller; it may enqueue any number', async () => {
  const transformer = {
    transform(chunk, controller) {
      assertSame(this, transformer);
      assert(controller instanceof TransformStreamDefaultController);
      for (const c of chunk) controller.enqueue(c);
    },
    flush(controller) {
      assertSame(this, transformer);
      controller.enqueue('end');
    },
  };
  const ts = new TransformStream(transformer);
  const writer = ts.writable.getWriter();
  writer.write('ab');
  writer.write('');
  writer.close();
  const got = [];
  for await (const chunk of ts.readable) got.push(chunk);
  assertEquals(got, ['a', 'b', 'end']);
});

test('transform is not called before start has ended', async () => {
  let resolve;
  let called = false;
  const ts = new TransformStream(
    {
      start: () =>
        new Promise((r) => {
          resolve = r;
        }),
      transform() {
        called = true;
      },
    },
    undefined,
    { highWaterMark: 1 },
  );
  ts.writable.getWriter().write('a');
  await flushTasks();
  assertEquals(called, false);
  resolve();
  await flushTasks();
  assertEquals(called, true);
});

test('the next transform waits for the promise of the last', async () => {
  const order = [];
  const ts = new TransformStream(
    {
      async transform(chunk, controller) {
        order.push(`begin ${chunk}`);
        await flushTasks();
        controller.enqueue(chunk);
        order.push(`end ${chunk}`);
      },
    },
    undefined,
    { highWaterMark: 5 },
  );
  const writer = ts.writable.getWriter();
  await Promise.all([writer.write(1), writer.write(2)]);
  assertEquals(order, ['begin 1', 'end 1', 'begin 2', 'end 2']);
});

test('an error in transform errors both sides', async () => {
  for (const transform of [
    () => {
      throw error1;
    },
    () => Promise.reject(error1),
  ]) {
    const ts = new TransformStream({ transform }, undefined, { highWaterMark: 1 });
    const writer = ts.writable.getWriter();
    const reader = ts.readable.getReader();
    await assertRejects(error1, writer.write('a'));
    await assertRejects(error1, writer.closed);
    await assertRejects(error1, reader.read());
    await assertRejects(error1, reader.closed);
  }
});

test('an error in flush errors both sides', async () => {
  const ts = new TransformStream({
    flush() {
      throw error1;
    },
  });
  const writer = ts.writable.getWriter();
  await assertRejects(error1, writer.close());
  await assertRejects(error1, ts.readable.getReader().closed);
});

test('a rejection of start errors both sides', async () => {
  const ts = new TransformStream({ start: () => Promise.reject(error1) });
  await assertRejects(error1, ts.writable.getWriter().closed);
  await assertRejects(error1, ts.readable.getReader().closed);
});

test('controller.error errors both sides, and enqueue throws afterwards', async () => {
  let controller;
  const ts = new TransformStream({
    start(c) {
      controller = c;
    },
  });
  controller.error(error1);
  assertThrows(TypeError, () => controller.enqueue('x'));
  assertEquals(controller.desiredSize, null);
  await assertRejects(error1, ts.writable.getWriter().closed);
  await assertRejects(error1, ts.readable.getReader().closed);
});

test('terminate closes the readable side and errors the writable side with a TypeError', async () => {
  let controller;
  const ts = new TransformStream(
    {
      start(c) {
        controller = c;
      },
    },
    undefined,
    { highWaterMark: 1 },
  );
  controller.enqueue('last');
  controller.terminate();
  assertThrows(TypeError, () => controller.enqueue('x'));
  const reader = ts.readable.getReader();
  assertEquals((await reader.read()).value, 'last');
  assertEquals((await reader.read()).done, true);
  await assertRejects(TypeError, ts.writable.getWriter().closed);
});

test('enqueue in start is readable, and respects the readable strategy', async () => {
  let size;
  const ts = new TransformStream(
    {
      start(c) {
        c.enqueue('a');
        size = c.desiredSize;
      },
    },
    undefined,
    { highWaterMark: 4, size: () => 3 },
  );
  assertEquals(size, 1);
  assertEquals((await ts.readable.getReader().read()).value, 'a');
});

test('an exception of the readable size function errors both sides', async () => {
  const ts = new TransformStream({}, undefined, {
    size() {
      throw error1;
    },
    highWaterMark: 1,
  });
  const writer = ts.writable.getWriter();
  await assertRejects(error1, writer.write('a'));
  await assertRejects(error1, ts.readable.getReader().closed);
});

test('cancel calls the transformer, errors the writable side with the reason', async () => {
  let reason;
  const ts = new TransformStream({
    cancel(r) {
      reason = r;
    },
  });
  const writer = ts.writable.getWriter();
  assertEquals(await ts.readable.cancel(error1), undefined);
  assertSame(reason, error1);
  await assertRejects(error1, writer.closed);
});

test('a failing cancel rejects, and errors the writable side with its error', async () => {
  const ts = new TransformStream({
    cancel() {
      throw error2;
    },
  });
  const writer = ts.writable.getWriter();
  await assertRejects(error2, ts.readable.cancel(error1));
  await assertRejects(error2, writer.closed);
});

test('abort calls cancel of the transformer and errors the readable side with the reason', async () => {
  let reason;
  const ts = new TransformStream({
    cancel(r) {
      reason = r;
    },
  });
  const reader = ts.readable.getReader();
  await ts.writable.abort(error1);
  assertSame(reason, error1);
  await assertRejects(error1, reader.closed);
});

test('cancel is called at most once, and not after flush has begun', async () => {
  let cancels = 0;
  const ts = new TransformStream({
    cancel() {
      cancels++;
    },
  });
  const abort = ts.writable.abort(error1);
  const cancel = ts.readable.cancel(error2);
  await Promise.allSettled([abort, cancel]);
  assertEquals(cancels, 1);
  const flushing = new TransformStream({
    flush: () => flushTasks(),
    cancel() {
      cancels++;
    },
  });
  const close = flushing.writable.close();
  await Promise.resolve();
  await Promise.allSettled([close, flushing.readable.cancel(error1)]);
  assertEquals(cancels, 1);
});

test('a write that waits for the reader rejects when the readable side is cancelled', async () => {
  const ts = new TransformStream();
  const writer = ts.writable.getWriter();
  const write = writer.write('a');
  await flushTasks();
  await ts.readable.cancel(error1);
  await assertRejects(error1, write);
});

test('a pipe through two transforms keeps order and applies backpressure', async () => {
  let produced = 0;
  const source = new ReadableStream(
    {
      pull(c) {
        c.enqueue(produced++);
      },
    },
    { highWaterMark: 0 },
  );
  const plusOne = () =>
    new TransformStream({
      transform(x, c) {
        c.enqueue(x + 1);
      },
    });
  const reader = source.pipeThrough(plusOne()).pipeThrough(plusOne()).getReader();
  await flushTasks();
  const ahead = produced;
  assert(ahead <= 3, `read ${ahead} chunks ahead`);
  for (let i = 0; i < 100; i++) assertEquals((await reader.read()).value, i + 2);
});
