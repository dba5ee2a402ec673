// XMLHttpRequest: https://xhr.spec.whatwg.org/#interface-xmlhttprequest
//
// Over fetch, asynchronous only: a program that could wait here would keep everything else of it waiting, too. There are
// no documents, so responseXML is null. No header is forbidden, as in fetch.

import { clearTimer, hrtime, latin1Decode, setTimer, utf8Encode } from 'wapo:native';
import { parseWithBase } from './base-url.js';
import { AbortController } from './abort.js';
import { btoa } from './base64.js';
import { createBlob } from './blob.js';
import { extractBody } from './body.js';
import { DOMException } from './dom-exception.js';
import { TextDecoder } from './encoding.js';
import { Event } from './event.js';
import { defineEventHandler, EventTarget, fireEvent, hasListeners } from './event-target.js';
import { ProgressEvent } from './event-types.js';
import { fetch } from './fetch.js';
import { getHeader, setHeader, toHeaderName, toHeaderValue } from './headers.js';
import { defineInterface, illegalConstructor } from './interfaces.js';
import { promiseThen } from './promises.js';
import { responseSlots } from './response.js';
import { acquireDefaultReader, concatBytes, readChunk } from './streams/internal.js';
import { URL } from './url.js';
import { requireArguments, toByteString, toDOMString, toUnsignedLong, toUSVString } from './webidl.js';

const { decodeURIComponent, JSON, RangeError, Uint8Array } = globalThis;
const { entries } = Object;
const { ceil } = Math;
const parseJson = JSON.parse;

const UNSENT = 0, OPENED = 1, HEADERS_RECEIVED = 2, LOADING = 3, DONE = 4;
const PROGRESS_EVERY_MS = 50;
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NORMALIZED = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'];
const FORBIDDEN = ['CONNECT', 'TRACE', 'TRACK'];
const TYPES = ['', 'arraybuffer', 'blob', 'document', 'json', 'text'];
const CHARSET = /;[\t\n\r ]*charset=(?:"((?:[^"\\]|\\.)*)"|([^;\t\n\r ]*))/i;
const CREATE = {};

export class XMLHttpRequestEventTarget extends EventTarget {
  constructor(key = undefined) {
    if (key !== CREATE) throw illegalConstructor();
    super();
  }
}

for (const type of ['loadstart', 'progress', 'abort', 'error', 'load', 'timeout', 'loadend']) {
  defineEventHandler(XMLHttpRequestEventTarget.prototype, type);
}
defineInterface(XMLHttpRequestEventTarget);

export class XMLHttpRequestUpload extends XMLHttpRequestEventTarget {}
defineInterface(XMLHttpRequestUpload);

const fireProgress = (target, type, loaded, total) =>
  fireEvent(target, new ProgressEvent(type, { lengthComputable: total > 0, loaded, total }));

const charsetOf = (type) => {
  const match = CHARSET.exec(type ?? '');
  return match === null ? null : (match[1] ?? match[2]);
};

/** A decoder for what a server says it is; UTF-8 where that is nothing we know. */
function decoderFor(label) {
  try {
    return new TextDecoder(label ?? 'utf-8');
  } catch (error) {
    if (error instanceof RangeError) return new TextDecoder();
    throw error;
  }
}

function percentDecode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** https://fetch.spec.whatwg.org/#http-network-or-cache-fetch: what a URL with credentials is sent with */
function basicCredentials({ username, password }) {
  if (username === '' && password === '') return null;
  return `Basic ${btoa(latin1Decode(utf8Encode(`${percentDecode(username)}:${percentDecode(password)}`)))}`;
}

const invalidState = (text) => new DOMException(text, 'InvalidStateError');

export class XMLHttpRequest extends XMLHttpRequestEventTarget {
  #upload = new XMLHttpRequestUpload(CREATE);
  #state = UNSENT;
  #sent = false;
  #method = 'GET';
  #url = '';
  #headers = [];
  /** The Authorization that the URL asks for, or null. */
  #credentials = null;
  #timeout = 0;
  #withCredentials = false;
  #responseType = '';
  #overrideType = null;
  #controller = null;
  #timer = -1;
  #startedAt = 0;
  /** Whether the body has gone out, or there was none. */
  #uploadComplete = true;
  #uploadListened = false;
  #uploadLength = 0;
  /** @type {?ResponseSlots} null: none yet, or a network error */
  #response = null;
  #chunks = [];
  #received = 0;
  #progressAt = 0;
  #text = null;
  #textOf = -1;
  /** The response object, once it has been made; null if it could not be. */
  #object = undefined;

  constructor() {
    super(CREATE);
  }

  get readyState() {
    return this.#state;
  }

  get upload() {
    return this.#upload;
  }

  // The request

  open(method, url, async = true, username = undefined, password = undefined) {
    this.#state; // the brand check
    requireArguments(arguments.length, 2, 'XMLHttpRequest.open');
    let name = toByteString(method);
    const input = toUSVString(url);
    if (!METHOD.test(name)) throw new DOMException(`XMLHttpRequest.open: '${name}' is no method`, 'SyntaxError');
    const upper = name.toUpperCase();
    if (FORBIDDEN.includes(upper)) throw new DOMException(`XMLHttpRequest.open: ${upper} is not allowed`, 'SecurityError');
    if (NORMALIZED.includes(upper)) name = upper;
    const href = parseWithBase(input);
    if (href === null) throw new DOMException(`XMLHttpRequest.open: '${input}' is not a URL`, 'SyntaxError');
    const parsed = new URL(href);
    if (!async) throw new DOMException('XMLHttpRequest.open: only asynchronous requests are possible', 'NotSupportedError');
    if (username !== undefined && username !== null) parsed.username = toUSVString(username);
    if (password !== undefined && password !== null) parsed.password = toUSVString(password);
    this.#terminate();
    this.#sent = false;
    this.#method = name;
    this.#credentials = basicCredentials(parsed);
    parsed.username = parsed.password = '';
    this.#url = parsed.href;
    this.#headers = [];
    this.#forgetResponse();
    if (this.#state !== OPENED) {
      this.#state = OPENED;
      this.#fireStateChange();
    }
  }

  setRequestHeader(name, value) {
    this.#state; // the brand check
    requireArguments(arguments.length, 2, 'XMLHttpRequest.setRequestHeader');
    const key = toByteString(name);
    const text = toByteString(value);
    this.#checkOpened('setRequestHeader');
    let lower, normalized;
    try {
      lower = toHeaderName(key);
      normalized = toHeaderValue(text);
    } catch (error) {
      throw new DOMException(`XMLHttpRequest.setRequestHeader: ${error.message}`, 'SyntaxError');
    }
    const before = getHeader(this.#headers, lower);
    setHeader(this.#headers, lower, before === null ? normalized : `${before}, ${normalized}`);
  }

  #checkOpened(operation) {
    if (this.#state !== OPENED || this.#sent) {
      throw invalidState(`XMLHttpRequest.${operation}: the request must be opened, and not sent yet`);
    }
  }

  get timeout() {
    return this.#timeout;
  }

  set timeout(value) {
    this.#timeout = toUnsignedLong(value);
    if (this.#sent) this.#startTimer();
  }

  get withCredentials() {
    return this.#withCredentials;
  }

  set withCredentials(value) {
    const flag = !!value;
    if ((this.#state !== UNSENT && this.#state !== OPENED) || this.#sent) {
      throw invalidState('XMLHttpRequest.withCredentials: the request has been sent');
    }
    this.#withCredentials = flag;
  }

  send(body = null) {
    this.#state; // the brand check
    this.#checkOpened('send');
    if (this.#method === 'GET' || this.#method === 'HEAD') body = null;
    let payload = null;
    this.#uploadLength = 0;
    if (body !== null && body !== undefined) {
      const { body: extracted, type } = extractBody(body);
      payload = extracted.stream ?? extracted.bytes ?? utf8Encode(extracted.text);
      this.#uploadLength = extracted.stream === null ? payload.length : 0;
      this.#setContentType(typeof body === 'string', type);
    }
    this.#uploadComplete = payload === null;
    this.#uploadListened = ['loadstart', 'progress', 'abort', 'error', 'load', 'timeout', 'loadend'].some((type) =>
      hasListeners(this.#upload, type));
    this.#sent = true;
    this.#forgetResponse();
    fireProgress(this, 'loadstart', 0, 0);
    if (!this.#uploadComplete && this.#uploadListened) fireProgress(this.#upload, 'loadstart', 0, this.#uploadLength);
    if (this.#state !== OPENED || !this.#sent) return; // a listener has aborted it
    const controller = new AbortController();
    this.#controller = controller;
    this.#startedAt = hrtime();
    this.#startTimer();
    const current = () => this.#controller === controller;
    if (this.#credentials !== null && getHeader(this.#headers, 'authorization') === null) {
      setHeader(this.#headers, 'authorization', this.#credentials);
    }
    const init = { method: this.#method, headers: this.#headers, signal: controller.signal };
    if (payload !== null) {
      init.body = payload;
      init.duplex = 'half';
    }
    promiseThen(
      fetch(this.#url, init),
      (response) => {
        if (current()) this.#processResponse(responseSlots(response), current);
      },
      () => {
        if (current()) this.#fail('error');
      },
    );
  }

  /** The type of the body, where the program has not said; the text that it is, where it has said otherwise. */
  #setContentType(isText, type) {
    const given = getHeader(this.#headers, 'content-type');
    if (given === null) {
      if (type !== null) setHeader(this.#headers, 'content-type', type);
    } else if (isText) {
      const charset = charsetOf(given);
      if (charset !== null && charset.toLowerCase() !== 'utf-8') {
        setHeader(this.#headers, 'content-type', given.replace(CHARSET, ';charset=UTF-8'));
      }
    }
  }

  abort() {
    const state = this.#state;
    this.#terminate();
    if ((state === OPENED && this.#sent) || state === HEADERS_RECEIVED || state === LOADING) this.#fail('abort');
    if (this.#state === DONE) {
      this.#state = UNSENT;
      this.#response = null;
    }
  }

  #startTimer() {
    if (this.#timer >= 0) clearTimer(this.#timer);
    this.#timer = -1;
    if (this.#timeout === 0 || this.#controller === null) return;
    const left = this.#startedAt + this.#timeout - hrtime();
    this.#timer = setTimer(() => {
      this.#timer = -1;
      this.#terminate();
      this.#fail('timeout');
    }, left > 0 ? ceil(left) : 0, false);
  }

  /** Ends the request; nothing of it is heard any more. */
  #terminate() {
    const controller = this.#controller;
    this.#controller = null;
    if (this.#timer >= 0) clearTimer(this.#timer);
    this.#timer = -1;
    if (controller !== null) controller.abort();
  }

  /** "Request error steps" */
  #fail(type) {
    this.#controller = null;
    if (this.#timer >= 0) clearTimer(this.#timer);
    this.#timer = -1;
    this.#state = DONE;
    this.#sent = false;
    this.#forgetResponse();
    this.#fireStateChange();
    if (!this.#uploadComplete) {
      this.#uploadComplete = true;
      if (this.#uploadListened) {
        fireProgress(this.#upload, type, 0, 0);
        fireProgress(this.#upload, 'loadend', 0, 0);
      }
    }
    fireProgress(this, type, 0, 0);
    fireProgress(this, 'loadend', 0, 0);
  }

  #fireStateChange() {
    fireEvent(this, new Event('readystatechange'));
  }

  #forgetResponse() {
    this.#response = null;
    this.#chunks = [];
    this.#received = 0;
    this.#text = null;
    this.#textOf = -1;
    this.#object = undefined;
  }

  // The response

  #processResponse(slots, current) {
    if (!this.#uploadComplete) {
      this.#uploadComplete = true;
      if (this.#uploadListened) {
        for (const type of ['progress', 'load', 'loadend']) {
          fireProgress(this.#upload, type, this.#uploadLength, this.#uploadLength);
        }
      }
      if (!current()) return;
    }
    this.#response = slots;
    this.#state = HEADERS_RECEIVED;
    this.#fireStateChange();
    if (!current() || this.#state !== HEADERS_RECEIVED) return;
    if (slots.body === null) {
      this.#finish();
      return;
    }
    this.#progressAt = hrtime();
    const reader = acquireDefaultReader(slots.body.open());
    const request = {
      chunk: (bytes) => {
        if (!current()) return;
        this.#chunks.push(bytes);
        this.#received += bytes.length;
        const now = hrtime();
        if (this.#state === HEADERS_RECEIVED || now - this.#progressAt >= PROGRESS_EVERY_MS) {
          this.#progressAt = now;
          this.#state = LOADING;
          this.#fireStateChange();
          if (current()) fireProgress(this, 'progress', this.#received, this.#length());
        }
        if (current()) readChunk(reader, request);
      },
      close: () => {
        if (current()) this.#finish();
      },
      error: () => {
        if (current()) this.#fail('error');
      },
    };
    readChunk(reader, request);
  }

  /** What the body's length is said to be; 0 if it is not. */
  #length() {
    const length = getHeader(this.#response.headerList, 'content-length');
    return length === null ? 0 : +length || 0;
  }

  /** "Handle response end-of-body" */
  #finish() {
    this.#controller = null;
    if (this.#timer >= 0) clearTimer(this.#timer);
    this.#timer = -1;
    const total = this.#length();
    fireProgress(this, 'progress', this.#received, total);
    this.#state = DONE;
    this.#sent = false;
    this.#fireStateChange();
    if (this.#state !== DONE) return; // opened again
    fireProgress(this, 'load', this.#received, total);
    fireProgress(this, 'loadend', this.#received, total);
  }

  get responseURL() {
    return this.#response === null ? '' : this.#response.url;
  }

  get status() {
    return this.#response === null ? 0 : this.#response.status;
  }

  get statusText() {
    return this.#response === null ? '' : this.#response.statusText;
  }

  getResponseHeader(name) {
    this.#state; // the brand check
    requireArguments(arguments.length, 1, 'XMLHttpRequest.getResponseHeader');
    const key = toByteString(name).toLowerCase();
    return this.#response === null || key === '' ? null : getHeader(this.#response.headerList, key);
  }

  getAllResponseHeaders() {
    if (this.#response === null) return '';
    const combined = { __proto__: null };
    for (const [name, value] of this.#response.headerList) {
      combined[name] = name in combined ? `${combined[name]}, ${value}` : value;
    }
    const byUpperCase = (a, b) => (a[0].toUpperCase() < b[0].toUpperCase() ? -1 : 1);
    return entries(combined).sort(byUpperCase).map(([name, value]) => `${name}: ${value}\r\n`).join('');
  }

  overrideMimeType(mime) {
    this.#state; // the brand check
    requireArguments(arguments.length, 1, 'XMLHttpRequest.overrideMimeType');
    const type = toDOMString(mime);
    if (this.#state === LOADING || this.#state === DONE) throw invalidState('XMLHttpRequest.overrideMimeType: it is too late');
    this.#overrideType = /^[^\s/;]+\/[^\s/;]+/.test(type.trim()) ? type.trim() : 'application/octet-stream';
  }

  get responseType() {
    return this.#responseType;
  }

  set responseType(value) {
    const type = toDOMString(value);
    if (this.#state === LOADING || this.#state === DONE) throw invalidState('XMLHttpRequest.responseType: it is too late');
    // An unknown value is ignored; `document` is one where there are no documents.
    this.#responseType = TYPES.includes(type) && type !== 'document' ? type : this.#responseType;
  }

  #type() {
    return this.#overrideType ?? getHeader(this.#response.headerList, 'content-type');
  }

  #bytes() {
    if (this.#chunks.length > 1) this.#chunks = [concatBytes(this.#chunks, this.#received)];
    return this.#chunks.length === 0 ? new Uint8Array(0) : this.#chunks[0];
  }

  #textSoFar() {
    if (this.#response === null) return '';
    if (this.#textOf !== this.#received) {
      this.#textOf = this.#received;
      this.#text = decoderFor(charsetOf(this.#type())).decode(this.#bytes(), { stream: this.#state === LOADING });
    }
    return this.#text;
  }

  get response() {
    if (this.#responseType === '' || this.#responseType === 'text') {
      return this.#state === LOADING || this.#state === DONE ? this.#textSoFar() : '';
    }
    if (this.#state !== DONE || this.#response === null) return null;
    if (this.#object === undefined) this.#object = this.#makeObject();
    return this.#object;
  }

  #makeObject() {
    const bytes = this.#bytes();
    switch (this.#responseType) {
      case 'arraybuffer':
        return bytes.slice().buffer;
      case 'blob':
        return createBlob(bytes.length === 0 ? [] : [bytes.slice()], (this.#type() ?? 'text/xml').toLowerCase());
      default:
        if (this.#response.body === null) return null;
        try {
          return parseJson(new TextDecoder().decode(bytes));
        } catch {
          return null;
        }
    }
  }

  get responseText() {
    if (this.#responseType !== '' && this.#responseType !== 'text') {
      throw invalidState(`XMLHttpRequest.responseText: the responseType is '${this.#responseType}'`);
    }
    return this.#state === LOADING || this.#state === DONE ? this.#textSoFar() : '';
  }

  get responseXML() {
    if (this.#responseType !== '' && this.#responseType !== 'document') {
      throw invalidState(`XMLHttpRequest.responseXML: the responseType is '${this.#responseType}'`);
    }
    return null;
  }
}

defineEventHandler(XMLHttpRequest.prototype, 'readystatechange');
defineInterface(XMLHttpRequest, { UNSENT, OPENED, HEADERS_RECEIVED, LOADING, DONE });
