// A first-in, first-out list whose operations all take constant time (Array.prototype.shift moves every element).

/** A ring: `length` items from `head` on, wrapping round at the end of `items`, whose size is a power of two. */
export class Deque {
  items = [];
  head = 0;
  length = 0;

  push(item) {
    let { items } = this;
    if (this.length === items.length) items = this.#grow();
    items[(this.head + this.length++) & (items.length - 1)] = item;
  }

  /** Takes the first item; the deque must not be empty. */
  shift() {
    const { items, head } = this;
    const item = items[head];
    items[head] = undefined; // let go of it
    this.head = (head + 1) & (items.length - 1);
    this.length--;
    return item;
  }

  /** The first item, left where it is. */
  peek() {
    return this.items[this.head];
  }

  /** Puts another item in the place of the first. */
  replaceFirst(item) {
    this.items[this.head] = item;
  }

  clear() {
    this.items = [];
    this.head = 0;
    this.length = 0;
  }

  #grow() {
    const { items, head, length } = this;
    const larger = [];
    for (let i = 0; i < length; i++) larger[i] = items[(head + i) & (length - 1)];
    for (let i = length, end = length === 0 ? 4 : length * 2; i < end; i++) larger[i] = undefined;
    this.items = larger;
    this.head = 0;
    return larger;
  }
}
