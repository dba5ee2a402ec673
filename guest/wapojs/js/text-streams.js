// TextDecoderStream: https://encoding.spec.whatwg.org/#interface-textdecoderstream
// TextEncoderStream: https://encoding.spec.whatwg.org/#interface-textencoderstream

import { utf8Encode } from 'wapo:native';
import { createDecoder, TextDecoder } from './encoding.js';
import { defineInterface, include } from './interfaces.js';
import { createTransformStream, genericTransform } from './streams/internal.js';
import { toBytesAllowShared, toDOMString } from './webidl.js';

const { Uint8Array } = globalThis;
const EMPTY = new Uint8Array(0);

export class TextDecoderStream {
  #textDecoder;
  #transform;

  constructor(label = 'utf-8', options = undefined) {
    const textDecoder = new TextDecoder(label, options);
    const decoder = createDecoder(textDecoder);
    this.#textDecoder = textDecoder;
    this.#transform = createTransformStream({
      transform(chunk, controller) {
        const text = decoder.decode(toBytesAllowShared(chunk, 'a chunk'), false);
        if (text !== '') controller.enqueue(text);
      },
      flush(controller) {
        const text = decoder.decode(EMPTY, true);
        if (text !== '') controller.enqueue(text);
      },
    });
  }

  get encoding() {
    return this.#textDecoder.encoding;
  }

  get fatal() {
    return this.#textDecoder.fatal;
  }

  get ignoreBOM() {
    return this.#textDecoder.ignoreBOM;
  }

  static {
    include(
      this,
      genericTransform((stream) => stream.#transform),
    );
  }
}

/** Encodes strings to UTF-8, holding back a leading surrogate at the end of a chunk for the next. */
class SurrogateJoiner {
  #lead = '';

  transform(chunk, controller) {
    let text = this.#lead + toDOMString(chunk);
    this.#lead = '';
    const last = text.charCodeAt(text.length - 1); // NaN if there is none
    if (last >= 0xd800 && last <= 0xdbff) {
      this.#lead = text[text.length - 1];
      text = text.slice(0, -1);
    }
    if (text !== '') controller.enqueue(utf8Encode(text.toWellFormed()));
  }

  flush(controller) {
    if (this.#lead !== '') controller.enqueue(new Uint8Array([0xef, 0xbf, 0xbd])); // U+FFFD
  }
}

export class TextEncoderStream {
  #transform = createTransformStream(new SurrogateJoiner());

  get encoding() {
    this.#transform;
    return 'utf-8';
  }

  static {
    include(
      this,
      genericTransform((stream) => stream.#transform),
    );
  }
}

defineInterface(TextDecoderStream);
defineInterface(TextEncoderStream);
