// Crypto: https://w3c.github.io/webcrypto/#crypto-interface

import { fillRandom, randomBytes } from 'wapo:native';
import { DOMException } from './dom-exception.js';
import { defineInterface, illegalConstructor } from './interfaces.js';
import { subtle } from './webcrypto/subtle-crypto.js';
import { requireArguments } from './webidl.js';

const { TypeError } = globalThis;
const { isView } = ArrayBuffer;

const CREATE = {};
const QUOTA_BYTES = 65536;
const INTEGER_VIEWS = ['Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array',
  'Uint32Array', 'BigInt64Array', 'BigUint64Array'];
const typeOfView = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;

const HEX = [];
for (let i = 0; i < 256; i++) HEX[i] = (i + 256).toString(16).slice(1);

export class Crypto {
  #brand;

  constructor(key = undefined) {
    if (key !== CREATE) throw illegalConstructor();
    this.#brand = true;
  }

  get subtle() {
    this.#brand;
    return subtle;
  }

  getRandomValues(array) {
    this.#brand;
    requireArguments(arguments.length, 1, 'Crypto.getRandomValues');
    if (!isView(array)) throw new TypeError('Crypto.getRandomValues: the argument must be a view of integers');
    if (!INTEGER_VIEWS.includes(typeOfView.call(array))) {
      throw new DOMException('Crypto.getRandomValues: the argument must be a view of integers', 'TypeMismatchError');
    }
    if (array.byteLength > QUOTA_BYTES) {
      throw new DOMException(`Crypto.getRandomValues: at most ${QUOTA_BYTES} bytes at a time`, 'QuotaExceededError');
    }
    fillRandom(array);
    return array;
  }

  // https://w3c.github.io/webcrypto/#Crypto-method-randomUUID, RFC 9562 version 4
  randomUUID() {
    this.#brand;
    const b = randomBytes(16);
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    return `${HEX[b[0]]}${HEX[b[1]]}${HEX[b[2]]}${HEX[b[3]]}-${HEX[b[4]]}${HEX[b[5]]}-${HEX[b[6]]}${HEX[b[7]]}-${HEX[b[8]]}${HEX[b[9]]}-${HEX[b[10]]}${HEX[b[11]]}${HEX[b[12]]}${HEX[b[13]]}${HEX[b[14]]}${HEX[b[15]]}`;
  }
}

defineInterface(Crypto);
export const crypto = new Crypto(CREATE);
