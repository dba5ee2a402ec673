// https://html.spec.whatwg.org/#message-channels and BroadcastChannel
import { EventTarget } from '../../../guest/wapojs/js/event-target.js';
import { MessageEvent } from '../../../guest/wapojs/js/event-types.js';
import { BroadcastChannel, MessageChannel, MessagePort } from '../../../guest/wapojs/js/message-channel.js';
import { assert, assertEquals, assertInterface, assertSame, assertThrows, flushTasks, test } from './harness.js';

test('interfaces: shape', () => {
  assertInterface(MessageChannel, 'MessageChannel', { attributes: ['port1', 'port2'] });
  assertInterface(MessagePort, 'MessagePort', {
    parent: EventTarget,
    writable: ['onmessage', 'onmessageerror', 'onclose'],
    methods: { postMessage: 1, start: 0, close: 0 },
  });
  assertInterface(BroadcastChannel, 'BroadcastChannel', {
    length: 1,
    parent: EventTarget,
    attributes: ['name'],
    writable: ['onmessage', 'onmessageerror'],
    methods: { postMessage: 1, close: 0 },
  });
  assertThrows(TypeError, () => new MessagePort());
});

test('messages arrive later, in order, cloned, as trusted MessageEvents', async () => {
  const { port1, port2 } = new MessageChannel();
  const got = [];
  port2.onmessage = (e) =>
    got.push([e instanceof MessageEvent, e.isTrusted, e.data, e.target === port2, e.origin, e.ports.length]);
  const message = { a: 1 };
  port1.postMessage(message);
  port1.postMessage('second');
  message.a = 2;
  assertEquals(got, []);
  await flushTasks();
  assertEquals(got, [
    [true, true, { a: 1 }, true, '', 0],
    [true, true, 'second', true, '', 0],
  ]);
});

test('messages wait until the port is started', async () => {
  const { port1, port2 } = new MessageChannel();
  const got = [];
  port2.addEventListener('message', (e) => got.push(e.data));
  port1.postMessage(1);
  await flushTasks();
  assertEquals(got, []);
  port2.start();
  await flushTasks();
  assertEquals(got, [1]);
});

test('what cannot be cloned throws at once', () => {
  const { port1 } = new MessageChannel();
  assertThrows('DataCloneError', () => port1.postMessage(() => {}));
  assertThrows(TypeError, () => port1.postMessage());
  assertThrows(TypeError, () => port1.postMessage(1, 1));
  assertThrows('DataCloneError', () => port1.postMessage(1, [port1]));
});

test('transfer as a list or an option', async () => {
  const { port1, port2 } = new MessageChannel();
  const got = [];
  port2.onmessage = (e) => got.push(e.data.byteLength);
  const one = new ArrayBuffer(1);
  const two = new ArrayBuffer(2);
  port1.postMessage(one, [one]);
  port1.postMessage(two, { transfer: [two] });
  assertEquals([one.byteLength, two.byteLength], [0, 0]);
  await flushTasks();
  assertEquals(got, [1, 2]);
});

test('a transferred port works on, with the messages it had', async () => {
  const outer = new MessageChannel();
  const inner = new MessageChannel();
  inner.port1.postMessage('early');
  outer.port1.postMessage({ port: inner.port2 }, [inner.port2]);
  const got = [];
  let event;
  outer.port2.onmessage = (e) => {
    event = e;
    e.data.port.onmessage = (m) => got.push(m.data);
  };
  await flushTasks();
  await flushTasks();
  inner.port1.postMessage('late');
  await flushTasks();
  assertEquals(got, ['early', 'late']);
  assertSame(event.ports[0], event.data.port);
  assert(event.data.port !== inner.port2);
  inner.port2.postMessage('lost');
});

test('close: later messages are lost, earlier ones arrive, the other end hears of it', async () => {
  const { port1, port2 } = new MessageChannel();
  const got = [];
  port2.onmessage = (e) => got.push(e.data);
  port2.onclose = () => got.push('close');
  port1.postMessage('before');
  port1.close();
  port1.postMessage('after');
  port2.postMessage('to nobody');
  await flushTasks();
  assertEquals(got, ['before', 'close']);
});

test('BroadcastChannel: others of the same name get a copy each', async () => {
  const [a, b, c, other] = ['n', 'n', 'n', 'm'].map((name) => new BroadcastChannel(name));
  const got = [];
  for (const [label, channel] of Object.entries({ a, b, c, other }))
    channel.onmessage = (e) => got.push([label, e.data]);
  const message = { x: 1 };
  a.postMessage(message);
  c.close();
  await flushTasks();
  assertEquals(got, [['b', { x: 1 }]]);
  assert(got[0][1] !== message);
  assertEquals(a.name, 'n');
  assertThrows('InvalidStateError', () => c.postMessage(1));
  assertThrows('DataCloneError', () => a.postMessage(Symbol()));
  assertThrows(TypeError, () => a.postMessage());
  assertThrows(TypeError, () => new BroadcastChannel());
  for (const channel of [a, b, other]) channel.close();
});
