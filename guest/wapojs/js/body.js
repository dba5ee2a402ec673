// Bodies: https://fetch.spec.whatwg.org/#bodies and the Body mixin
//
// A body knows its source as long as nobody has asked for the stream, so a string that is answered as it is never
// becomes a stream of chunks.

import { utf8Decode, utf8Encode } from 'wapo:native';
import { blobParts, blobSize, blobType, createBlob, isBlob } from './blob.js';
import { createFormData, formDataEntries, isFormData } from './form-data.js';
import { parseMultipart, serializeMultipart } from './multipart.js';
import { promiseReject, promiseResolve, promiseThen } from './promises.js';
import {
  cancelStream, concatBytes, createWholeStream, isDisturbed, isReadableStream, isStreamLocked, peekWhole, readAllBytes,
  takeWhole, teeStream,
} from './streams/internal.js';
import { ReadableStream } from './streams/readable-stream.js';
import { isURLSearchParams, searchParamsList } from './url-search-params.js';
import { parseUrlEncodedBytes, serializeUrlEncoded } from './urlencoded.js';
import { isBufferSource, isObject, toBytes, toUSVString } from './webidl.js';

const { JSON, Object, Symbol, TypeError, Uint8Array } = globalThis;
const { assign } = Object;
const parseJson = JSON.parse;
const { asyncIterator } = Symbol;

/**
 * The slots of a body. One of `text`, `bytes` and `stream` is what it is made of; the stream is also made of one of
 * the others when somebody asks for it.
 */
export class Body {
  static {
    // What most bodies have: on the prototype, as each property of its own costs a body as much as a call.
    assign(this.prototype, {
      text: null,
      bytes: null,
      stream: null,
      consumed: false,
      /** Length in bytes, if it is known without encoding anything. */
      length: null,
    });
  }

  static ofText(text) {
    const body = new Body();
    body.text = text;
    return body;
  }

  static ofBytes(bytes) {
    const body = new Body();
    body.bytes = bytes;
    body.length = bytes.length;
    return body;
  }

  static ofStream(stream) {
    const body = new Body();
    body.stream = stream;
    return body;
  }

  get used() {
    return this.consumed || (this.stream !== null && isDisturbed(this.stream));
  }

  /** "Unusable": disturbed or locked. */
  get unusable() {
    return this.consumed || (this.stream !== null && (isDisturbed(this.stream) || isStreamLocked(this.stream)));
  }

  /** The stream, made of the source if need be. */
  open() {
    if (this.stream === null) {
      this.stream = createWholeStream(this.bytes ?? this.text);
      this.text = this.bytes = null;
      if (this.consumed) cancelStream(this.stream, undefined);
    }
    return this.stream;
  }

  /** "Clone": both have the same bytes to come. */
  clone() {
    if (this.stream === null) {
      const copy = new Body();
      copy.text = this.text;
      copy.bytes = this.bytes;
      copy.length = this.length;
      return copy;
    }
    const whole = peekWhole(this.stream);
    if (whole !== null) return typeof whole === 'string' ? Body.ofText(whole) : Body.ofBytes(whole.slice());
    const [mine, other] = teeStream(this.stream, (chunk) => chunk.slice());
    this.stream = mine;
    return Body.ofStream(other);
  }

  /** All bytes; the caller has checked that it is usable. */
  read() {
    let whole;
    if (this.stream === null) {
      this.consumed = true;
      whole = this.text ?? this.bytes.slice();
    } else {
      whole = takeWhole(this.stream);
      if (whole === null) return readAllBytes(this.stream);
    }
    return promiseResolve(typeof whole === 'string' ? utf8Encode(whole) : whole);
  }

  /** All text, without a detour through bytes where the source is a string. */
  readText() {
    let whole;
    if (this.stream === null) {
      this.consumed = true;
      whole = this.text ?? this.bytes;
    } else {
      whole = takeWhole(this.stream);
      if (whole === null) return promiseThen(readAllBytes(this.stream), decodeText);
    }
    return promiseResolve(typeof whole === 'string' ? whole : decodeText(whole));
  }
}

const decodeText = (bytes) => utf8Decode(bytes, false, false);

/**
 * "Extract a body": https://fetch.spec.whatwg.org/#concept-bodyinit-extract
 * @returns {{body: Body, type: ?string}}
 */
export function extractBody(value) {
  if (typeof value === 'string') return { body: Body.ofText(value.toWellFormed()), type: 'text/plain;charset=UTF-8' };
  if (isObject(value)) {
    if (isReadableStream(value)) {
      if (isDisturbed(value) || isStreamLocked(value)) throw new TypeError('the body is a stream that is in use already');
      return { body: Body.ofStream(value), type: null };
    }
    if (isBufferSource(value)) return { body: Body.ofBytes(toBytes(value, 'the body').slice()), type: null };
    if (isBlob(value)) {
      const parts = blobParts(value);
      const body = Body.ofBytes(parts.length === 0 ? new Uint8Array(0) : concatBytes(parts, blobSize(value)));
      const type = blobType(value);
      return { body, type: type === '' ? null : type };
    }
    if (isFormData(value)) {
      const { boundary, parts, length } = serializeMultipart(formDataEntries(value));
      return { body: Body.ofBytes(concatBytes(parts, length)), type: `multipart/form-data; boundary=${boundary}` };
    }
    if (isURLSearchParams(value)) {
      const text = serializeUrlEncoded(searchParamsList(value));
      return { body: Body.ofText(text), type: 'application/x-www-form-urlencoded;charset=UTF-8' };
    }
    if (typeof value[asyncIterator] === 'function' && typeof value !== 'function') {
      // An extension that Node and Deno have: async iterables of bytes.
      return { body: Body.ofStream(ReadableStream.from(value)), type: null };
    }
  }
  return { body: Body.ofText(toUSVString(value)), type: 'text/plain;charset=UTF-8' };
}

// https://mimesniff.spec.whatwg.org/#parse-a-mime-type, as far as bodies need it: the essence and one parameter.
const ESSENCE = /^[\t\n\r ]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)[\t\n\r ]*(?:;|$)/;
const BOUNDARY = /;[\t\n\r ]*boundary=(?:"((?:[^"\\]|\\.)*)"|([^;\t\n\r ]+))/i;

const essenceOf = (type) => ESSENCE.exec(type ?? '')?.[1].toLowerCase() ?? '';

// Another parameter of a MIME type: its name, and its value, quoted or not.
const PARAMETER = /;[\t\n\r ]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^;\t\n\r ]+)/g;

/** "Serialize a MIME type", in lower case as a Blob's type is; empty for what is none. */
function mimeTypeOf(type) {
  let text = essenceOf(type);
  if (text === '') return '';
  for (const [, name, value] of type.matchAll(PARAMETER)) text += `;${name}=${value}`;
  return text.toLowerCase();
}

function toFormData(bytes, type) {
  const essence = essenceOf(type);
  if (essence === 'multipart/form-data') {
    const match = BOUNDARY.exec(type);
    if (match === null) throw new TypeError('the Content-Type multipart/form-data has no boundary');
    return createFormData(parseMultipart(bytes, match[1]?.replace(/\\(.)/g, '$1') ?? match[2]));
  }
  if (essence === 'application/x-www-form-urlencoded') return createFormData(parseUrlEncodedBytes(bytes));
  throw new TypeError(`a body of type '${type ?? ''}' cannot be read as form data`);
}

/**
 * The Body mixin.
 * @param {function(object): {body: ?Body, contentType: function(): ?string}} accessor throws for anything that is no
 *   genuine instance
 */
export function bodyMixin(accessor) {
  /** Reads and converts, or rejects: "consume body". */
  function consume(object, convert) {
    let slots;
    try {
      slots = accessor(object);
      if (slots.body !== null && slots.body.unusable) {
        throw new TypeError('the body has been read already, or is locked to a reader');
      }
    } catch (error) {
      return promiseReject(error);
    }
    const bytes = slots.body === null ? promiseResolve(new Uint8Array(0)) : slots.body.read();
    return promiseThen(bytes, (all) => convert(all, slots));
  }

  function consumeText(object, convert) {
    let body;
    try {
      ({ body } = accessor(object));
      if (body !== null && body.unusable) throw new TypeError('the body has been read already, or is locked to a reader');
    } catch (error) {
      return promiseReject(error);
    }
    const text = body === null ? promiseResolve('') : body.readText();
    return convert === null ? text : promiseThen(text, convert);
  }

  return {
    get body() {
      const { body } = accessor(this);
      return body === null ? null : body.open();
    },
    get bodyUsed() {
      const { body } = accessor(this);
      return body !== null && body.used;
    },
    arrayBuffer() {
      return consume(this, (bytes) => (bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer));
    },
    blob() {
      return consume(this, (bytes, slots) => createBlob([bytes], mimeTypeOf(slots.contentType())));
    },
    bytes() {
      return consume(this, (bytes) => bytes);
    },
    formData() {
      return consume(this, (bytes, slots) => toFormData(bytes, slots.contentType()));
    },
    json() {
      return consumeText(this, (text) => parseJson(text));
    },
    text() {
      return consumeText(this, null);
    },
  };
}
