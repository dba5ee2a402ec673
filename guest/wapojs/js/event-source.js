// EventSource: https://html.spec.whatwg.org/#the-eventsource-interface

import { clearTimer, latin1Decode, setTimer, utf8Encode } from 'wapo:native';
import { parseWithBase } from './base-url.js';
import { AbortController } from './abort.js';
import { DOMException } from './dom-exception.js';
import { TextDecoder } from './encoding.js';
import { Event } from './event.js';
import { EventStreamParser } from './event-stream.js';
import { defineEventHandler, EventTarget, fireEvent } from './event-target.js';
import { MessageEvent } from './event-types.js';
import { fetch } from './fetch.js';
import { defineInterface } from './interfaces.js';
import { promiseThen } from './promises.js';
import { responseSlots } from './response.js';
import { acquireDefaultReader, readChunk } from './streams/internal.js';
import { requireArguments, toDictionary, toUSVString } from './webidl.js';

const CONNECTING = 0, OPEN = 1, CLOSED = 2;
const FIRST_RETRY_MS = 3000;
/** A server that tells us to come back at once is given this much rest all the same. */
const LEAST_RETRY_MS = 10;
const MAX_RETRY_MS = 2 ** 31 - 1;
const EVENT_STREAM = /^[\t\n\r ]*text\/event-stream[\t\n\r ]*(?:;|$)/i;
const ORIGIN = /^[a-z]+:\/\/[^/?#]*/;

export class EventSource extends EventTarget {
  #url;
  #withCredentials;
  #readyState = CONNECTING;
  #retry = FIRST_RETRY_MS;
  #lastEventId = '';
  /** @type {?AbortController} of the request under way */
  #request = null;
  /** Of the next attempt; -1 if none is due. */
  #timer = -1;

  constructor(url, eventSourceInitDict = undefined) {
    requireArguments(arguments.length, 1, 'new EventSource');
    const input = toUSVString(url);
    const { withCredentials } = toDictionary(eventSourceInitDict, 'new EventSource: the init argument');
    const href = parseWithBase(input);
    if (href === null) throw new DOMException(`new EventSource: '${input}' is not a URL`, 'SyntaxError');
    super();
    this.#url = href;
    this.#withCredentials = !!withCredentials;
    this.#connect();
  }

  get url() {
    return this.#url;
  }

  get withCredentials() {
    return this.#withCredentials;
  }

  get readyState() {
    return this.#readyState;
  }

  close() {
    const request = this.#request;
    this.#readyState = CLOSED;
    this.#request = null;
    if (this.#timer >= 0) clearTimer(this.#timer);
    this.#timer = -1;
    if (request !== null) request.abort();
  }

  #connect() {
    const controller = new AbortController();
    this.#request = controller;
    const headers = [['accept', 'text/event-stream'], ['cache-control', 'no-store']];
    if (this.#lastEventId !== '') headers.push(['last-event-id', latin1Decode(utf8Encode(this.#lastEventId))]);
    const current = () => this.#request === controller;
    promiseThen(
      fetch(this.#url, { headers, signal: controller.signal }),
      (response) => {
        if (current()) this.#announce(responseSlots(response), controller);
      },
      () => {
        if (current()) this.#reestablish();
      },
    );
  }

  #announce(slots, controller) {
    const type = slots.contentType();
    if (slots.status !== 200 || type === null || !EVENT_STREAM.test(type)) {
      this.close();
      fireEvent(this, new Event('error'));
      controller.abort();
      return;
    }
    this.#readyState = OPEN;
    fireEvent(this, new Event('open'));
    if (this.#request === controller) this.#read(slots, controller);
  }

  #read(slots, controller) {
    const current = () => this.#request === controller;
    const origin = ORIGIN.exec(slots.url)?.[0] ?? 'null';
    const decoder = new TextDecoder();
    const parser = new EventStreamParser(
      this.#lastEventId,
      (type, data, lastEventId) => {
        if (!current()) return;
        this.#lastEventId = lastEventId;
        if (data !== null) fireEvent(this, new MessageEvent(type, { data, origin, lastEventId }));
      },
      (milliseconds) => {
        this.#retry = milliseconds;
      },
    );
    const over = () => {
      if (current()) this.#reestablish();
    };
    if (slots.body === null) {
      over();
      return;
    }
    const reader = acquireDefaultReader(slots.body.open());
    const request = {
      chunk(bytes) {
        parser.push(decoder.decode(bytes, { stream: true }));
        if (current()) readChunk(reader, request);
      },
      close: over,
      error: over,
    };
    readChunk(reader, request);
  }

  #reestablish() {
    this.#request = null;
    this.#readyState = CONNECTING;
    const wait = this.#retry < LEAST_RETRY_MS ? LEAST_RETRY_MS : this.#retry > MAX_RETRY_MS ? MAX_RETRY_MS : this.#retry;
    this.#timer = setTimer(() => {
      this.#timer = -1;
      if (this.#readyState === CONNECTING) this.#connect();
    }, wait, false);
    fireEvent(this, new Event('error'));
  }
}

for (const type of ['open', 'message', 'error']) defineEventHandler(EventSource.prototype, type);
defineInterface(EventSource, { CONNECTING, OPEN, CLOSED });
