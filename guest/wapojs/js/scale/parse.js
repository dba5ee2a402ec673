// Type definitions of Wapo.SCALE as text: the grammar of wapojs-scale.md 2.
//
// Types become plain objects: `kind`, and what the kind has. Each has an `id` of its own, by which registry.js knows it.
// Nothing is looked up here: a name is a name until a value reaches it.

import { scaleTokens, utf8Encode } from 'wapo:native';

const { Error } = globalThis;

// Kinds of tokens (c/scale_tokens.c); a character of its own is its code.
const [END, NAME, NUMBER] = [0, 1, 2];
const [BAR, EQUALS, AT, COLON, SEMICOLON, COMMA, HASH] = [124, 61, 64, 58, 59, 44, 35];
const [OPEN, CLOSE, OPEN_LIST, CLOSE_LIST, OPEN_STRUCT, CLOSE_STRUCT, OPEN_ANGLE, CLOSE_ANGLE] =
  [40, 41, 91, 93, 123, 125, 60, 62]; // prettier-ignore

const PRIMITIVES = ['u8', 'u16', 'u32', 'u64', 'u128', 'i8', 'i16', 'i32', 'i64', 'i128', 'bool', 'str'];
const EXCERPT_BYTES = 30;

/** Thrown where an alternative does not fit; there may be another one. */
const MISMATCH = { __proto__: null };

let types = 0;
export const primitive = (name) => ({ __proto__: null, id: types++, kind: 'primitive', name });
export const reference = (name, args) => ({ __proto__: null, id: types++, kind: 'reference', name, args });

const NOTHING = [];

class Parser {
  #text;
  #tokens; // three numbers each: kind, from, to
  #at = 0;
  #furthest = 0;

  constructor(text) {
    this.#text = text;
    this.#tokens = scaleTokens(text);
  }

  /** Runs a production over the whole text. */
  whole(production) {
    try {
      const result = production(this);
      this.#expect(END);
      return result;
    } catch (error) {
      throw error === MISMATCH ? this.#syntaxError() : error;
    }
  }

  #syntaxError() {
    const from = this.#tokens[this.#furthest + 1];
    const before = utf8Encode(this.#text.slice(0, from)).length;
    const size = utf8Encode(this.#text.slice(from, this.#tokens[this.#furthest + 2])).length;
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

  /** Takes a token if it is of that kind. */
  #take(kind) {
    if (this.#tokens[this.#at] === kind) {
      this.#at += 3;
      return true;
    }
    if (this.#at > this.#furthest) this.#furthest = this.#at;
    return false;
  }

  #expect(kind) {
    if (this.#tokens[this.#at] !== kind) this.#mismatch();
    this.#at += 3;
  }

  /** The text of a token of that kind. */
  #read(kind) {
    const at = this.#at;
    this.#expect(kind);
    return this.#text.slice(this.#tokens[at + 1], this.#tokens[at + 2]);
  }

  definitions() {
    const result = [];
    while (this.#tokens[this.#at] !== END) {
      const head = this.#tokens[this.#at] === NAME ? this.#head() : null;
      const type = this.type();
      result.push({ __proto__: null, name: head && head.name, params: head ? head.params : NOTHING, type });
      this.#take(SEMICOLON);
    }
    return result;
  }

  /** `Name =` or `Name<P1,P2> =`; null with nothing taken if it is something else that begins with a name. */
  #head() {
    const start = this.#at;
    const name = this.#read(NAME);
    const params = this.#tokens[this.#at] === OPEN_ANGLE ? this.#parameters() : NOTHING;
    if (params !== null && this.#take(EQUALS)) return { name, params };
    this.#at = start;
    return null;
  }

  #parameters() {
    this.#at += 3;
    const params = [];
    if (this.#take(CLOSE_ANGLE)) return params;
    while (this.#tokens[this.#at] === NAME) {
      params.push(this.#read(NAME));
      if (!this.#take(COMMA)) return this.#take(CLOSE_ANGLE) ? params : null;
    }
    return null;
  }

  type() {
    switch (this.#tokens[this.#at]) {
      case NAME:
        return this.#reference(this.#read(NAME));
      case NUMBER:
        return this.#reference(+this.#read(NUMBER));
      case HASH:
        return this.#primitive();
      case AT:
        this.#at += 3;
        return { __proto__: null, id: types++, kind: 'compact', of: this.type() };
      case OPEN_LIST:
        return this.#list();
      case OPEN:
        return this.#tuple();
      case OPEN_STRUCT:
        return this.#struct();
      case OPEN_ANGLE:
        return this.#enum();
      default:
        return this.#mismatch();
    }
  }

  #reference(name) {
    // Without this list of arguments the reference stands alone, and what follows is another definition.
    return reference(name, this.#tokens[this.#at] === OPEN_ANGLE ? this.#arguments() : NOTHING);
  }

  /** None, with nothing taken, if there is no list of types. */
  #arguments() {
    const start = this.#at;
    try {
      this.#at += 3;
      const result = [];
      if (this.#tokens[this.#at] !== CLOSE_ANGLE) do result.push(this.type()); while (this.#take(COMMA));
      this.#expect(CLOSE_ANGLE);
      return result;
    } catch (error) {
      if (error !== MISMATCH) throw error;
      this.#at = start;
      return NOTHING;
    }
  }

  #primitive() {
    this.#at += 3;
    const start = this.#at;
    const name = this.#read(NAME);
    if (PRIMITIVES.includes(name)) return primitive(name);
    this.#at = start;
    return this.#mismatch();
  }

  #list() {
    this.#at += 3;
    const of = this.type();
    const length = this.#take(SEMICOLON) ? +this.#read(NUMBER) : undefined;
    this.#expect(CLOSE_LIST);
    return { __proto__: null, id: types++, kind: length === undefined ? 'sequence' : 'array', of, length };
  }

  /** After an item: whether another may follow. */
  #isMore(close) {
    if (this.#take(COMMA)) return true;
    if (this.#tokens[this.#at] !== close) this.#mismatch();
    return false;
  }

  #tuple() {
    this.#at += 3;
    const of = [];
    while (this.#tokens[this.#at] !== CLOSE) {
      of.push(this.type());
      if (!this.#isMore(CLOSE)) break;
    }
    this.#expect(CLOSE);
    return { __proto__: null, id: types++, kind: 'tuple', of };
  }

  #struct() {
    this.#at += 3;
    const names = [];
    const of = [];
    while (this.#tokens[this.#at] !== CLOSE_STRUCT) {
      names.push(this.#read(NAME));
      this.#expect(COLON);
      of.push(this.type());
      if (!this.#isMore(CLOSE_STRUCT)) break;
    }
    this.#expect(CLOSE_STRUCT);
    return { __proto__: null, id: types++, kind: 'struct', names, of };
  }

  #enum() {
    this.#at += 3;
    const variants = [];
    while (this.#tokens[this.#at] !== CLOSE_ANGLE) {
      variants.push(this.#variant());
      if (!this.#take(BAR) && !this.#isMore(CLOSE_ANGLE)) break;
    }
    this.#expect(CLOSE_ANGLE);
    return { __proto__: null, id: types++, kind: 'enum', variants };
  }

  /** `A`, `A:`, `A:T`, `A:T:7`, `A::7` */
  #variant() {
    const variant = { __proto__: null, name: this.#read(NAME), type: null, index: null };
    if (!this.#take(COLON)) return variant;
    const next = this.#tokens[this.#at];
    if (next !== COLON && next !== COMMA && next !== BAR && next !== CLOSE_ANGLE) variant.type = this.type();
    if (this.#take(COLON)) variant.index = +this.#read(NUMBER);
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
