import Stream, { Duplex, finished, PassThrough, pipeline, Readable, Transform, Writable } from 'node:stream';
import consumers from 'node:stream/consumers';
import { finished as finishedPromise, pipeline as pipelinePromise } from 'node:stream/promises';
import { inherits } from 'node:util';

const say = (label, ...values) => console.log(`${label}: ${JSON.stringify(values)}`);
const tick = () => new Promise((resolve) => setImmediate(resolve));
const test = async (label, body) => {
  const events = [];
  try {
    const result = await body(events);
    say(label, events, result);
  } catch (error) {
    say(label, events, `${error.name} ${error.code} ${error.message}`);
  }
};
const listen = (
  stream,
  events,
  names = ['end', 'finish', 'close', 'error', 'drain', 'pause', 'resume', 'prefinish'],
) => {
  for (const name of names)
    stream.on(name, (value) => events.push(value instanceof Error ? `${name} ${value.message}` : name));
  return stream;
};
const sink = (chunks, options) =>
  new Writable({
    write(chunk, encoding, callback) {
      chunks.push(chunk.toString());
      callback();
    },
    ...options,
  });

say(
  'module',
  Stream.Readable === Readable,
  typeof Stream.promises.pipeline,
  new PassThrough() instanceof Stream,
  new Duplex() instanceof Writable,
  new Readable() instanceof Writable,
);
await test('from', async () => await Readable.from(['a', 'b', 'c']).toArray());
await test('flowing', async (events) => {
  const stream = listen(new Readable({ read() {} }), events);
  stream.on('data', (chunk) => events.push(String(chunk)));
  stream.push('one');
  stream.push('two');
  await tick();
  stream.push(null);
  await finishedPromise(stream);
  return [stream.readableEnded, stream.destroyed, stream.readable];
});
await test('reading by hand', async (events) => {
  const stream = listen(new Readable({ read() {} }), events, ['end', 'close']);
  stream.push('hello');
  stream.push('world');
  await tick();
  const parts = [stream.read(3), stream.read(4), stream.read(100), stream.read()].map(
    (part) => part && part.toString(),
  );
  stream.push(null);
  stream.read();
  await tick();
  await tick();
  return parts;
});
await test('readable events', async (events) => {
  const stream = listen(Readable.from(['a', 'b']), events, ['end', 'close']);
  stream.on('readable', () => {
    let chunk;
    while ((chunk = stream.read()) !== null) events.push(chunk);
  });
  await finishedPromise(stream);
});
await test('setEncoding', async () => {
  const stream = new Readable({ read() {} });
  stream.setEncoding('utf8');
  stream.push(Buffer.from([0xe2, 0x82]));
  stream.push(Buffer.from([0xac]));
  stream.push(null);
  return stream.toArray();
});
await test('back-pressure of push', async () => {
  const stream = new Readable({ highWaterMark: 4, read() {} });
  return [stream.push('ab'), stream.push('cd'), stream.push('e'), stream.readableLength, stream.readableHighWaterMark];
});
await test('objects', async () => {
  let n = 0;
  const stream = new Readable({
    objectMode: true,
    read() {
      this.push(n < 3 ? { n: n++ } : null);
    },
  });
  return stream.toArray();
});
await test('push after the end', async (events) => {
  const stream = listen(new Readable({ read() {} }), events, ['error', 'close']);
  stream.push(null);
  stream.push('x');
  await tick();
  await tick();
});
await test('an error in read', async (events) => {
  const stream = listen(
    new Readable({
      read() {
        throw new Error('read failed');
      },
    }),
    events,
    ['error', 'close', 'end'],
  );
  stream.resume();
  await tick();
  await tick();
  return [stream.errored?.message, stream.destroyed];
});
await test('destroy', async (events) => {
  const stream = listen(
    new Readable({
      read() {},
      destroy(error, callback) {
        events.push(`destroy ${error?.message}`);
        callback(error);
      },
    }),
    events,
    ['error', 'close'],
  );
  stream.destroy(new Error('why'));
  stream.destroy(new Error('again'));
  await tick();
  return [stream.destroyed, stream.closed, stream.readableAborted];
});
await test('pause and resume', async (events) => {
  const stream = new Readable({ read() {} });
  stream.on('data', (chunk) => events.push(String(chunk)));
  stream.pause();
  stream.push('a');
  await tick();
  events.push(`paused ${stream.isPaused()}`);
  stream.resume();
  await tick();
  return stream.readableFlowing;
});
await test('async iteration', async (events) => {
  const stream = listen(Readable.from(['a', 'b', 'c']), events, ['close', 'end']);
  for await (const chunk of stream) {
    events.push(chunk);
    if (chunk === 'b') break;
  }
  await tick();
  return stream.destroyed;
});
await test('async iteration, failing', async () => {
  const stream = new Readable({
    read() {
      this.destroy(new Error('cut'));
    },
  });
  for await (const chunk of stream) void chunk;
});
await test('unshift', async () => {
  const stream = new Readable({ read() {} });
  stream.push('b');
  stream.unshift('a');
  stream.push(null);
  return consumers.text(stream);
});
await test('helpers', async () => {
  const of = () => Readable.from([1, 2, 3, 4]);
  return [
    await of()
      .map((x) => x * 2)
      .toArray(),
    await of()
      .filter(async (x) => x % 2)
      .toArray(),
    await of().take(2).toArray(),
    await of().drop(3).toArray(),
    await of().reduce((a, b) => a + b),
    await of().some((x) => x > 3),
    await of().every((x) => x > 3),
    await of().find((x) => x > 2),
    await of()
      .flatMap((x) => [x, x])
      .toArray(),
  ];
});

await test('writing', async (events) => {
  const chunks = [];
  const stream = listen(sink(chunks), events, ['finish', 'close', 'prefinish', 'drain']);
  events.push(stream.write('a'), stream.write(Buffer.from('b')));
  stream.end('c', () => events.push('end callback'));
  await finishedPromise(stream);
  return [chunks, stream.writableFinished, stream.writableEnded, stream.writable];
});
await test('slow writing', async (events) => {
  const chunks = [];
  const stream = listen(
    new Writable({
      highWaterMark: 3,
      write(chunk, encoding, callback) {
        setImmediate(() => {
          chunks.push(chunk.toString());
          callback();
        });
      },
    }),
    events,
    ['drain', 'finish', 'close'],
  );
  events.push(
    stream.write('ab', () => events.push('cb1')),
    stream.write('cd', () => events.push('cb2')),
    stream.writableLength,
    stream.writableNeedDrain,
  );
  stream.end();
  await finishedPromise(stream);
  return chunks;
});
await test('drain', async (events) => {
  const stream = listen(
    new Writable({
      highWaterMark: 2,
      write(chunk, encoding, callback) {
        setImmediate(callback);
      },
    }),
    events,
    ['drain'],
  );
  events.push(stream.write('abc'));
  await new Promise((resolve) => stream.once('drain', resolve));
  return stream.writableLength;
});
await test('cork and writev', async () => {
  const calls = [];
  const stream = new Writable({
    writev(chunks, callback) {
      calls.push(chunks.map(({ chunk }) => chunk.toString()));
      callback();
    },
  });
  stream.cork();
  stream.write('a');
  stream.write('b');
  stream.uncork();
  stream.end('c');
  await finishedPromise(stream);
  return calls;
});
await test('final', async (events) => {
  const stream = listen(
    sink([], {
      final(callback) {
        events.push('final');
        callback();
      },
    }),
    events,
    ['finish', 'prefinish', 'close'],
  );
  stream.end();
  await finishedPromise(stream);
});
await test('write after end', async (events) => {
  const stream = listen(sink([]), events, ['error', 'close']);
  stream.end();
  stream.write('x', (error) => events.push(`callback ${error.code}`));
  await tick();
  await tick();
});
await test('an error in write', async (events) => {
  const stream = listen(
    new Writable({
      write(chunk, encoding, callback) {
        callback(new Error('full'));
      },
    }),
    events,
    ['error', 'close', 'finish'],
  );
  stream.write('a', (error) => events.push(`callback ${error.message}`));
  await tick();
  await tick();
  return [stream.errored?.message, stream.destroyed];
});
await test('null', async () => sink([]).write(null));
await test('a number', async () => sink([]).write(5));
await test('decodeStrings', async () => {
  const got = [];
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, encoding, callback) {
      got.push([chunk, encoding]);
      callback();
    },
  });
  stream.write('é', 'latin1');
  stream.end();
  await finishedPromise(stream);
  return got;
});
await test('construct', async (events) => {
  const chunks = [];
  const stream = listen(
    sink(chunks, {
      construct(callback) {
        setImmediate(() => {
          events.push('constructed');
          callback();
        });
      },
    }),
    events,
    ['finish', 'close'],
  );
  stream.write('a');
  stream.end();
  await finishedPromise(stream);
  return chunks;
});

const upper = () =>
  new Transform({
    transform(chunk, encoding, callback) {
      callback(null, chunk.toString().toUpperCase());
    },
  });
await test('pipe', async (events) => {
  const chunks = [];
  const target = listen(sink(chunks), events, ['pipe', 'unpipe', 'finish', 'close']);
  Readable.from(['a', 'b']).pipe(upper()).pipe(target);
  await finishedPromise(target);
  return chunks;
});
await test('pipe with back-pressure', async () => {
  const chunks = [];
  let n = 0;
  const source = new Readable({
    highWaterMark: 4,
    read() {
      this.push(n++ < 20 ? `chunk${n}` : null);
    },
  });
  const target = new Writable({
    highWaterMark: 4,
    write(chunk, encoding, callback) {
      chunks.push(chunk.length);
      setImmediate(callback);
    },
  });
  source.pipe(target);
  await finishedPromise(target);
  return [chunks.length, chunks.reduce((a, b) => a + b)];
});
await test('flush', async () => {
  const stream = new Transform({
    transform(chunk, encoding, callback) {
      this.push('<');
      callback(null, chunk);
    },
    flush(callback) {
      callback(null, '>');
    },
  });
  stream.write('x');
  stream.end();
  return consumers.text(stream);
});
await test('a failing transform', async (events) => {
  const stream = listen(
    new Transform({
      transform(chunk, encoding, callback) {
        callback(new Error('bad chunk'));
      },
    }),
    events,
    ['error', 'close', 'end', 'finish'],
  );
  stream.write('x');
  await tick();
  await tick();
});
await test('many chunks through a transform', async () => {
  const stream = new Transform({
    readableHighWaterMark: 2,
    writableHighWaterMark: 2,
    transform(chunk, encoding, callback) {
      setImmediate(callback, null, chunk);
    },
  });
  const source = Readable.from(Array.from({ length: 50 }, (_, i) => String(i % 10)));
  return (await consumers.text(source.pipe(stream))).length;
});
await test('pipeline', async () => {
  const chunks = [];
  await pipelinePromise(Readable.from(['a', 'b']), upper(), sink(chunks));
  return chunks;
});
await test('pipeline with functions', async () => {
  const chunks = [];
  await pipelinePromise(
    ['x', 'y'],
    async function* (source) {
      for await (const chunk of source) yield `${chunk}!`;
    },
    sink(chunks),
  );
  const value = await pipelinePromise(Readable.from(['1', '2']), async (source) => {
    let all = '';
    for await (const chunk of source) all += chunk;
    return all;
  });
  return [chunks, value];
});
await test('a failing pipeline', async (events) => {
  const source = new Readable({
    read() {
      this.destroy(new Error('source broke'));
    },
  });
  const target = sink([]);
  source.on('close', () => events.push('source closed'));
  target.on('close', () => events.push('target closed'));
  await pipelinePromise(source, target).finally(tick);
});
await test('pipeline callback', async (events) =>
  new Promise((resolve) => {
    pipeline(Readable.from(['a']), new PassThrough(), sink([]), (error) => {
      events.push(error ?? 'no error');
      resolve();
    });
  }));
await test('an aborted pipeline', async () => {
  const controller = new AbortController();
  const running = pipelinePromise(new Readable({ read() {} }), sink([]), { signal: controller.signal });
  controller.abort();
  await running;
});
await test('finished, premature', async (events) => {
  const stream = new Readable({ read() {} });
  finished(stream, (error) => events.push(error?.code));
  stream.destroy();
  await tick();
  await tick();
});
await test('duplex', async (events) => {
  const written = [];
  const stream = listen(
    new Duplex({
      read() {
        this.push('out');
        this.push(null);
      },
      write(chunk, encoding, callback) {
        written.push(String(chunk));
        callback();
      },
    }),
    events,
    ['end', 'finish', 'close'],
  );
  stream.end('in');
  const text = await consumers.text(stream);
  await tick();
  return [written, text, stream.destroyed];
});
await test('half open', async (events) => {
  const stream = listen(
    new Duplex({
      allowHalfOpen: false,
      read() {
        this.push(null);
      },
      write(chunk, encoding, callback) {
        callback();
      },
    }),
    events,
    ['end', 'finish', 'close'],
  );
  stream.resume();
  await finishedPromise(stream);
});
await test('old inheritance', async () => {
  function Counter() {
    Readable.call(this, { objectMode: true });
    this.n = 0;
  }
  inherits(Counter, Readable);
  Counter.prototype._read = function () {
    this.push(this.n < 3 ? this.n++ : null);
  };
  function Collect() {
    if (!(this instanceof Collect)) return new Collect();
    Writable.call(this, { objectMode: true });
    this.got = [];
  }
  inherits(Collect, Writable);
  Collect.prototype._write = function (chunk, encoding, callback) {
    this.got.push(chunk);
    callback();
  };
  const collect = Collect();
  new Counter().pipe(collect);
  await finishedPromise(collect);
  return collect.got;
});
await test('consumers', async () => {
  const of = () => Readable.from([Buffer.from('{"a":'), Buffer.from('1}')]);
  return [
    await consumers.text(of()),
    await consumers.json(of()),
    (await consumers.buffer(of())).length,
    (await consumers.arrayBuffer(of())).byteLength,
    (await consumers.blob(of())).size,
  ];
});
await test('toWeb', async () => {
  const parts = [];
  for await (const chunk of Readable.toWeb(Readable.from([Buffer.from('a'), Buffer.from('b')], { objectMode: false })))
    parts.push(new TextDecoder().decode(chunk));
  const chunks = [];
  const writer = Writable.toWeb(sink(chunks)).getWriter();
  await writer.write(Buffer.from('w'));
  await writer.close();
  return [parts, chunks];
});
await test('fromWeb', async () => {
  const web = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('web'));
      controller.close();
    },
  });
  const got = [];
  const target = Writable.fromWeb(
    new WritableStream({
      write(chunk) {
        got.push(String(chunk));
      },
    }),
    { objectMode: true },
  );
  target.end('y');
  await finishedPromise(target);
  return [await consumers.text(Readable.fromWeb(web)), got];
});
await test('destroying a pipe target', async (events) => {
  const source = new Readable({
    highWaterMark: 4,
    read() {
      setImmediate(() => this.push('x'));
    },
  });
  const target = listen(sink([]), events, ['close', 'unpipe']);
  source.pipe(target);
  await tick();
  target.destroy();
  await tick();
  await tick();
  return [source.readableFlowing, source.destroyed];
});
