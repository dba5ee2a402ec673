// Request: https://fetch.spec.whatwg.org/#request-class
//
// Requests that arrive at an agent have no guard on their headers beyond being immutable, and those that an agent makes
// have none at all: forbidden header names protect browser users from pages, and here is no browser.

import { parseHeaderBlock } from 'wapo:native';
import { AbortController, createDependentSignal, isAbortSignal } from './abort.js';
import { parseWithBase } from './base-url.js';
import { Body, bodyMixin, extractBody } from './body.js';
import { fillHeaders, Headers, headersFromList, headersListOf } from './headers.js';
import { defineInterface, include } from './interfaces.js';
import { promiseThen } from './promises.js';
import { isStreamLocked } from './streams/internal.js';
import { TransformStream } from './streams/transform-stream.js';
import { parseToHref, URL } from './url.js';
import { requireArguments, toByteString, toDictionary, toDOMString, toEnum, toUSVString } from './webidl.js';

const { Object, TypeError } = globalThis;
const { assign, create } = Object;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NORMALIZED = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'];
const FORBIDDEN = ['CONNECT', 'TRACE', 'TRACK'];
const REDIRECTS = ['follow', 'error', 'manual'];
const MODES = ['navigate', 'same-origin', 'no-cors', 'cors'];
const CREDENTIALS = ['omit', 'same-origin', 'include'];
const CACHES = ['default', 'no-store', 'reload', 'no-cache', 'force-cache', 'only-if-cached'];
const REFERRER_POLICIES = ['', 'no-referrer', 'no-referrer-when-downgrade', 'same-origin', 'origin', 'strict-origin',
  'origin-when-cross-origin', 'strict-origin-when-cross-origin', 'unsafe-url'];

const CREATE = {}; // lets this file give the constructor finished slots

/** The slots of a genuine Request; throws for anything else. */
export let requestSlots;
export let isRequest;

function toMethod(value) {
  const method = toByteString(value);
  if (!TOKEN.test(method)) throw new TypeError(`'${method}' is not a valid method`);
  const upper = method.toUpperCase();
  if (FORBIDDEN.includes(upper)) throw new TypeError(`the method ${upper} is not allowed`);
  return NORMALIZED.includes(upper) ? upper : method;
}

/** What a request is, whoever made it. */
export class RequestSlots {
  static {
    // What most requests have, as in Body.
    assign(this.prototype, {
      method: 'GET',
      url: undefined,
      headersGuard: 'none',
      headers: null,
      /** @type {?Body} */
      body: null,
      redirect: 'follow',
      mode: 'cors',
      credentials: 'same-origin',
      cache: 'default',
      referrer: 'about:client',
      referrerPolicy: '',
      integrity: '',
      keepalive: false,
      duplex: 'half',
      /** @type {?AbortSignal} made when somebody asks for it */
      signal: null,
      controller: null,
      /** The headers as the host gave them, until somebody asks for the list. */
      headerBlock: '',
      /** @type {?[string, string][]} */
      parsedHeaders: null,
    });
  }

  /** @type {[string, string][]} */
  get headerList() {
    return (this.parsedHeaders ??= parseHeaderBlock(this.headerBlock));
  }

  set headerList(list) {
    this.parsedHeaders = list;
  }

  contentType() {
    return findHeader(this.headerList, 'content-type');
  }

  openHeaders() {
    return (this.headers ??= headersFromList(this.headerList, this.headersGuard));
  }

  openSignal() {
    if (this.signal === null) {
      this.controller = new AbortController();
      this.signal = this.controller.signal;
    }
    return this.signal;
  }
}

/** What requests from outside have in common: the prototype of their slots. */
export const SERVED = assign(create(RequestSlots.prototype), { headersGuard: 'immutable', redirect: 'manual' });

const hasCredentials = (url) => url.username !== '' || url.password !== '';

/** The value of a header in a list, combined if it is there more than once; null if it is not. */
export function findHeader(list, name) {
  let found = null;
  for (let i = 0; i < list.length; i++) {
    if (list[i][0] === name) found = found === null ? list[i][1] : `${found}, ${list[i][1]}`;
  }
  return found;
}

function slotsOf(input, init) {
  const slots = new RequestSlots();
  let signal = null;
  let inputBody = null;
  if (isRequest(input)) {
    const from = requestSlots(input);
    slots.method = from.method;
    slots.url = from.url;
    slots.headerList = from.headerList.slice();
    slots.redirect = from.redirect;
    slots.mode = from.mode;
    slots.credentials = from.credentials;
    slots.cache = from.cache;
    slots.referrer = from.referrer;
    slots.referrerPolicy = from.referrerPolicy;
    slots.integrity = from.integrity;
    slots.keepalive = from.keepalive;
    signal = from.signal;
    inputBody = from.body;
  } else {
    const text = toUSVString(input);
    const href = parseWithBase(text);
    if (href === null) throw new TypeError(`Invalid URL: '${text}'`);
    if (href.includes('@') && hasCredentials(new URL(href))) throw new TypeError('a URL with credentials is not allowed here');
    slots.url = href;
  }

  // Members of the dictionary are read in lexicographical order, as Web IDL asks.
  const options = toDictionary(init, 'new Request: init');
  const { body, cache, credentials, duplex, headers, integrity, keepalive, method, mode, redirect, referrer,
    referrerPolicy, signal: initSignal, window } = options;
  if (window !== undefined && window !== null) throw new TypeError('new Request: window must be null');
  if (mode !== undefined) {
    slots.mode = toEnum(mode, MODES, 'new Request: mode');
    if (slots.mode === 'navigate') throw new TypeError('new Request: the mode navigate is not allowed');
  }
  if (credentials !== undefined) slots.credentials = toEnum(credentials, CREDENTIALS, 'new Request: credentials');
  if (cache !== undefined) {
    slots.cache = toEnum(cache, CACHES, 'new Request: cache');
    if (slots.cache === 'only-if-cached' && slots.mode !== 'same-origin') {
      throw new TypeError("new Request: the cache mode only-if-cached needs the mode 'same-origin'");
    }
  }
  if (redirect !== undefined) slots.redirect = toEnum(redirect, REDIRECTS, 'new Request: redirect');
  if (integrity !== undefined) slots.integrity = toDOMString(integrity);
  if (keepalive !== undefined) slots.keepalive = !!keepalive;
  if (referrerPolicy !== undefined) {
    slots.referrerPolicy = toEnum(referrerPolicy, REFERRER_POLICIES, 'new Request: referrerPolicy');
  }
  if (referrer !== undefined) slots.referrer = toReferrer(toUSVString(referrer));
  if (method !== undefined) slots.method = toMethod(method);
  if (initSignal !== undefined) {
    if (initSignal !== null && !isAbortSignal(initSignal)) throw new TypeError('new Request: signal must be an AbortSignal');
    signal = initSignal;
  }
  if (signal !== null) slots.signal = createDependentSignal([signal]);

  if (headers !== undefined) {
    const given = new Headers();
    fillHeaders(given, headers);
    slots.headerList = headersListOf(given);
    slots.headers = given;
  }
  if (duplex !== undefined) toEnum(duplex, ['half'], 'new Request: duplex');

  const hasInitBody = body !== undefined && body !== null;
  if ((hasInitBody || inputBody !== null) && (slots.method === 'GET' || slots.method === 'HEAD')) {
    throw new TypeError(`a request with the method ${slots.method} cannot have a body`);
  }
  if (hasInitBody) {
    const extracted = extractBody(body);
    if (extracted.body.stream !== null && duplex === undefined) {
      // Browsers insist on `duplex: 'half'`; here it is the only way there is.
      slots.duplex = 'half';
    }
    slots.body = extracted.body;
    if (extracted.type !== null && findHeader(slots.headerList, 'content-type') === null) {
      slots.openHeaders().append('content-type', extracted.type);
    }
  } else if (inputBody !== null) {
    if (inputBody.unusable) throw new TypeError('the body of the request has been read already');
    slots.body = takeOver(inputBody);
  }
  return slots;
}

export class Request {
  #slots;

  constructor(input, init = undefined) {
    if (input === CREATE) {
      this.#slots = init;
      return;
    }
    requireArguments(arguments.length, 1, 'new Request');
    this.#slots = slotsOf(input, init);
  }

  static {
    isRequest = (value) => typeof value === 'object' && value !== null && #slots in value;
    requestSlots = (request) => {
      if (!isRequest(request)) throw new TypeError('the value is not a Request');
      return request.#slots;
    };
  }

  get method() {
    return this.#slots.method;
  }
  get url() {
    return this.#slots.url;
  }
  get headers() {
    return this.#slots.openHeaders();
  }
  get destination() {
    this.#slots;
    return '';
  }
  get referrer() {
    const { referrer } = this.#slots;
    return referrer === 'no-referrer' ? '' : referrer;
  }
  get referrerPolicy() {
    return this.#slots.referrerPolicy;
  }
  get mode() {
    return this.#slots.mode;
  }
  get credentials() {
    return this.#slots.credentials;
  }
  get cache() {
    return this.#slots.cache;
  }
  get redirect() {
    return this.#slots.redirect;
  }
  get integrity() {
    return this.#slots.integrity;
  }
  get keepalive() {
    return this.#slots.keepalive;
  }
  get isReloadNavigation() {
    this.#slots;
    return false;
  }
  get isHistoryNavigation() {
    this.#slots;
    return false;
  }
  get signal() {
    return this.#slots.openSignal();
  }
  get duplex() {
    return this.#slots.duplex;
  }

  clone() {
    const from = this.#slots;
    if (from.body !== null && from.body.unusable) throw new TypeError('a request whose body is in use cannot be cloned');
    const slots = new RequestSlots();
    for (const name in from) slots[name] = from[name];
    slots.headerList = from.headerList.slice();
    slots.headers = null;
    slots.body = from.body === null ? null : from.body.clone();
    slots.signal = createDependentSignal([from.openSignal()]);
    slots.controller = null;
    return new Request(CREATE, slots);
  }
}

function toReferrer(text) {
  if (text === '') return 'no-referrer';
  const href = parseToHref(text, 'about:client');
  if (href === null) throw new TypeError(`new Request: '${text}' is not a valid referrer`);
  return 'about:client';
}

/** A body that takes another's place: the other one counts as used from now on. */
function takeOver(body) {
  const taken = new Body();
  taken.text = body.text;
  taken.bytes = body.bytes;
  taken.length = body.length;
  if (body.stream !== null) {
    if (isStreamLocked(body.stream)) throw new TypeError('the body of the request is locked to a reader');
    taken.stream = readableOf(body.stream);
  }
  body.consumed = true;
  return taken;
}

/** Another stream with what is left of one, which is locked from now on. */
function readableOf(stream) {
  const { readable, writable } = new TransformStream();
  promiseThen(stream.pipeTo(writable), undefined, () => undefined);
  return readable;
}

include(Request, bodyMixin((object) => requestSlots(object)));
defineInterface(Request);

/** A Request of slots that the platform filled in. */
export const createRequest = (slots) => new Request(CREATE, slots);
