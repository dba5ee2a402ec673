// TCP sockets: https://sockets-api.proposal.wintertc.org/
//
// The streams exist at once and wait for the connection. Under TLS there is no half-closing: what the writable's end
// would say is said when the other side has ended, too. Errors are TypeErrors whose message begins with "SocketError: ",
// as the proposal has it.

import { close, read, resolve, shutdown, startTls, tcpConnect, write } from 'wapo:native';
import { defineInterface, illegalConstructor } from './interfaces.js';
import { markPromiseHandled, newDeferred, promiseReject, promiseResolve, promiseThen } from './promises.js';
import { createReadableByteStream, createWritableStream } from './streams/internal.js';
import { READABLE, WRITABLE } from './streams/states.js';
import { URL } from './url.js';
import { isBufferSource, isObject, requireArguments, toBytes, toDictionary, toDOMString, toEnum } from './webidl.js';

const { Number, TypeError } = globalThis;
const { isInteger } = Number;

const CREATE = {};
const CHUNK_BYTES = 65536;
const HTTP_PORT = '80';
const ADDRESS = /^(?:\[[^\]]*\]|[^:[\]/?#@\\]+):([0-9]+)$/;

const socketError = (text) => new TypeError(`SocketError: ${text}`);
const nothing = () => undefined;

/** Host (without brackets) and port of a SocketAddress or a text. */
function toAddress(value) {
  let text;
  if (isObject(value) && (value.hostname !== undefined || value.port !== undefined)) {
    const hostname = toDOMString(value.hostname);
    const port = +value.port;
    if (!isInteger(port)) throw new TypeError('connect: the port must be a number from 1 to 65535');
    text = hostname.includes(':') && hostname[0] !== '[' ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  } else {
    text = toDOMString(value);
  }
  const match = ADDRESS.exec(text);
  const parsed = match === null ? null : URL.parse(`http://${text}`);
  if (parsed === null) throw new TypeError(`connect: '${text}' is not a host and a port`);
  const port = +(parsed.port || HTTP_PORT);
  if (port === 0) throw new TypeError('connect: the port must be a number from 1 to 65535');
  const host = parsed.hostname;
  return { host: host[0] === '[' ? host.slice(1, -1) : host, port };
}

let open;
let fail;
/** A socket over a connection that is there: `resource` with `host` and `port`. */
export let socketOf;

class Socket {
  #host;
  #port;
  #secureTransport;
  #allowHalfOpen;
  #upgraded = false;
  #opened = newDeferred();
  #closed = newDeferred();
  #readable;
  #writable;
  #readableController;
  #writableController;
  /** The connection, or what is to become one; -1 if there is none. */
  #resource = -1;
  #connected = false;
  #over = false;
  #readEnded = false;
  #writeEnded = false;
  /** The write under way: its deferred, or null. */
  #writing = null;

  constructor(key = undefined, host, port, secureTransport, allowHalfOpen) {
    if (key !== CREATE) throw illegalConstructor();
    this.#host = host;
    this.#port = port;
    this.#secureTransport = secureTransport;
    this.#allowHalfOpen = allowHalfOpen;
    markPromiseHandled(this.#opened.promise);
    markPromiseHandled(this.#closed.promise);
    const readable = createReadableByteStream({ pull: () => this.#pull(), cancel: () => this.#endReading() });
    this.#readable = readable.stream;
    this.#readableController = readable.controller;
    const writable = createWritableStream({
      write: (chunk) => this.#write(chunk),
      close: () => promiseThen(this.#opened.promise, () => this.#endWriting()),
      abort: () => this.#end(null),
    });
    this.#writable = writable.stream;
    this.#writableController = writable.controller;
  }

  static {
    /** Waits for a connector to become a connection; with TLS, for its handshake. */
    open = (socket, makeConnector, tls) => {
      try {
        socket.#resource = makeConnector();
      } catch (error) {
        socket.#end(socketError(error.message));
        return;
      }
      const connector = socket.#resource;
      resolve(connector, (error, resource) => {
        close(connector);
        if (error !== null) {
          socket.#resource = -1;
          socket.#end(socketError(error));
          return;
        }
        socket.#resource = resource;
        if (tls) read(resource, 0, (failure) => (failure === null ? socket.#start() : socket.#end(socketError(failure))));
        else socket.#start();
      });
    };
    fail = (socket, error) => socket.#end(error);
    socketOf = (resource, host, port, allowHalfOpen) => {
      const socket = new Socket(CREATE, host, port, 'off', allowHalfOpen);
      socket.#resource = resource;
      socket.#start();
      return socket;
    };
  }

  #start() {
    this.#connected = true;
    const address = this.#host.includes(':') ? `[${this.#host}]:${this.#port}` : `${this.#host}:${this.#port}`;
    this.#opened.resolve({ remoteAddress: address, localAddress: null, alpn: null });
  }

  #pull() {
    const { promise, resolve: done } = newDeferred();
    const start = () => {
      if (this.#over) {
        done(undefined);
        return;
      }
      read(this.#resource, CHUNK_BYTES, (error, bytes) => {
        if (error !== null) {
          this.#end(socketError(error));
        } else if (bytes === null) {
          this.#closeReadable();
          this.#endReading();
        } else {
          this.#readableController.enqueue(bytes);
        }
        done(undefined);
      });
    };
    if (this.#connected) start();
    else promiseThen(this.#opened.promise, start, () => done(undefined));
    return promise;
  }

  #write(chunk) {
    if (!isBufferSource(chunk)) return promiseReject(new TypeError('a chunk for a socket must be an ArrayBuffer or a view of one'));
    const bytes = toBytes(chunk, 'a chunk');
    const deferred = newDeferred();
    this.#writing = deferred;
    const start = () => {
      if (this.#over) return;
      write(this.#resource, bytes, (error) => {
        if (this.#writing !== deferred) return;
        this.#writing = null;
        if (error === null) {
          deferred.resolve(undefined);
          return;
        }
        const failure = socketError(error);
        deferred.reject(failure);
        this.#end(failure);
      });
    };
    if (this.#connected) start();
    else promiseThen(this.#opened.promise, start, nothing);
    return deferred.promise;
  }

  get #hasTls() {
    return this.#secureTransport === 'on';
  }

  #closeReadable() {
    const controller = this.#readableController;
    if (controller.stream.state !== READABLE) return;
    controller.close();
    if (controller.pendingPullIntos.length > 0) controller.respond(0);
  }

  /** The other side has ended, or nobody reads any more. */
  #endReading() {
    this.#readEnded = true;
    if (this.#writeEnded || !this.#allowHalfOpen) this.#end(null);
  }

  #endWriting() {
    if (this.#over) return;
    this.#writeEnded = true;
    if (this.#readEnded) this.#end(null);
    else if (!this.#hasTls) shutdown(this.#resource);
  }

  /** Closes everything; `error` is why, or null. */
  #end(error) {
    if (this.#over) return;
    this.#over = true;
    if (this.#resource >= 0) close(this.#resource);
    this.#resource = -1;
    const reason = error ?? socketError('the socket is closed');
    if (!this.#connected) this.#opened.reject(reason);
    if (this.#writing !== null) this.#writing.reject(reason);
    this.#writing = null;
    if (error !== null) this.#readableController.error(error);
    else this.#closeReadable();
    if (this.#writableController.stream.state === WRITABLE) this.#writableController.error(reason);
    if (error === null) this.#closed.resolve(undefined);
    else this.#closed.reject(error);
  }

  get readable() {
    return this.#readable;
  }

  get writable() {
    return this.#writable;
  }

  get opened() {
    return this.#opened.promise;
  }

  get closed() {
    return this.#closed.promise;
  }

  get upgraded() {
    return this.#upgraded;
  }

  get secureTransport() {
    return this.#secureTransport;
  }

  close() {
    this.#end(null);
    return this.#closed.promise;
  }

  startTls(options = undefined) {
    if (this.#secureTransport !== 'starttls') {
      throw socketError("startTls needs a socket that was opened with secureTransport: 'starttls'");
    }
    if (this.#upgraded) throw socketError('TLS has been started already');
    const { expectedServerHostname, sni } = toDictionary(options, 'Socket.startTls: options');
    const name = expectedServerHostname ?? sni;
    const host = name === undefined ? this.#host : toDOMString(name);
    this.#upgraded = true;
    const secured = new Socket(CREATE, this.#host, this.#port, 'on', this.#allowHalfOpen);
    const written = this.#writing === null ? promiseResolve(undefined) : this.#writing.promise;
    promiseThen(
      promiseThen(this.#opened.promise, () => written),
      () => {
        if (this.#over) {
          fail(secured, socketError('the socket is closed'));
          return;
        }
        const plain = this.#resource;
        this.#resource = -1;
        this.#end(null);
        open(secured, () => startTls(plain, host), true);
      },
      (error) => fail(secured, error),
    );
    return secured;
  }
}

defineInterface(Socket);

/** https://sockets-api.proposal.wintertc.org/#connect-method */
export function connect(address, options = undefined) {
  requireArguments(arguments.length, 1, 'connect');
  const { host, port } = toAddress(address);
  const { allowHalfOpen, secureTransport } = toDictionary(options, 'connect: options');
  const transport = secureTransport === undefined ? 'off' : toEnum(secureTransport, ['off', 'on', 'starttls'], 'connect: secureTransport');
  const socket = new Socket(CREATE, host, port, transport, !!allowHalfOpen);
  open(socket, () => tcpConnect(host, port, transport === 'on'), transport === 'on');
  return socket;
}

export { Socket };
