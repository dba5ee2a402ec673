// Type definitions of Wapo.SCALE as text: the grammar of wapojs-scale.md 2.
//
// Types become plain objects: `kind`, and what the kind has. Each has an `id` of its own, by which registry.js knows it.
// Nothing is looked up here: a name is a name until a value reaches it.

import { utf8Encode } from 'wapo:native';

const { Error } = globalThis;

const PRIMITIVES = ['u8', 'u16', 'u32', 'u64', 'u128', 'i8', 'i16', 'i32', 'i64', 'i128', 'bool', 'str'];
const PUNCTUATION = '|=@:;,#()[]{}<>';
const MAX_NUMBER = 4294967295;
const EXCERPT_BYTES = 30;

/** Thrown where an alternative does not fit; there may be another one. */
const MISMATCH = { __proto__: null };

let types = 0;
const newType = (kind, parts) => ({ __proto__: null, id: types++, kind, ...parts });

export const primitive = (name) => newType('primitive', { name });
export const reference = (name, args) => newType('reference', { name, args });
export const isPrimitive = (name) => PRIMITIVES.includes(name);

const isDigit = (c) => c >= 48 && c <= 57;
const isLetter = (c) => (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95;

/**
 * The tokens of a text. `kind` is 'name', 'number', a character of its own, 'end', or 'bad': what is no token fails only
 * when it is reached.
 * @returns {{kind: string, value: string|number, from: number, to: number}[]}
 */
function tokenize(text) {
  const tokens = [];
  const { length } = text;
  let at = 0;
  for (;;) {
    let c = at < length ? text.charCodeAt(at) : -1;
    if (c === 32 || (c >= 9 && c <= 13)) {
      at++;
      continue;
    }
    if (c === 47 && text.charCodeAt(at + 1) === 47) {
      at = text.indexOf('\n', at);
      if (at < 0) at = length;
      continue;
    }
    const from = at;
    if (c < 0) {
      tokens.push({ kind: 'end', value: '', from, to: from });
      return tokens;
    }
    let kind;
    let value = '';
    if (isLetter(c)) {
      while (++at < length && (isLetter((c = text.charCodeAt(at))) || isDigit(c)));
      kind = 'name';
      value = text.slice(from, at);
    } else if (isDigit(c)) {
      at++;
      if (c !== 48) while (at < length && isDigit(text.charCodeAt(at))) at++;
      value = at - from > 10 ? Infinity : +text.slice(from, at);
      kind = value <= MAX_NUMBER ? 'number' : 'bad';
    } else {
      kind = PUNCTUATION.includes(text[at++]) ? text[from] : 'bad';
      if (c >= 0xd800 && c <= 0xdbff) at++;
    }
    tokens.push({ kind, value, from, to: at });
  }
}

class Parser {
  #text;
  #tokens;
  #at = 0;
  #furthest = 0;

  constructor(text) {
    this.#text = text;
    this.#tokens = tokenize(text);
  }

  /** Runs a production over the whole text. */
  whole(production) {
    try {
      const result = production(this);
      this.#expect('end');
      return result;
    } catch (error) {
      throw error === MISMATCH ? this.#syntaxError() : error;
    }
  }

  #syntaxError() {
    const { from, to } = this.#tokens[this.#furthest];
    const before = utf8Encode(this.#text.slice(0, from)).length;
    const size = utf8Encode(this.#text.slice(from, to)).length;
    let excerpt = '';
    let bytes = 0;
    for (const character of this.#text.slice(from, from + EXCERPT_BYTES)) {
      bytes += utf8Encode(character).length;
      if (bytes > EXCERPT_BYTES) break;
      excerpt += character;
    }
    return new Error(`invalid syntax at ${before}..${before + size}: here->\`${excerpt}\``);
  }

  #mismatch() {
    if (this.#at > this.#furthest) this.#furthest = this.#at;
    throw MISMATCH;
  }

  #is(kind) {
    return this.#tokens[this.#at].kind === kind;
  }

  #take(kind) {
    if (!this.#is(kind)) {
      if (this.#at > this.#furthest) this.#furthest = this.#at;
      return false;
    }
    this.#at++;
    return true;
  }

  #expect(kind) {
    if (!this.#is(kind)) this.#mismatch();
    return this.#tokens[this.#at++].value;
  }

  /** What `production` gives, or undefined with nothing taken if it does not fit. */
  #attempt(production) {
    const start = this.#at;
    try {
      return production();
    } catch (error) {
      if (error !== MISMATCH) throw error;
      this.#at = start;
      return undefined;
    }
  }

  definitions() {
    const result = [];
    while (!this.#is('end')) {
      result.push(this.#definition());
      this.#take(';');
    }
    return result;
  }

  #definition() {
    const head = this.#is('name') ? this.#attempt(() => this.#head()) : undefined;
    return { __proto__: null, name: head ? head.name : null, params: head ? head.params : [], type: this.type() };
  }

  /** `Name =` or `Name<P1,P2> =` */
  #head() {
    const name = this.#expect('name');
    const params = [];
    if (this.#take('<')) {
      if (!this.#is('>')) do params.push(this.#expect('name')); while (this.#take(','));
      this.#expect('>');
    }
    this.#expect('=');
    return { name, params };
  }

  type() {
    const token = this.#tokens[this.#at];
    switch (token.kind) {
      case 'name':
      case 'number':
        return this.#reference();
      case '#':
        this.#at++;
        if (!this.#is('name') || !isPrimitive(this.#tokens[this.#at].value)) this.#mismatch();
        return primitive(this.#expect('name'));
      case '@':
        this.#at++;
        return newType('compact', { of: this.type() });
      case '[':
        return this.#list();
      case '(':
        this.#at++;
        return newType('tuple', { of: this.#separated(')', () => this.type()) });
      case '{': {
        this.#at++;
        const names = [];
        const of = this.#separated('}', () => {
          names.push(this.#expect('name'));
          this.#expect(':');
          return this.type();
        });
        return newType('struct', { names, of });
      }
      case '<':
        this.#at++;
        return newType('enum', { variants: this.#separated('>', () => this.#variant(), true) });
      default:
        return this.#mismatch();
    }
  }

  #reference() {
    const name = this.#tokens[this.#at++].value;
    // Without this list of arguments the reference stands alone, and what follows is another definition.
    const args = this.#is('<') ? this.#attempt(() => this.#arguments()) : undefined;
    return reference(name, args ?? []);
  }

  #arguments() {
    const result = [];
    this.#expect('<');
    if (!this.#is('>')) do result.push(this.type()); while (this.#take(','));
    this.#expect('>');
    return result;
  }

  #list() {
    this.#expect('[');
    const of = this.type();
    const length = this.#take(';') ? this.#expect('number') : undefined;
    this.#expect(']');
    return length === undefined ? newType('sequence', { of }) : newType('array', { of, length });
  }

  /** Items between separators, with one allowed after the last. */
  #separated(close, item, bars = false) {
    const result = [];
    while (!this.#take(close)) {
      result.push(item());
      if (this.#take(',') || (bars && this.#take('|'))) continue;
      this.#expect(close);
      break;
    }
    return result;
  }

  /** `A`, `A:`, `A:T`, `A:T:7`, `A::7` */
  #variant() {
    const variant = { __proto__: null, name: this.#expect('name'), type: null, index: null };
    if (!this.#take(':')) return variant;
    if (!this.#is(':') && !this.#is(',') && !this.#is('|') && !this.#is('>')) variant.type = this.type();
    if (this.#take(':')) variant.index = this.#expect('number');
    return variant;
  }
}

/**
 * The definitions of a text, in their order.
 * @returns {{name: string|null, params: string[], type: object}[]}
 */
export const parseDefinitions = (text) => new Parser(text).whole((parser) => parser.definitions());

/** The type that a text is. */
export const parseType = (text) => new Parser(text).whole((parser) => parser.type());
