// A listener for TCP sockets, beside `connect` of https://sockets-api.proposal.wintertc.org/, which has none. It is like
// Deno's: an async iterable of connections.

import { defineInterface, illegalConstructor } from '../interfaces.js';
import { newDeferred, promiseReject, promiseResolve } from '../promises.js';
import { socketOf } from '../socket.js';
import { toDictionary, toDOMString } from '../webidl.js';
import { FORBIDDEN, INVALID, IO_ERROR, LIMITED, TcpListener, toListenAddress, UNSUPPORTED } from './tcp-listener.js';

const { Error, Number, Symbol, TypeError } = globalThis;
const { isInteger } = Number;

const CREATE = {};
const ANY = '0.0.0.0';
const MAX_PORT = 65535;

const REASONS = {
  __proto__: null,
  [INVALID]: 'the address is none',
  [UNSUPPORTED]: 'agents may not listen; apps and programs of `wapo run --listen` may',
  [IO_ERROR]: 'the address is in use, or is none of this machine',
  [LIMITED]: 'a limit of this program was reached',
  [FORBIDDEN]: 'the operator has not opened the port to programs (--listen)',
};

class SocketListener {
  #listener;
  #hostname;
  #allowHalfOpen;
  #open = true;
  /** Who waits for a connection: deferreds. The first one's is being accepted. */
  #waiting = [];

  constructor(key = undefined, listener, hostname, allowHalfOpen) {
    if (key !== CREATE) throw illegalConstructor();
    this.#listener = listener;
    this.#hostname = hostname;
    this.#allowHalfOpen = allowHalfOpen;
  }

  get hostname() {
    return this.#hostname;
  }

  get port() {
    return this.#listener.port;
  }

  #next() {
    if (!this.#open) return promiseResolve({ done: true, value: undefined });
    const deferred = newDeferred();
    this.#waiting[this.#waiting.length] = deferred;
    if (this.#waiting.length === 1) this.#accept();
    return deferred.promise;
  }

  #accept() {
    this.#listener.accept((error, connection) => {
      if (error !== 0) {
        this.#end(new Error(`listen: port ${this.port} failed: ${REASONS[error] ?? 'the host refused the call'}`));
        return;
      }
      const { resource, host, port } = connection;
      const [first] = this.#waiting.splice(0, 1);
      first.resolve({ done: false, value: socketOf(resource, host, port, this.#allowHalfOpen) });
      if (this.#waiting.length > 0) this.#accept();
    });
  }

  #end(error) {
    if (!this.#open) return;
    this.#open = false;
    this.#listener.close();
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      if (error === null) resolve({ done: true, value: undefined });
      else reject(error);
    }
  }

  /** Nobody can connect any more; connections that there are go on. */
  close() {
    this.#end(null);
  }

  /** Leaving a loop closes the listener. */
  [Symbol.asyncIterator]() {
    return {
      next: () => this.#next(),
      return: (value) => {
        this.#end(null);
        return promiseResolve({ done: true, value });
      },
      throw: (error) => {
        this.#end(null);
        return promiseReject(error);
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}

defineInterface(SocketListener);

/**
 * listen({ port, hostname = '0.0.0.0', allowHalfOpen = false }): port 0 lets the system choose.
 * Throws TypeError for what is no port or address, Error if it cannot be listened on.
 */
export function listen(options) {
  const { port, hostname, allowHalfOpen } = toDictionary(options, 'listen: options');
  const number = +port;
  if (!isInteger(number) || number < 0 || number > MAX_PORT) {
    throw new TypeError('listen: the port must be a number from 0 to 65535');
  }
  const name = hostname === undefined ? ANY : toDOMString(hostname);
  const address = toListenAddress(name);
  if (address === null) throw new TypeError(`listen: the hostname must be an IP address or localhost, not '${name}'`);
  let listener;
  try {
    listener = new TcpListener(address, number);
  } catch (code) {
    throw new Error(`listen: cannot listen on ${address}:${number}: ${REASONS[code] ?? 'the host refused the call'}`);
  }
  return new SocketListener(CREATE, listener, address, !!allowHalfOpen);
}
