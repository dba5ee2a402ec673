// Tokens and lists of the text format: https://webassembly.github.io/spec/core/text/lexical.html
//
// A list is an array of its items. A string is a Uint8Array of its bytes. Any other atom is its text: an identifier
// begins with `$`.

import { utf8Encode } from 'wapo:native';

const { parseInt, SyntaxError, Uint8Array } = globalThis;
const { fromCodePoint } = String;

const SPACE = /(?:[ \t\r\n]|;;[^\n]*)+/y;
const ATOM = /[^ \t\r\n()";,[\]{}]+/y;
const ESCAPES = { __proto__: null, n: 10, t: 9, r: 13, '"': 34, "'": 39, '\\': 92 };
const HEX = /[0-9a-fA-F]{2}/y;
const CODE_POINT = /u\{([0-9a-fA-F]+)\}/y;

export const isList = (item) => typeof item === 'object' && !(item instanceof Uint8Array);
export const isString = (item) => item instanceof Uint8Array;
export const isName = (item) => typeof item === 'string' && item[0] === '$';

/** The items of a text, whose parentheses match. */
export function readItems(text) {
  let at = 0;
  const fail = (what) => {
    const line = text.slice(0, at).split('\n').length;
    throw new SyntaxError(`${what} in line ${line}`);
  };
  const match = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found !== null) at += found[0].length;
    return found;
  };

  function skipComment() {
    let depth = 0;
    do {
      const pair = text.slice(at, at + 2);
      if (at >= text.length) fail('a comment without end');
      if (pair === '(;') depth++;
      else if (pair === ';)') depth--;
      at += pair === '(;' || pair === ';)' ? 2 : 1;
    } while (depth > 0);
  }

  function readString() {
    const bytes = [];
    const put = (string) => {
      const encoded = utf8Encode(string);
      for (let i = 0; i < encoded.length; i++) bytes[bytes.length] = encoded[i];
    };
    for (at++; text[at] !== '"';) {
      if (at >= text.length) fail('a string without end');
      if (text[at] !== '\\') {
        const point = fromCodePoint(text.codePointAt(at));
        at += point.length;
        put(point);
        continue;
      }
      at++;
      const escape = ESCAPES[text[at]];
      const hex = escape === undefined ? match(HEX) : null;
      const point = escape === undefined && hex === null ? match(CODE_POINT) : null;
      if (escape !== undefined) {
        bytes[bytes.length] = escape;
        at++;
      } else if (hex !== null) bytes[bytes.length] = parseInt(hex[0], 16);
      else if (point !== null) put(fromCodePoint(parseInt(point[1], 16)));
      else fail('an unknown escape');
    }
    at++;
    return new Uint8Array(bytes);
  }

  const outer = [];
  let list = outer;
  const parents = [];
  while (at < text.length) {
    if (match(SPACE) !== null) continue;
    if (text.startsWith('(;', at)) {
      skipComment();
    } else if (text[at] === '(') {
      const inner = [];
      list[list.length] = inner;
      parents[parents.length] = list;
      list = inner;
      at++;
    } else if (text[at] === ')') {
      if (parents.length === 0) fail("a ')' too many");
      list = parents.pop();
      at++;
    } else if (text[at] === '"') {
      list[list.length] = readString();
    } else {
      const atom = match(ATOM);
      if (atom === null) fail(`unexpected '${text[at]}'`);
      list[list.length] = atom[0];
    }
  }
  if (parents.length > 0) fail("a ')' is missing");
  return outer;
}
