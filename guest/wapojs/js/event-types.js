// The events of one standard interface each: an Event with a few read-only attributes.
// CustomEvent: https://dom.spec.whatwg.org/#interface-customevent
// ErrorEvent, PromiseRejectionEvent: https://html.spec.whatwg.org/#runtime-script-errors
// MessageEvent: https://html.spec.whatwg.org/#messageevent
// CloseEvent: https://websockets.spec.whatwg.org/#the-closeevent-interface
// ProgressEvent: https://xhr.spec.whatwg.org/#interface-progressevent

import { Event, initializeEvent } from './event.js';
import { defineInterface } from './interfaces.js';
import {
  isObject,
  requireArguments,
  toDictionary,
  toDOMString,
  toDouble,
  toSequence,
  toUnsignedLong,
  toUnsignedShort,
  toUSVString,
} from './webidl.js';

const { TypeError } = globalThis;
const { freeze } = Object;

const optionalString = (value) => (value === undefined ? '' : toDOMString(value));

export class CustomEvent extends Event {
  #detail;

  constructor(type, eventInitDict = undefined) {
    requireArguments(arguments.length, 1, 'new CustomEvent');
    const init = toDictionary(eventInitDict, 'new CustomEvent: the init argument');
    super(type, init);
    const { detail } = init;
    this.#detail = detail === undefined ? null : detail;
  }

  get detail() {
    return this.#detail;
  }

  initCustomEvent(type, bubbles = false, cancelable = false, detail = null) {
    requireArguments(arguments.length, 1, 'CustomEvent.initCustomEvent');
    if (initializeEvent(this, toDOMString(type), !!bubbles, !!cancelable)) this.#detail = detail;
  }
}

export class ErrorEvent extends Event {
  #message;
  #filename;
  #lineno;
  #colno;
  #error;

  constructor(type, eventInitDict = undefined) {
    requireArguments(arguments.length, 1, 'new ErrorEvent');
    const init = toDictionary(eventInitDict, 'new ErrorEvent: the init argument');
    super(type, init);
    const { colno, error, filename, lineno, message } = init;
    this.#colno = toUnsignedLong(colno);
    this.#error = error;
    this.#filename = filename === undefined ? '' : toUSVString(filename);
    this.#lineno = toUnsignedLong(lineno);
    this.#message = optionalString(message);
  }

  get message() {
    return this.#message;
  }

  get filename() {
    return this.#filename;
  }

  get lineno() {
    return this.#lineno;
  }

  get colno() {
    return this.#colno;
  }

  get error() {
    return this.#error;
  }
}

export class PromiseRejectionEvent extends Event {
  #promise;
  #reason;

  constructor(type, eventInitDict) {
    requireArguments(arguments.length, 2, 'new PromiseRejectionEvent');
    const init = toDictionary(eventInitDict, 'new PromiseRejectionEvent: the init argument');
    super(type, init);
    const { promise, reason } = init;
    if (!isObject(promise)) throw new TypeError('new PromiseRejectionEvent: promise is required and must be an object');
    this.#promise = promise;
    this.#reason = reason;
  }

  get promise() {
    return this.#promise;
  }

  get reason() {
    return this.#reason;
  }
}

// MessagePort is built on events; message-channel.js says which values are one.
let isMessagePort = () => false;
export function setMessagePortCheck(check) {
  isMessagePort = check;
}

function toPort(value) {
  if (!isMessagePort(value)) throw new TypeError('MessageEvent: ports must be MessagePort objects');
  return value;
}

function toMessageSource(value) {
  if (value === undefined || value === null) return null;
  if (!isMessagePort(value)) throw new TypeError('MessageEvent: source must be null or a MessagePort');
  return value;
}

export class MessageEvent extends Event {
  #data;
  #origin;
  #lastEventId;
  #source;
  #ports;

  constructor(type, eventInitDict = undefined) {
    requireArguments(arguments.length, 1, 'new MessageEvent');
    const init = toDictionary(eventInitDict, 'new MessageEvent: the init argument');
    super(type, init);
    const { data, lastEventId, origin, ports, source } = init;
    this.#data = data === undefined ? null : data;
    this.#lastEventId = optionalString(lastEventId);
    this.#origin = origin === undefined ? '' : toUSVString(origin);
    this.#ports = freeze(ports === undefined ? [] : toSequence(ports, toPort, 'MessageEvent: ports'));
    this.#source = toMessageSource(source);
  }

  get data() {
    return this.#data;
  }

  get origin() {
    return this.#origin;
  }

  get lastEventId() {
    return this.#lastEventId;
  }

  get source() {
    return this.#source;
  }

  get ports() {
    return this.#ports;
  }

  initMessageEvent(
    type,
    bubbles = false,
    cancelable = false,
    data = null,
    origin = '',
    lastEventId = '',
    source = null,
    ports = [],
  ) {
    requireArguments(arguments.length, 1, 'MessageEvent.initMessageEvent');
    type = toDOMString(type);
    origin = toUSVString(origin);
    lastEventId = toDOMString(lastEventId);
    source = toMessageSource(source);
    ports = freeze(toSequence(ports, toPort, 'MessageEvent.initMessageEvent: ports'));
    if (!initializeEvent(this, type, !!bubbles, !!cancelable)) return;
    this.#data = data;
    this.#origin = origin;
    this.#lastEventId = lastEventId;
    this.#source = source;
    this.#ports = ports;
  }
}

export class CloseEvent extends Event {
  #wasClean;
  #code;
  #reason;

  constructor(type, eventInitDict = undefined) {
    requireArguments(arguments.length, 1, 'new CloseEvent');
    const init = toDictionary(eventInitDict, 'new CloseEvent: the init argument');
    super(type, init);
    const { code, reason, wasClean } = init;
    this.#code = toUnsignedShort(code);
    this.#reason = reason === undefined ? '' : toUSVString(reason);
    this.#wasClean = !!wasClean;
  }

  get wasClean() {
    return this.#wasClean;
  }

  get code() {
    return this.#code;
  }

  get reason() {
    return this.#reason;
  }
}

export class ProgressEvent extends Event {
  #lengthComputable;
  #loaded;
  #total;

  constructor(type, eventInitDict = undefined) {
    requireArguments(arguments.length, 1, 'new ProgressEvent');
    const init = toDictionary(eventInitDict, 'new ProgressEvent: the init argument');
    super(type, init);
    const { lengthComputable, loaded, total } = init;
    this.#lengthComputable = !!lengthComputable;
    this.#loaded = loaded === undefined ? 0 : toDouble(loaded, 'ProgressEvent: loaded');
    this.#total = total === undefined ? 0 : toDouble(total, 'ProgressEvent: total');
  }

  get lengthComputable() {
    return this.#lengthComputable;
  }

  get loaded() {
    return this.#loaded;
  }

  get total() {
    return this.#total;
  }
}

for (const Interface of [CustomEvent, ErrorEvent, PromiseRejectionEvent, MessageEvent, CloseEvent, ProgressEvent]) {
  defineInterface(Interface);
}
