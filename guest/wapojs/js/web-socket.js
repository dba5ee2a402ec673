// WebSocket: https://websockets.spec.whatwg.org/#the-websocket-interface
//
// The host makes the connection, answers pings and bounds what it keeps; see web-socket-channel.js. The constructor also
// takes `{ protocols, headers }`, as those of Node, Deno and Bun do. The ends of a WebSocketPair are of this class too.

import { setTimer, utf8Encode, websocketOpen } from 'wapo:native';
import { parseWithBase } from './base-url.js';
import { blobParts, blobSize, createBlob, isBlob } from './blob.js';
import { DOMException } from './dom-exception.js';
import { Event } from './event.js';
import { defineEventHandler, EventTarget, fireEvent } from './event-target.js';
import { CloseEvent, ErrorEvent, MessageEvent } from './event-types.js';
import { fillHeaders, Headers, headersListOf } from './headers.js';
import { defineInterface } from './interfaces.js';
import { blockedPort } from './ports.js';
import { concatBytes } from './streams/internal.js';
import { HostChannel, SEND_BYTES, SEND_TEXT } from './web-socket-channel.js';
import { clamp, isBufferSource, isObject, requireArguments, toBytes, toDOMString, toSequence, toUSVString } from './webidl.js';

const { Set, Symbol, TypeError, Uint8Array } = globalThis;
const { defineProperty } = Object;

const CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3;
const NORMAL = 1000, ABNORMAL = 1006, FIRST_OWN_CODE = 3000, LAST_OWN_CODE = 4999;
const MAX_REASON_BYTES = 123;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const USER_AGENT = 'WapoJS/0.1.0';

const PAIRED = {}; // lets web-socket-pair.js make one that is connected already

/** Whether a value is a genuine WebSocket. */
export let isWebSocket;
/** The channel of a genuine WebSocket; throws for anything else. */
export let webSocketChannel;

/** "Get a URL record" of the constructor: its serialization, with a scheme of WebSockets. */
function toWebSocketUrl(input) {
  let href = parseWithBase(input);
  if (href !== null && href.startsWith('http')) href = `ws${href.slice(4)}`;
  if (href === null || !/^wss?:/.test(href)) {
    throw new DOMException(`new WebSocket: '${input}' is not a ws, wss, http or https URL`, 'SyntaxError');
  }
  if (href.includes('#')) throw new DOMException('new WebSocket: the URL has a fragment', 'SyntaxError');
  return href;
}

/** The second argument: a subprotocol, several, or an object with them and headers. */
function toInit(value) {
  if (value === undefined) return { protocols: [], headers: [] };
  if (!isObject(value)) return { protocols: [toDOMString(value)], headers: [] };
  const method = value[Symbol.iterator];
  if (method !== undefined && method !== null) {
    return { protocols: toSequence(value, toDOMString, 'new WebSocket: the protocols', method), headers: [] };
  }
  const { headers, protocols } = value;
  const init = toInit(protocols);
  if (headers !== undefined) {
    const filled = new Headers();
    fillHeaders(filled, headers);
    init.headers = headersListOf(filled);
  }
  return init;
}

function checkProtocols(protocols) {
  if (new Set(protocols).size !== protocols.length) {
    throw new DOMException('new WebSocket: a subprotocol is named twice', 'SyntaxError');
  }
  for (let i = 0; i < protocols.length; i++) {
    if (!TOKEN.test(protocols[i])) {
      throw new DOMException(`new WebSocket: '${protocols[i]}' is no subprotocol`, 'SyntaxError');
    }
  }
}

const joinHeaders = (list) => list.map(([name, value]) => `${name}\0${value}`).join('\0');

/** A connection that the host is asked to make. Throws an Error with the reason if it will not even try. */
export function openChannel(href, protocols, headers, owner) {
  const port = blockedPort(href);
  if (port !== null) throw new TypeError(`port ${port} is not allowed`);
  const all = headers.some(([name]) => name === 'user-agent') ? headers : [...headers, ['user-agent', USER_AGENT]];
  const channel = new HostChannel(websocketOpen(href, joinHeaders(all), protocols.join('\0')), owner);
  channel.listen();
  return channel;
}

export class WebSocket extends EventTarget {
  #url;
  #origin;
  #readyState = CONNECTING;
  #protocol = '';
  #binaryType = 'blob';
  #channel = null;
  /** Bytes of messages that were given to `send` too late. */
  #lost = 0;

  constructor(url, protocols = undefined) {
    if (url === PAIRED) {
      super();
      this.#url = null;
      this.#origin = '';
      this.#binaryType = 'arraybuffer';
      this.#readyState = OPEN;
      this.#channel = protocols(this.#asOwner());
      return;
    }
    requireArguments(arguments.length, 1, 'new WebSocket');
    const input = toUSVString(url);
    const init = toInit(protocols);
    const href = toWebSocketUrl(input);
    checkProtocols(init.protocols);
    super();
    this.#url = href;
    this.#origin = /^wss?:\/\/[^/?#]*/.exec(href)[0].replace(/\/\/[^@]*@/, '//');
    try {
      this.#channel = openChannel(href, init.protocols, init.headers, this.#asOwner());
    } catch (error) {
      this.#failLater(`the WebSocket cannot connect to ${href}: ${error.message}`);
    }
  }

  /** What the channel tells. */
  #asOwner() {
    return {
      opened: (protocol) => {
        if (this.#readyState !== CONNECTING) return;
        this.#readyState = OPEN;
        this.#protocol = protocol;
        fireEvent(this, new Event('open'));
      },
      message: (data) => {
        if (this.#readyState !== OPEN) return;
        fireEvent(this, new MessageEvent('message', { data: this.#shown(data), origin: this.#origin }));
      },
      closing: () => {
        if (this.#readyState < CLOSING) this.#readyState = CLOSING;
      },
      closed: (code, reason, wasClean, failure) => {
        if (this.#readyState === CLOSED) return;
        this.#readyState = CLOSED;
        this.#lost += this.#channel === null ? 0 : this.#channel.buffered;
        this.#channel = null;
        if (failure !== null) fireEvent(this, new ErrorEvent('error', { message: `WebSocket: ${failure}` }));
        fireEvent(this, new CloseEvent('close', { code, reason, wasClean }));
      },
      protocol: (name) => {
        this.#protocol = name;
      },
    };
  }

  #shown(data) {
    if (typeof data === 'string') return data;
    return this.#binaryType === 'blob' ? createBlob(data.length === 0 ? [] : [data], '') : data.buffer;
  }

  #failLater(message) {
    const owner = this.#asOwner();
    setTimer(() => owner.closed(ABNORMAL, '', false, message), 0, false);
  }

  get url() {
    return this.#url;
  }

  get readyState() {
    return this.#readyState;
  }

  get bufferedAmount() {
    return this.#lost + (this.#channel === null ? 0 : this.#channel.buffered);
  }

  get extensions() {
    this.#readyState; // the brand check
    return '';
  }

  get protocol() {
    return this.#protocol;
  }

  get binaryType() {
    return this.#binaryType;
  }

  set binaryType(value) {
    const type = toDOMString(value);
    const known = type === 'blob' || type === 'arraybuffer';
    this.#binaryType = known ? type : this.#binaryType;
  }

  close(code = undefined, reason = undefined) {
    this.#readyState; // the brand check
    let number = code === undefined ? 0 : clamp(code, 0, 65535);
    const text = reason === undefined ? '' : toUSVString(reason);
    if (code !== undefined && number !== NORMAL && (number < FIRST_OWN_CODE || number > LAST_OWN_CODE)) {
      throw new DOMException(`WebSocket.close: the code must be 1000 or from 3000 to 4999, not ${number}`, 'InvalidAccessError');
    }
    if (utf8Encode(text).length > MAX_REASON_BYTES) {
      throw new DOMException(`WebSocket.close: the reason is longer than ${MAX_REASON_BYTES} bytes`, 'SyntaxError');
    }
    if (number === 0 && text !== '') number = NORMAL;
    if (this.#readyState >= CLOSING) return;
    const connecting = this.#readyState === CONNECTING;
    this.#readyState = CLOSING;
    if (!connecting) {
      this.#channel.close(number, text);
    } else if (this.#channel !== null) {
      this.#channel.abandon();
      this.#failLater('it was closed before the connection was made');
    }
  }

  send(data) {
    this.#readyState; // the brand check
    requireArguments(arguments.length, 1, 'WebSocket.send');
    let bytes;
    let opcode = SEND_BYTES;
    if (isBufferSource(data)) {
      bytes = toBytes(data, 'WebSocket.send: the data').slice();
    } else if (isBlob(data)) {
      const parts = blobParts(data);
      bytes = parts.length === 0 ? new Uint8Array(0) : concatBytes(parts, blobSize(data));
    } else {
      bytes = utf8Encode(toUSVString(data));
      opcode = SEND_TEXT;
    }
    if (this.#readyState === CONNECTING) {
      throw new DOMException('WebSocket.send: the connection is not open yet', 'InvalidStateError');
    }
    if (this.#readyState === OPEN) this.#channel.send(opcode, bytes);
    else this.#lost += bytes.length;
  }

  static {
    isWebSocket = (value) => isObject(value) && #channel in value;
    webSocketChannel = (socket) => socket.#channel;
  }
}

for (const type of ['open', 'error', 'close', 'message']) defineEventHandler(WebSocket.prototype, type);
defineInterface(WebSocket, { CONNECTING, OPEN, CLOSING, CLOSED });

/** One that is connected to the channel that `makeChannel(owner)` makes. */
export const createPaired = (makeChannel) => new WebSocket(PAIRED, makeChannel);

// As workerd has it: the end of a pair that a program keeps is told to begin. Others have begun.
defineProperty(WebSocket.prototype, 'accept', {
  __proto__: null, configurable: true, writable: true, enumerable: false,
  value: {
    accept() {
      const channel = webSocketChannel(this);
      if (channel !== null && channel.accept !== undefined) channel.accept();
    },
  }.accept,
});
