// https://streams.spec.whatwg.org/#rs-class and the default reader and controller
import { ReadableStreamDefaultController } from '../../../guest/wapojs/js/streams/readable-default-controller.js';
import {
  ReadableStreamBYOBReader,
  ReadableStreamDefaultReader,
} from '../../../guest/wapojs/js/streams/readable-readers.js';
import { ReadableStream } from '../../../guest/wapojs/js/streams/readable-stream.js';
import { CountQueuingStrategy } from '../../../guest/wapojs/js/streams/strategies.js';
import {
  assert,
  assertEquals,
  assertInterface,
  assertRejects,
  assertSame,
  assertThrows,
  delay,
  flushTasks,
  stateOf,
  test,
} from './harness.js';

const error1 = new Error('error1');

test('ReadableStream: interface shape', () => {
  assertInterface(ReadableStream, 'ReadableStream', {
    attributes: ['locked'],
    methods: { cancel: 0, getReader: 0, pipeThrough: 1, pipeTo: 1, tee: 0, values: 0 },
    statics: { from: 1 },
  });
  assertSame(ReadableStream.prototype[Symbol.asyncIterator], ReadableStream.prototype.values);
  const { enumerable } = Object.getOwnPropertyDescriptor(ReadableStream.prototype, Symbol.asyncIterator);
  assertEquals(enumerable, false);
});

test('ReadableStreamDefaultReader and ReadableStreamDefaultController: interface shape', () => {
  assertInterface(ReadableStreamDefaultReader, 'ReadableStreamDefaultReader', {
    length: 1,
    attributes: ['closed'],
    methods: { read: 0, releaseLock: 0, cancel: 0 },
  });
  assertInterface(ReadableStreamDefaultController, 'ReadableStreamDefaultController', {
    attributes: ['desiredSize'],
    methods: { close: 0, enqueue: 0, error: 0 },
  });
  assertThrows(TypeError, () => new ReadableStreamDefaultController());
});

test('methods that return promises reject, rather than throw, for a foreign this', async () => {
  const { prototype } = ReadableStream;
  for (const receiver of [undefined, null, 1, {}, prototype]) {
    await assertRejects(TypeError, prototype.cancel.call(receiver));
    await assertRejects(TypeError, prototype.pipeTo.call(receiver, {}));
    await assertRejects(TypeError, ReadableStreamDefaultReader.prototype.read.call(receiver));
    await assertRejects(TypeError, ReadableStreamDefaultReader.prototype.cancel.call(receiver));
    assertThrows(TypeError, () => prototype.getReader.call(receiver));
    assertThrows(TypeError, () => prototype.tee.call(receiver));
  }
});

test('the constructor takes no argument, an object, or {} with undefined members', () => {
  new ReadableStream();
  new ReadableStream({});
  new ReadableStream(undefined);
  new ReadableStream({ start: undefined, pull: undefined, cancel: undefined, type: undefined });
  for (const bad of [null, 1, 'x', true, Symbol()]) assertThrows(TypeError, () => new ReadableStream(bad));
});

test('the constructor rejects members that are not functions, and unknown types', () => {
  for (const key of ['start', 'pull', 'cancel']) assertThrows(TypeError, () => new ReadableStream({ [key]: null }));
  for (const type of [null, '', 'byte', 'asdf', { toString: () => 'x' }]) {
    assertThrows(TypeError, () => new ReadableStream({ type }));
  }
});

test('the strategy is converted before the source, members in alphabetical order', () => {
  const order = [];
  const spy = (name) => ({ get: () => (order.push(name), undefined) });
  const source = Object.defineProperties(
    {},
    {
      start: spy('start'),
      pull: spy('pull'),
      cancel: spy('cancel'),
      type: spy('type'),
      autoAllocateChunkSize: spy('auto'),
    },
  );
  const strategy = Object.defineProperties({}, { size: spy('size'), highWaterMark: spy('hwm') });
  new ReadableStream(source, strategy);
  assertEquals(order, ['hwm', 'size', 'auto', 'cancel', 'pull', 'start', 'type']);
});

test('an exception of start is thrown by the constructor', () => {
  assertThrows(
    error1,
    () =>
      new ReadableStream({
        start() {
          throw error1;
        },
      }),
  );
});

test('start is called with the controller, on the source', () => {
  let receiver;
  let args;
  const source = {
    start(...a) {
      receiver = this;
      args = a;
    },
  };
  new ReadableStream(source);
  assertSame(receiver, source);
  assertEquals(args.length, 1);
  assert(args[0] instanceof ReadableStreamDefaultController);
});

test('a rejection of start errors the stream', async () => {
  const reader = new ReadableStream({ start: () => Promise.reject(error1) }).getReader();
  await assertRejects(error1, reader.closed);
  await assertRejects(error1, reader.read());
});

test('chunks are read in order, then done', async () => {
  const reader = new ReadableStream({
    start(c) {
      c.enqueue('a');
      c.enqueue(undefined);
      c.close();
    },
  }).getReader();
  const first = await reader.read();
  assertEquals(first, { value: 'a', done: false });
  assertSame(Object.getPrototypeOf(first), Object.prototype);
  assertEquals(Object.keys(first), ['value', 'done']);
  assertEquals(await reader.read(), { value: undefined, done: false });
  assertEquals(await reader.read(), { value: undefined, done: true });
  await reader.closed;
});

test('reads before chunks are answered in order', async () => {
  let controller;
  const reader = new ReadableStream({
    start(c) {
      controller = c;
    },
  }).getReader();
  const reads = [reader.read(), reader.read(), reader.read()];
  controller.enqueue(1);
  controller.enqueue(2);
  controller.close();
  assertEquals(await Promise.all(reads), [
    { value: 1, done: false },
    { value: 2, done: false },
    { value: undefined, done: true },
  ]);
});

test('pull is called after start, and again only when the last pull has ended', async () => {
  let pulls = 0;
  let endPull;
  const stream = new ReadableStream(
    {
      pull() {
        pulls++;
        return new Promise((resolve) => {
          endPull = resolve;
        });
      },
    },
    { highWaterMark: 2 },
  );
  assertEquals(pulls, 0);
  await flushTasks();
  assertEquals(pulls, 1);
  const reader = stream.getReader();
  reader.read();
  reader.read();
  await flushTasks();
  assertEquals(pulls, 1);
  endPull();
  await flushTasks();
  assertEquals(pulls, 2);
});

test('pull is called until the high-water mark is reached, then for each read', async () => {
  let pulls = 0;
  const stream = new ReadableStream(
    {
      pull(c) {
        pulls++;
        c.enqueue(pulls);
      },
    },
    { highWaterMark: 3 },
  );
  await flushTasks();
  assertEquals(pulls, 3);
  await stream.getReader().read();
  await flushTasks();
  assertEquals(pulls, 4);
});

test('pull is not called with a high-water mark of 0 before a read', async () => {
  let pulls = 0;
  const stream = new ReadableStream(
    {
      pull(c) {
        pulls++;
        c.enqueue(1);
      },
    },
    { highWaterMark: 0 },
  );
  await flushTasks();
  assertEquals(pulls, 0);
  await stream.getReader().read();
  assertEquals(pulls, 1);
});

test('an exception or rejection of pull errors the stream', async () => {
  for (const pull of [
    () => {
      throw error1;
    },
    () => Promise.reject(error1),
  ]) {
    const reader = new ReadableStream({ pull }).getReader();
    await assertRejects(error1, reader.read());
    await assertRejects(error1, reader.closed);
  }
});

test('pull may return any thenable', async () => {
  let pulls = 0;
  let end;
  new ReadableStream(
    {
      pull(c) {
        pulls++;
        c.enqueue(1);
        return {
          then(resolve) {
            end = resolve;
          },
        };
      },
    },
    { highWaterMark: 3 },
  );
  await flushTasks();
  assertEquals(pulls, 1);
  end();
  await flushTasks();
  assertEquals(pulls, 2);
});

test('desiredSize follows the queue; 0 when closed, null when errored', () => {
  let controller;
  new ReadableStream(
    {
      start(c) {
        controller = c;
      },
    },
    { highWaterMark: 2 },
  );
  assertEquals(controller.desiredSize, 2);
  controller.enqueue('x');
  assertEquals(controller.desiredSize, 1);
  controller.enqueue('x');
  controller.enqueue('x');
  assertEquals(controller.desiredSize, -1);
  controller.error(error1);
  assertEquals(controller.desiredSize, null);
  new ReadableStream({
    start(c) {
      controller = c;
    },
  });
  controller.close();
  assertEquals(controller.desiredSize, 0);
});

test('a size function decides what a chunk counts', () => {
  let controller;
  new ReadableStream(
    {
      start(c) {
        controller = c;
      },
    },
    { highWaterMark: 10, size: (chunk) => chunk.length },
  );
  controller.enqueue('abc');
  controller.enqueue('');
  assertEquals(controller.desiredSize, 7);
});

test('size is called without a receiver, with the chunk', () => {
  let seen;
  const stream = new ReadableStream(
    {
      start(c) {
        c.enqueue('x');
      },
    },
    {
      size(...args) {
        seen = [this, args];
        return 1;
      },
    },
  );
  assertEquals(seen, [undefined, ['x']]);
  assert(stream);
});

test('an exception of size errors the stream and is thrown by enqueue', async () => {
  let thrown;
  const stream = new ReadableStream(
    {
      start(c) {
        try {
          c.enqueue('x');
        } catch (e) {
          thrown = e;
        }
      },
    },
    {
      size() {
        throw error1;
      },
      highWaterMark: 5,
    },
  );
  assertSame(thrown, error1);
  await assertRejects(error1, stream.getReader().closed);
});

test('an impossible size is a RangeError that errors the stream', async () => {
  for (const size of [NaN, -Infinity, Infinity, -1]) {
    let controller;
    const stream = new ReadableStream(
      {
        start(c) {
          controller = c;
        },
      },
      { size: () => size },
    );
    const error = assertThrows(RangeError, () => controller.enqueue('x'));
    await assertRejects(error, stream.getReader().closed);
  }
});

test('an impossible high-water mark is a RangeError; it is converted to a number', () => {
  for (const highWaterMark of [-1, -Infinity, NaN, 'foo', {}]) {
    assertThrows(RangeError, () => new ReadableStream({}, { highWaterMark }));
  }
  new ReadableStream({}, { highWaterMark: Infinity });
  new ReadableStream({}, { highWaterMark: '3' });
  assertThrows(TypeError, () => new ReadableStream({}, { highWaterMark: Symbol() }));
  assertThrows(TypeError, () => new ReadableStream({}, { size: null }));
});

test('enqueue and close after close throw a TypeError, error does nothing', () => {
  let controller;
  new ReadableStream({
    start(c) {
      controller = c;
    },
  });
  controller.enqueue(1);
  controller.close();
  assertThrows(TypeError, () => controller.close());
  assertThrows(TypeError, () => controller.enqueue(2));
  new ReadableStream({
    start(c) {
      controller = c;
    },
  });
  controller.error(error1);
  assertThrows(TypeError, () => controller.close());
  assertThrows(TypeError, () => controller.enqueue(2));
  controller.error(new Error('second'));
});

test('close lets queued chunks be read first', async () => {
  let controller;
  const stream = new ReadableStream({
    start(c) {
      controller = c;
    },
  });
  controller.enqueue('a');
  controller.close();
  const reader = stream.getReader();
  assertEquals(await stateOf(reader.closed), 'pending');
  assertEquals((await reader.read()).value, 'a');
  assertEquals(await stateOf(reader.closed), 'fulfilled');
});

test('error drops queued chunks and rejects pending reads', async () => {
  let controller;
  const stream = new ReadableStream({
    start(c) {
      controller = c;
    },
  });
  controller.enqueue('a');
  controller.error(error1);
  const reader = stream.getReader();
  await assertRejects(error1, reader.read());
  const other = new ReadableStream({
    start(c) {
      controller = c;
    },
  }).getReader();
  const read = other.read();
  controller.error(undefined);
  await assertRejects(undefined, read);
  await assertRejects(undefined, other.closed);
});

test('locked follows getReader and releaseLock; a locked stream refuses', async () => {
  const stream = new ReadableStream();
  assertEquals(stream.locked, false);
  const reader = stream.getReader();
  assertEquals(stream.locked, true);
  assertThrows(TypeError, () => stream.getReader());
  assertThrows(TypeError, () => stream.tee());
  assertThrows(TypeError, () => stream.values());
  assertThrows(TypeError, () => new ReadableStreamDefaultReader(stream));
  await assertRejects(TypeError, stream.cancel());
  reader.releaseLock();
  assertEquals(stream.locked, false);
  stream.getReader();
});

test('releaseLock rejects pending reads and closed, and later use of the reader', async () => {
  const stream = new ReadableStream();
  const reader = stream.getReader();
  const { closed } = reader;
  const read = reader.read();
  reader.releaseLock();
  await assertRejects(TypeError, read);
  await assertRejects(TypeError, closed);
  assertSame(reader.closed, closed);
  await assertRejects(TypeError, reader.read());
  await assertRejects(TypeError, reader.cancel());
  reader.releaseLock();
});

test('closed is replaced when the reader of a closed or errored stream is released', async () => {
  let controller;
  const reader = new ReadableStream({
    start(c) {
      controller = c;
    },
  }).getReader();
  const before = reader.closed;
  controller.close();
  reader.releaseLock();
  assert(before !== reader.closed);
  await before;
  await assertRejects(TypeError, reader.closed);
});

test('a chunk enqueued after releaseLock goes to the next reader', async () => {
  let controller;
  const stream = new ReadableStream({
    start(c) {
      controller = c;
    },
  });
  const first = stream.getReader();
  const lost = first.read();
  first.releaseLock();
  controller.enqueue('x');
  await assertRejects(TypeError, lost);
  assertEquals((await stream.getReader().read()).value, 'x');
});

test('getReader checks its options', () => {
  const stream = new ReadableStream();
  for (const mode of ['', 'default', null, 1]) assertThrows(TypeError, () => stream.getReader({ mode }));
  assertThrows(TypeError, () => stream.getReader(1));
  assertThrows(TypeError, () => stream.getReader({ mode: 'byob' }));
  assert(stream.getReader(null) instanceof ReadableStreamDefaultReader);
  assertThrows(TypeError, () => new ReadableStreamDefaultReader({}));
  assertThrows(TypeError, () => new ReadableStreamDefaultReader());
  assertThrows(TypeError, () => new ReadableStreamBYOBReader(new ReadableStream()));
});

test('cancel calls the source once, with the reason, and resolves with undefined', async () => {
  const reasons = [];
  const source = {
    cancel(reason) {
      assertSame(this, source);
      reasons.push(reason);
      return 'ignored';
    },
  };
  const stream = new ReadableStream(source);
  assertEquals(await stream.cancel(error1), undefined);
  assertEquals(await stream.cancel('again'), undefined);
  assertEquals(reasons.length, 1);
  assertSame(reasons[0], error1);
});

test('cancel closes at once, drops the queue and answers pending reads', async () => {
  let controller;
  const stream = new ReadableStream({
    start(c) {
      controller = c;
      c.enqueue('a');
    },
  });
  const reader = stream.getReader();
  await reader.read();
  const read = reader.read();
  let ended = false;
  const cancelled = reader.cancel().then(() => {
    ended = true;
  });
  assertEquals(await read, { value: undefined, done: true });
  await cancelled;
  assert(ended);
  assertThrows(TypeError, () => controller.enqueue('b'));
  assertEquals(await reader.read(), { value: undefined, done: true });
});

test('cancel rejects with what the source throws, but the stream is closed', async () => {
  for (const cancel of [
    () => {
      throw error1;
    },
    () => Promise.reject(error1),
  ]) {
    const stream = new ReadableStream({ cancel });
    await assertRejects(error1, stream.cancel());
    await stream.getReader().closed;
  }
});

test('cancel of an errored stream rejects with the error, of a closed one resolves', async () => {
  await assertRejects(
    error1,
    new ReadableStream({
      start(c) {
        c.error(error1);
      },
    }).cancel('x'),
  );
  assertEquals(
    await new ReadableStream({
      start(c) {
        c.close();
      },
    }).cancel('x'),
    undefined,
  );
});

test('cancel does not wait for a pull under way', async () => {
  const stream = new ReadableStream({ pull: () => new Promise(() => {}) });
  await delay(0);
  await stream.cancel();
});

test('no pull after cancel, close or error', async () => {
  let pulls = 0;
  let controller;
  const stream = new ReadableStream({
    start(c) {
      controller = c;
    },
    pull() {
      pulls++;
    },
  });
  controller.close();
  await flushTasks();
  assertEquals(pulls, 0);
  await stream.cancel();
});

test('a reader of a stream works after user code has replaced promise and stream methods', async () => {
  const { then } = Promise.prototype;
  const { getReader } = ReadableStream.prototype;
  const stream = new ReadableStream({
    start(c) {
      c.enqueue(1);
      c.close();
    },
  });
  const reader = stream.getReader();
  let reads;
  try {
    Promise.prototype.then = () => {
      throw new Error('replaced');
    };
    ReadableStream.prototype.getReader = () => {
      throw new Error('replaced');
    };
    reads = [reader.read(), reader.read()];
  } finally {
    Promise.prototype.then = then;
    ReadableStream.prototype.getReader = getReader;
  }
  assertEquals(await Promise.all(reads), [
    { value: 1, done: false },
    { value: undefined, done: true },
  ]);
});

test('a subclass keeps its prototype', async () => {
  class Mine extends ReadableStream {
    own() {
      return 'own';
    }
  }
  const stream = new Mine({
    start(c) {
      c.enqueue('x');
    },
  });
  assertEquals(stream.own(), 'own');
  assertEquals((await stream.getReader().read()).value, 'x');
});

test('a controller can be used with methods taken off their object only for the right this', () => {
  let controller;
  new ReadableStream({
    start(c) {
      controller = c;
    },
  });
  const { enqueue } = controller;
  assertThrows(TypeError, () => enqueue('x'));
  assertThrows(TypeError, () => enqueue.call({}, 'x'));
  enqueue.call(controller, 'x');
});

test('many chunks pass through the queue in order', async () => {
  const reader = new ReadableStream(
    {
      start(c) {
        for (let i = 0; i < 1000; i++) c.enqueue(i);
        c.close();
      },
    },
    new CountQueuingStrategy({ highWaterMark: 1 }),
  ).getReader();
  for (let i = 0; i < 1000; i++) assertEquals((await reader.read()).value, i);
  assertEquals((await reader.read()).done, true);
});

test('a read inside the size function does not lose chunks', async () => {
  let controller;
  const reads = [];
  const stream = new ReadableStream(
    {
      start(c) {
        controller = c;
      },
    },
    {
      size() {
        reads.push(reader.read());
        return 1;
      },
      highWaterMark: 2,
    },
  );
  const reader = stream.getReader();
  controller.enqueue('a');
  controller.enqueue('b');
  assertEquals((await reads[0]).value, 'b');
  assertEquals((await reader.read()).value, 'a');
});
