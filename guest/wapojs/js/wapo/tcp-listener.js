// A TCP port that a program listens on: wapo-abi.md 6.1, 6.2; docs/abi.md, 1211.
//
// Only programs that live on their own may: apps, and those in the foreground whose operator has opened the port.

import { close, ocall, ocallWait, setBackground } from 'wapo:native';
import { clearTimeout, setTimeout } from '../timers.js';
import { Reader, Writer } from './messages.js';

// Calls of the ABI, and their errors.
const TCP_LISTEN = 210, TCP_ACCEPT = 211, LISTENER_PORT = 1211;
const UNKNOWN_CALL = 1;
export const INVALID = 3, UNSUPPORTED = 8, IO_ERROR = 9, LIMITED = 10, FORBIDDEN = 17;

/** When it is tried again after the program had no place for another connection. */
const AGAIN_MS = 100;
const PEER = /^\[?([^\]]*)\]?:(\d+)$/;

/** An IP address as the host takes it, or null: it looks up no names here, but everybody says localhost. */
export function toListenAddress(hostname) {
  const text = hostname.toLowerCase() === 'localhost' ? '127.0.0.1' : hostname;
  if (/^\d+\.\d+\.\d+\.\d+$/.test(text)) return text;
  const inner = text[0] === '[' ? text.slice(1, -1) : text;
  return /^[\da-f.:]*:[\da-f.:]*$/i.test(inner) ? inner : null;
}

export class TcpListener {
  #number;
  #timer = null;
  port;

  /** Throws the number of the error. @param {string} address of {@link toListenAddress} */
  constructor(address, port) {
    const text = `${address.includes(':') ? `[${address}]` : address}:${port}`;
    const number = ocall(TCP_LISTEN, new Writer().text(text).u8(0).done());
    if (number < 0) throw number === -UNKNOWN_CALL ? UNSUPPORTED : -number; // agents do not have the call
    this.#number = number;
    this.port = ocall(LISTENER_PORT, number);
  }

  /**
   * Calls back once, with the number of an error or 0, and a connection. While the program has no place for another one,
   * who connects waits.
   * @param {function(number, ?{resource: number, host: string, port: number})} callback
   */
  accept(callback) {
    ocallWait(TCP_ACCEPT, true, this.#number, (error, message) => {
      if (error === LIMITED) {
        this.#timer = setTimeout(() => {
          this.#timer = null;
          this.accept(callback);
        }, AGAIN_MS);
      } else if (error !== 0) {
        callback(error, null);
      } else {
        const reader = new Reader(message);
        const resource = reader.i32();
        const [, host, port] = PEER.exec(reader.text());
        callback(0, { resource, host, port: +port });
      }
    });
  }

  /** Whether who is waited for now does not keep the program alive. */
  setBackground(background) {
    setBackground(this.#number, background);
  }

  /** Nothing is called back any more. */
  close() {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    close(this.#number);
  }
}
