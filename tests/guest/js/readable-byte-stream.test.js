// https://streams.spec.whatwg.org/#rbs-controller-class, BYOB readers and requests
import { isDetached } from 'wapo:native';
import { ReadableStreamBYOBRequest } from '../../../guest/wapojs/js/streams/byob-request.js';
import { ReadableByteStreamController } from '../../../guest/wapojs/js/streams/readable-byte-controller.js';
import { ReadableStreamBYOBReader } from '../../../guest/wapojs/js/streams/readable-readers.js';
import { ReadableStream } from '../../../guest/wapojs/js/streams/readable-stream.js';
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

function byteStream(source = {}, strategy) {
  let controller;
  const stream = new ReadableStream(
    {
      type: 'bytes',
      ...source,
      start(c) {
        controller = c;
        return source.start?.(c);
      },
    },
    strategy,
  );
  return { stream, controller };
}

const bytes = (...values) => new Uint8Array(values);

test('interfaces: shape', () => {
  assertInterface(ReadableByteStreamController, 'ReadableByteStreamController', {
    attributes: ['byobRequest', 'desiredSize'],
    methods: { close: 0, enqueue: 1, error: 0 },
  });
  assertInterface(ReadableStreamBYOBRequest, 'ReadableStreamBYOBRequest', {
    attributes: ['view'],
    methods: { respond: 1, respondWithNewView: 1 },
  });
  assertInterface(ReadableStreamBYOBReader, 'ReadableStreamBYOBReader', {
    length: 1,
    attributes: ['closed'],
    methods: { read: 1, releaseLock: 0, cancel: 0 },
  });
  assertThrows(TypeError, () => new ReadableByteStreamController());
  assertThrows(TypeError, () => new ReadableStreamBYOBRequest());
});

test('the constructor: size is not allowed, autoAllocateChunkSize must be a positive integer', () => {
  assertThrows(RangeError, () => new ReadableStream({ type: 'bytes' }, { size: () => 1 }));
  assertThrows(TypeError, () => new ReadableStream({ type: 'bytes', autoAllocateChunkSize: 0 }));
  for (const autoAllocateChunkSize of [-1, NaN, Infinity, 'x']) {
    assertThrows(TypeError, () => new ReadableStream({ type: 'bytes', autoAllocateChunkSize }));
  }
  assertEquals(byteStream().controller.desiredSize, 0);
  assertEquals(byteStream({}, { highWaterMark: 5 }).controller.desiredSize, 5);
});

test('enqueue takes views of any type, and takes their buffer', async () => {
  const { stream, controller } = byteStream();
  const chunk = new Uint16Array([0x0102, 0x0304]).subarray(1);
  controller.enqueue(chunk);
  assertEquals(chunk.byteLength, 0);
  assert(isDetached(chunk.buffer));
  const { value } = await stream.getReader().read();
  assertEquals(value, bytes(4, 3));
  assertSame(value.constructor, Uint8Array);
});

test('enqueue checks its chunk', () => {
  const { controller } = byteStream();
  for (const bad of [undefined, null, 1, 'x', {}, new ArrayBuffer(1), [1]])
    assertThrows(TypeError, () => controller.enqueue(bad));
  assertThrows(TypeError, () => controller.enqueue());
  assertThrows(TypeError, () => controller.enqueue(new Uint8Array(0)));
  assertThrows(TypeError, () => controller.enqueue(new Uint8Array(new ArrayBuffer(4), 0, 0)));
  assertThrows(TypeError, () => controller.enqueue(new Uint8Array(new SharedArrayBuffer(4))));
  assertThrows(TypeError, () => controller.enqueue(new Uint8Array(new ArrayBuffer(4, { maxByteLength: 8 }))));
  const used = bytes(1);
  controller.enqueue(used);
  assertThrows(TypeError, () => controller.enqueue(used));
  controller.close();
  assertThrows(TypeError, () => controller.enqueue(bytes(1)));
  assertThrows(TypeError, () => controller.close());
});

test('desiredSize counts bytes', () => {
  const { controller } = byteStream({}, { highWaterMark: 10 });
  controller.enqueue(bytes(1, 2, 3));
  assertEquals(controller.desiredSize, 7);
  controller.enqueue(new Uint32Array(4));
  assertEquals(controller.desiredSize, -9);
});

test('a default reader gets the chunks, then done', async () => {
  const { stream, controller } = byteStream();
  const reader = stream.getReader();
  const early = reader.read();
  controller.enqueue(bytes(1));
  controller.enqueue(bytes(2, 3));
  controller.close();
  assertEquals((await early).value, bytes(1));
  assertEquals((await reader.read()).value, bytes(2, 3));
  assertEquals(await reader.read(), { value: undefined, done: true });
});

test('a BYOB reader fills the view that it is given, over the same memory', async () => {
  const { stream, controller } = byteStream();
  const reader = stream.getReader({ mode: 'byob' });
  assert(reader instanceof ReadableStreamBYOBReader);
  const view = new Uint8Array(new ArrayBuffer(10), 2, 4);
  const read = reader.read(view);
  assertEquals(view.byteLength, 0);
  controller.enqueue(bytes(1, 2));
  const { value, done } = await read;
  assertEquals([done, value.byteOffset, value.byteLength, value.buffer.byteLength], [false, 2, 2, 10]);
  assertEquals(value, bytes(1, 2));
});

test('read(view) keeps the type of the view, and whole elements', async () => {
  const { stream, controller } = byteStream();
  const reader = stream.getReader({ mode: 'byob' });
  controller.enqueue(bytes(1, 0, 2));
  const { value } = await reader.read(new Uint16Array(4));
  assertSame(value.constructor, Uint16Array);
  assertEquals([...value], [1]);
  controller.enqueue(bytes(9));
  assertEquals([...(await reader.read(new Uint16Array(1))).value], [0x0902]);
  controller.enqueue(bytes(7));
  const view = (await reader.read(new DataView(new ArrayBuffer(3)))).value;
  assertSame(view.constructor, DataView);
  assertEquals([view.byteLength, view.getUint8(0)], [1, 7]);
});

test('read(view) takes from several chunks and leaves the rest', async () => {
  const { stream, controller } = byteStream();
  controller.enqueue(bytes(1, 2));
  controller.enqueue(bytes(3, 4, 5));
  const reader = stream.getReader({ mode: 'byob' });
  assertEquals((await reader.read(new Uint8Array(3))).value, bytes(1, 2, 3));
  assertEquals((await reader.read(new Uint8Array(9))).value, bytes(4, 5));
});

test('read(view) checks its arguments and rejects', async () => {
  const { stream } = byteStream();
  const reader = stream.getReader({ mode: 'byob' });
  await assertRejects(TypeError, reader.read());
  for (const bad of [undefined, {}, new ArrayBuffer(1), 'x']) await assertRejects(TypeError, reader.read(bad));
  await assertRejects(TypeError, reader.read(new Uint8Array(0)));
  await assertRejects(TypeError, reader.read(new Uint8Array(new ArrayBuffer(1), 1)));
  await assertRejects(TypeError, reader.read(new Uint8Array(1), { min: 0 }));
  await assertRejects(TypeError, reader.read(new Uint8Array(1), { min: -1 }));
  await assertRejects(RangeError, reader.read(new Uint8Array(1), { min: 2 }));
  await assertRejects(RangeError, reader.read(new Uint16Array(1), { min: 2 }));
  reader.releaseLock();
  await assertRejects(TypeError, reader.read(new Uint8Array(1)));
});

test('read with min waits until so many elements are there', async () => {
  const { stream, controller } = byteStream();
  const reader = stream.getReader({ mode: 'byob' });
  const read = reader.read(new Uint8Array(5), { min: 3 });
  controller.enqueue(bytes(1, 2));
  await flushTasks();
  assertEquals(await stateOf(read), 'pending');
  controller.enqueue(bytes(3, 4));
  assertEquals((await read).value, bytes(1, 2, 3, 4));
});

test('a stream that closes before min is reached gives what there is, done', async () => {
  const { stream, controller } = byteStream();
  const reader = stream.getReader({ mode: 'byob' });
  const read = reader.read(new Uint8Array(5), { min: 3 });
  controller.enqueue(bytes(1, 2));
  controller.close();
  controller.byobRequest.respond(0);
  const { value, done } = await read;
  assertEquals([done, value], [true, bytes(1, 2)]);
});

test('pull gets a BYOB request for the view, and respond answers the read', async () => {
  const requests = [];
  const { stream } = byteStream({
    pull(c) {
      const { view } = c.byobRequest;
      requests.push([view.constructor.name, view.byteOffset, view.byteLength, view.buffer.byteLength]);
      view[0] = 42;
      c.byobRequest.respond(1);
    },
  });
  const reader = stream.getReader({ mode: 'byob' });
  const { value } = await reader.read(new Uint8Array(new ArrayBuffer(8), 3, 4));
  assertEquals(value, bytes(42));
  assertEquals(requests, [['Uint8Array', 3, 4, 8]]);
});

test('byobRequest is null without a read, the same until it is answered, dead afterwards', async () => {
  const { stream, controller } = byteStream();
  assertEquals(controller.byobRequest, null);
  const reader = stream.getReader({ mode: 'byob' });
  const read = reader.read(new Uint8Array(2));
  const request = controller.byobRequest;
  assertSame(controller.byobRequest, request);
  request.view[0] = 5;
  request.respond(1);
  assertEquals(request.view, null);
  assertThrows(TypeError, () => request.respond(1));
  assertThrows(TypeError, () => request.respondWithNewView(bytes(1)));
  assertEquals((await read).value, bytes(5));
  assertEquals(controller.byobRequest, null);
});

test('respond checks the count', async () => {
  const { stream, controller } = byteStream();
  const reader = stream.getReader({ mode: 'byob' });
  reader.read(new Uint8Array(2)).catch(() => {});
  const request = controller.byobRequest;
  assertThrows(TypeError, () => request.respond());
  assertThrows(TypeError, () => request.respond(0));
  assertThrows(RangeError, () => request.respond(3));
  for (const bad of [-1, NaN, Infinity, 'x', undefined]) assertThrows(TypeError, () => request.respond(bad));
  controller.close();
  assertThrows(TypeError, () => request.respond(1));
  request.respond(0);
});

test('respond throws if the buffer was transferred', async () => {
  const { stream, controller } = byteStream();
  stream
    .getReader({ mode: 'byob' })
    .read(new Uint8Array(2))
    .catch(() => {});
  const { view } = controller.byobRequest;
  byteStream().controller.enqueue(view); // takes the buffer
  assertThrows(TypeError, () => controller.byobRequest.respond(1));
  assertThrows(TypeError, () => controller.enqueue(bytes(1)));
});

test('respondWithNewView: same place, another buffer of the same size', async () => {
  const { stream, controller } = byteStream();
  const read = stream.getReader({ mode: 'byob' }).read(new Uint8Array(4));
  const request = controller.byobRequest;
  assertThrows(TypeError, () => request.respondWithNewView());
  assertThrows(TypeError, () => request.respondWithNewView({}));
  assertThrows(TypeError, () => request.respondWithNewView(new Uint8Array(0)));
  assertThrows(RangeError, () => request.respondWithNewView(new Uint8Array(3)));
  assertThrows(RangeError, () => request.respondWithNewView(new Uint8Array(new ArrayBuffer(4), 1, 2)));
  const mine = new Uint8Array([7, 8, 0, 0]).subarray(0, 2);
  request.respondWithNewView(mine);
  assertEquals(mine.byteLength, 0);
  const { value } = await read;
  assertEquals([value, value.buffer.byteLength], [bytes(7, 8), 4]);
});

test('with autoAllocateChunkSize a default reader makes BYOB requests', async () => {
  const sizes = [];
  const { stream } = byteStream({
    autoAllocateChunkSize: 16,
    pull(c) {
      sizes.push(c.byobRequest.view.byteLength);
      c.byobRequest.view[0] = 1;
      c.byobRequest.respond(1);
    },
  });
  const { value } = await stream.getReader().read();
  assertEquals(value, bytes(1));
  assertEquals(value.buffer.byteLength, 16);
  assertEquals(sizes, [16]);
});

test('with autoAllocateChunkSize a source may enqueue instead', async () => {
  const { stream } = byteStream({
    autoAllocateChunkSize: 16,
    pull(c) {
      c.enqueue(bytes(9));
    },
  });
  assertEquals((await stream.getReader().read()).value, bytes(9));
});

test('close with a pending read(view): respond(0) gives an empty view, done', async () => {
  const { stream, controller } = byteStream();
  const reader = stream.getReader({ mode: 'byob' });
  const reads = [reader.read(new Uint16Array(2)), reader.read(new Uint8Array(3))];
  controller.close();
  controller.byobRequest.respond(0);
  const results = await Promise.all(reads);
  assertEquals(
    results.map((r) => [r.done, r.value.constructor.name, r.value.byteLength, r.value.buffer.byteLength]),
    [
      [true, 'Uint16Array', 0, 4],
      [true, 'Uint8Array', 0, 3],
    ],
  );
});

test('read(view) of a closed stream gives an empty view of the same buffer', async () => {
  const { stream, controller } = byteStream();
  controller.close();
  const { value, done } = await stream.getReader({ mode: 'byob' }).read(new Uint8Array(new ArrayBuffer(6), 2, 2));
  assertEquals([done, value.byteLength, value.byteOffset, value.buffer.byteLength], [true, 0, 2, 6]);
});

test('close within an element of the view is an error', async () => {
  const { stream, controller } = byteStream();
  const reader = stream.getReader({ mode: 'byob' });
  const read = reader.read(new Uint16Array(1));
  controller.enqueue(bytes(1));
  const error = assertThrows(TypeError, () => controller.close());
  await assertRejects(error, read);
  await assertRejects(error, reader.closed);
});

test('an incomplete element at the end of the queue is an error', async () => {
  const { stream, controller } = byteStream();
  controller.enqueue(bytes(1));
  controller.close();
  const reader = stream.getReader({ mode: 'byob' });
  await assertRejects(TypeError, reader.read(new Uint16Array(1)));
  await assertRejects(TypeError, reader.closed);
});

test('cancel answers pending read(view)s with undefined', async () => {
  let reason;
  const { stream } = byteStream({
    cancel(r) {
      reason = r;
    },
  });
  const reader = stream.getReader({ mode: 'byob' });
  const read = reader.read(new Uint8Array(1));
  await reader.cancel(error1);
  assertEquals(await read, { value: undefined, done: true });
  assertSame(reason, error1);
});

test('error rejects pending read(view)s', async () => {
  const { stream, controller } = byteStream();
  const reader = stream.getReader({ mode: 'byob' });
  const read = reader.read(new Uint8Array(1));
  controller.error(error1);
  await assertRejects(error1, read);
  assertEquals(controller.byobRequest, null);
  assertEquals(controller.desiredSize, null);
});

test('an exception of pull errors the stream', async () => {
  const { stream } = byteStream({
    pull() {
      throw error1;
    },
  });
  await assertRejects(error1, stream.getReader({ mode: 'byob' }).read(new Uint8Array(1)));
});

test('bytes written for a released reader go to the next one', async () => {
  const { stream, controller } = byteStream();
  const first = stream.getReader({ mode: 'byob' });
  const lost = first.read(new Uint8Array(4));
  const request = controller.byobRequest;
  first.releaseLock();
  await assertRejects(TypeError, lost);
  const second = stream.getReader({ mode: 'byob' });
  const read = second.read(new Uint8Array(4));
  assertSame(controller.byobRequest, request);
  request.view[0] = 11;
  request.respond(1);
  assertEquals((await read).value, bytes(11));
});

test('enqueue after a release goes to a default reader', async () => {
  const { stream, controller } = byteStream();
  const first = stream.getReader({ mode: 'byob' });
  first.read(new Uint8Array(4)).catch(() => {});
  first.releaseLock();
  const read = stream.getReader().read();
  controller.enqueue(bytes(5));
  assertEquals((await read).value, bytes(5));
});

test('pull is called once for several reads, and again when it ends', async () => {
  let pulls = 0;
  const { stream } = byteStream({
    pull(c) {
      pulls++;
      c.byobRequest.respond(1);
    },
  });
  const reader = stream.getReader({ mode: 'byob' });
  const reads = [reader.read(new Uint8Array(1)), reader.read(new Uint8Array(1))];
  await Promise.all(reads);
  assertEquals(pulls, 2);
});
