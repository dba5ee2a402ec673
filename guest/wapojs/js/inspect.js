// A readable text for any value, in the style of Node's util.inspect:
// https://nodejs.org/api/util.html#utilinspectobject-options
//
// It must never throw and never run user code that it can avoid: properties are read from their descriptors, getters
// are only named, a proxy is looked through by the engine. What cannot be avoided (Symbol.toStringTag, an error's stack,
// the custom inspection method) is guarded.

import { classOf, getProxyTarget, promiseResult, promiseState } from 'wapo:native';
import { isPlatformPrototype } from './interfaces.js';
import {
  arrayBufferByteLength,
  call,
  dataViewBuffer,
  dataViewByteLength,
  dataViewByteOffset,
  ownKeys,
  typedArrayLength,
  uncurryThis,
} from './primordials.js';
import { constructorName, errorHeader, functionText, guarded, prefixOf } from './inspect-labels.js';
import { escapeControls, groupIntoColumns, joinParts, propertyName, quote } from './inspect-text.js';

const { BigInt, Boolean, Date, Map, Number, Object, RegExp, Set, String, Symbol, Uint8Array } = globalThis;
const { getOwnPropertyDescriptor, getPrototypeOf, is, keys: enumerableKeys } = Object;
const { max, min } = Math;
const { iterator, toStringTag } = Symbol;

const mapForEach = uncurryThis(Map.prototype.forEach);
const setForEach = uncurryThis(Set.prototype.forEach);
const dateToISO = uncurryThis(Date.prototype.toISOString);
const dateToString = uncurryThis(Date.prototype.toString);
const dateValue = uncurryThis(Date.prototype.getTime);
const regExpToString = uncurryThis(RegExp.prototype.toString);
const symbolToString = uncurryThis(Symbol.prototype.toString);
const isEnumerable = uncurryThis(Object.prototype.propertyIsEnumerable);
const hasOwn = uncurryThis(Object.prototype.hasOwnProperty);

const PRIMITIVE_OF = {
  __proto__: null,
  Boolean: uncurryThis(Boolean.prototype.valueOf),
  Number: uncurryThis(Number.prototype.valueOf),
  String: uncurryThis(String.prototype.valueOf),
  Symbol: uncurryThis(Symbol.prototype.valueOf),
  BigInt: uncurryThis(BigInt.prototype.valueOf),
};

/** A method of this name makes an object's text: `(depth, options, inspect)`. Node's name, so that libraries work. */
export const customInspect = Symbol.for('nodejs.util.inspect.custom');

/** The lines of a stack that say where the user's code was: without the platform's own frames, if there are others. */
function userFrames(stack) {
  const frames = [];
  const users = [];
  for (const line of stack.split('\n')) {
    if (!/^\s*at /.test(line)) continue;
    frames.push(`    ${line.trim()}`);
    if (!line.includes('(wapo:')) users.push(frames[frames.length - 1]);
  }
  if (users.length === frames.length) return frames;
  // What is left at the outer end are engine functions that the platform called, such as the one that runs a program.
  while (users.length > 0 && users[users.length - 1].endsWith('(native)')) users.pop();
  return users.length === 0 ? frames : users;
}

const DEFAULTS = {
  __proto__: null,
  depth: 5,
  showHidden: false,
  customInspect: true,
  showProxy: false,
  maxArrayLength: 100,
  maxStringLength: 10000,
  breakLength: 80,
  compact: 3,
  sorted: false,
  getters: false,
};

// An object of objects of objects can have any size as text. From here on objects are only named.
const BUDGET = 1 << 20;

const plural = (count, word) => `${count} ${word}${count === 1 ? '' : 's'}`;

const isIndex = (key) => typeof key === 'string' && /^(?:0|[1-9]\d{0,9})$/.test(key) && +key < 2 ** 32 - 1;

class Inspector {
  #options;
  /** The objects that we are inside of. */
  #path = [];
  /** @type {Map<object, number>} objects that are referred to from inside themselves, numbered */
  #circular = new Map();
  #indentation = 0;
  /** The depth of the object that was entered last: objects with little below them stay on one line. */
  #deepest = 0;
  #budget = BUDGET;

  constructor(options) {
    this.#options = options;
  }

  /** @param {number} level how many objects we are inside of */
  value(value, level) {
    switch (typeof value) {
      case 'string':
        return this.#string(value);
      case 'number':
        return is(value, -0) ? '-0' : String(value);
      case 'bigint':
        return `${value}n`;
      case 'symbol':
        return escapeControls(symbolToString(value));
      case 'object':
        if (value === null) return 'null';
        break;
      case 'function':
        break;
      default:
        return String(value); // undefined, booleans
    }
    const { length } = this.#path;
    try {
      const text = this.#object(value, level);
      this.#budget -= text.length;
      return text;
    } catch {
      this.#path.length = length;
      return `[${guarded(() => classOf(value), 'Object')} that cannot be inspected]`;
    }
  }

  #string(value) {
    const { breakLength, maxStringLength } = this.#options;
    let trailer = '';
    if (value.length > maxStringLength) {
      const more = value.length - maxStringLength;
      value = value.slice(0, maxStringLength);
      trailer = `... ${plural(more, 'more character')}`;
    }
    // A long text of several lines is shown as the sum of its lines.
    if (value.length > 16 && value.length > breakLength - this.#indentation - 4 && value.includes('\n')) {
      const lines = value.split('\n');
      const last = lines.pop();
      const pieces = lines.map((line) => quote(`${line}\n`));
      if (last !== '') pieces.push(quote(last));
      return pieces.join(` +\n${' '.repeat(this.#indentation + 2)}`) + trailer;
    }
    return quote(value) + trailer;
  }

  #object(value, level) {
    const original = value;
    let target = getProxyTarget(value);
    while (target !== undefined) {
      if (target === null) return '<Revoked Proxy>';
      if (this.#options.showProxy) return `Proxy(${this.value(target, level)})`;
      value = target;
      target = getProxyTarget(value);
    }
    const custom = this.#custom(value, original, level);
    if (custom !== undefined) return custom;
    if (this.#path.includes(value)) {
      let number = this.#circular.get(value);
      if (number === undefined) this.#circular.set(value, (number = this.#circular.size + 1));
      return `[Circular *${number}]`;
    }
    return this.#structure(value, level);
  }

  /** What the object's own method says, if it has one. */
  #custom(value, original, level) {
    if (!this.#options.customInspect) return undefined;
    const method = guarded(() => value[customInspect], undefined);
    if (typeof method !== 'function' || method === inspect) return undefined;
    const { depth } = this.#options;
    const result = call(method, original, depth === null ? depth : depth - level, { ...this.#options }, inspect);
    if (result === original || result === value) return undefined;
    if (typeof result !== 'string') return this.value(result, level);
    return result.replaceAll('\n', `\n${' '.repeat(this.#indentation)}`);
  }

  /** An object as `base open part, part close`. */
  #structure(value, level) {
    const kind = classOf(value);
    const name = constructorName(value);
    let tag = guarded(() => value[toStringTag], '');
    if (typeof tag !== 'string' || (tag !== '' && isEnumerable(value, toStringTag) && hasOwn(value, toStringTag)))
      tag = '';
    const shape = this.#shape(value, kind, name, tag);
    const { keys, list } = shape;
    if (shape.entries === null && keys.length === 0)
      return shape.base !== '' ? shape.base : `${shape.open}${shape.close}`;

    const { depth } = this.#options;
    if ((depth !== null && level > depth) || this.#budget <= 0) {
      return `[${prefixOf(name, tag, kind === 'Array' ? 'Array' : 'Object').trimEnd()}]`;
    }

    this.#path.push(value);
    this.#deepest = level;
    let parts = shape.entries === null ? [] : shape.entries(level + 1);
    const listed = parts.length;
    for (let i = 0; i < keys.length; i++) parts.push(this.#property(value, keys[i], level + 1));
    this.#path.pop();
    if (parts.length === 0) return `${shape.open}${shape.close}`;
    if (this.#options.sorted) parts = list ? parts : parts.sort();

    let { base } = shape;
    const number = this.#circular.get(value);
    if (number !== undefined) base = base === '' ? `<ref *${number}>` : `<ref *${number}> ${base}`;
    const { breakLength, compact } = this.#options;
    let mayBeOneLine = this.#deepest - level < compact;
    if (list && parts.length > 6) {
      const extra = shape.omitted ? 1 : 0;
      const alignRight = listed === parts.length && allNumbers(value, listed - extra);
      const lines = groupIntoColumns(parts, alignRight, extra, this.#indentation, breakLength, compact);
      if (lines !== parts) mayBeOneLine = false;
      parts = lines;
    }
    return joinParts(parts, base, shape.open, shape.close, mayBeOneLine, this.#indentation, breakLength);
  }

  /** Enumerable own properties, symbols last; without indices for lists. */
  #keys(value, withoutIndices) {
    if (this.#options.showHidden) return ownKeys(value).filter((key) => !withoutIndices || !isIndex(key));
    const found = enumerableKeys(value);
    const keys = withoutIndices ? found.filter((key) => !isIndex(key)) : found;
    const symbols = Object.getOwnPropertySymbols(value);
    for (let i = 0; i < symbols.length; i++) if (isEnumerable(value, symbols[i])) keys.push(symbols[i]);
    return keys;
  }

  /**
   * How a kind of object is shown.
   * @returns {{base: string, open: string, close: string, keys: Array, entries: ?function(number): string[], list: boolean,
   *   omitted: boolean}} `entries` makes the parts that are no properties
   */
  #shape(value, kind, name, tag) {
    const shape = { base: '', open: '{', close: '}', keys: [], entries: null, list: false, omitted: false };
    const { maxArrayLength } = this.#options;
    const list = (length, fallback, hidePrefix) => {
      shape.open = hidePrefix ? '[' : `${prefixOf(name, tag, fallback, `(${length})`)}[`;
      shape.close = ']';
      shape.list = true;
      shape.keys = this.#keys(value, true);
      shape.omitted = length > maxArrayLength;
    };
    const braces = (fallback, entries = null, size = '') => {
      shape.open = `${prefixOf(name, tag, fallback, size)}{`;
      shape.keys = this.#keys(value, false);
      shape.entries = entries;
    };
    /** Objects that have a text of their own, such as dates: with a prefix unless they are just of their class. */
    const text = (ownText, fallback) => {
      shape.base =
        name === fallback && (tag === '' || tag === name) ? ownText : `${prefixOf(name, tag, fallback)}${ownText}`;
      shape.keys = this.#keys(value, false);
    };

    switch (kind) {
      case 'Array': {
        const { length } = value;
        list(length, 'Array', name === 'Array' && tag === '');
        if (length > 0) shape.entries = (level) => this.#arrayItems(value, length, level);
        break;
      }
      case 'Arguments':
      case 'Mapped Arguments':
        braces('Object');
        shape.open = '[Arguments] {';
        break;
      case 'Set': {
        const items = [];
        setForEach(value, (item) => items.push(item));
        braces(
          'Set',
          items.length === 0 ? null : (level) => this.#limited(items.length, (i) => this.#indented(items[i], level)),
          `(${items.length})`,
        );
        break;
      }
      case 'Map': {
        const pairs = [];
        mapForEach(value, (item, key) => pairs.push([key, item]));
        const pair = (i, level) => `${this.#indented(pairs[i][0], level)} => ${this.#indented(pairs[i][1], level)}`;
        braces(
          'Map',
          pairs.length === 0 ? null : (level) => this.#limited(pairs.length, (i) => pair(i, level)),
          `(${pairs.length})`,
        );
        break;
      }
      case 'ArrayBuffer':
      case 'SharedArrayBuffer':
        braces(kind, () => this.#bufferParts(value));
        break;
      case 'DataView':
        braces(kind, (level) => [
          `byteLength: ${guarded(() => dataViewByteLength(value), 0)}`,
          `byteOffset: ${guarded(() => dataViewByteOffset(value), 0)}`,
          `buffer: ${this.#indented(dataViewBuffer(value), level)}`,
        ]);
        break;
      case 'Promise':
        braces(kind, (level) => [this.#promiseText(value, level)]);
        break;
      case 'WeakSet':
      case 'WeakMap':
        braces(kind, () => ['<items unknown>']);
        break;
      case 'WeakRef':
        braces(kind, () => ['<ref>']);
        break;
      case 'RegExp':
        text(regExpToString(value), 'RegExp');
        break;
      case 'Date':
        text(is(dateValue(value), NaN) ? dateToString(value) : dateToISO(value), 'Date');
        break;
      case 'Error':
        shape.keys = this.#keys(value, false);
        shape.base = this.#error(value, name, tag, shape.keys);
        break;
      case 'Boolean':
      case 'Number':
      case 'String':
      case 'Symbol':
      case 'BigInt': {
        const primitive = this.value(PRIMITIVE_OF[kind](value), 0);
        const note = name === kind ? '' : name === null ? ' (null prototype)' : ` (${name})`;
        shape.base = `[${kind}${note}: ${primitive}]${tag !== '' && tag !== name && tag !== kind ? ` [${tag}]` : ''}`;
        shape.keys = this.#keys(value, kind === 'String');
        break;
      }
      default:
        if (typeof value === 'function') {
          shape.base = functionText(value, name, tag);
          shape.keys = this.#keys(value, false);
        } else if (isTypedArrayClass(kind)) {
          const length = typedArrayLength(value);
          list(length, kind, false);
          if (length > 0) shape.entries = () => this.#limited(length, (i) => this.value(value[i], 0));
        } else if (name !== null && isPlatformPrototype(getPrototypeOf(value))) {
          braces('Object', (level) => this.#platformParts(value, level));
        } else if (name === null && tag === 'Module') {
          braces('Module');
          shape.open = '[Module: null prototype] {';
        } else {
          braces('Object');
          if (name === 'Object' && tag === '') shape.open = '{';
        }
    }
    return shape;
  }

  /** A value inside an object: what it breaks into lines is indented further. */
  #indented(value, level) {
    this.#indentation += 2;
    const text = this.value(value, level);
    this.#indentation -= 2;
    return text;
  }

  /** The texts of items 0 to `length`, up to maxArrayLength of them. */
  #limited(length, item) {
    const shown = min(length, max(0, this.#options.maxArrayLength));
    const parts = [];
    for (let i = 0; i < shown; i++) parts.push(item(i));
    if (shown < length) parts.push(`... ${plural(length - shown, 'more item')}`);
    return parts;
  }

  /** An array's items; holes in a row are counted as one. */
  #arrayItems(value, length, level) {
    const limit = max(0, this.#options.maxArrayLength);
    const parts = [];
    let at = 0;
    let indices = null; // looked up when there are holes: the array may be huge and almost empty
    while (at < length && parts.length < limit) {
      const descriptor = getOwnPropertyDescriptor(value, at);
      if (descriptor !== undefined) {
        parts.push(this.#propertyValue(descriptor, value, level));
        at++;
        continue;
      }
      indices ??= ownKeys(value).filter(isIndex).map(Number);
      const next = indices.find((index) => index > at) ?? length;
      parts.push(`<${plural(next - at, 'empty item')}>`);
      at = next;
    }
    if (at < length) parts.push(`... ${plural(length - at, 'more item')}`);
    return parts;
  }

  #bufferParts(value) {
    const size = arrayBufferLength(value);
    let bytes;
    try {
      bytes = new Uint8Array(value);
    } catch {
      return ['(detached)', 'byteLength: 0'];
    }
    const shown = min(size, max(0, this.#options.maxArrayLength));
    let text = '';
    for (let i = 0; i < shown; i++) text += `${i === 0 ? '' : ' '}${(bytes[i] + 256).toString(16).slice(1)}`;
    if (size > shown) text += ` ... ${plural(size - shown, 'more byte')}`;
    return [`[Uint8Contents]: <${text}>`, `byteLength: ${size}`];
  }

  #promiseText(value, level) {
    const state = promiseState(value);
    if (state === 0) return '<pending>';
    const result = this.#indented(promiseResult(value), level);
    return state === 2 ? `<rejected> ${result}` : result;
  }

  /** The attributes of a platform object, or the pairs of one that is a list of pairs. */
  #platformParts(value, level) {
    const parts = [];
    const seen = new Set();
    for (
      let prototype = getPrototypeOf(value);
      prototype !== null && isPlatformPrototype(prototype);
      prototype = getPrototypeOf(prototype)
    ) {
      if (hasOwn(prototype, iterator) && hasOwn(prototype, 'forEach')) {
        guarded(
          () =>
            prototype.forEach.call(value, (item, key) => {
              parts.push(`${this.#indented(key, level)} => ${this.#indented(item, level)}`);
            }),
          undefined,
        );
        continue;
      }
      const names = enumerableKeys(prototype);
      for (let i = 0; i < names.length; i++) {
        const key = names[i];
        const descriptor = getOwnPropertyDescriptor(prototype, key);
        if (descriptor.get === undefined || seen.has(key) || key.startsWith('on')) continue;
        seen.add(key);
        const attribute = guarded(() => ({ value: call(descriptor.get, value) }), null);
        if (attribute !== null) parts.push(`${key}: ${this.#indented(attribute.value, level)}`);
      }
    }
    return parts;
  }

  /** The header and stack of an error. Takes from `keys` what the text says already, and adds cause and errors. */
  #error(error, name, tag, keys) {
    const header = errorHeader(error, name, tag);
    let stack = guarded(() => error.stack, undefined);
    stack = typeof stack === 'string' ? stack : '';
    const frames = userFrames(stack);
    for (const key of ['name', 'message', 'stack']) {
      const at = keys.indexOf(key);
      if (at < 0) continue;
      const own = guarded(() => String(error[key]), '');
      if (key === 'stack' || header.includes(own)) keys.splice(at, 1);
    }
    for (const key of ['cause', 'errors']) {
      if (!keys.includes(key) && getOwnPropertyDescriptor(error, key) !== undefined) keys.push(key);
    }
    let text = frames.length === 0 ? `[${header}]` : `${header}\n${frames.join('\n')}`;
    if (this.#indentation > 0) text = text.replaceAll('\n', `\n${' '.repeat(this.#indentation)}`);
    return text;
  }

  #property(value, key, level) {
    const descriptor = getOwnPropertyDescriptor(value, key) ?? {
      value: guarded(() => value[key], undefined),
      enumerable: true,
    };
    const text = this.#propertyValue(descriptor, value, level);
    let label =
      typeof key === 'symbol'
        ? `[${escapeControls(symbolToString(key))}]`
        : key === '__proto__'
          ? "['__proto__']"
          : propertyName(key);
    if (descriptor.enumerable === false && typeof key === 'string') label = `[${key}]`;
    return `${label}: ${text}`;
  }

  #propertyValue(descriptor, holder, level) {
    if (descriptor.get === undefined) {
      return descriptor.set === undefined ? this.#indented(descriptor.value, level) : '[Setter]';
    }
    const label = descriptor.set === undefined ? 'Getter' : 'Getter/Setter';
    if (!this.#options.getters) return `[${label}]`;
    const result = guarded(() => this.#indented(call(descriptor.get, holder), level), '<it throws>');
    return `[${label}: ${result}]`;
  }
}

const TYPED_ARRAY = /^(?:Int|Uint|Float|BigInt|BigUint)\d+(?:Clamped)?Array$/;
const isTypedArrayClass = (kind) => TYPED_ARRAY.test(kind);

function arrayBufferLength(buffer) {
  return classOf(buffer) === 'ArrayBuffer' ? arrayBufferByteLength(buffer) : guarded(() => buffer.byteLength, 0);
}

/** Whether the first items of a list are all numbers. */
function allNumbers(list, count) {
  for (let i = 0; i < count; i++) {
    const type = typeof getOwnPropertyDescriptor(list, i)?.value;
    if (type !== 'number' && type !== 'bigint') return false;
  }
  return true;
}

/**
 * A text for any value. Never throws.
 * @param {object} [options] those of Node's util.inspect: depth (null for no limit; 5 by default), showHidden,
 *   maxArrayLength, maxStringLength, breakLength, compact, sorted, getters, customInspect, showProxy
 */
export function inspect(value, options = undefined) {
  if (options === undefined) return new Inspector(DEFAULTS).value(value, 0);
  const settings = { __proto__: null };
  for (const name in DEFAULTS) {
    const given = options === null ? undefined : guarded(() => options[name], undefined);
    settings[name] = given === undefined ? DEFAULTS[name] : given;
  }
  if (settings.depth === Infinity) settings.depth = null;
  for (const name of ['maxArrayLength', 'maxStringLength']) if (settings[name] === null) settings[name] = Infinity;
  if (settings.compact === true) settings.compact = 3;
  if (settings.compact === false) settings.compact = 0;
  return new Inspector(settings).value(value, 0);
}
