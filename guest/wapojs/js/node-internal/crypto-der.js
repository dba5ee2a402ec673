// DER (X.690 section 10) as far as keys need it, and PEM (RFC 7468).

import { Buffer } from '../node/buffer.js';
import { plainError } from './errors.js';

export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const NULL = 0x05;
export const OID = 0x06;
export const SEQUENCE = 0x30;
/** [n] of ASN.1, explicit or of a constructed type. */
export const context = (number) => 0xa0 + number;

/** What Node's OpenSSL says of bytes that are no key. */
export const undecodable = () => {
  const error = plainError('ERR_OSSL_UNSUPPORTED', 'error:1E08010C:DECODER routines::unsupported');
  error.library = 'DECODER routines';
  error.reason = 'unsupported';
  return error;
};

/** Reads one element after the other. Throws `undecodable()`. */
export class Reader {
  #bytes;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  get done() {
    return this.#at >= this.#bytes.length;
  }

  /** The next element's tag, or undefined at the end. */
  get tag() {
    return this.#bytes[this.#at];
  }

  #next() {
    const bytes = this.#bytes;
    const start = this.#at;
    let at = start + 2;
    let length = bytes[start + 1];
    if (length >= 0x80) {
      const count = length - 0x80;
      if (count < 1 || count > 3) throw undecodable();
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + bytes[at++];
    }
    if (!(at + length <= bytes.length)) throw undecodable(); // NaN, too
    this.#at = at + length;
    return { start, at, end: this.#at };
  }

  /** The content of the next element, which must have this tag. */
  read(tag) {
    if (this.tag !== tag) throw undecodable();
    const { at, end } = this.#next();
    return this.#bytes.subarray(at, end);
  }

  /** A reader of the content. */
  enter(tag) {
    return new Reader(this.read(tag));
  }

  /** The next element with its head, whatever it is. */
  element() {
    const { start, end } = this.#next();
    return this.#bytes.subarray(start, end);
  }

  /** An OID, as the hexadecimal digits of its content. */
  oid() {
    return Buffer.from(this.read(OID)).toString('hex');
  }
}

/** An element. */
export function der(tag, ...parts) {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : length < 0x10000
          ? [tag, 0x82, length >> 8, length & 0xff]
          : [tag, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

export const oid = (hex) => der(OID, Buffer.from(hex, 'hex'));

/** A number that is not negative, big-endian. */
export function integer(bytes) {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const number = bytes.subarray(start);
  return number.length === 0 || number[0] >= 0x80 ? der(INTEGER, Buffer.of(0), number) : der(INTEGER, number);
}

/** A number's bytes, at least `size`. Throws `undecodable()` if it is longer. */
export function unsigned(content, size) {
  let start = 0;
  while (start < content.length && content[start] === 0) start++;
  const number = content.subarray(start);
  if (number.length > size || content[0] >= 0x80) throw undecodable();
  return Buffer.concat([Buffer.alloc(size - number.length), number]);
}

export const bitString = (bytes) => der(BIT_STRING, Buffer.of(0), bytes);

/** The content of a BIT STRING of whole bytes. */
export const bits = (content) => {
  if (content[0] !== 0) throw undecodable();
  return content.subarray(1);
};

export function toPem(label, bytes) {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

const PEM = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n([^-]*(?:-[^-]+)*)-----END \1-----/g;
const HEADERS = /^(?:[A-Za-z-]+:[^\n]*\r?\n)+\r?\n/;

/** The blocks of a PEM file: label, bytes, and the headers that old ones have. */
export function fromPem(text) {
  return Array.from(text.matchAll(PEM), ([, label, body]) => {
    const headers = HEADERS.exec(body)?.[0] ?? '';
    return { label, headers, bytes: Buffer.from(body.slice(headers.length), 'base64') };
  });
}
