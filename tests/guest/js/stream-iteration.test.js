// Asynchronous iteration, https://streams.spec.whatwg.org/#rs-asynciterator, and ReadableStream.from
import { ReadableStream } from '../../../guest/wapojs/js/streams/readable-stream.js';
import { assert, assertEquals, assertRejects, assertSame, assertThrows, flushTasks, stateOf, test } from './harness.js';

const error1 = new Error('error1');
const letters = () =>
  new ReadableStream({
    start(c) {
      c.enqueue('a');
      c.enqueue('b');
      c.close();
    },
  });

test('the iterator prototype has the shape that Web IDL gives it', () => {
  const it = letters().values();
  const prototype = Object.getPrototypeOf(it);
  const AsyncIteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}).prototype);
  assertSame(Object.getPrototypeOf(prototype), AsyncIteratorPrototype);
  assertEquals(Object.getOwnPropertyNames(prototype).sort(), ['next', 'return']);
  for (const [name, length] of [
    ['next', 0],
    ['return', 0],
  ]) {
    const { enumerable, writable, configurable, value } = Object.getOwnPropertyDescriptor(prototype, name);
    assertEquals([enumerable, writable, configurable, value.length, value.name], [true, true, true, length, name]);
  }
  assertEquals(prototype[Symbol.toStringTag], 'ReadableStream AsyncIterator');
  assertSame(it[Symbol.asyncIterator](), it);
});

test('for await reads to the end and unlocks the stream', async () => {
  const stream = letters();
  const got = [];
  for await (const chunk of stream) got.push(chunk);
  assertEquals(got, ['a', 'b']);
  assertEquals(stream.locked, false);
  await stream.getReader().closed;
});

test('break cancels the stream, unless preventCancel', async () => {
  for (const preventCancel of [false, true]) {
    let cancelled = false;
    const stream = new ReadableStream({
      start(c) {
        c.enqueue('a');
        c.enqueue('b');
      },
      cancel() {
        cancelled = true;
      },
    });
    for await (const chunk of stream.values({ preventCancel })) {
      assertEquals(chunk, 'a');
      break;
    }
    assertEquals(stream.locked, false);
    assertEquals(cancelled, !preventCancel);
    if (preventCancel) assertEquals((await stream.getReader().read()).value, 'b');
  }
});

test('throwing in the loop cancels the stream', async () => {
  let reason = 'none';
  const stream = new ReadableStream({
    start(c) {
      c.enqueue('a');
    },
    cancel(r) {
      reason = r;
    },
  });
  const loop = async () => {
    for await (const chunk of stream) throw new Error(chunk);
  };
  await assertRejects(Error, loop());
  assertEquals(reason, undefined);
});

test('an error of the stream ends the iteration with it', async () => {
  let controller;
  const stream = new ReadableStream({
    start(c) {
      controller = c;
    },
  });
  const it = stream.values();
  const next = it.next();
  controller.error(error1);
  await assertRejects(error1, next);
  assertEquals(await it.next(), { value: undefined, done: true });
  assertEquals(stream.locked, false);
});

test('next calls before chunks are answered in order', async () => {
  let controller;
  const it = new ReadableStream({
    start(c) {
      controller = c;
    },
  })[Symbol.asyncIterator]();
  const nexts = [it.next(), it.next(), it.next()];
  await flushTasks();
  controller.enqueue(1);
  await flushTasks();
  controller.enqueue(2);
  controller.close();
  assertEquals(await Promise.all(nexts), [
    { value: 1, done: false },
    { value: 2, done: false },
    { value: undefined, done: true },
  ]);
});

test('return waits for next calls under way', async () => {
  let controller;
  let cancelled;
  const it = new ReadableStream({
    start(c) {
      controller = c;
    },
    cancel(r) {
      cancelled = r;
    },
  }).values();
  const next = it.next();
  const returned = it.return('why');
  await flushTasks();
  assertEquals(await stateOf(returned), 'pending');
  controller.enqueue('x');
  assertEquals(await next, { value: 'x', done: false });
  assertEquals(await returned, { value: 'why', done: true });
  assertEquals(cancelled, 'why');
  assertEquals(await it.next(), { value: undefined, done: true });
  assertEquals(await it.return('again'), { value: 'again', done: true });
});

test('return unlocks synchronously with preventCancel', () => {
  const stream = new ReadableStream();
  const it = stream.values({ preventCancel: true });
  it.return();
  assertEquals(stream.locked, false);
});

test('a failing cancel makes return reject', async () => {
  const it = new ReadableStream({
    cancel() {
      throw error1;
    },
  }).values();
  await assertRejects(error1, it.return());
});

test('next and return of a foreign object reject', async () => {
  const it = letters().values();
  for (const receiver of [undefined, null, {}, 1]) {
    await assertRejects(TypeError, it.next.call(receiver));
    await assertRejects(TypeError, it.return.call(receiver));
  }
});

test('values of a locked stream throws', () => {
  const stream = letters();
  stream.values();
  assertThrows(TypeError, () => stream.values());
});

test('next while a reader of the iterator reads synchronously available chunks', async () => {
  const it = letters().values();
  assertEquals(await Promise.all([it.next(), it.next(), it.next(), it.next()]), [
    { value: 'a', done: false },
    { value: 'b', done: false },
    { value: undefined, done: true },
    { value: undefined, done: true },
  ]);
});

// ReadableStream.from: https://streams.spec.whatwg.org/#rs-from

async function collect(stream) {
  const got = [];
  for await (const chunk of stream) got.push(chunk);
  return got;
}

test('from: arrays, strings, sets, generators, async generators, streams', async () => {
  async function* asyncLetters() {
    yield 'a';
    yield 'b';
  }
  function* syncLetters() {
    yield 'a';
    yield Promise.resolve('b');
  }
  for (const source of [
    ['a', 'b'],
    'ab',
    new Set(['a', 'b']),
    syncLetters(),
    asyncLetters(),
    letters(),
    ['a', Promise.resolve('b')],
    Object('ab'),
  ]) {
    const stream = ReadableStream.from(source);
    assert(stream instanceof ReadableStream);
    assertEquals(await collect(stream), ['a', 'b']);
  }
});

test('from: rejects what is not iterable', () => {
  for (const bad of [
    null,
    undefined,
    0,
    NaN,
    true,
    {},
    Symbol(),
    () => {},
    { [Symbol.iterator]: null },
    { [Symbol.asyncIterator]: 1 },
  ]) {
    assertThrows(TypeError, () => ReadableStream.from(bad));
  }
  assertThrows(TypeError, () => ReadableStream.from());
  assertThrows(TypeError, () => ReadableStream.from({ [Symbol.asyncIterator]: () => 1 }));
  assertThrows(error1, () =>
    ReadableStream.from({
      [Symbol.asyncIterator]() {
        throw error1;
      },
    }),
  );
});

test('from: Symbol.asyncIterator is preferred, and ignored if null or undefined', async () => {
  const both = {
    [Symbol.iterator]: () => ['sync'][Symbol.iterator](),
    [Symbol.asyncIterator]: () => letters().values(),
  };
  assertEquals(await collect(ReadableStream.from(both)), ['a', 'b']);
  assertEquals(
    await collect(
      ReadableStream.from({ [Symbol.asyncIterator]: null, [Symbol.iterator]: () => ['x'][Symbol.iterator]() }),
    ),
    ['x'],
  );
});

test('from: reads only what is asked for, one at a time', async () => {
  let nexts = 0;
  const stream = ReadableStream.from({
    [Symbol.asyncIterator]: () => ({
      async next() {
        nexts++;
        return { value: nexts, done: false };
      },
    }),
  });
  await flushTasks();
  assertEquals(nexts, 0);
  const reader = stream.getReader();
  assertEquals((await reader.read()).value, 1);
  await flushTasks();
  assertEquals(nexts, 1);
});

test('from: errors of next, and results that are no objects', async () => {
  const of = (next) =>
    ReadableStream.from({ [Symbol.asyncIterator]: () => ({ next }) })
      .getReader()
      .read();
  await assertRejects(
    error1,
    of(() => {
      throw error1;
    }),
  );
  await assertRejects(
    error1,
    of(() => Promise.reject(error1)),
  );
  await assertRejects(
    TypeError,
    of(() => 1),
  );
  await assertRejects(TypeError, of(undefined));
});

test('from: a rejected promise in an array errors the stream', async () => {
  await assertRejects(
    error1,
    ReadableStream.from([Promise.reject(error1)])
      .getReader()
      .read(),
  );
});

test('from: cancel calls return with the reason', async () => {
  const reasons = [];
  const iterable = (extra) => ({ [Symbol.asyncIterator]: () => ({ next: () => ({}), ...extra }) });
  await ReadableStream.from(
    iterable({
      async return(r) {
        reasons.push(r);
        return {};
      },
    }),
  ).cancel('why');
  assertEquals(reasons, ['why']);
  await ReadableStream.from(iterable({})).cancel('why');
  await assertRejects(TypeError, ReadableStream.from(iterable({ return: 1 })).cancel());
  await assertRejects(
    TypeError,
    ReadableStream.from(
      iterable({
        async return() {
          return 1;
        },
      }),
    ).cancel(),
  );
  await assertRejects(
    error1,
    ReadableStream.from(
      iterable({
        return() {
          throw error1;
        },
      }),
    ).cancel(),
  );
});

test('from: next is looked up once', async () => {
  let gets = 0;
  const stream = ReadableStream.from({
    [Symbol.asyncIterator]: () => ({
      get next() {
        gets++;
        return () => ({ value: 1, done: gets > 5 });
      },
    }),
  });
  const reader = stream.getReader();
  await reader.read();
  await reader.read();
  assertEquals(gets, 1);
});
