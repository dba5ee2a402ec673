// net.Server: https://nodejs.org/api/net.html#class-netserver
//
// Where programs may listen: apps, and `wapo run --listen`.

import { close } from 'wapo:native';
import { EventEmitter } from '../node/events.js';
import {
  FORBIDDEN,
  INVALID,
  IO_ERROR,
  LIMITED,
  TcpListener,
  toListenAddress,
  UNSUPPORTED,
} from '../wapo/tcp-listener.js';
import { invalidArgument, invalidValue, notAvailable, plainError } from './errors.js';
import { familyOf } from './ip.js';
import { attach, Socket } from './net-socket.js';
import { listenError, toPort } from './socket-errors.js';

const ANY = '0.0.0.0';

const CODES = {
  __proto__: null,
  [INVALID]: ['EINVAL', 'invalid argument'],
  [IO_ERROR]: ['EADDRINUSE', 'address already in use'],
  [LIMITED]: ['EMFILE', 'too many open files'],
  [FORBIDDEN]: ['EACCES', 'permission denied'],
};

/** The arguments of listen: (options, callback?) or (port?, host?, backlog?, callback?). */
function listenArguments(list) {
  const [first, second] = list;
  const last = list[list.length - 1];
  const callback = typeof last === 'function' ? last : undefined;
  if (typeof first === 'object' && first !== null) return [first, callback];
  if (typeof first === 'string' && !(Number(first) >= 0)) return [{ path: first }, callback];
  const port = typeof first === 'function' ? undefined : first;
  return [{ port: port ?? 0, host: typeof second === 'string' ? second : undefined }, callback];
}

export class Server extends EventEmitter {
  #listener = null;
  #address = null;
  #sockets = new Set();
  #options;
  #closing = false;
  #referenced = true;
  maxConnections = undefined;

  constructor(options = {}, listener = undefined) {
    super();
    if (typeof options === 'function') [options, listener] = [{}, options];
    else if (typeof options !== 'object' || options === null)
      throw invalidArgument('options', 'of type object', options);
    this.#options = options;
    if (listener !== undefined) this.on('connection', listener);
  }

  listen(...list) {
    const [options, callback] = listenArguments(list);
    if (this.#listener !== null) {
      throw plainError('ERR_SERVER_ALREADY_LISTEN', 'Listen method has been called more than once without closing.');
    }
    if (options.path) throw notAvailable('a Unix domain socket');
    if (options.port === undefined) throw invalidValue('options', options, 'must have the property "port" or "path"');
    const port = toPort(options.port, 'options.port');
    const host = options.host || ANY;
    const address = toListenAddress(host);
    if (callback !== undefined) this.once('listening', callback);
    try {
      if (address === null) throw INVALID;
      this.#listener = new TcpListener(address, port);
    } catch (code) {
      if (code === UNSUPPORTED) {
        const { code: name, message } = notAvailable('listening');
        throw plainError(name, `${message}: agents may not; apps and \`wapo run --listen\` may`);
      }
      const [name, reason] = CODES[code] ?? CODES[INVALID];
      process.nextTick(() => this.emit('error', listenError(name, reason, host, port)));
      return this;
    }
    this.#closing = false;
    this.#address = { address, family: familyOf(address), port: this.#listener.port };
    const { signal } = options;
    if (signal) {
      if (signal.aborted) this.close();
      else signal.addEventListener('abort', () => this.close(), { once: true });
    }
    const listener = this.#listener;
    process.nextTick(() => {
      if (this.#listener !== listener) return;
      this.emit('listening');
      this.#accept(listener);
    });
    return this;
  }

  #accept(listener) {
    if (this.#listener !== listener) return;
    listener.accept((error, connection) => {
      if (this.#listener !== listener) return;
      if (error !== 0) {
        const { address, port } = this.#address;
        this.close();
        this.emit('error', listenError('EINVAL', 'the listener failed', address, port));
        return;
      }
      // One a task, so that whoever is connected is served meanwhile.
      setImmediate(() => this.#accept(listener));
      this.#connected(connection);
    });
    if (!this.#referenced) listener.setBackground(true);
  }

  #connected({ resource, host, port }) {
    const { port: localPort } = this.#address;
    if (this.maxConnections !== undefined && this.#sockets.size >= this.maxConnections) {
      close(resource);
      this.emit('drop', { localPort, remoteAddress: host, remotePort: port, remoteFamily: familyOf(host) });
      return;
    }
    const { allowHalfOpen, highWaterMark, pauseOnConnect } = this.#options;
    const socket = new Socket({ allowHalfOpen, highWaterMark });
    attach(socket, resource, { host, port, localPort });
    socket.server = this;
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#tellClosed();
    });
    if (pauseOnConnect) socket.pause();
    this.emit('connection', socket);
    if (!socket.destroyed && !socket.isPaused()) socket.read(0);
  }

  close(callback) {
    if (callback !== undefined) {
      if (this.#listener !== null) this.once('close', callback);
      else this.once('close', () => callback(plainError('ERR_SERVER_NOT_RUNNING', 'Server is not running.')));
    }
    this.#listener?.close();
    this.#listener = this.#address = null;
    this.#closing = true;
    this.#tellClosed();
    return this;
  }

  /** It is closed once all its connections are. */
  #tellClosed() {
    if (!this.#closing || this.#sockets.size > 0) return;
    this.#closing = false;
    process.nextTick(() => this.emit('close'));
  }

  get listening() {
    return this.#listener !== null;
  }

  address() {
    return this.#address;
  }

  getConnections(callback) {
    process.nextTick(callback, null, this.#sockets.size);
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
    this.#listener?.setBackground(!referenced);
    return this;
  }

  async [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]() {
    if (this.listening) await new Promise((resolve) => this.close(resolve));
  }
}

export const createServer = (options, listener) => new Server(options, listener);
