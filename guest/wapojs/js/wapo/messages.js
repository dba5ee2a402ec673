// Messages of the ABI, encoded and decoded: wapo-abi.md 4.4 and 4.5. Only what these few need of SCALE.

import { utf8Decode, utf8Encode } from 'wapo:native';
import { concatBytes } from '../streams/internal.js';

const { Error, Uint8Array } = globalThis;

const fourBytes = (n) => new Uint8Array([n & 0xff, (n >>> 8) & 0xff, (n >>> 16) & 0xff, n >>> 24]);

function compact(n) {
  if (n < 64) return new Uint8Array([n << 2]);
  if (n < 16384) return new Uint8Array([((n << 2) | 1) & 0xff, n >>> 6]);
  if (n < 2 ** 30) return fourBytes(n * 4 + 2);
  return concatBytes([new Uint8Array([3]), fourBytes(n)], 5);
}

/** Collects the parts of a message. */
export class Writer {
  #parts = [];
  #length = 0;

  raw(bytes) {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this;
  }

  u16(n) {
    return this.raw(new Uint8Array([n & 0xff, n >>> 8]));
  }

  u8(n) {
    return this.raw(new Uint8Array([n]));
  }

  bytes(bytes) {
    return this.raw(compact(bytes.length)).raw(bytes);
  }

  text(string) {
    return this.bytes(utf8Encode(string));
  }

  pairs(list) {
    this.raw(compact(list.length));
    for (let i = 0; i < list.length; i++) this.text(list[i][0]).text(list[i][1]);
    return this;
  }

  done() {
    return concatBytes(this.#parts, this.#length);
  }
}

/** Reads a message from its beginning on. The host has made it, so it is well-formed. */
export class Reader {
  #bytes;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  raw(length) {
    if (this.#at + length > this.#bytes.length) throw new Error('a message of the host ends early');
    return this.#bytes.subarray(this.#at, (this.#at += length));
  }

  u8() {
    return this.raw(1)[0];
  }

  i32() {
    const b = this.raw(4);
    return b[0] | (b[1] << 8) | (b[2] << 16) | (b[3] << 24);
  }

  compact() {
    const first = this.u8();
    switch (first & 3) {
      case 0:
        return first >>> 2;
      case 1:
        return (first >>> 2) | (this.u8() << 6);
      case 2: {
        const b = this.raw(3);
        return ((first | (b[0] << 8) | (b[1] << 16) | (b[2] << 24)) >>> 0) >>> 2;
      }
      default:
        return this.i32() >>> 0;
    }
  }

  bytes() {
    return this.raw(this.compact());
  }

  text() {
    return utf8Decode(this.bytes(), false, true);
  }

  pairs() {
    const list = [];
    for (let left = this.compact(); left > 0; left--) list.push([this.text(), this.text()]);
    return list;
  }
}

/** {method, url, headers, responseTx, ioStream}: HttpRequest, in the vector that ocall 102 answers. */
export function readHttpRequest(answer) {
  const reader = new Reader(new Reader(answer).bytes());
  const method = reader.text();
  const url = reader.text();
  const headers = reader.pairs();
  return { method, url, headers, responseTx: reader.i32(), ioStream: reader.i32() };
}

/** {origin, path, payload, replyTx}: QueryRequest, likewise. */
export function readQueryRequest(answer) {
  const reader = new Reader(new Reader(answer).bytes());
  const origin = reader.u8() === 0 ? null : reader.raw(32).slice();
  const path = reader.text();
  const payload = reader.bytes().slice();
  return { origin, path, payload, replyTx: reader.i32() };
}

export const writeResponseHead = (status, headers) => new Writer().u16(status).pairs(headers).done();
