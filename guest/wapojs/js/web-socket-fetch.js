// A WebSocket by fetch(), as workerd has it: https://developers.cloudflare.com/workers/examples/websockets/
//
// A request with `Upgrade: websocket` is answered with a Response whose `webSocket` is the connection. The program
// begins with `accept()`, or answers its own client with the Response: then the two are connected to each other.

import { setTimer, utf8Encode, websocketAccept } from 'wapo:native';
import { createPaired, openChannel } from './web-socket.js';
import { HostChannel, SEND_BYTES, SEND_TEXT } from './web-socket-channel.js';

const { TypeError } = globalThis;
const NO_STATUS = 1005, ABNORMAL = 1006, TLS_FAILED = 1015, INTERNAL_ERROR = 1011;

/** Passes on what one connection tells to another. */
const forwardingTo = (channel) => ({
  opened() {},
  message(data) {
    if (typeof data === 'string') channel.send(SEND_TEXT, utf8Encode(data));
    else channel.send(SEND_BYTES, data);
  },
  closing() {},
  closed(code, reason) {
    if (code === NO_STATUS) channel.close(0, '');
    else if (code === ABNORMAL || code === TLS_FAILED) channel.close(INTERNAL_ERROR, '');
    else channel.close(code, reason);
  },
});

/** What such a WebSocket sends into. */
export class FetchedChannel {
  #owner;
  #network;
  /** Whom the network tells: the WebSocket, or the client that it was given to. */
  #listener;
  #state = 'waiting';

  constructor(owner) {
    this.#owner = this.#listener = owner;
  }

  /** @param opened is called when the handshake is over */
  open(href, protocols, headers, opened, failed) {
    let isOpen = false;
    this.#network = openChannel(href, protocols, headers, {
      opened: (protocol) => {
        isOpen = true;
        this.#network.pause();
        this.#owner.protocol(protocol);
        opened(protocol);
      },
      message: (data) => this.#listener.message(data),
      closing: () => this.#listener.closing(),
      closed: (code, reason, wasClean, failure) => {
        if (isOpen) this.#listener.closed(code, reason, wasClean, failure);
        else failed(failure);
      },
    });
  }

  abandon() {
    this.#network.abandon();
  }

  accept() {
    if (this.#state === 'given') throw new TypeError('WebSocket.accept: this connection was given to a client');
    if (this.#state === 'waiting') this.#network.listen();
    this.#state = 'accepted';
  }

  #check(operation) {
    if (this.#state !== 'accepted') throw new TypeError(`WebSocket.${operation}: call accept() first`);
  }

  get buffered() {
    return this.#network.buffered;
  }

  send(opcode, bytes) {
    this.#check('send');
    this.#network.send(opcode, bytes);
  }

  close(code, reason) {
    this.#check('close');
    this.#network.close(code, reason);
  }

  /** The program answers its client with this connection. */
  connect(headers) {
    if (this.#state !== 'waiting') throw new TypeError('the WebSocket of the Response is in use already');
    const served = new HostChannel(websocketAccept(headers), forwardingTo(this.#network));
    this.#state = 'given';
    this.#listener = forwardingTo(served);
    served.listen();
    this.#network.listen();
  }
}

/**
 * Opens a WebSocket for fetch.
 * @param {function(WebSocket, string)} opened gets it, and the subprotocol
 * @param {function(string)} failed
 * @returns {function()} gives it up while it is opening
 */
export function openFetched(href, headers, opened, failed) {
  const listed = headers.filter(([name]) => name === 'sec-websocket-protocol').map(([, value]) => value).join(',');
  const protocols = listed.split(',').map((name) => name.trim()).filter((name) => name !== '');
  let channel;
  const socket = createPaired((owner) => (channel = new FetchedChannel(owner)));
  try {
    channel.open(`ws${href.slice(4)}`, protocols, headers, (protocol) => opened(socket, protocol), failed);
  } catch (error) {
    setTimer(() => failed(error.message), 0, false);
    return () => undefined;
  }
  return () => channel.abandon();
}
