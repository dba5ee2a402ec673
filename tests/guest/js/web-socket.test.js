// https://websockets.spec.whatwg.org/, as far as it needs no server; and pairs of workerd
// Needs the engine: Node has no `wapo:native` for the network.
import { EventTarget } from '../../../guest/wapojs/js/event-target.js';
import { CloseEvent, ErrorEvent, MessageEvent } from '../../../guest/wapojs/js/event-types.js';
import { WebSocket } from '../../../guest/wapojs/js/web-socket.js';
import { WebSocketPair } from '../../../guest/wapojs/js/web-socket-pair.js';
import { Blob } from '../../../guest/wapojs/js/blob.js';
import { Response } from '../../../guest/wapojs/js/response.js';
import { assert, assertEquals, assertInterface, assertSame, assertThrows, flushTasks, test } from './harness.js';

const NOWHERE = 'ws://127.0.0.1:9/'; // a port that is blocked: nothing is even tried

/** Events of a socket as they come, until it is closed. */
function watch(socket) {
  const seen = [];
  const closed = new Promise((resolve) => {
    for (const type of ['open', 'message', 'error', 'close']) {
      socket.addEventListener(type, (event) => {
        seen.push(event);
        if (type === 'close') resolve(seen);
      });
    }
  });
  return { seen, closed };
}

test('interface: shape', () => {
  assertInterface(WebSocket, 'WebSocket', {
    length: 1,
    parent: EventTarget,
    attributes: ['url', 'readyState', 'bufferedAmount', 'extensions', 'protocol'],
    writable: ['binaryType', 'onopen', 'onerror', 'onclose', 'onmessage'],
    methods: { close: 0, send: 1 },
    constants: { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 },
  });
  assertThrows(TypeError, () => new WebSocket());
});

test('constructor: the URL', () => {
  for (const [input, url] of [
    ['ws://127.0.0.1:9', 'ws://127.0.0.1:9/'],
    ['WSS://127.0.0.1:9/a/../b?c d', 'wss://127.0.0.1:9/b?c%20d'],
    ['http://127.0.0.1:9/a', 'ws://127.0.0.1:9/a'],
    ['https://127.0.0.1:9/a', 'wss://127.0.0.1:9/a'],
    ['ws://127.0.0.1:09', 'ws://127.0.0.1:9/'],
  ]) {
    assertEquals(new WebSocket(input).url, url);
    assertEquals(new WebSocket({ toString: () => input }).url, url);
  }
  for (const input of ['', '/a', 'a', 'ftp://h/', 'mailto:a@b', 'ws://', 'ws://h/#', 'ws://h/#a', 'wss://a b/', 'data:,a']) {
    assertThrows('SyntaxError', () => new WebSocket(input));
  }
});

test('constructor: subprotocols', () => {
  for (const protocols of ['', ' ', 'a b', 'a,b', 'é', 'a\n', ['a', 'a'], ['a', ''], ['a', '\x7f'], ['(a)']]) {
    assertThrows('SyntaxError', () => new WebSocket(NOWHERE, protocols));
  }
  for (const protocols of [undefined, [], 'a', ['a', 'b'], ['a', 'A'], new Set(['a', 'b']), null, 1, "!#$%&'*+-.^_`|~09AZaz"]) {
    assertEquals(new WebSocket(NOWHERE, protocols).protocol, '');
  }
  assertThrows(TypeError, () => new WebSocket(NOWHERE, [Symbol('a')]));
  assertThrows(TypeError, () => new WebSocket(NOWHERE, { headers: { 'a b': 'c' } }));
  assertThrows('SyntaxError', () => new WebSocket(NOWHERE, { protocols: ['a', 'a'] }));
});

test('a connection that fails tells so later: error, then close with 1006', async () => {
  const socket = new WebSocket(NOWHERE);
  const { seen, closed } = watch(socket);
  assertEquals([socket.readyState, socket.protocol, socket.extensions, socket.bufferedAmount], [0, '', '', 0]);
  assertEquals([socket.binaryType, socket.onopen], ['blob', null]);
  assertThrows('InvalidStateError', () => socket.send('a'));
  await Promise.resolve();
  assertEquals(seen.length, 0);
  await closed;
  assertEquals(seen.map((event) => event.type), ['error', 'close']);
  assert(seen[0] instanceof ErrorEvent && seen[0].message !== '' && seen[0].isTrusted);
  assert(seen[1] instanceof CloseEvent);
  assertEquals([seen[1].code, seen[1].reason, seen[1].wasClean, socket.readyState], [1006, '', false, 3]);
  socket.close();
  socket.close(4999, 'a');
  assertEquals(seen.length, 2);
});

test('what is sent too late counts as buffered for ever', async () => {
  const socket = new WebSocket(NOWHERE);
  await watch(socket).closed;
  socket.send('é');
  socket.send(new Uint8Array(3));
  socket.send(new Blob(['abcd']));
  assertEquals(socket.bufferedAmount, 2 + 3 + 4);
});

test('close: arguments', () => {
  const socket = new WebSocket(NOWHERE);
  for (const code of [0, 1, 999, 1001, 1005, 1006, 1015, 2999, 5000, 65536, -1, NaN, null, 'a']) {
    assertThrows('InvalidAccessError', () => socket.close(code));
  }
  assertThrows('SyntaxError', () => socket.close(1000, 'a'.repeat(124)));
  assertThrows('SyntaxError', () => socket.close(1000, 'é'.repeat(62)));
  assertThrows('SyntaxError', () => socket.close(undefined, 'a'.repeat(124)));
  assertEquals(socket.readyState, 0);
  socket.close(3000.4, 'a'.repeat(123));
  assertEquals(socket.readyState, 2);
});

test('close while it is connecting fails the connection', async () => {
  const socket = new WebSocket(NOWHERE);
  const { seen, closed } = watch(socket);
  socket.close();
  assertEquals(socket.readyState, 2);
  await closed;
  assertEquals(seen.map((event) => [event.type, event.code]), [
    ['error', undefined],
    ['close', 1006],
  ]);
});

test('binaryType takes what it knows', () => {
  const socket = new WebSocket(NOWHERE);
  socket.binaryType = 'arraybuffer';
  assertEquals(socket.binaryType, 'arraybuffer');
  for (const value of ['', 'notBlobOrArrayBuffer', 'Blob', null]) socket.binaryType = value;
  assertEquals(socket.binaryType, 'arraybuffer');
  socket.binaryType = 'blob';
  assertEquals(socket.binaryType, 'blob');
});

test('pair: two sockets that are connected to each other', async () => {
  const pair = new WebSocketPair();
  assertEquals(Object.keys(pair), ['0', '1']);
  const [one, two] = Object.values(pair);
  assertSame(one, pair[0]);
  assert(one instanceof WebSocket && two instanceof WebSocket);
  assertEquals([one.readyState, one.url, one.binaryType], [1, null, 'arraybuffer']);
  assertThrows(TypeError, () => one.send('not accepted'));
  one.accept();
  two.accept();
  two.accept();
  const { seen, closed } = watch(two);
  one.send('a');
  one.send(new Uint8Array([1, 2]));
  one.send('');
  assertEquals(seen.length, 0);
  await flushTasks();
  assert(seen[0] instanceof MessageEvent && seen[0].isTrusted);
  assertEquals(seen.map((event) => event.data), ['a', new Uint8Array([1, 2]).buffer, '']);
  const other = watch(one);
  one.close(3001, 'enough');
  assertEquals(one.readyState, 2);
  await closed;
  await other.closed;
  for (const events of [seen, other.seen]) {
    const event = events.at(-1);
    assertEquals([event.type, event.code, event.reason, event.wasClean], ['close', 3001, 'enough', true]);
  }
  assertEquals([one.readyState, two.readyState], [3, 3]);
});

test('pair: what comes before accept waits, in order', async () => {
  const { 0: one, 1: two } = new WebSocketPair();
  const got = [];
  two.addEventListener('message', (event) => got.push(event.data));
  one.accept();
  one.send('a');
  one.send('b');
  await flushTasks();
  assertEquals(got, []);
  two.accept();
  one.send('c');
  await flushTasks();
  assertEquals(got, ['a', 'b', 'c']);
});

test('pair: microtasks run between two messages', async () => {
  const { 0: one, 1: two } = new WebSocketPair();
  const order = [];
  two.onmessage = (event) => {
    order.push(event.data);
    Promise.resolve().then(() => 0).then(() => order.push(`after ${event.data}`));
  };
  one.accept();
  two.accept();
  one.send('a');
  one.send('b');
  await flushTasks();
  assertEquals(order, ['a', 'after a', 'b', 'after b']);
});

test('Response: an end of a pair goes with status 101 only', () => {
  const [client] = Object.values(new WebSocketPair());
  const response = new Response(null, { status: 101, webSocket: client });
  assertEquals(response.status, 101);
  assertSame(response.webSocket, client);
  assertEquals(new Response().webSocket, null);
  assertThrows(RangeError, () => new Response(null, { status: 101 }));
  assertThrows(RangeError, () => new Response(null, { status: 100, webSocket: client }));
  assertThrows(TypeError, () => new Response('a', { status: 101, webSocket: client }));
  assertThrows(TypeError, () => new Response(null, { status: 101, webSocket: {} }));
  assertThrows(TypeError, () => new Response(null, { status: 101, webSocket: new WebSocket(NOWHERE) }));
});
