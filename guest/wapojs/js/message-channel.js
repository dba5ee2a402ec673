// MessageChannel and MessagePort: https://html.spec.whatwg.org/#message-channels
// BroadcastChannel: https://html.spec.whatwg.org/#broadcasting-to-other-browsing-contexts, within this virtual machine

import { setTimer } from 'wapo:native';
import { DOMException } from './dom-exception.js';
import { Event } from './event.js';
import { defineEventHandler, EventTarget, fireEvent } from './event-target.js';
import { MessageEvent, setMessagePortCheck } from './event-types.js';
import { defineInterface, illegalConstructor } from './interfaces.js';
import { clone, cloneWithTransfer, registerTransferable, toTransferList } from './structured-clone.js';
import { isObject, requireArguments, toDictionary, toDOMString } from './webidl.js';

const { Map, Set, Symbol } = globalThis;

const CREATE = {};

/** Queues a task that delivers a message. */
const queueTask = (task) => setTimer(task, 0, false);

/** A sequence<object> or a StructuredSerializeOptions. */
function toTransfer(value, what) {
  if (value === undefined || value === null) return [];
  const isSequence = isObject(value) && value[Symbol.iterator] !== undefined && value[Symbol.iterator] !== null;
  return toTransferList(isSequence ? value : toDictionary(value, what).transfer, what);
}

let entangle;
let isMessagePort;

class MessagePort extends EventTarget {
  /** @type {?MessagePort} the port at the other end */
  #other = null;
  /** Messages not yet delivered, each `{data, ports}`. */
  #queue = [];
  #enabled = false;
  #detached = false;

  constructor(key = undefined) {
    if (key !== CREATE) throw illegalConstructor();
    super();
  }

  postMessage(message, options = undefined) {
    this.#queue; // the brand check
    requireArguments(arguments.length, 1, 'MessagePort.postMessage');
    const transfer = toTransfer(options, 'MessagePort.postMessage: transfer');
    if (transfer.includes(this)) throw new DOMException('a port cannot be sent through itself', 'DataCloneError');
    const target = this.#other;
    // If the other end is sent through this one the message is lost, but it is cloned all the same.
    const doomed = target !== null && transfer.includes(target);
    const { value, transferred } = cloneWithTransfer(message, transfer);
    if (target === null || doomed) return;
    target.#receive({ data: value, ports: transferred.filter(isMessagePort) });
  }

  start() {
    if (this.#enabled) return;
    this.#enabled = true;
    for (let i = this.#queue.length; i > 0; i--) queueTask(() => this.#deliver());
  }

  close() {
    this.#detached = true;
    const other = this.#other;
    if (other === null) return;
    this.#other = null;
    other.#other = null;
    queueTask(() => fireEvent(other, new Event('close')));
  }

  #receive(message) {
    this.#queue.push(message);
    if (this.#enabled) queueTask(() => this.#deliver());
  }

  #deliver() {
    // A port that was sent elsewhere has taken its messages with it.
    if (!this.#enabled || this.#queue.length === 0) return;
    const { data, ports } = this.#queue.shift();
    fireEvent(this, new MessageEvent('message', { data, ports }));
  }

  static {
    isMessagePort = (value) => isObject(value) && #enabled in value;
    entangle = (one, two) => {
      one.#other = two;
      two.#other = one;
    };

    // https://html.spec.whatwg.org/#message-ports:transfer-steps
    registerTransferable(
      isMessagePort,
      (port) => port.#detached,
      (port) => {
        const moved = new MessagePort(CREATE);
        moved.#queue = port.#queue;
        port.#queue = [];
        port.#enabled = false;
        port.#detached = true;
        if (port.#other !== null) entangle(moved, port.#other);
        port.#other = null;
        return moved;
      },
    );
  }
}

defineEventHandler(MessagePort.prototype, 'message', (port) => port.start());
defineEventHandler(MessagePort.prototype, 'messageerror');
defineEventHandler(MessagePort.prototype, 'close');
defineInterface(MessagePort);
setMessagePortCheck(isMessagePort);

class MessageChannel {
  #port1 = new MessagePort(CREATE);
  #port2 = new MessagePort(CREATE);

  constructor() {
    entangle(this.#port1, this.#port2);
  }

  get port1() {
    return this.#port1;
  }

  get port2() {
    return this.#port2;
  }
}

defineInterface(MessageChannel);

/** @type {Map<string, Set<BroadcastChannel>>} open channels by name */
const broadcastChannels = new Map();

class BroadcastChannel extends EventTarget {
  #name;
  #closed = false;

  constructor(name) {
    requireArguments(arguments.length, 1, 'new BroadcastChannel');
    name = toDOMString(name);
    super();
    this.#name = name;
    let channels = broadcastChannels.get(name);
    if (channels === undefined) broadcastChannels.set(name, (channels = new Set()));
    channels.add(this);
  }

  get name() {
    return this.#name;
  }

  postMessage(message) {
    const name = this.#name;
    requireArguments(arguments.length, 1, 'BroadcastChannel.postMessage');
    if (this.#closed) throw new DOMException('the channel is closed', 'InvalidStateError');
    const data = clone(message);
    broadcastChannels.get(name).forEach((channel) => {
      if (channel === this) return;
      queueTask(() => {
        if (!channel.#closed) fireEvent(channel, new MessageEvent('message', { data: clone(data) }));
      });
    });
  }

  close() {
    const name = this.#name;
    if (this.#closed) return;
    this.#closed = true;
    const channels = broadcastChannels.get(name);
    channels.delete(this);
    if (channels.size === 0) broadcastChannels.delete(name);
  }
}

defineEventHandler(BroadcastChannel.prototype, 'message');
defineEventHandler(BroadcastChannel.prototype, 'messageerror');
defineInterface(BroadcastChannel);

export { BroadcastChannel, isMessagePort, MessageChannel, MessagePort };
