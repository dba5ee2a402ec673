// node:http: https://nodejs.org/api/http.html
//
// The client, over fetch: a request is sent when it is ended, or when more has been written than is kept in memory. A
// program does not listen; the platform calls its handler.

import { EventEmitter } from './events.js';
import { fetch } from '../fetch.js';
import { invalidArgument, invalidValue, notAvailable, plainError, typeError } from '../node-internal/errors.js';
import { METHODS, STATUS_CODES } from '../node-internal/http-names.js';
import { Buffer } from './buffer.js';
import { Readable, Writable } from './stream.js';
import { urlToHttpOptions } from './url.js';

export { METHODS, STATUS_CODES };
export const maxHeaderSize = 16384;

/** How much of a request's body is kept until it ends. */
const KEPT_BYTES = 64 * 1024;

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

/** The host keeps connections; an Agent only has its options. */
export class Agent extends EventEmitter {
  constructor(options = {}) {
    super();
    this.options = { ...options };
    this.keepAlive = options.keepAlive === true;
    this.maxSockets = options.maxSockets ?? Infinity;
    this.maxFreeSockets = options.maxFreeSockets ?? 256;
    this.requests = {};
    this.sockets = {};
    this.freeSockets = {};
  }

  destroy() {}

  getName(options = {}) {
    return `${options.host ?? 'localhost'}:${options.port ?? ''}:`;
  }
}
export const globalAgent = new Agent({ keepAlive: true });

/** What packages do with a socket, which there is none of. */
class NoSocket extends EventEmitter {
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
    callback(error);
  }

  setTimeout() {
    return this;
  }
}

function connectionError(message, cause) {
  const error = plainError('ECONNRESET', message);
  error.cause = cause;
  return error;
}

/** The arguments of request and get: (url, options?, callback?) or (options, callback?). */
function toOptions(defaults, input, options, callback) {
  if (typeof input === 'string') input = urlToHttpOptions(new URL(input));
  else if (input instanceof URL) input = urlToHttpOptions(input);
  else {
    callback = options;
    options = input ?? {};
    input = {};
  }
  if (typeof options === 'function') [callback, options] = [options, {}];
  return [{ ...defaults, ...input, ...options }, callback];
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

export class ClientRequest extends OutgoingMessage {
  #url;
  #controller = new AbortController();
  #chunks = [];
  #size = 0;
  /** @type {?ReadableStreamDefaultController} of the body, once the request is on its way before it has ended */
  #body = null;
  #drained = null;
  #timer = null;
  #started = false;

  constructor(input, options, callback) {
    super({ autoDestroy: false }); // it lives as long as its response
    [options, callback] = toOptions({ protocol: 'http:' }, input, options, callback);
    const protocol = options.protocol ?? 'http:';
    if (protocol !== 'http:' && protocol !== 'https:') {
      throw typeError('ERR_INVALID_PROTOCOL', `Protocol "${protocol}" not supported. Expected "http:"`);
    }
    this.protocol = protocol;
    this.method = (options.method ?? 'GET').toUpperCase();
    this.path = options.path || '/';
    if (/[^\x21-\xff]/.test(this.path))
      throw typeError('ERR_UNESCAPED_CHARACTERS', 'Request path contains unescaped characters');
    this.host = options.hostname || options.host || 'localhost';
    this.agent = options.agent ?? globalAgent;
    this.reusedSocket = false;
    this.aborted = false;
    this.res = null;
    this.timeout = options.timeout;
    const name = this.host.includes(':') && !this.host.startsWith('[') ? `[${this.host}]` : this.host;
    const port = options.port ?? options.defaultPort;
    this.#url = `${protocol}//${name}${port ? `:${port}` : ''}${this.path}`;
    if (!URL.canParse(this.#url)) throw invalidValue('url', this.#url);

    if (Array.isArray(options.headers)) {
      for (let i = 0; i + 1 < options.headers.length; i += 2)
        this.appendHeader(options.headers[i], options.headers[i + 1]);
    } else {
      for (const key of Object.keys(options.headers ?? {})) {
        if (options.headers[key] !== undefined) this.setHeader(key, options.headers[key]);
      }
    }
    if (options.auth && !this.hasHeader('authorization')) {
      this.setHeader('Authorization', `Basic ${Buffer.from(options.auth).toString('base64')}`);
    }
    if (callback !== undefined) {
      if (typeof callback !== 'function') throw invalidArgument('callback', 'of type function', callback);
      this.once('response', callback);
    }
    if (options.signal) {
      const { signal } = options;
      const abort = () => this.destroy(signal.reason instanceof Error ? signal.reason : undefined);
      if (signal.aborted) process.nextTick(abort);
      else signal.addEventListener('abort', abort, { once: true });
    }
    this.socket = this.connection = new NoSocket();
    if (options.timeout) this.setTimeout(options.timeout);
    process.nextTick(() => {
      this.emit('socket', this.socket);
      this.socket.emit('connect');
      this.socket.emit('secureConnect');
    });
  }

  #start(body) {
    if (this.#started) return;
    this.#started = this.headersSent = true;
    const headers = new Headers();
    for (const { name, value } of this._headers.values()) {
      const lower = name.toLowerCase();
      // The host frames the request.
      if (lower === 'transfer-encoding' || lower === 'connection') continue;
      for (const one of Array.isArray(value) ? value : [value]) headers.append(name, String(one));
    }
    const init = { method: this.method, headers, redirect: 'manual', signal: this.#controller.signal };
    if (body !== null) Object.assign(init, { body, duplex: 'half' });
    // A GET with a body is allowed in Node, and is not in fetch.
    if (this.method === 'GET' || this.method === 'HEAD') delete init.body;
    fetch(this.#url, init).then(
      (response) => this.#respond(response),
      (error) => {
        if (!this.destroyed)
          this.destroy(Object.assign(connectionError(error.message, error), { code: error.code ?? 'ECONNREFUSED' }));
      },
    );
  }

  #respond(response) {
    this.#stopTimer();
    if (this.destroyed) return;
    const message = new IncomingMessage(this.socket);
    message.req = this;
    message._take(response);
    this.res = message;
    message.once('close', () => this.destroy());
    if (!this.emit('response', message)) message.resume();
  }

  _write(chunk, encoding, callback) {
    if (this.#body !== null) {
      this.#body.enqueue(new Uint8Array(chunk));
      if (this.#body.desiredSize > 0) callback();
      else this.#drained = callback;
      return;
    }
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size > KEPT_BYTES) this.#startStreaming();
    callback();
  }

  #startStreaming() {
    const kept = Buffer.concat(this.#chunks);
    this.#chunks = [];
    const stream = new ReadableStream({
      start: (controller) => {
        this.#body = controller;
        if (kept.length > 0) controller.enqueue(new Uint8Array(kept));
      },
      pull: () => {
        const resume = this.#drained;
        this.#drained = null;
        resume?.();
      },
    });
    this.#start(stream);
  }

  _final(callback) {
    this.finished = true;
    if (this.#body !== null) this.#body.close();
    else this.#start(this.#size > 0 ? new Uint8Array(Buffer.concat(this.#chunks)) : null);
    callback();
  }

  _destroy(error, callback) {
    this.#stopTimer();
    this.#controller.abort();
    if (this.res !== null && !this.res.complete) this.res.destroy(error ?? connectionError('aborted'));
    callback(error ?? (this.res === null ? connectionError('socket hang up') : null));
  }

  abort() {
    if (this.aborted) return;
    this.aborted = true;
    process.nextTick(() => this.emit('abort'));
    this.destroy();
  }

  flushHeaders() {
    if (this.method !== 'GET' && this.method !== 'HEAD' && !this.#started) this.#startStreaming();
  }

  setTimeout(ms, callback) {
    if (callback !== undefined) this.once('timeout', callback);
    this.#stopTimer();
    if (ms > 0) this.#timer = setTimeout(() => this.emit('timeout'), ms);
    return this;
  }

  #stopTimer() {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  setNoDelay() {}

  setSocketKeepAlive() {}
}

export function request(input, options, callback) {
  return new ClientRequest(input, options, callback);
}

export function get(input, options, callback) {
  const sent = request(input, options, callback);
  sent.end();
  return sent;
}

export function createServer() {
  throw notAvailable('http.createServer');
}
export class Server extends EventEmitter {
  constructor() {
    super();
    createServer();
  }
}
export class ServerResponse extends OutgoingMessage {}

export default {
  Agent,
  ClientRequest,
  IncomingMessage,
  METHODS,
  OutgoingMessage,
  STATUS_CODES,
  Server,
  ServerResponse,
  createServer,
  get,
  globalAgent,
  maxHeaderSize,
  request,
  validateHeaderName,
  validateHeaderValue,
};
