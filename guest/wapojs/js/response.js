// Response: https://fetch.spec.whatwg.org/#response-class

import { parseWithBase } from './base-url.js';
import { Body, bodyMixin, extractBody } from './body.js';
import { fillHeaders, Headers, headersFromList, headersListOf } from './headers.js';
import { defineInterface, include } from './interfaces.js';
import { findHeader } from './request.js';
import { toPairEnd } from './web-socket-pair.js';
import { requireArguments, toByteString, toDictionary, toUnsignedShort, toUSVString } from './webidl.js';

const { JSON, RangeError, TypeError } = globalThis;
const stringify = JSON.stringify;
const { assign, defineProperty } = Object;

const NULL_BODY_STATUS = [101, 103, 204, 205, 304];
const REDIRECT_STATUS = [301, 302, 303, 307, 308];
const REASON_PHRASE = /^[\t\x20-\x7e\x80-\xff]*$/;

const CREATE = {}; // lets this file give the constructor finished slots

/** The slots of a genuine Response; throws for anything else. */
export let responseSlots;
export let isResponse;
/** The slots of a Response; null for anything else. */
export let slotsOfResponse;

export class ResponseSlots {
  static {
    // What most responses have, as in Body.
    assign(this.prototype, {
      type: 'default',
      url: '',
      redirected: false,
      status: 200,
      statusText: '',
      headersGuard: 'none',
      headers: null,
      /** @type {?Body} */
      body: null,
      /** The end of a WebSocketPair that the client is to get, with status 101. */
      webSocket: null,
    });
  }

  /** @param {[string, string][]} headerList the slots' own from now on */
  constructor(headerList = []) {
    this.headerList = headerList;
  }

  contentType() {
    return findHeader(this.headerList, 'content-type');
  }

  openHeaders() {
    return (this.headers ??= headersFromList(this.headerList, this.headersGuard));
  }
}

/** "Initialize a response": https://fetch.spec.whatwg.org/#initialize-a-response */
function initialize(slots, init, body, type) {
  if (init === undefined || init === null) {
    if (body === null) return;
    slots.body = body;
    if (type !== null) slots.headerList[0] = ['content-type', type];
    return;
  }
  const { headers, status, statusText, webSocket } = toDictionary(init, 'new Response: init');
  const number = status === undefined ? 200 : toUnsignedShort(status);
  const reason = statusText === undefined ? '' : toByteString(statusText);
  let filled = null;
  if (headers !== undefined) {
    filled = new Headers();
    fillHeaders(filled, headers);
  }
  if (webSocket !== undefined) slots.webSocket = toPairEnd(webSocket);
  if ((number < 200 || number > 599) && !(number === 101 && slots.webSocket !== null)) throw new RangeError(`new Response: the status must be from 200 to 599, not ${number}`);
  if (reason !== '' && !REASON_PHRASE.test(reason)) throw new TypeError('new Response: the statusText is not valid');
  if (number !== 200) slots.status = number;
  if (reason !== '') slots.statusText = reason;
  if (filled !== null) {
    slots.headers = filled;
    slots.headerList = headersListOf(filled);
  }
  if (body === null) return;
  if (number !== 200 && NULL_BODY_STATUS.includes(number)) throw new TypeError(`new Response: a response with status ${number} cannot have a body`);
  slots.body = body;
  if (type !== null && findHeader(slots.headerList, 'content-type') === null) {
    slots.headerList.push(['content-type', type]); // nobody has seen the Headers yet
  }
}

function slotsOf(body, init) {
  const slots = new ResponseSlots();
  if (body === null || body === undefined) {
    initialize(slots, init, null, null);
  } else {
    const extracted = extractBody(body);
    initialize(slots, init, extracted.body, extracted.type);
  }
  return slots;
}

export class Response {
  #slots;

  constructor(body = null, init = undefined) {
    if (body === CREATE) {
      this.#slots = init;
      return;
    }
    this.#slots = slotsOf(body, init);
  }

  static error() {
    const slots = new ResponseSlots();
    slots.type = 'error';
    slots.status = 0;
    slots.headersGuard = 'immutable';
    return new Response(CREATE, slots);
  }

  static json(data, init = undefined) {
    requireArguments(arguments.length, 1, 'Response.json');
    const text = stringify(data);
    if (text === undefined) throw new TypeError('Response.json: the value cannot be written as JSON');
    const slots = new ResponseSlots();
    const body = Body.ofText(toUSVString(text));
    if (init === undefined) {
      slots.headerList[0] = ['content-type', 'application/json'];
      slots.body = body;
    } else {
      initialize(slots, init, body, 'application/json');
    }
    return new Response(CREATE, slots);
  }

  static redirect(url, status = 302) {
    requireArguments(arguments.length, 1, 'Response.redirect');
    const text = toUSVString(url);
    const href = parseWithBase(text);
    if (href === null) throw new TypeError(`Invalid URL: '${text}'`);
    const number = toUnsignedShort(status);
    if (!REDIRECT_STATUS.includes(number)) throw new RangeError(`Response.redirect: ${number} is not a redirect status`);
    const slots = new ResponseSlots([['location', href]]);
    slots.status = number;
    slots.headersGuard = 'immutable';
    return new Response(CREATE, slots);
  }

  static {
    isResponse = (value) => typeof value === 'object' && value !== null && #slots in value;
    slotsOfResponse = (value) => (typeof value === 'object' && value !== null && #slots in value ? value.#slots : null);
    responseSlots = (response) => {
      if (!isResponse(response)) throw new TypeError('the value is not a Response');
      return response.#slots;
    };
  }

  get type() {
    return this.#slots.type;
  }
  get url() {
    return this.#slots.url;
  }
  get redirected() {
    return this.#slots.redirected;
  }
  get status() {
    return this.#slots.status;
  }
  get ok() {
    const { status } = this.#slots;
    return status >= 200 && status <= 299;
  }
  get statusText() {
    return this.#slots.statusText;
  }
  get headers() {
    return this.#slots.openHeaders();
  }

  clone() {
    const from = this.#slots;
    if (from.body !== null && from.body.unusable) throw new TypeError('a response whose body is in use cannot be cloned');
    const slots = new ResponseSlots(null);
    for (const name in from) slots[name] = from[name];
    slots.headerList = from.headerList.slice();
    slots.headers = null;
    slots.body = from.body === null ? null : from.body.clone();
    return new Response(CREATE, slots);
  }
}

include(Response, bodyMixin((object) => responseSlots(object)));
defineInterface(Response);

// Host scripts of the original pass this handle to Wapo.streamBridge instead of reading `body`.
defineProperty(Response.prototype, '_opaqueBodyStream', {
  __proto__: null, configurable: true, enumerable: false,
  get() {
    return this.body;
  },
});

// As workerd has it.
defineProperty(Response.prototype, 'webSocket', {
  __proto__: null, configurable: true, enumerable: false,
  get() {
    return responseSlots(this).webSocket;
  },
});

/** A Response of slots that the platform filled in. */
export const createResponse = (slots) => new Response(CREATE, slots);
