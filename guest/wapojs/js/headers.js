// Headers: https://fetch.spec.whatwg.org/#headers-class
//
// A header list is an array of [name, value] in order of arrival, names in lower case. Set-Cookie is never combined.
//
// Names and values are byte strings. That they hold no character above U+00FF is checked with everything else that is
// wrong with them, when they are appended, rather than when they are converted: both throw a TypeError.

import { headerName, headerPairs, isPlainHeaderValue } from 'wapo:native';
import { defineInterface, definePairIterable } from './interfaces.js';
import { isObject, requireArguments, toByteString, toDOMString, toRecord, toSequence } from './webidl.js';

const { Map, Set, Symbol, TypeError } = globalThis;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const OUTER_WHITESPACE = /^[\t\n\r ]+|[\t\n\r ]+$/g;
const INVALID_IN_VALUE = /[\0\n\r]/;

/** Checks and lower-cases a header name. */
export function toHeaderName(value) {
  const name = typeof value === 'string' ? headerName(value) : undefined;
  if (name !== undefined) return name;
  const string = toByteString(value);
  if (!TOKEN.test(string)) throw new TypeError(`'${string}' is not a valid header name`);
  return string.toLowerCase();
}

/** "Normalize" and check a header value, a string. */
export function toHeaderValue(value) {
  // Most values are ASCII that begins and ends with something visible, and need nothing.
  if (isPlainHeaderValue(value)) return value;
  const string = toByteString(value).replace(OUTER_WHITESPACE, '');
  if (INVALID_IN_VALUE.test(string))
    throw new TypeError('a header value must not hold a line break or a null character');
  return string;
}

// https://fetch.spec.whatwg.org/#forbidden-request-header
const FORBIDDEN_IN_REQUEST = new Set([
  'accept-charset',
  'accept-encoding',
  'access-control-request-headers',
  'access-control-request-method',
  'connection',
  'content-length',
  'cookie',
  'cookie2',
  'date',
  'dnt',
  'expect',
  'host',
  'keep-alive',
  'origin',
  'referer',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
]);
const METHOD_OVERRIDES = new Set(['x-http-method', 'x-http-method-override', 'x-method-override']);
const FORBIDDEN_METHOD = /(?:^|,)[\t ]*(?:connect|trace|track)[\t ]*(?:,|$)/i;

function isForbiddenInRequest(name, value) {
  if (FORBIDDEN_IN_REQUEST.has(name) || name.startsWith('proxy-') || name.startsWith('sec-')) return true;
  return METHOD_OVERRIDES.has(name) && FORBIDDEN_METHOD.test(value);
}

const isForbiddenInResponse = (name) => name === 'set-cookie' || name === 'set-cookie2';

// https://fetch.spec.whatwg.org/#no-cors-safelisted-request-header
const SIMPLE_CONTENT_TYPE = /^(?:application\/x-www-form-urlencoded|multipart\/form-data|text\/plain)(?:$|[\t ;])/i;
const UNSAFE_BYTE = /[\0-\x08\x0a-\x1f"():<>?@[\\\]{}\x7f]/;

const NO_CORS_NAMES = new Set(['accept', 'accept-language', 'content-language', 'content-type']);

function isNoCorsSafelisted(name, value) {
  if (value.length > 128) return false;
  switch (name) {
    case 'accept':
      return !UNSAFE_BYTE.test(value);
    case 'accept-language':
    case 'content-language':
      return /^[0-9A-Za-z *,\-.;=]*$/.test(value);
    case 'content-type':
      return !UNSAFE_BYTE.test(value) && SIMPLE_CONTENT_TYPE.test(value);
    default:
      return false;
  }
}

/** Up to so many headers are put in order one by one. */
const SHORT_LIST = 32;

const byName = (a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);

/** "Sort and combine": https://fetch.spec.whatwg.org/#concept-header-list-sort-and-combine */
function sortAndCombine(list) {
  if (list.length > SHORT_LIST) return sortAndCombineLong(list);
  const result = [];
  for (let i = 0; i < list.length; i++) {
    const pair = list[i];
    const name = pair[0];
    let at = result.length;
    while (at > 0 && result[at - 1][0] > name) at--;
    if (at > 0 && result[at - 1][0] === name && name !== 'set-cookie') {
      result[at - 1] = [name, `${result[at - 1][1]}, ${pair[1]}`];
    } else {
      for (let j = result.length; j > at; j--) result[j] = result[j - 1];
      result[at] = pair;
    }
  }
  return result;
}

function sortAndCombineLong(list) {
  const combined = new Map();
  const result = [];
  for (let i = 0; i < list.length; i++) {
    const name = list[i][0];
    const value = list[i][1];
    const earlier = combined.get(name);
    if (earlier === undefined || name === 'set-cookie') {
      const pair = [name, value];
      combined.set(name, pair);
      result.push(pair);
    } else {
      earlier[1] += `, ${value}`;
    }
  }
  return result.sort(byName);
}

/** The header list of a Headers object, not copied: [lower-case name, value][]. After changing it call `headersChanged`. */
export let headersListOf;
/** Tells a Headers object that its list was changed from outside. */
export let headersChanged;
/**
 * A Headers object over a list, which is neither copied nor checked.
 * @param {[string, string][]} list names in lower case
 * @param {'none'|'request'|'request-no-cors'|'response'|'immutable'} guard
 */
export let headersFromList;
export let headersGuard;
export let setHeadersGuard;
/** Whether a value is a genuine Headers. */
export let isHeaders;
/** "Fill" with a HeadersInit, as the constructor does. */
export let fillHeaders;

function toPair(value) {
  const pair = toSequence(value, toDOMString, 'a header');
  if (pair.length !== 2) throw new TypeError('every header must be a name and a value');
  return pair;
}

export class Headers {
  /** @type {[string, string][]} */
  #list = [];
  #guard = 'none';
  /** @type {?[string, string][]} the list sorted and combined, until it changes */
  #sorted = null;

  constructor(init = undefined) {
    if (init !== undefined) fillHeaders(this, init);
  }

  append(name, value) {
    requireArguments(arguments.length, 2, 'Headers.append');
    this.#append(name, value);
  }

  /** https://fetch.spec.whatwg.org/#concept-headers-append */
  #append(name, value) {
    if (typeof name !== 'string') name = toDOMString(name);
    if (typeof value !== 'string') value = toDOMString(value);
    name = toHeaderName(name);
    value = toHeaderValue(value);
    const list = this.#list;
    if (!this.#mayWrite(name, value)) return;
    if (this.#guard === 'request-no-cors') {
      const earlier = getHeader(list, name);
      if (!isNoCorsSafelisted(name, earlier === null ? value : `${earlier}, ${value}`)) return;
      removeHeader(list, 'range'); // "remove privileged no-CORS request-headers"
    }
    list[list.length] = [name, value];
    this.#sorted = null;
  }

  /** "Validate": false if the guard says that the change is to be ignored. */
  #mayWrite(name, value) {
    switch (this.#guard) {
      case 'none':
      case 'request-no-cors':
        return true;
      case 'request':
        return !isForbiddenInRequest(name, value);
      case 'response':
        return !isForbiddenInResponse(name);
      default:
        throw new TypeError('these headers are immutable');
    }
  }

  delete(name) {
    requireArguments(arguments.length, 1, 'Headers.delete');
    name = toHeaderName(name);
    const list = this.#list;
    if (!this.#mayWrite(name, '')) return;
    if (this.#guard === 'request-no-cors') {
      if (!NO_CORS_NAMES.has(name) && name !== 'range') return;
      removeHeader(list, 'range');
    }
    removeHeader(list, name);
    this.#sorted = null;
  }

  get(name) {
    requireArguments(arguments.length, 1, 'Headers.get');
    return getHeader(this.#list, toHeaderName(name));
  }

  getSetCookie() {
    const list = this.#list;
    const values = [];
    for (let i = 0; i < list.length; i++) if (list[i][0] === 'set-cookie') values.push(list[i][1]);
    return values;
  }

  has(name) {
    requireArguments(arguments.length, 1, 'Headers.has');
    return hasHeader(this.#list, toHeaderName(name));
  }

  set(name, value) {
    requireArguments(arguments.length, 2, 'Headers.set');
    if (typeof name !== 'string') name = toDOMString(name);
    if (typeof value !== 'string') value = toDOMString(value);
    name = toHeaderName(name);
    value = toHeaderValue(value);
    const list = this.#list;
    if (!this.#mayWrite(name, value)) return;
    if (this.#guard === 'request-no-cors') {
      if (!isNoCorsSafelisted(name, value)) return;
      removeHeader(list, 'range');
    }
    setHeader(list, name, value);
    this.#sorted = null;
  }

  static {
    isHeaders = (value) => isObject(value) && #list in value;
    headersListOf = (headers) => headers.#list;
    headersGuard = (headers) => headers.#guard;
    setHeadersGuard = (headers, guard) => {
      headers.#guard = guard;
    };
    headersChanged = (headers) => {
      headers.#sorted = null;
    };
    headersFromList = (list, guard) => {
      const headers = new Headers();
      headers.#list = list;
      headers.#guard = guard;
      return headers;
    };

    // https://fetch.spec.whatwg.org/#concept-headers-fill
    fillHeaders = (headers, init) => {
      if (!isObject(init)) throw new TypeError('headers must be given as an object or as a list of pairs');
      const method = init[Symbol.iterator];
      let pairs;
      if (method !== undefined && method !== null) {
        if (typeof method !== 'function') throw new TypeError('headers: Symbol.iterator is not a function');
        if (method === iterate && isHeaders(init) && headers.#guard === 'none' && headers.#list.length === 0) {
          headers.#list = pairsOf(init).slice();
          return;
        }
        pairs = toSequence(init, toPair, 'headers', method);
      } else if (headers.#guard === 'none' && headers.#list.length === 0 && (pairs = headerPairs(init)) !== undefined) {
        headers.#list = pairs;
        return;
      } else {
        pairs = toRecord(init, toDOMString, toDOMString);
      }
      for (let i = 0; i < pairs.length; i++) headers.#append(pairs[i][0], pairs[i][1]);
    };

    const pairsOf = (headers) => (headers.#sorted ??= sortAndCombine(headers.#list));
    definePairIterable(this, pairsOf);
    const iterate = this.prototype[Symbol.iterator];
  }
}

defineInterface(Headers);

// On header lists. Names are in lower case.

/** "Get": the combined value, or null. */
export function getHeader(list, name) {
  let value = null;
  for (let i = 0; i < list.length; i++) {
    if (list[i][0] === name) value = value === null ? list[i][1] : `${value}, ${list[i][1]}`;
  }
  return value;
}

export function hasHeader(list, name) {
  for (let i = 0; i < list.length; i++) if (list[i][0] === name) return true;
  return false;
}

/** Removes all headers of a name, in place. */
export function removeHeader(list, name) {
  let kept = 0;
  for (let i = 0; i < list.length; i++) if (list[i][0] !== name) list[kept++] = list[i];
  list.length = kept;
}

/** "Set": the first header of the name gets the value, others of that name go. */
export function setHeader(list, name, value) {
  let kept = 0;
  let found = false;
  for (let i = 0; i < list.length; i++) {
    if (list[i][0] !== name) {
      list[kept++] = list[i];
    } else if (!found) {
      found = true;
      list[kept++] = [name, value];
    }
  }
  list.length = kept;
  if (!found) list[kept] = [name, value];
}
