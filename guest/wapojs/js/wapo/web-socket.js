// WebSocket primitives: wapojs-api.md 3.13, over the platform's WebSocket. The host makes the handshake and answers
// pings, so the handshake's headers that programs had to supply are left out, and pings and pongs are not seen.

import { call } from '../primordials.js';
import { isObject } from '../webidl.js';
import { endResource, openResource } from './resources.js';
import { callBack, opaque } from './streams.js';
import { expected, field, optional, toHeaderList, toObject, toText, toWapoBytes } from './values.js';

const { Error, Uint8Array, WeakMap } = globalThis;

const OF_THE_HANDSHAKE = [
  'host', 'connection', 'upgrade', 'sec-websocket-version', 'sec-websocket-key', 'sec-websocket-extensions',
];
const PROTOCOL = 'sec-websocket-protocol';
const CONNECTING = 0, OPEN = 1;

/** @param {Function} WebSocket the interface, as it is before any program runs */
export function webSocketCalls(WebSocket) {
  const { close, send } = WebSocket.prototype;
  const addEventListener = WebSocket.prototype.addEventListener;
  /** @type {WeakMap<object, object>} */
  const sockets = new WeakMap();

  function wsOpen(request, callback) {
    const fields = toObject(request, 'WebSocket request');
    const url = field(fields, 'url', toText);
    const headers = [];
    const protocols = [];
    for (const [name, value] of field(fields, 'headers', (list) => optional(list, toHeaderList, []))) {
      const lower = name.toLowerCase();
      if (lower === PROTOCOL) protocols.push(...value.split(/ *, */));
      else if (!OF_THE_HANDSHAKE.includes(lower)) headers.push([name, value]);
    }
    const socket = new WebSocket(url, { headers, protocols });
    socket.binaryType = 'arraybuffer';
    const sink = opaque('WebSocketSink');
    sockets.set(sink, socket);
    let open = true;
    const id = openResource(() => {
      open = false;
      call(close, socket);
    });
    let opened = false;
    let failure = 'the connection was lost';
    const on = (type, listener) => call(addEventListener, socket, type, (event) => open && listener(event));
    on('open', () => {
      opened = true;
      callBack(callback, 'open', sink);
    });
    on('message', ({ data }) => {
      if (typeof data === 'string') callBack(callback, 'message', { kind: 'text', data });
      else callBack(callback, 'message', { kind: 'binary', data: new Uint8Array(data) });
    });
    on('error', ({ message }) => {
      if (typeof message === 'string' && message !== '') failure = message;
    });
    on('close', () => {
      open = false;
      endResource(id);
      if (opened) callBack(callback, 'message', { kind: 'close', data: '' });
      else callBack(callback, 'error', failure);
    });
    return id;
  }

  function socketOf(sink) {
    const socket = isObject(sink) ? sockets.get(sink) : undefined;
    if (socket === undefined) throw expected('WebSocketSink', sink);
    return socket;
  }

  function wsSend(sink, message) {
    const socket = socketOf(sink);
    if (socket.readyState !== OPEN) throw new Error('failed to send message: the connection is closed');
    const { kind, data } = toObject(message, 'WebSocket message');
    switch (kind) {
      case 'text':
        call(send, socket, typeof data === 'string' ? data : '');
        break;
      case 'binary':
      case 'frame':
        call(send, socket, toWapoBytes(data));
        break;
      case 'ping':
      case 'pong':
        break; // the host sees to it that the connection is alive
      case 'close':
        call(close, socket);
        break;
      default:
        throw new Error(`unknown kind of message: ${kind}`);
    }
    return null;
  }

  function wsClose(sink) {
    const socket = socketOf(sink);
    if (socket.readyState !== CONNECTING && socket.readyState !== OPEN) throw new Error('already closed');
    call(close, socket);
    return null;
  }

  return { wsOpen, wsSend, wsClose };
}
