// Queue-with-sizes: https://streams.spec.whatwg.org/#queue-with-sizes
//
// Most streams count every chunk as 1. Their queue is used as a plain deque (`push`, `shift`), and its total size is
// its length; sizes are stored only where a size algorithm exists.

import { Deque } from './deque.js';

const { RangeError } = globalThis;

export class ChunkQueue extends Deque {
  /** @type {?Deque} null if every chunk counts as 1 */
  #sizes;
  #total = 0;

  /** @param {boolean} hasSizes whether chunks have sizes: then use `enqueue` and `dequeue` */
  constructor(hasSizes) {
    super();
    this.#sizes = hasSizes ? new Deque() : null;
  }

  /** [[queueTotalSize]] */
  get total() {
    return this.#sizes === null ? this.length : this.#total;
  }

  /** EnqueueValueWithSize; throws a RangeError for a size that is negative, NaN or infinite. */
  enqueue(chunk, size) {
    if (!(size >= 0) || size === Infinity) throw new RangeError('the size of a chunk must be a finite number from 0');
    this.#sizes.push(size);
    this.#total += size;
    this.push(chunk);
  }

  /** DequeueValue */
  dequeue() {
    if (this.#sizes !== null) {
      this.#total -= this.#sizes.shift();
      if (this.#total < 0) this.#total = 0; // rounding
    }
    return this.shift();
  }

  /** ResetQueue */
  reset() {
    this.clear();
    this.#sizes?.clear();
    this.#total = 0;
  }
}
