// CompressionStream and DecompressionStream: https://compression.spec.whatwg.org/
//
// The host does the work, 32 KiB at a time. Its part of a stream is opened with the first chunk, so that a stream may be
// made while an image is, and closed as soon as nothing more can come.

import { coderClose, coderOpen, coderWrite } from 'wapo:native';
import { defineInterface, include } from './interfaces.js';
import { createTransformStream, genericTransform } from './streams/internal.js';
import { requireArguments, toBytes, toEnum } from './webidl.js';

const { TypeError, Uint8Array } = globalThis;
const EMPTY = new Uint8Array(0);

const FORMATS = ['deflate', 'deflate-raw', 'gzip'];

/** One stream's coder. */
class Coder {
  #format;
  #decode;
  #handle = null;

  constructor(format, decode) {
    this.#format = FORMATS.indexOf(format) + 1;
    this.#decode = decode;
  }

  transform(chunk, controller) {
    this.#write(toBytes(chunk, 'a chunk'), false, controller);
  }

  flush(controller) {
    this.#write(EMPTY, true, controller);
    this.cancel();
  }

  cancel() {
    if (this.#handle === null) return;
    coderClose(this.#handle);
    this.#handle = null;
  }

  #write(bytes, last, controller) {
    this.#handle ??= coderOpen(this.#format, this.#decode);
    let good = false;
    try {
      good = coderWrite(this.#handle, bytes, last, (output) => controller.enqueue(output));
      if (!good) throw new TypeError(`DecompressionStream: this is not ${FORMATS[this.#format - 1]} data`);
    } finally {
      if (!good) this.cancel();
    }
  }
}

const transformOf = (coder) => createTransformStream(coder);

export class CompressionStream {
  #transform;

  constructor(format) {
    requireArguments(arguments.length, 1, 'CompressionStream');
    this.#transform = createTransformStream(new Coder(toEnum(format, FORMATS, 'CompressionStream'), false));
  }

  static {
    include(
      this,
      genericTransform((stream) => stream.#transform),
    );
  }
}

export class DecompressionStream {
  #transform;

  constructor(format) {
    requireArguments(arguments.length, 1, 'DecompressionStream');
    this.#transform = createTransformStream(new Coder(toEnum(format, FORMATS, 'DecompressionStream'), true));
  }

  static {
    include(
      this,
      genericTransform((stream) => stream.#transform),
    );
  }
}

defineInterface(CompressionStream);
defineInterface(DecompressionStream);
