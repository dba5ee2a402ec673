// https://streams.spec.whatwg.org/#readable-stream-pipe-to
import { AbortController } from '../../../guest/wapojs/js/abort.js';
import { ReadableStream } from '../../../guest/wapojs/js/streams/readable-stream.js';
import { TransformStream } from '../../../guest/wapojs/js/streams/transform-stream.js';
import { WritableStream } from '../../../guest/wapojs/js/streams/writable-stream.js';
import { assert, assertEquals, assertRejects, assertSame, assertThrows, flushTasks, stateOf, test } from './harness.js';

const error1 = new Error('error1');
const error2 = new Error('error2');

/** Streams that record what is called on them. */
function recordingReadable(source = {}, strategy) {
  const events = [];
  let controller;
  const stream = new ReadableStream(
    {
      start(c) {
        controller = c;
        return source.start?.(c);
      },
      pull(c) {
        events.push('pull');
        return source.pull?.(c);
      },
      cancel(reason) {
        events.push('cancel', reason);
        return source.cancel?.(reason);
      },
    },
    strategy,
  );
  return {
    stream,
    events,
    get controller() {
      return controller;
    },
  };
}
function recordingWritable(sink = {}, strategy) {
  const events = [];
  let controller;
  const stream = new WritableStream(
    {
      start(c) {
        controller = c;
        return sink.start?.(c);
      },
      write(chunk) {
        events.push('write', chunk);
        return sink.write?.(chunk);
      },
      close() {
        events.push('close');
        return sink.close?.();
      },
      abort(reason) {
        events.push('abort', reason);
        return sink.abort?.(reason);
      },
    },
    strategy,
  );
  return {
    stream,
    events,
    get controller() {
      return controller;
    },
  };
}

test('pipeTo writes all chunks, closes, and unlocks both', async () => {
  const rs = new ReadableStream({
    start(c) {
      c.enqueue(1);
      c.enqueue(2);
      c.close();
    },
  });
  const ws = recordingWritable();
  const pipe = rs.pipeTo(ws.stream);
  assert(rs.locked && ws.stream.locked);
  assertEquals(await pipe, undefined);
  assert(!rs.locked && !ws.stream.locked);
  assertEquals(ws.events, ['write', 1, 'write', 2, 'close']);
});

test('pipeTo checks its arguments and rejects', async () => {
  const rs = new ReadableStream();
  await assertRejects(TypeError, rs.pipeTo());
  await assertRejects(TypeError, rs.pipeTo({}));
  await assertRejects(TypeError, rs.pipeTo(new WritableStream(), { signal: {} }));
  await assertRejects(TypeError, rs.pipeTo(new WritableStream(), { signal: null }));
  await assertRejects(TypeError, rs.pipeTo(new WritableStream(), 1));
  const locked = new WritableStream();
  locked.getWriter();
  await assertRejects(TypeError, rs.pipeTo(locked));
  assertEquals(rs.locked, false);
  rs.getReader();
  await assertRejects(TypeError, rs.pipeTo(new WritableStream()));
});

test('options are read in alphabetical order', async () => {
  const order = [];
  const options = {};
  for (const key of ['signal', 'preventClose', 'preventAbort', 'preventCancel'])
    Object.defineProperty(options, key, {
      get() {
        order.push(key);
      },
    });
  await new ReadableStream({
    start(c) {
      c.close();
    },
  }).pipeTo(new WritableStream(), options);
  assertEquals(order, ['preventAbort', 'preventCancel', 'preventClose', 'signal']);
});

test('an exception of an option getter rejects', async () => {
  await assertRejects(
    error1,
    new ReadableStream().pipeTo(new WritableStream(), {
      get preventAbort() {
        throw error1;
      },
    }),
  );
});

test('preventClose leaves the destination open and unlocked', async () => {
  const ws = recordingWritable();
  await new ReadableStream({
    start(c) {
      c.enqueue(1);
      c.close();
    },
  }).pipeTo(ws.stream, { preventClose: true });
  assertEquals(ws.events, ['write', 1]);
  await ws.stream.getWriter().write(2);
});

test('a failing close rejects the pipe', async () => {
  const ws = recordingWritable({
    close() {
      throw error1;
    },
  });
  await assertRejects(
    error1,
    new ReadableStream({
      start(c) {
        c.close();
      },
    }).pipeTo(ws.stream),
  );
});

test('an errored source aborts the destination with its error', async () => {
  for (const early of [true, false]) {
    const rs = recordingReadable(
      early
        ? {
            start(c) {
              c.error(error1);
            },
          }
        : {},
    );
    const ws = recordingWritable();
    const pipe = rs.stream.pipeTo(ws.stream);
    if (!early) {
      await flushTasks();
      rs.controller.error(error1);
    }
    await assertRejects(error1, pipe);
    assertEquals(ws.events, ['abort', error1]);
    assert(!rs.stream.locked && !ws.stream.locked);
  }
});

test('preventAbort leaves the destination as it is', async () => {
  const ws = recordingWritable();
  await assertRejects(
    error1,
    new ReadableStream({
      start(c) {
        c.error(error1);
      },
    }).pipeTo(ws.stream, { preventAbort: true }),
  );
  assertEquals(ws.events, []);
  await ws.stream.getWriter().ready;
});

test('a failing abort replaces the error', async () => {
  const ws = recordingWritable({
    abort() {
      throw error2;
    },
  });
  await assertRejects(
    error2,
    new ReadableStream({
      start(c) {
        c.error(error1);
      },
    }).pipeTo(ws.stream),
  );
});

test('an errored destination cancels the source with its error', async () => {
  for (const early of [true, false]) {
    const rs = recordingReadable({}, { highWaterMark: 0 });
    const ws = recordingWritable(
      early
        ? {
            start(c) {
              c.error(error1);
            },
          }
        : {},
    );
    if (early) await flushTasks();
    const pipe = rs.stream.pipeTo(ws.stream);
    if (!early) {
      await flushTasks();
      ws.controller.error(error1);
    }
    await assertRejects(error1, pipe);
    assertEquals(
      rs.events.filter((e) => e !== 'pull'),
      ['cancel', error1],
    );
  }
});

test('preventCancel leaves the source readable', async () => {
  const rs = recordingReadable();
  const ws = new WritableStream({
    start(c) {
      c.error(error1);
    },
  });
  await flushTasks();
  await assertRejects(error1, rs.stream.pipeTo(ws, { preventCancel: true }));
  rs.controller.enqueue('x');
  assertEquals((await rs.stream.getReader().read()).value, 'x');
});

test('a failing cancel replaces the error', async () => {
  const rs = recordingReadable({
    cancel() {
      throw error2;
    },
  });
  const ws = new WritableStream({
    start(c) {
      c.error(error1);
    },
  });
  await flushTasks();
  await assertRejects(error2, rs.stream.pipeTo(ws));
});

test('a failing write cancels the source', async () => {
  const rs = recordingReadable();
  const ws = recordingWritable({
    write() {
      throw error1;
    },
  });
  rs.controller.enqueue('a');
  await assertRejects(error1, rs.stream.pipeTo(ws.stream));
  assertEquals(rs.events.slice(-2), ['cancel', error1]);
});

test('a closed destination cancels the source with a TypeError', async () => {
  const rs = recordingReadable();
  const ws = new WritableStream();
  await ws.close();
  const error = await assertRejects(TypeError, rs.stream.pipeTo(ws));
  assertEquals(rs.events.slice(-2), ['cancel', error]);
});

test('both errored: the error of the source wins', async () => {
  const rs = new ReadableStream({
    start(c) {
      c.error(error1);
    },
  });
  const ws = new WritableStream({
    start(c) {
      c.error(error2);
    },
  });
  await flushTasks();
  await assertRejects(error1, rs.pipeTo(ws));
});

test('nothing is read while the destination wants nothing', async () => {
  const rs = recordingReadable(
    {
      pull(c) {
        c.enqueue('x');
      },
    },
    { highWaterMark: 0 },
  );
  const ws = recordingWritable({}, { highWaterMark: 0 });
  rs.stream.pipeTo(ws.stream);
  await flushTasks();
  assertEquals(rs.events, []);
  assertEquals(ws.events, []);
});

test('a slow destination is not overrun', async () => {
  let release;
  let produced = 0;
  const rs = new ReadableStream(
    {
      pull(c) {
        c.enqueue(produced++);
        if (produced === 20) c.close();
      },
    },
    { highWaterMark: 0 },
  );
  const ws = recordingWritable(
    {
      write: () =>
        new Promise((resolve) => {
          release = resolve;
        }),
    },
    { highWaterMark: 3 },
  );
  const pipe = rs.pipeTo(ws.stream);
  await flushTasks();
  assertEquals(produced, 3);
  release();
  await flushTasks();
  assertEquals(produced, 4);
  while ((await stateOf(pipe)) === 'pending') {
    release?.();
    await flushTasks();
  }
  await pipe;
  assertEquals(ws.events.filter((e) => e === 'write').length, 20);
});

test('enqueue does not call write synchronously', async () => {
  const rs = recordingReadable({}, { highWaterMark: 0 });
  const ws = recordingWritable({}, { highWaterMark: 4 });
  rs.stream.pipeTo(ws.stream);
  await flushTasks();
  rs.controller.enqueue('a');
  assertEquals(ws.events, []);
  await flushTasks();
  assertEquals(ws.events, ['write', 'a']);
});

test('chunks that were read are written before the source error aborts', async () => {
  let release;
  const rs = recordingReadable();
  const ws = recordingWritable(
    {
      write: () =>
        new Promise((resolve) => {
          release = resolve;
        }),
    },
    { highWaterMark: 3 },
  );
  const pipe = rs.stream.pipeTo(ws.stream);
  await flushTasks();
  rs.controller.enqueue('a');
  rs.controller.enqueue('b');
  await flushTasks();
  rs.controller.error(error1);
  await flushTasks();
  assertEquals(ws.events, ['write', 'a']);
  release();
  await flushTasks();
  assertEquals(ws.events, ['write', 'a', 'write', 'b']);
  release();
  await assertRejects(error1, pipe);
  assertEquals(ws.events, ['write', 'a', 'write', 'b', 'abort', error1]);
});

test('a chunk enqueued just before close is written, then the destination closes', async () => {
  const rs = recordingReadable({}, { highWaterMark: 0 });
  const ws = recordingWritable();
  const pipe = rs.stream.pipeTo(ws.stream);
  await flushTasks();
  rs.controller.enqueue('a');
  rs.controller.close();
  await pipe;
  assertEquals(ws.events, ['write', 'a', 'close']);
});

test('an aborted signal: nothing is read, both ends get the reason', async () => {
  const controller = new AbortController();
  controller.abort(error1);
  const rs = recordingReadable(
    {
      pull(c) {
        c.enqueue('a');
      },
    },
    { highWaterMark: 0 },
  );
  const ws = recordingWritable();
  await assertRejects(error1, rs.stream.pipeTo(ws.stream, { signal: controller.signal }));
  assertEquals(rs.events, ['cancel', error1]);
  assertEquals(ws.events, ['abort', error1]);
});

test('aborting later waits for the write under way, then aborts and cancels', async () => {
  let release;
  const controller = new AbortController();
  const rs = recordingReadable();
  const ws = recordingWritable({
    write: () =>
      new Promise((resolve) => {
        release = resolve;
      }),
  });
  rs.controller.enqueue('a');
  const pipe = rs.stream.pipeTo(ws.stream, { signal: controller.signal });
  await flushTasks();
  controller.abort();
  await flushTasks();
  assertEquals(await stateOf(pipe), 'pending');
  release();
  const error = await assertRejects('AbortError', pipe);
  assertSame(error, controller.signal.reason);
  assertEquals(ws.events, ['write', 'a', 'abort', error]);
  assertEquals(rs.events.slice(-2), ['cancel', error]);
});

test('abort with preventAbort and preventCancel only stops the pipe', async () => {
  const controller = new AbortController();
  const rs = recordingReadable();
  const ws = recordingWritable();
  const pipe = rs.stream.pipeTo(ws.stream, { signal: controller.signal, preventAbort: true, preventCancel: true });
  await flushTasks();
  controller.abort(error1);
  await assertRejects(error1, pipe);
  assertEquals(ws.events, []);
  assert(!rs.events.includes('cancel'));
  assert(!rs.stream.locked && !ws.stream.locked);
});

test('abort rejects with the first error of abort and cancel', async () => {
  const controller = new AbortController();
  controller.abort(error1);
  const rs = recordingReadable({
    cancel() {
      throw error2;
    },
  });
  await assertRejects(error2, rs.stream.pipeTo(new WritableStream(), { signal: controller.signal }));
});

test('abort after the pipe has ended does nothing', async () => {
  const controller = new AbortController();
  const ws = recordingWritable();
  await new ReadableStream({
    start(c) {
      c.close();
    },
  }).pipeTo(ws.stream, { signal: controller.signal });
  controller.abort();
  await flushTasks();
  assertEquals(ws.events, ['close']);
});

test('pipeThrough returns the readable side and pipes with the options', async () => {
  const calls = [];
  const pair = {
    readable: new ReadableStream(),
    writable: new WritableStream({
      write(c) {
        calls.push(c);
      },
      close() {
        calls.push('close');
      },
    }),
  };
  const rs = new ReadableStream({
    start(c) {
      c.enqueue(1);
      c.close();
    },
  });
  assertSame(rs.pipeThrough(pair, { preventClose: true }), pair.readable);
  await flushTasks();
  assertEquals(calls, [1]);
});

test('pipeThrough checks its arguments and throws', () => {
  const rs = new ReadableStream();
  for (const bad of [
    undefined,
    null,
    {},
    { readable: new ReadableStream() },
    { writable: new WritableStream() },
    { readable: {}, writable: new WritableStream() },
  ]) {
    assertThrows(TypeError, () => rs.pipeThrough(bad));
  }
  assertThrows(TypeError, () => rs.pipeThrough());
  assertThrows(TypeError, () => rs.pipeThrough(new TransformStream(), { signal: 1 }));
  const locked = new TransformStream();
  locked.writable.getWriter();
  assertThrows(TypeError, () => rs.pipeThrough(locked));
  rs.getReader();
  assertThrows(TypeError, () => rs.pipeThrough(new TransformStream()));
});

test('an error of the pipe behind pipeThrough is no unhandled rejection', async () => {
  const reader = new ReadableStream({
    start(c) {
      c.error(error1);
    },
  })
    .pipeThrough(new TransformStream())
    .getReader();
  await assertRejects(error1, reader.read());
  await flushTasks();
});

test('piping reads nothing of Object.prototype.then', async () => {
  let looked = 0;
  const rs = new ReadableStream({
    start(c) {
      c.enqueue('a');
      c.close();
    },
  });
  const ws = recordingWritable();
  Object.defineProperty(Object.prototype, 'then', {
    configurable: true,
    get() {
      looked++;
      return undefined;
    },
  });
  try {
    const pipe = rs.pipeTo(ws.stream);
    await pipe;
  } finally {
    delete Object.prototype.then;
  }
  assertEquals(looked, 0);
  assertEquals(ws.events, ['write', 'a', 'close']);
});
