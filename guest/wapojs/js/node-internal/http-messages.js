// IncomingMessage and OutgoingMessage of node:http: https://nodejs.org/api/http.html#class-httpincomingmessage

import { Buffer } from '../node/buffer.js';
import { EventEmitter } from '../node/events.js';
import { Readable, Writable } from '../node/stream.js';
import { plainError, typeError } from './errors.js';
import { STATUS_CODES } from './http-names.js';

const TOKEN = /^[\^_`a-zA-Z\-0-9!#$%&'*+.|~]+$/;
const INVALID_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

export function validateHeaderName(name) {
  if (typeof name !== 'string' || !TOKEN.test(name)) {
    throw typeError('ERR_INVALID_HTTP_TOKEN', `Header name must be a valid HTTP token ["${name}"]`);
  }
}
export function validateHeaderValue(name, value) {
  if (value === undefined)
    throw typeError('ERR_HTTP_INVALID_HEADER_VALUE', `Invalid value "undefined" for header "${name}"`);
  if (INVALID_VALUE.test(String(value)))
    throw typeError('ERR_INVALID_CHAR', `Invalid character in header content ["${name}"]`);
}

/** What packages do with a socket, which there is none of. */
export class NoSocket extends EventEmitter {
  encrypted = false;
  remoteAddress = undefined;
  destroyed = false;
  setKeepAlive() {
    return this;
  }
  setNoDelay() {
    return this;
  }
  setTimeout() {
    return this;
  }
  ref() {
    return this;
  }
  unref() {
    return this;
  }
  destroy() {
    this.destroyed = true;
    return this;
  }
  end() {}
}

/** Names that may come once only; more of them are dropped, as Node does. */
const SINGLE = [
  'age',
  'authorization',
  'content-length',
  'content-type',
  'etag',
  'expires',
  'from',
  'host',
  'if-modified-since',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'referer',
  'retry-after',
  'server',
  'user-agent',
];

export class IncomingMessage extends Readable {
  constructor(socket = new NoSocket()) {
    super();
    this.socket = this.connection = socket;
    this.httpVersion = '1.1';
    this.httpVersionMajor = 1;
    this.httpVersionMinor = 1;
    this.headers = {};
    this.headersDistinct = {};
    this.rawHeaders = [];
    this.trailers = {};
    this.rawTrailers = [];
    this.complete = false;
    this.aborted = false;
    this.method = null;
    this.url = '';
    this.statusCode = null;
    this.statusMessage = null;
    this._reader = null;
  }

  /** Takes over a response of fetch. */
  _take(response) {
    this.statusCode = response.status;
    this.statusMessage = response.statusText || STATUS_CODES[response.status] || '';
    this.url = '';
    for (const [name, value] of response.headers) {
      this.rawHeaders.push(name, value);
      (this.headersDistinct[name] ??= []).push(value);
      if (name === 'set-cookie') (this.headers[name] ??= []).push(value);
      else if (!(name in this.headers)) this.headers[name] = value;
      else if (!SINGLE.includes(name)) this.headers[name] += `, ${value}`;
    }
    this._reader = response.body?.getReader() ?? null;
  }

  _read() {
    if (this._reader === null) {
      this.complete = true;
      this.push(null);
      return;
    }
    this._reader.read().then(
      ({ value, done }) => {
        if (done) {
          this.complete = true;
          this._reader = null;
          this.push(null);
        } else {
          this.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
        }
      },
      (error) => {
        this.aborted = true;
        this._reader = null;
        this.destroy(connectionError('aborted', error));
      },
    );
  }

  _destroy(error, callback) {
    const reader = this._reader;
    this._reader = null;
    if (reader !== null) reader.cancel(error ?? undefined).catch(() => {});
    if (!this.complete) {
      this.aborted = true;
      this.emit('aborted');
    }
    // As in Node: who does not listen is not told.
    callback(this.listenerCount('error') === 0 ? null : error);
  }

  setTimeout() {
    return this;
  }
}

export function connectionError(message, cause) {
  const error = plainError('ECONNRESET', message);
  error.cause = cause;
  return error;
}

export class OutgoingMessage extends Writable {
  _headers = new Map();
  headersSent = false;
  finished = false;

  setHeader(name, value) {
    if (this.headersSent)
      throw plainError('ERR_HTTP_HEADERS_SENT', 'Cannot set headers after they are sent to the client');
    validateHeaderName(name);
    for (const one of Array.isArray(value) ? value : [value]) validateHeaderValue(name, one);
    this._headers.set(name.toLowerCase(), { name, value });
    return this;
  }
  setHeaders(headers) {
    for (const [name, value] of headers) this.setHeader(name, value);
    return this;
  }
  appendHeader(name, value) {
    const before = this.getHeader(name);
    return this.setHeader(name, before === undefined ? value : [before, value].flat());
  }
  getHeader(name) {
    return this._headers.get(String(name).toLowerCase())?.value;
  }
  getHeaders() {
    const all = { __proto__: null };
    for (const [key, { value }] of this._headers) all[key] = value;
    return all;
  }
  getHeaderNames() {
    return [...this._headers.keys()];
  }
  getRawHeaderNames() {
    return [...this._headers.values()].map(({ name }) => name);
  }
  hasHeader(name) {
    return this._headers.has(String(name).toLowerCase());
  }
  removeHeader(name) {
    this._headers.delete(String(name).toLowerCase());
  }
}
