// Queue-with-sizes: https://streams.spec.whatwg.org/#queue-with-sizes
//
// Most streams count every chunk as 1, so sizes are stored only when a size algorithm exists.

import { Deque } from './deque.js';

const { RangeError } = globalThis;

export class ChunkQueue {
  chunks = new Deque();
  /** @type {?Deque} */
  sizes = null;
  /** [[queueTotalSize]] */
  total = 0;

  /** EnqueueValueWithSize; throws a RangeError for a size that is negative, NaN or infinite. */
  enqueue(chunk, size) {
    if (!(size >= 0) || size === Infinity) throw new RangeError('the size of a chunk must be a finite number from 0');
    this.sizes ??= new Deque();
    this.sizes.push(size);
    this.chunks.push(chunk);
    this.total += size;
  }

  /** Enqueues with size 1. A queue uses either this or `enqueue` for all its chunks. */
  enqueueOne(chunk) {
    this.chunks.push(chunk);
    this.total++;
  }

  /** DequeueValue */
  dequeue() {
    if (this.sizes === null) {
      this.total--;
    } else {
      this.total -= this.sizes.shift();
      if (this.total < 0) this.total = 0; // rounding
    }
    return this.chunks.shift();
  }

  /** ResetQueue */
  reset() {
    this.chunks.clear();
    this.sizes?.clear();
    this.total = 0;
  }
}
