// ClientRequest of node:http: https://nodejs.org/api/http.html#class-httpclientrequest
//
// A request is sent when it is ended, or when more has been written than is kept in memory.

import { fetch } from '../fetch.js';
import { Buffer } from '../node/buffer.js';
import { urlToHttpOptions } from '../node/url.js';
import { invalidArgument, invalidValue, typeError } from './errors.js';
import { connectionError, IncomingMessage, NoSocket, OutgoingMessage } from './http-messages.js';

/** How much of a request's body is kept until it ends. */
const KEPT_BYTES = 64 * 1024;

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
    this.agent = options.agent ?? null;
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
