// Types of the text format: https://webassembly.github.io/spec/core/text/types.html

import { parseInteger, unsigned } from './numbers.js';
import { isList, isName } from './reader.js';

const { Number, String, SyntaxError } = globalThis;

const NUMBERS = { __proto__: null, i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c };
const REFERENCES = { __proto__: null, funcref: 0x70, externref: 0x6f, exnref: 0x69 };
const HEAPS = { __proto__: null, func: 0x70, extern: 0x6f, exn: 0x69 };

export const heapType = (item) => {
  const type = HEAPS[item];
  if (type === undefined) throw new SyntaxError(`'${item}' is not func, extern or exn`);
  return type;
};

export function valueType(item) {
  if (isList(item) && item[0] === 'ref' && item[1] === 'null' && item.length === 3) return heapType(item[2]);
  const type = isList(item) ? undefined : (NUMBERS[item] ?? REFERENCES[item]);
  if (type === undefined) throw new SyntaxError(`'${item}' is no type of values`);
  return type;
}

export const isReferenceType = (item) =>
  typeof item === 'string' ? item in REFERENCES : item !== undefined && isList(item) && item[0] === 'ref';

/** A cursor over the items of a list. */
export class Items {
  constructor(list, at = 0) {
    this.list = list;
    this.at = at;
  }
  get more() {
    return this.at < this.list.length;
  }
  get next() {
    return this.list[this.at];
  }
  take() {
    if (!this.more) throw new SyntaxError(`something is missing at the end of (${String(this.list[0])} ...)`);
    return this.list[this.at++];
  }
  /** The next item, if it is a list that begins with this word. */
  takeList(word) {
    const item = this.next;
    if (item === undefined || !isList(item) || item[0] !== word) return undefined;
    this.at++;
    return item;
  }
  takeName() {
    return isName(this.next) ? this.take() : undefined;
  }
  isNumber() {
    return typeof this.next === 'string' && this.next[0] >= '0' && this.next[0] <= '9';
  }
  end() {
    if (this.more) throw new SyntaxError(`unexpected '${isList(this.next) ? `(${String(this.next[0])}` : this.next}'`);
  }
}

/** `(param ...)* (result ...)*`, with the names of parameters. */
export function signature(items) {
  const type = { params: [], results: [], names: [] };
  for (let list; (list = items.takeList('param')) !== undefined;) {
    if (isName(list[1])) type.names[type.params.length] = list[1];
    for (let i = isName(list[1]) ? 2 : 1; i < list.length; i++) type.params[type.params.length] = valueType(list[i]);
  }
  for (let list; (list = items.takeList('result')) !== undefined;) {
    for (let i = 1; i < list.length; i++) type.results[type.results.length] = valueType(list[i]);
  }
  return type;
}

export const number32 = (item) => Number(parseInteger(item, 32)) >>> 0;

/** `min max?` as bytes */
export function limits(items) {
  const min = number32(items.take());
  return items.isNumber() ? [1, ...unsigned(min), ...unsigned(number32(items.take()))] : [0, ...unsigned(min)];
}

export function tableType(items) {
  const size = limits(items);
  return [valueType(items.take()), ...size];
}

export function globalType(items) {
  const mutable = items.takeList('mut');
  return mutable === undefined ? [valueType(items.take()), 0] : [valueType(mutable[1]), 1];
}
