// Size functions, getters of `then` and sinks that call back into the stream that is calling them.
// https://streams.spec.whatwg.org/ says in each algorithm what is looked at before and after user code.
import { ReadableStream } from '../../../guest/wapojs/js/streams/readable-stream.js';
import { TransformStream } from '../../../guest/wapojs/js/streams/transform-stream.js';
import { WritableStream } from '../../../guest/wapojs/js/streams/writable-stream.js';
import { assert, assertEquals, assertRejects, assertThrows, delay, flushTasks, test } from './harness.js';

const error1 = new Error('error1');
const error2 = new Error('error2');

async function readAll(stream) {
  const chunks = [];
  const reader = stream.getReader();
  for (let r; !(r = await reader.read()).done;) chunks.push(r.value);
  return chunks;
}

/** A transform stream whose readable side calls `size(transform, controller, calls)` for each chunk. */
function transformWithSize(size, highWaterMark = Infinity) {
  let controller;
  let calls = 0;
  const ts = new TransformStream({ start: (c) => void (controller = c) }, undefined, {
    size() {
      size(ts, controller, ++calls);
      return 1;
    },
    highWaterMark,
  });
  return { ts, controller, calls: () => calls };
}

test('transform: enqueue inside size comes first', async () => {
  const { ts } = transformWithSize((_, controller, calls) => calls === 1 && controller.enqueue('b'));
  const writer = ts.writable.getWriter();
  await Promise.all([writer.write('a'), writer.close()]);
  assertEquals(await readAll(ts.readable), ['b', 'a']);
});

test('transform: terminate inside size; the chunk cannot be read', async () => {
  const { ts } = transformWithSize((_, controller) => controller.terminate());
  await ts.writable.getWriter().write('a');
  assertEquals(await readAll(ts.readable), []);
});

test('transform: error inside size', async () => {
  const { ts } = transformWithSize((_, controller) => controller.error(error1));
  await ts.writable.getWriter().write('a');
  await assertRejects(error1, ts.readable.getReader().read());
});

test('transform: cancel inside size', async () => {
  let cancel;
  const { ts } = transformWithSize((self) => {
    cancel = self.readable.cancel(error1);
  });
  const writer = ts.writable.getWriter();
  await writer.write('a');
  await assertRejects(error1, writer.closed);
  await cancel;
});

test('transform: pipeTo inside size', async () => {
  const got = [];
  let pipe;
  const sink = new WritableStream({ write: (chunk) => void got.push(chunk), close: () => void got.push('close') });
  const { ts, controller } = transformWithSize((self) => {
    pipe ??= self.readable.pipeTo(sink);
  }, 1);
  await delay(0);
  controller.enqueue('a');
  assert(pipe !== undefined);
  controller.enqueue('b');
  await flushTasks();
  assertEquals(got, ['a', 'b']);
  controller.terminate();
  await pipe;
  assertEquals(got, ['a', 'b', 'close']);
});

test('transform: read inside size gets the chunk of the write that waited', async () => {
  let reader;
  let read;
  const { ts, controller, calls } = transformWithSize(() => {
    read = reader.read();
  }, 0);
  reader = ts.readable.getReader();
  let written = false;
  const write = ts.writable
    .getWriter()
    .write('b')
    .then(() => {
      written = true;
    });
  await flushTasks();
  assertEquals(written, false);
  controller.enqueue('a');
  await flushTasks();
  assertEquals([written, calls()], [true, 1]);
  assertEquals(await read, { value: 'b', done: false });
  await write;
});

test('transform: write inside size', async () => {
  let inner;
  let writer;
  const { ts, calls } = transformWithSize((_, __, count) => {
    if (count === 1) inner = writer.write('a');
  });
  writer = ts.writable.getWriter();
  await delay(0);
  const outer = writer.write('b');
  assertEquals(calls(), 1);
  await Promise.all([inner, outer, writer.close()]);
  assertEquals(await readAll(ts.readable), ['b', 'a']);
});

test('transform: a write made by size during enqueue overtakes the chunk', async () => {
  let inner;
  let writer;
  const { ts, controller, calls } = transformWithSize((_, __, count) => {
    if (count === 1) inner = writer.write('a');
  });
  writer = ts.writable.getWriter();
  await delay(0);
  controller.enqueue('b');
  assertEquals(calls(), 2);
  await Promise.all([inner, writer.close()]);
  assertEquals(await readAll(ts.readable), ['a', 'b']);
});

test('transform: close and abort inside size', async () => {
  let close;
  let writer;
  const closing = transformWithSize(() => {
    close = writer.close();
  }, 1);
  writer = closing.ts.writable.getWriter();
  const reader = closing.ts.readable.getReader();
  await delay(0);
  closing.controller.enqueue('a');
  assertEquals((await reader.read()).value, 'a');
  assertEquals((await reader.read()).done, true);
  await close;

  let abort;
  const aborting = transformWithSize((self) => {
    abort = self.writable.abort(error1);
  }, 1);
  const other = aborting.ts.readable.getReader();
  await delay(0);
  aborting.controller.enqueue('a');
  assertEquals((await other.read()).value, 'a');
  await assertRejects(error1, other.read());
  await abort;
});

test('transform: an exception after terminate errors what is left to read', async () => {
  const ts = new TransformStream(
    {
      transform(chunk, controller) {
        controller.enqueue(chunk);
        controller.terminate();
        throw error1;
      },
    },
    undefined,
    { highWaterMark: 1 },
  );
  const write = ts.writable.getWriter().write('a');
  const { closed } = ts.readable.getReader();
  await assertRejects(error1, write);
  await assertRejects(error1, closed);
});

test('transform: an error between close and its end', async () => {
  let controller;
  const ts = new TransformStream({ start: (c) => void (controller = c) });
  const writer = ts.writable.getWriter();
  const reader = ts.readable.getReader();
  const all = [writer.write('a'), writer.close(), reader.closed];
  controller.error(error1);
  for (const promise of all) await assertRejects(error1, promise);
});

test('transform: erroring during a write that waits makes it fail without a call of transform', async () => {
  let controller;
  let calls = 0;
  const transformer = { start: (c) => void (controller = c), transform: () => void calls++ };
  const ts = new TransformStream(transformer, undefined, { highWaterMark: 1 });
  await delay(0);
  controller.enqueue('a');
  const write = ts.writable.getWriter().write('b');
  controller.error(error1);
  await assertRejects(error1, write);
  assertEquals(calls, 0);
});

test('transform: abort of a write that waits takes effect when the chunk is read', async () => {
  const ts = new TransformStream();
  await delay(0);
  const writer = ts.writable.getWriter();
  const write = writer.write(0);
  const abort = writer.abort(error1);
  const read = ts.readable.getReader().read();
  await assertRejects(error1, read);
  await assertRejects(error1, write);
  await abort;
});

test('transform: a cancel that calls controller.error, with a close at the same time', async () => {
  let controller;
  const ts = new TransformStream({
    start: (c) => void (controller = c),
    async cancel() {
      controller.error(error1);
    },
  });
  const cancel = ts.readable.cancel(error2);
  const close = ts.writable.close();
  await assertRejects(error1, cancel);
  await assertRejects(error1, close);
});

test('transform: an abort whose cancel calls controller.error, then a cancel', async () => {
  let controller;
  const ts = new TransformStream({
    start: (c) => void (controller = c),
    async cancel() {
      controller.error(error1);
    },
  });
  await assertRejects(error1, ts.writable.abort(error2));
  await assertRejects(error1, ts.readable.cancel(1));
});

test('transform: the error of controller.error wins over an exception of size and of start', async () => {
  let controller;
  const size = () => {
    controller.error(error1);
    throw error2;
  };
  const start = (c) => {
    controller = c;
    c.enqueue('a');
  };
  assertThrows(error1, () => new TransformStream({ start }, undefined, { size }));
  const ts = new TransformStream({
    async start(c) {
      await flushTasks();
      c.error(error1);
      throw error2;
    },
  });
  await assertRejects(error1, ts.writable.getWriter().write('a'));
  await assertRejects(error1, ts.readable.getReader().read());
});

test('readable: close, error and cancel inside size', async () => {
  const run = (action) => {
    let controller;
    const stream = new ReadableStream(
      { start: (c) => void (controller = c) },
      { size: () => (action(controller, stream), 1), highWaterMark: 5 },
    );
    controller.enqueue('a');
    return stream.getReader();
  };
  assertEquals((await run((c) => c.close()).read()).done, true);
  await assertRejects(error1, run((c) => c.error(error1)).read());
  assertEquals((await run((c, s) => void s.cancel()).read()).done, true);
});

test('writable: size that writes, closes, aborts or errors', async () => {
  const order = [];
  let count = 0;
  let writer = new WritableStream(
    { write: (chunk) => void order.push(chunk) },
    {
      size() {
        if (count++ === 0) writer.write('inner');
        return 1;
      },
    },
  ).getWriter();
  await writer.write('outer');
  assertEquals(order, ['inner', 'outer']);

  let close;
  writer = new WritableStream({}, { size: () => ((close ??= writer.close()), 1) }).getWriter();
  await assertRejects(TypeError, writer.write('a'));
  await close;

  let abort;
  writer = new WritableStream({}, { size: () => ((abort ??= writer.abort(error1)), 1) }).getWriter();
  await assertRejects(error1, writer.write('a'));
  await abort;

  let controller;
  writer = new WritableStream(
    { start: (c) => void (controller = c) },
    { size: () => (controller.error(error1), 1) },
  ).getWriter();
  await assertRejects(error1, writer.write('a'));
});

test('bytes: a getter of `then` sees the state after all reads are filled', async () => {
  let controller;
  const stream = new ReadableStream({ type: 'bytes', start: (c) => void (controller = c) });
  const reader = stream.getReader({ mode: 'byob' });
  const reads = [reader.read(new Uint8Array(1)), reader.read(new Uint8Array(1))];
  let seen;
  Object.defineProperty(Object.prototype, 'then', {
    configurable: true,
    get() {
      seen ??= [controller.byobRequest];
      return undefined;
    },
  });
  controller.enqueue(new Uint8Array([1, 2]));
  delete Object.prototype.then;
  assertEquals(seen, [null]);
  assertEquals((await reads[0]).value, new Uint8Array([1]));
  assertEquals((await reads[1]).value, new Uint8Array([2]));
});

test('pipe: an abort signal that is aborted from inside write', async () => {
  const { AbortController } = await import('../../../guest/wapojs/js/abort.js');
  const controller = new AbortController();
  const got = [];
  const source = new ReadableStream({ pull: (c) => c.enqueue('x') });
  const sink = new WritableStream({
    write(chunk) {
      got.push(chunk);
      if (got.length === 2) controller.abort(error1);
    },
  });
  await assertRejects(error1, source.pipeTo(sink, { signal: controller.signal }));
  assertEquals(got, ['x', 'x']);
});
