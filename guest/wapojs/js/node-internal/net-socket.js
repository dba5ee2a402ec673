// net.Socket: https://nodejs.org/api/net.html#class-netsocket
//
// A Duplex over a connection of the host. It reads when the stream wants more, and the stream learns that a chunk is
// written when the host has taken all of it, so there is back-pressure both ways.

import { close, hrtime, read, resolve, setBackground, shutdown, tcpConnect, unrefTimer, write } from 'wapo:native';
import { Buffer } from '../node/buffer.js';
import { clearTimeout, setImmediate, setTimeout } from '../timers.js';
import { abortError, invalidArgument, notAvailable, outOfRange, requireFunction } from './errors.js';
import { familyOf, isIP } from './ip.js';
import {
  brokenError,
  closedBeforeConnection,
  closedError,
  connectError,
  missingAddress,
  toPort,
} from './socket-errors.js';
import { Duplex } from '../node/stream.js';

const CHUNK_BYTES = 65536;
const LONGEST_MS = 2 ** 31 - 1;
const NONE = -1;

/** The arguments of connect: (options, callback?), (port, host?, callback?) or (path, callback?). */
export function connectArguments(list) {
  const [first, second] = list;
  const last = list[list.length - 1];
  const callback = typeof last === 'function' ? last : undefined;
  if (typeof first === 'object' && first !== null) return [first, callback];
  if (typeof first === 'string' && !(Number(first) >= 0)) return [{ path: first }, callback];
  return [{ port: first, host: typeof second === 'string' ? second : undefined }, callback];
}

/** Does what has waited for a connection that was given. */
export let proceed;
/** Takes the connection away from a socket, which lives on only to be closed with its new owner. */
export let detach;
/** Gives a connection to a socket that has none. */
export let attach;
/** Lets a socket wait for a connection that it will be given. */
export let expect;
/** Calls back when the socket is connected and nothing is being written. */
export let whenQuiet;

export class Socket extends Duplex {
  /** The connection, or what is to become one. */
  #resource = NONE;
  #host;
  #port;
  #family;
  /** Whether waiting for the other side keeps the program alive. */
  #referenced = true;
  #localPort;
  #detached = false;
  #halfCloses = true;
  #quiet = [];
  /** What is done once bytes can go, or given up when the socket closes. @type {{go: function(), fail: ?function(Error)}[]} */
  #waiting = [];
  #timer = null;
  #active = 0;
  timeout = 0;
  /** Whether a connection is being made; with TLS, until its handshake is over. */
  #opening = false;
  connecting = false;
  bytesRead = 0;
  #written = 0;
  /** Who accepted it, or null. */
  server = null;

  constructor(options = {}) {
    if (typeof options === 'number' || options?.fd !== undefined) throw notAvailable('a socket over a file descriptor');
    super({ ...streamOptions(options), signal: undefined });
    listenToSignal(this, options?.signal);
  }

  static {
    detach = (socket) => {
      const resource = socket.#resource;
      socket.#resource = NONE;
      socket.#detached = true;
      socket.#clearTimer();
      return resource;
    };
    attach = (socket, resource, { host, port, halfCloses = true, localPort }) => {
      socket.#resource = resource;
      socket.#host = host;
      socket.#port = port;
      socket.#family = familyOf(host);
      socket.#halfCloses = halfCloses;
      socket.#localPort = localPort;
      socket.#opening = false;
    };
    proceed = (socket) => socket.#proceed();
    expect = (socket) => {
      socket.#opening = true;
    };
    whenQuiet = (socket, callback) => {
      if (socket.connecting) socket.once('connect', () => whenQuiet(socket, callback));
      else if (socket.writableLength > 0) socket.#quiet.push(callback);
      else callback();
    };
  }

  connect(...list) {
    const [options, callback] = connectArguments(list);
    if (options.path !== undefined && options.path !== null) throw notAvailable('a Unix domain socket');
    if (options.port === undefined) throw missingAddress();
    if (options.localAddress || options.localPort) throw notAvailable('the choice of the local address');
    const { host = 'localhost', lookup } = options;
    if (typeof host !== 'string') throw invalidArgument('options.host', 'of type string', host);
    if (lookup !== undefined && lookup !== null) requireFunction(lookup, 'options.lookup');
    const port = toPort(options.port);
    if (this.destroyed) this.#begin();
    if (callback !== undefined) this.once('connect', callback);
    this.connecting = this.#opening = true;
    this.#host = host || 'localhost';
    this.#port = port;
    this.#touch();
    if (options.timeout) this.setTimeout(options.timeout);
    // As in Node, nothing happens before the caller has had a chance to listen.
    process.nextTick(() => {
      if (!this.connecting || this.destroyed) return;
      if (lookup && isIP(this.#host) === 0) this.#lookUp(lookup, options);
      else this.#open(this.#host);
    });
    return this;
  }

  /** A socket can be used again after it was closed. */
  #begin() {
    const { _readableState, _writableState } = new Duplex(streamOptions({ allowHalfOpen: this.allowHalfOpen }));
    this._readableState = _readableState;
    this._writableState = _writableState;
    this.#detached = false;
    this.bytesRead = this.#written = 0;
    if (this.listenerCount('data') > 0) this.resume();
  }

  #lookUp(lookup, { family = 0, hints = 0 }) {
    lookup(this.#host, { family, hints, all: false }, (error, address, found) => {
      if (!this.connecting || this.destroyed) return;
      this.emit('lookup', error, address, found, this.#host);
      if (error) this.destroy(error);
      else this.#open(Array.isArray(address) ? address[0].address : address);
    });
  }

  #open(address) {
    let connector;
    try {
      connector = tcpConnect(address, this.#port, false);
    } catch (error) {
      this.destroy(connectError(error.message, address, this.#port));
      return;
    }
    this.#resource = connector;
    resolve(connector, (error, resource) => {
      close(connector);
      this.#resource = error === null ? resource : NONE;
      if (error !== null) this.destroy(connectError(error, address, this.#port));
      else {
        this.#family = familyOf(address);
        this.connecting = false;
        this.#touch();
        this._connected();
      }
    });
  }

  /** There is a connection now. */
  _connected() {
    this.#opening = false;
    this.emit('connect');
    this.emit('ready');
    // Only now: nothing that the other side says may come before these events.
    this.#proceed();
    if (!this.destroyed && !this.isPaused()) this.read(0);
  }

  #proceed() {
    for (const { go } of this.#waiting.splice(0)) go();
  }

  _read() {
    if (this.#opening || this.#resource === NONE) {
      this.#waiting.push({ go: () => this._read(), fail: null });
      return;
    }
    read(this.#resource, CHUNK_BYTES, (error, bytes) => {
      if (this.destroyed) return;
      this.#touch();
      if (error !== null) {
        this.destroy(this._failure('read', error));
      } else if (bytes === null) {
        this.push(null);
        this.read(0);
      } else {
        this.bytesRead += bytes.length;
        this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
      }
    });
    if (!this.#referenced && this.#resource !== NONE) setBackground(this.#resource, true);
  }

  _write(chunk, _encoding, callback) {
    if (this.#opening) {
      this.#waiting.push({ go: () => this._write(chunk, _encoding, callback), fail: callback });
      return;
    }
    if (this.#resource === NONE) {
      callback(closedError());
      return;
    }
    this.#touch();
    write(this.#resource, chunk, (error) => {
      if (error === null) this.#written += chunk.length;
      this.#touch();
      callback(error === null ? null : this._failure('write', error));
      for (const quiet of this.#quiet.splice(0)) whenQuiet(this, quiet);
    });
  }

  /** Small chunks go together. */
  _writev(chunks, callback) {
    this._write(
      chunks.length === 1 ? chunks[0].chunk : Buffer.concat(chunks.map(({ chunk }) => chunk)),
      'buffer',
      callback,
    );
  }

  _final(callback) {
    if (this.#opening) {
      this.#waiting.push({ go: () => this._final(callback), fail: null });
      return;
    }
    // TLS has no half-closing here: the connection ends with the other side, or when it is destroyed.
    if (this.#resource !== NONE && this.#halfCloses) shutdown(this.#resource);
    callback();
  }

  _failure(syscall, text) {
    return brokenError(syscall, text);
  }

  _destroy(error, callback) {
    const isOpen = this.#opening || this.#resource !== NONE;
    this.connecting = this.#opening = false;
    if (this.#resource !== NONE) close(this.#resource);
    this.#resource = NONE;
    this.#clearTimer();
    this.#quiet = [];
    for (const { fail } of this.#waiting.splice(0)) fail?.(closedBeforeConnection());
    callback(error);
    // As in Node, where closing takes a turn of the loop.
    const tell = () => this.emit('close', error !== null && error !== undefined);
    if (isOpen) setImmediate(tell);
    else process.nextTick(tell);
  }

  destroySoon() {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  resetAndDestroy() {
    return this.destroy(this.connecting || this.#resource !== NONE ? undefined : closedError());
  }

  // Idleness

  setTimeout(ms, callback) {
    if (typeof ms !== 'number') throw invalidArgument('msecs', 'of type number', ms);
    if (!(ms >= 0 && ms < Infinity)) throw outOfRange('msecs', 'a non-negative finite number', ms);
    if (callback !== undefined) {
      requireFunction(callback, 'callback');
      if (ms === 0) this.removeListener('timeout', callback);
      else this.once('timeout', callback);
    }
    this.timeout = ms;
    this.#clearTimer();
    if (ms > 0 && !this.destroyed) this.#startTimer(ms);
    return this;
  }

  /** What happens only leaves a mark; the timer looks at it when it fires. */
  #touch() {
    if (this.timeout === 0) return;
    this.#active = hrtime();
    if (this.#timer === null && !this.destroyed) this.#startTimer(this.timeout);
  }

  #startTimer(ms) {
    if (ms === this.timeout) this.#active = hrtime();
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        const left = this.timeout - (hrtime() - this.#active);
        if (left > 0) this.#startTimer(left);
        else this.emit('timeout');
      },
      Math.min(Math.ceil(ms), LONGEST_MS),
    );
    unrefTimer(this.#timer);
  }

  #clearTimer() {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  // The host decides these: it sends at once.

  setNoDelay() {
    return this;
  }

  setKeepAlive() {
    return this;
  }

  ref() {
    return this.#refer(true);
  }

  unref() {
    return this.#refer(false);
  }

  #refer(referenced) {
    this.#referenced = referenced;
    if (this.#resource !== NONE) setBackground(this.#resource, !referenced);
    return this;
  }

  // What it is

  get pending() {
    return this.#resource === NONE || this.connecting;
  }

  get readyState() {
    if (this.connecting) return 'opening';
    if (this.#resource === NONE) return 'closed';
    if (this.readable && this.writable) return 'open';
    if (this.readable) return 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  get bufferSize() {
    return this.#resource === NONE && !this.connecting ? undefined : this.writableLength;
  }

  get bytesWritten() {
    return this.#written + this.writableLength;
  }

  get #isConnected() {
    return !this.connecting && (this.#resource !== NONE || this.#detached);
  }

  /** The address, or the name where only that is known. */
  get remoteAddress() {
    return this.#isConnected ? this.#host : undefined;
  }

  get remotePort() {
    return this.#isConnected ? this.#port : undefined;
  }

  get remoteFamily() {
    return this.#isConnected ? this.#family : undefined;
  }

  get localAddress() {
    return undefined;
  }

  get localPort() {
    return this.#isConnected ? this.#localPort : undefined;
  }

  get localFamily() {
    return undefined;
  }

  /** The host does not tell. */
  address() {
    return {};
  }

  /** @internal the host that was asked for */
  get _host() {
    return this.#host;
  }
}

/** Of a stream that tells of its end itself, because `close` says whether there was an error. */
const streamOptions = (options) => ({
  allowHalfOpen: options?.allowHalfOpen === true,
  readableHighWaterMark: options?.readableHighWaterMark ?? options?.highWaterMark,
  writableHighWaterMark: options?.writableHighWaterMark ?? options?.highWaterMark,
  decodeStrings: true,
  emitClose: false,
});

function listenToSignal(socket, signal) {
  if (!signal) return;
  const abort = () => socket.destroy(abortError(signal));
  if (signal.aborted) process.nextTick(abort);
  else {
    signal.addEventListener('abort', abort, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', abort));
  }
}
