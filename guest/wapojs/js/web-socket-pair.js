// WebSocketPair: https://developers.cloudflare.com/workers/runtime-apis/websockets/
//
// Two WebSockets that are connected to each other. One is given to the client, in a Response with status 101; the other
// one is the program's, which calls `accept()` on it. A client that has been answered with it takes the place of that
// end: what the other one sends goes to the network, and what comes from there to the other one.

import { setTimer, utf8Decode, websocketAccept } from 'wapo:native';
import { defineInterface } from './interfaces.js';
import { createPaired, isWebSocket, webSocketChannel } from './web-socket.js';
import { FetchedChannel } from './web-socket-fetch.js';
import { HostChannel, SEND_TEXT } from './web-socket-channel.js';

const { TypeError } = globalThis;
const { defineProperty } = Object;
const NO_STATUS = 1005;

/** Queues a task. */
const queueTask = (task) => setTimer(task, 0, false);

/** What one end of a pair sends into. */
class PairChannel {
  #owner;
  /** @type {PairChannel} of the other end */
  other = null;
  #accepted = false;
  /** What has come and could not be told yet. */
  #inbox = [];
  #closed = false;
  /** @type {?HostChannel} the network, if this end was given to it */
  #network = null;

  constructor(owner) {
    this.#owner = owner;
  }

  /** The program is listening. */
  accept() {
    if (this.#network !== null) throw new TypeError('WebSocket.accept: this end was given to a client');
    if (this.#accepted) return;
    this.#accepted = true;
    for (let i = this.#inbox.length; i > 0; i--) queueTask(() => this.#tellNext());
    if (this.other.#network !== null) this.other.#network.listen();
  }

  get buffered() {
    return this.other.#network === null ? 0 : this.other.#network.buffered;
  }

  #checkUsable(operation) {
    if (this.#network !== null) throw new TypeError(`WebSocket.${operation}: this end was given to a client`);
    if (!this.#accepted) throw new TypeError(`WebSocket.${operation}: call accept() first`);
  }

  send(opcode, bytes) {
    this.#checkUsable('send');
    this.other.#receive({ opcode, bytes });
  }

  close(code, reason) {
    this.#checkUsable('close');
    this.other.#receive({ code, reason });
  }

  #receive(item) {
    if (this.#network !== null) {
      this.#forward(item);
      return;
    }
    this.#inbox.push(item);
    if (this.#accepted) queueTask(() => this.#tellNext());
  }

  #forward(item) {
    if (item.bytes !== undefined) this.#network.send(item.opcode, item.bytes);
    else this.#network.close(item.code, item.reason);
  }

  #tellNext() {
    const item = this.#inbox.shift();
    if (item === undefined || this.#closed) return;
    if (item.bytes !== undefined) {
      this.#owner.message(item.opcode === SEND_TEXT ? utf8Decode(item.bytes, false, true) : item.bytes.slice());
      return;
    }
    // Within the program the closing handshake is one step.
    this.#end(item.code || NO_STATUS, item.reason);
    queueTask(() => this.other.#end(item.code || NO_STATUS, item.reason));
  }

  #end(code, reason) {
    if (this.#closed) return;
    this.#closed = true;
    this.#owner.closed(code, reason, true, null);
  }

  /** The client's connection takes the place of this end. */
  connect(headers, protocol) {
    if (this.#network !== null || this.#accepted) {
      throw new TypeError('the WebSocket of the Response is in use already; return the other end of the pair');
    }
    const owner = this.other.#owner;
    owner.protocol(protocol);
    this.#network = new HostChannel(websocketAccept(headers), { ...owner, opened() {} });
    for (let i = 0; i < this.#inbox.length; i++) this.#forward(this.#inbox[i]);
    this.#inbox.length = 0;
    if (this.other.#accepted) this.#network.listen();
  }
}

const isForClients = (channel) => channel instanceof PairChannel || channel instanceof FetchedChannel;

/** Checks a Response's `webSocket`: an end of a pair, or nothing. */
export function toPairEnd(value) {
  if (value === undefined || value === null) return null;
  if (!isWebSocket(value) || !isForClients(webSocketChannel(value))) {
    throw new TypeError('new Response: webSocket must be an end of a WebSocketPair, or what fetch has opened');
  }
  return value;
}

/** Answers the request with an end of a pair. `headers` is the block that goes with it. */
export const giveToClient = (end, headers, protocol) => webSocketChannel(end).connect(headers, protocol);

export class WebSocketPair {
  constructor() {
    let client, server;
    const ends = [createPaired((owner) => (client = new PairChannel(owner))), createPaired((owner) => (server = new PairChannel(owner)))];
    client.other = server;
    server.other = client;
    for (let i = 0; i < 2; i++) {
      defineProperty(this, i, { __proto__: null, value: ends[i], writable: true, enumerable: true, configurable: true });
    }
  }
}

defineInterface(WebSocketPair);
