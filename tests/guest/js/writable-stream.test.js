// https://streams.spec.whatwg.org/#ws-class, the writer and the controller
import { WritableStreamDefaultController } from '../../../guest/wapojs/js/streams/writable-controller.js';
import { WritableStream, WritableStreamDefaultWriter } from '../../../guest/wapojs/js/streams/writable-stream.js';
import { AbortSignal } from '../../../guest/wapojs/js/abort.js';
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

function deferred() {
  let resolve;
  let reject;
  const promise = new Promise((a, b) => {
    resolve = a;
    reject = b;
  });
  return { promise, resolve, reject };
}

test('interfaces: shape', () => {
  assertInterface(WritableStream, 'WritableStream', {
    attributes: ['locked'],
    methods: { abort: 0, close: 0, getWriter: 0 },
  });
  assertInterface(WritableStreamDefaultWriter, 'WritableStreamDefaultWriter', {
    length: 1,
    attributes: ['closed', 'desiredSize', 'ready'],
    methods: { abort: 0, close: 0, releaseLock: 0, write: 0 },
  });
  assertInterface(WritableStreamDefaultController, 'WritableStreamDefaultController', {
    attributes: ['signal'],
    methods: { error: 0 },
  });
  assertThrows(TypeError, () => new WritableStreamDefaultController());
});

test('the constructor checks its arguments', () => {
  new WritableStream();
  new WritableStream({});
  for (const bad of [null, 1, 'x']) assertThrows(TypeError, () => new WritableStream(bad));
  assertThrows(RangeError, () => new WritableStream({ type: 'bytes' }));
  assertThrows(RangeError, () => new WritableStream({ type: '' }));
  new WritableStream({ type: undefined });
  for (const key of ['start', 'write', 'close', 'abort'])
    assertThrows(TypeError, () => new WritableStream({ [key]: 1 }));
  for (const highWaterMark of [NaN, -1]) assertThrows(RangeError, () => new WritableStream({}, { highWaterMark }));
  assertThrows(
    error1,
    () =>
      new WritableStream({
        start() {
          throw error1;
        },
      }),
  );
});

test('foreign receivers: promises reject, the rest throws', async () => {
  for (const receiver of [undefined, {}, WritableStream.prototype]) {
    await assertRejects(TypeError, WritableStream.prototype.abort.call(receiver));
    await assertRejects(TypeError, WritableStream.prototype.close.call(receiver));
    await assertRejects(TypeError, WritableStreamDefaultWriter.prototype.write.call(receiver));
    assertThrows(TypeError, () => WritableStream.prototype.getWriter.call(receiver));
  }
});

test('write passes chunks one after the other, with the controller, on the sink', async () => {
  const calls = [];
  const sink = {
    write(chunk, controller) {
      assertSame(this, sink);
      assert(controller instanceof WritableStreamDefaultController);
      calls.push(chunk);
      return flushTasks();
    },
  };
  const writer = new WritableStream(sink).getWriter();
  const writes = [writer.write('a'), writer.write('b')];
  await flushTasks();
  assertEquals(calls, ['a']);
  assertEquals(await Promise.all(writes), [undefined, undefined]);
  assertEquals(calls, ['a', 'b']);
});

test('no write before start has ended', async () => {
  const start = deferred();
  const calls = [];
  const writer = new WritableStream({
    start: () => start.promise,
    write(chunk) {
      calls.push(chunk);
    },
    close() {
      calls.push('close');
    },
  }).getWriter();
  writer.write('a');
  writer.close();
  await flushTasks();
  assertEquals(calls, []);
  start.resolve();
  await flushTasks();
  assertEquals(calls, ['a', 'close']);
});

test('desiredSize and ready follow the queue', async () => {
  const gate = deferred();
  const writer = new WritableStream({ write: () => gate.promise }, { highWaterMark: 2 }).getWriter();
  const { ready } = writer;
  assertEquals(writer.desiredSize, 2);
  await ready;
  writer.write('a');
  assertSame(writer.ready, ready);
  writer.write('b');
  assertEquals(writer.desiredSize, 0);
  const second = writer.ready;
  assert(second !== ready, 'a new promise when backpressure comes');
  assertEquals(await stateOf(second), 'pending');
  gate.resolve();
  await second;
  assertSame(writer.ready, second);
  assertEquals(writer.desiredSize > 0, true);
});

test('the high-water mark is 1 and size 1 by default; a size function counts', () => {
  assertEquals(new WritableStream().getWriter().desiredSize, 1);
  const writer = new WritableStream({}, { highWaterMark: 5, size: (chunk) => chunk.length }).getWriter();
  writer.write('abc');
  assertEquals(writer.desiredSize, 2);
});

test('with a high-water mark of 0 ready stays pending, but writes go through', async () => {
  const writer = new WritableStream({}, { highWaterMark: 0 }).getWriter();
  assertEquals(writer.desiredSize, 0);
  assertEquals(await stateOf(writer.ready), 'pending');
  await writer.write('a');
});

test('an exception of size rejects the write and errors the stream', async () => {
  const writer = new WritableStream(
    {},
    {
      size() {
        throw error1;
      },
      highWaterMark: 3,
    },
  ).getWriter();
  await assertRejects(error1, writer.write('a'));
  await assertRejects(error1, writer.closed);
  await assertRejects(error1, writer.ready);
});

test('an impossible size rejects with a RangeError', async () => {
  for (const size of [NaN, -1, Infinity]) {
    const writer = new WritableStream({}, { size: () => size }).getWriter();
    await assertRejects(RangeError, writer.write('a'));
    await assertRejects(RangeError, writer.closed);
  }
});

test('a failing write errors the stream: later writes, ready and closed reject with it', async () => {
  for (const write of [
    () => {
      throw error1;
    },
    () => Promise.reject(error1),
  ]) {
    const writer = new WritableStream({ write }).getWriter();
    const first = writer.write('a');
    const second = writer.write('b');
    await assertRejects(error1, first);
    await assertRejects(error1, second);
    await assertRejects(error1, writer.closed);
    await assertRejects(error1, writer.ready);
    assertEquals(writer.desiredSize, null);
    await assertRejects(error1, writer.write('c'));
    await assertRejects(TypeError, writer.close());
  }
});

test('close waits for writes, calls the sink without arguments, and fulfils closed', async () => {
  const gate = deferred();
  const calls = [];
  const writer = new WritableStream({
    write: () => gate.promise,
    close(...args) {
      calls.push(args);
    },
  }).getWriter();
  writer.write('a');
  const close = writer.close();
  await flushTasks();
  assertEquals(calls, []);
  assertEquals(await stateOf(writer.closed), 'pending');
  gate.resolve();
  assertEquals(await close, undefined);
  assertEquals(await writer.closed, undefined);
  assertEquals(calls, [[]]);
  assertEquals(writer.desiredSize, 0);
  await writer.ready;
});

test('close resolves a pending ready', async () => {
  const writer = new WritableStream({ write: () => new Promise(() => {}) }).getWriter();
  writer.write('a');
  const { ready } = writer;
  assertEquals(await stateOf(ready), 'pending');
  writer.close();
  await ready;
});

test('write and close while closing or closed reject with a TypeError', async () => {
  const writer = new WritableStream().getWriter();
  const close = writer.close();
  await assertRejects(TypeError, writer.write('a'));
  await assertRejects(TypeError, writer.close());
  await close;
  await assertRejects(TypeError, writer.write('a'));
  await assertRejects(TypeError, writer.close());
});

test('a failing close rejects close and closed', async () => {
  const writer = new WritableStream({
    close() {
      throw error1;
    },
  }).getWriter();
  await assertRejects(error1, writer.close());
  await assertRejects(error1, writer.closed);
});

test('WritableStream.close and abort need an unlocked stream', async () => {
  const stream = new WritableStream();
  const writer = stream.getWriter();
  assertEquals(stream.locked, true);
  assertThrows(TypeError, () => stream.getWriter());
  await assertRejects(TypeError, stream.close());
  await assertRejects(TypeError, stream.abort());
  writer.releaseLock();
  assertEquals(stream.locked, false);
  await stream.close();
  await assertRejects(TypeError, stream.close());
});

test('releaseLock rejects the promises of the writer, but not writes under way', async () => {
  const gate = deferred();
  const stream = new WritableStream({ write: () => gate.promise });
  const writer = stream.getWriter();
  const write = writer.write('a');
  const { closed, ready } = writer;
  writer.releaseLock();
  await assertRejects(TypeError, closed);
  await assertRejects(TypeError, ready);
  await assertRejects(TypeError, writer.write('b'));
  await assertRejects(TypeError, writer.close());
  await assertRejects(TypeError, writer.abort());
  assertThrows(TypeError, () => writer.desiredSize);
  writer.releaseLock();
  gate.resolve();
  await write;
  await stream.getWriter().write('c');
});

test('a size function that releases the lock makes the write reject', async () => {
  const stream = new WritableStream(
    {},
    {
      size() {
        writer.releaseLock();
        return 1;
      },
    },
  );
  const writer = stream.getWriter();
  await assertRejects(TypeError, writer.write('a'));
});

test('abort calls the sink with the reason and errors the stream', async () => {
  const reasons = [];
  const stream = new WritableStream({
    abort(reason) {
      reasons.push(reason);
      return 'ignored';
    },
  });
  const writer = stream.getWriter();
  assertEquals(await writer.abort(error1), undefined);
  assertEquals(reasons.length, 1);
  assertSame(reasons[0], error1);
  await assertRejects(error1, writer.closed);
  await assertRejects(error1, writer.ready);
  await assertRejects(error1, writer.write('a'));
  assertEquals(await writer.abort(error2), undefined);
});

test('abort rejects queued writes at once, waits for the one under way, then calls the sink', async () => {
  const gate = deferred();
  const calls = [];
  const writer = new WritableStream(
    {
      write: () => gate.promise,
      abort() {
        calls.push('abort');
      },
    },
    { highWaterMark: 5 },
  ).getWriter();
  const first = writer.write('a');
  const second = writer.write('b');
  await flushTasks();
  const abort = writer.abort(error1);
  await flushTasks();
  assertEquals(calls, []);
  assertEquals(await stateOf(second), 'pending');
  await assertRejects(error1, writer.ready);
  gate.resolve();
  await first;
  await assertRejects(error1, second);
  await abort;
  assertEquals(calls, ['abort']);
});

test('abort during a failing write: the write rejects with its own error, abort with none', async () => {
  const gate = deferred();
  const writer = new WritableStream({ write: () => gate.promise }).getWriter();
  const write = writer.write('a');
  await flushTasks();
  const abort = writer.abort(error1);
  gate.reject(error2);
  await assertRejects(error2, write);
  await abort;
  await assertRejects(error1, writer.closed);
});

test('abort during a successful close: the close wins', async () => {
  const gate = deferred();
  const writer = new WritableStream({
    close: () => gate.promise,
    abort() {
      throw new Error('not to be called');
    },
  }).getWriter();
  const close = writer.close();
  await flushTasks();
  const abort = writer.abort(error1);
  gate.resolve();
  await close;
  await abort;
  await writer.closed;
  await assertRejects(error1, writer.ready);
});

test('abort while an abort is under way returns the same outcome', async () => {
  const writer = new WritableStream({ write: () => new Promise(() => {}) }).getWriter();
  writer.write('a');
  await flushTasks();
  const abort1 = writer.abort(error1);
  const abort2 = writer.abort(error2);
  assertSame(abort1, abort2);
});

test('a failing abort rejects with the error of the sink; closed has the reason', async () => {
  const writer = new WritableStream({
    abort() {
      throw error2;
    },
  }).getWriter();
  await assertRejects(error2, writer.abort(error1));
  await assertRejects(error1, writer.closed);
});

test('abort before start has ended waits for it', async () => {
  const start = deferred();
  let aborted = false;
  const writer = new WritableStream({
    start: () => start.promise,
    abort() {
      aborted = true;
    },
  }).getWriter();
  const abort = writer.abort(error1);
  await flushTasks();
  assertEquals(aborted, false);
  start.resolve();
  await abort;
  assertEquals(aborted, true);
});

test('abort of a closed or errored stream resolves and does nothing', async () => {
  const closed = new WritableStream();
  await closed.close();
  assertEquals(await closed.abort(), undefined);
  const errored = new WritableStream({
    start(c) {
      c.error(error1);
    },
  });
  await flushTasks();
  assertEquals(await errored.abort(), undefined);
});

test('controller.error errors the stream; again or later it does nothing', async () => {
  let controller;
  const writer = new WritableStream({
    start(c) {
      controller = c;
    },
  }).getWriter();
  controller.error(error1);
  controller.error(error2);
  await assertRejects(error1, writer.closed);
  await assertRejects(error1, writer.ready);
  controller.error(error2);
});

test('controller.signal is aborted by abort, with its reason, before anything else', async () => {
  let controller;
  const events = [];
  const stream = new WritableStream({
    start(c) {
      controller = c;
    },
    abort() {
      events.push('sink');
    },
  });
  assert(controller.signal instanceof AbortSignal);
  assertSame(controller.signal, controller.signal);
  controller.signal.addEventListener('abort', () => events.push('signal'));
  assertEquals(controller.signal.aborted, false);
  const promise = stream.abort(error1);
  assertEquals(events, ['signal']);
  assertSame(controller.signal.reason, error1);
  await promise;
  assertEquals(events, ['signal', 'sink']);
});

test('controller.signal asked for after abort is aborted', async () => {
  let controller;
  const stream = new WritableStream({
    start(c) {
      controller = c;
    },
  });
  await stream.abort(error1);
  assertEquals(controller.signal.aborted, true);
  assertSame(controller.signal.reason, error1);
});

test('controller.signal is not aborted by an error of the stream', async () => {
  let controller;
  new WritableStream({
    start(c) {
      controller = c;
    },
  });
  controller.error(error1);
  await flushTasks();
  assertEquals(controller.signal.aborted, false);
});

test('a rejection of start errors the stream, writes are never made', async () => {
  let writes = 0;
  const writer = new WritableStream({
    start: () => Promise.reject(error1),
    write() {
      writes++;
    },
  }).getWriter();
  await assertRejects(error1, writer.write('a'));
  await assertRejects(
    error1,
    writer.close().catch((e) => {
      throw e instanceof TypeError ? error1 : e;
    }),
  );
  assertEquals(writes, 0);
});

test('a writer acquired on an errored or closed stream has settled promises', async () => {
  const errored = new WritableStream({
    start(c) {
      c.error(error1);
    },
  });
  await flushTasks();
  const writer = errored.getWriter();
  await assertRejects(error1, writer.closed);
  await assertRejects(error1, writer.ready);
  const closed = new WritableStream();
  await closed.close();
  const second = closed.getWriter();
  await second.closed;
  await second.ready;
});

test('a writer acquired while the stream is erroring has a rejected ready and a pending closed', async () => {
  const start = deferred();
  const stream = new WritableStream({
    start: (c) => {
      c.error(error1);
      return start.promise;
    },
  });
  const writer = stream.getWriter();
  await assertRejects(error1, writer.ready);
  assertEquals(await stateOf(writer.closed), 'pending');
  assertEquals(writer.desiredSize, null);
  start.resolve();
  await assertRejects(error1, writer.closed);
});

test('many queued writes arrive in order', async () => {
  const chunks = [];
  const writer = new WritableStream({
    write(chunk) {
      chunks.push(chunk);
    },
  }).getWriter();
  for (let i = 0; i < 500; i++) writer.write(i);
  await writer.close();
  assertEquals(chunks.length, 500);
  assert(chunks.every((chunk, i) => chunk === i));
});
