// URLPattern: https://urlpattern.spec.whatwg.org/#urlpattern-class
//
// Parsing and matching are done by Ada (native_url_pattern.cc).

import { urlPattern, urlPatternMatch, urlPatternParts } from 'wapo:native';
import { defineInterface } from './interfaces.js';
import { isObject, toDictionary, toUSVString } from './webidl.js';

const { TypeError } = globalThis;

const COMPONENTS = ['protocol', 'username', 'password', 'hostname', 'port', 'pathname', 'search', 'hash'];
/** In the order of a dictionary's members, with where the native side has them. */
const MEMBERS = [
  ['baseURL', 8],
  ['hash', 7],
  ['hostname', 3],
  ['password', 2],
  ['pathname', 5],
  ['port', 4],
  ['protocol', 0],
  ['search', 6],
  ['username', 1],
];

/** (USVString or URLPatternInit): a string, or the members as the native side takes them. */
function toInput(value, what) {
  if (value !== undefined && value !== null && !isObject(value)) return toUSVString(value);
  const dictionary = toDictionary(value, what);
  const members = [];
  for (let i = 0; i < COMPONENTS.length + 1; i++) members[i] = undefined;
  for (const [name, at] of MEMBERS) {
    const member = dictionary[name];
    if (member !== undefined) members[at] = toUSVString(member);
  }
  return members;
}

/** A URLPatternInit for a result's `inputs`. */
function initOf(members) {
  const init = {};
  for (const [name, at] of MEMBERS) if (members[at] !== undefined) init[name] = members[at];
  return init;
}

export class URLPattern {
  #pattern;
  #parts;

  constructor(input = undefined, baseURL = undefined, options = undefined) {
    // (input, baseURL, options) and (input, options)
    let base = baseURL;
    if (arguments.length < 3 && (base === undefined || base === null || isObject(base))) {
      options = base;
      base = undefined;
    } else if (base !== undefined || arguments.length > 2) {
      base = toUSVString(base);
    }
    const given = toInput(input, 'new URLPattern: the input');
    const ignoreCase = Boolean(toDictionary(options, 'new URLPattern: options').ignoreCase);
    if (typeof given !== 'string' && base !== undefined) {
      throw new TypeError('new URLPattern: a base URL goes with a string; an object has its own baseURL');
    }
    this.#pattern = urlPattern(given, base, ignoreCase);
    if (this.#pattern === null)
      throw new TypeError(`new URLPattern: ${typeof given === 'string' ? `'${given}'` : 'the object'} is no pattern`);
    this.#parts = urlPatternParts(this.#pattern);
  }

  #match(input, baseURL, only, operation) {
    const given = toInput(input, `${operation}: the input`);
    const base = baseURL === undefined ? undefined : toUSVString(baseURL);
    const found =
      typeof given !== 'string' && base !== undefined ? undefined : urlPatternMatch(this.#pattern, given, base, only);
    if (found === undefined)
      throw new TypeError(`${operation}: a base URL goes with a string; an object has its own baseURL`);
    return { given, base, found };
  }

  test(input = undefined, baseURL = undefined) {
    return this.#match(input, baseURL, true, 'URLPattern.test').found;
  }

  exec(input = undefined, baseURL = undefined) {
    const { given, base, found } = this.#match(input, baseURL, false, 'URLPattern.exec');
    if (found === false) return null;
    const inputs = [typeof given === 'string' ? given : initOf(given)];
    if (base !== undefined) inputs[1] = base;
    const result = { inputs };
    for (let i = 0; i < COMPONENTS.length; i++) result[COMPONENTS[i]] = this.#component(found[i], this.#parts[i]);
    return result;
  }

  /** `[input, name, value, ...]`, the groups in any order, as a URLPatternComponentResult in the pattern's order. */
  #component(flat, pattern) {
    const pairs = [];
    for (let i = 1; i < flat.length; i += 2)
      pairs[pairs.length] = [flat[i], flat[i + 1], pattern.indexOf(`:${flat[i]}`)];
    pairs.sort((a, b) => a[2] - b[2]);
    const groups = {};
    for (let i = 0; i < pairs.length; i++) groups[pairs[i][0]] = pairs[i][1];
    return { input: flat[0], groups };
  }

  get protocol() {
    return this.#parts[0];
  }
  get username() {
    return this.#parts[1];
  }
  get password() {
    return this.#parts[2];
  }
  get hostname() {
    return this.#parts[3];
  }
  get port() {
    return this.#parts[4];
  }
  get pathname() {
    return this.#parts[5];
  }
  get search() {
    return this.#parts[6];
  }
  get hash() {
    return this.#parts[7];
  }
  get hasRegExpGroups() {
    return this.#parts[8];
  }
}

defineInterface(URLPattern);
