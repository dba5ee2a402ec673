// URL: https://url.spec.whatwg.org/#url-class
//
// Parsing is done by Ada in C++ (native_url.cc). A URL here is what that gives: an array of its serialization, and of
// where its parts are in it.

import { urlCanParse, urlHref, urlParse, urlSet } from 'wapo:native';
import { defineInterface } from './interfaces.js';
import { createForURL, setQuery } from './url-search-params.js';
import { requireArguments, toUSVString } from './webidl.js';

const { TypeError } = globalThis;
const { defineProperty } = Object;

// What is where in the array; OMITTED where a part is not there.
const SERIALIZATION = 0, PROTOCOL_END = 1, USERNAME_END = 2, HOST_START = 3, HOST_END = 4, PORT = 5, PATHNAME_START = 6,
  SEARCH_START = 7, HASH_START = 8;
const OMITTED = -1;

// What urlSet sets.
const HREF = 0, PROTOCOL = 1, USERNAME = 2, PASSWORD = 3, HOST = 4, HOSTNAME = 5, PORT_NUMBER = 6, PATHNAME = 7,
  SEARCH = 8, HASH = 9;

const SPECIAL_WITH_ORIGIN = ['http:', 'https:', 'ws:', 'wss:', 'ftp:'];

/** The serialization of a URL string, or null if it is none. For platform code that needs no URL object. */
export const parseToHref = urlHref;

const hrefOf = (parts) => parts[SERIALIZATION];

function queryOf(parts) {
  const start = parts[SEARCH_START];
  if (start === OMITTED) return '';
  const end = parts[HASH_START];
  return hrefOf(parts).slice(start + 1, end === OMITTED ? undefined : end);
}

/** Where the host begins: after the "@", if there are credentials. */
function hostBegins(parts) {
  const start = parts[HOST_START];
  return hrefOf(parts)[start] === '@' ? start + 1 : start;
}

/** Sets a part to what a string says; false if that gives no URL. */
let setPart;

export class URL {
  #parts;
  /** @type {?URLSearchParams} made when somebody asks for it */
  #searchParams;

  constructor(url, base = undefined) {
    requireArguments(arguments.length, 1, 'new URL');
    const input = toUSVString(url);
    const parts = urlParse(input, base === undefined ? undefined : toUSVString(base));
    if (parts === null) throw new TypeError(`Invalid URL: '${input}'`);
    this.#parts = parts;
  }

  static {
    setPart = (url, part, value) => {
      const parts = urlSet(url.#parts[SERIALIZATION], part, value);
      if (parts !== null) url.#parts = parts;
      return parts !== null;
    };
  }

  static parse(url, base = undefined) {
    requireArguments(arguments.length, 1, 'URL.parse');
    const input = toUSVString(url);
    const baseInput = base === undefined ? undefined : toUSVString(base);
    return urlCanParse(input, baseInput) ? new URL(input, baseInput) : null;
  }

  static canParse(url, base = undefined) {
    requireArguments(arguments.length, 1, 'URL.canParse');
    return urlCanParse(toUSVString(url), base === undefined ? undefined : toUSVString(base));
  }

  get href() {
    return hrefOf(this.#parts);
  }

  set href(value) {
    if (!setPart(this, HREF, toUSVString(value))) throw new TypeError(`Invalid URL: '${value}'`);
    if (this.#searchParams !== undefined) setQuery(this.#searchParams, queryOf(this.#parts));
  }

  get origin() {
    const protocol = hrefOf(this.#parts).slice(0, this.#parts[PROTOCOL_END]);
    if (SPECIAL_WITH_ORIGIN.includes(protocol)) return `${protocol}//${this.host}`;
    if (protocol === 'blob:') {
      const inner = URL.parse(this.pathname);
      if (inner !== null && (inner.protocol === 'http:' || inner.protocol === 'https:')) return inner.origin;
    }
    return 'null';
  }

  get protocol() {
    return hrefOf(this.#parts).slice(0, this.#parts[PROTOCOL_END]);
  }

  set protocol(value) {
    setPart(this, PROTOCOL, toUSVString(value));
  }

  get username() {
    const start = this.#parts[PROTOCOL_END] + 2;
    const end = this.#parts[USERNAME_END];
    return start < end ? hrefOf(this.#parts).slice(start, end) : '';
  }

  set username(value) {
    setPart(this, USERNAME, toUSVString(value));
  }

  get password() {
    const start = this.#parts[USERNAME_END];
    const end = this.#parts[HOST_START];
    return end <= start ? '' : hrefOf(this.#parts).slice(start + 1, end);
  }

  set password(value) {
    setPart(this, PASSWORD, toUSVString(value));
  }

  get host() {
    const parts = this.#parts;
    const start = hostBegins(parts);
    const end = parts[HOST_END];
    return start >= end ? '' : hrefOf(parts).slice(start, parts[PORT] === OMITTED ? end : parts[PATHNAME_START]);
  }

  set host(value) {
    setPart(this, HOST, toUSVString(value));
  }

  get hostname() {
    return hrefOf(this.#parts).slice(hostBegins(this.#parts), this.#parts[HOST_END]);
  }

  set hostname(value) {
    setPart(this, HOSTNAME, toUSVString(value));
  }

  get port() {
    const port = this.#parts[PORT];
    return port === OMITTED ? '' : `${port}`;
  }

  set port(value) {
    setPart(this, PORT_NUMBER, toUSVString(value));
  }

  get pathname() {
    const parts = this.#parts;
    const end = parts[SEARCH_START] !== OMITTED ? parts[SEARCH_START] : parts[HASH_START];
    return hrefOf(parts).slice(parts[PATHNAME_START], end === OMITTED ? undefined : end);
  }

  set pathname(value) {
    setPart(this, PATHNAME, toUSVString(value));
  }

  get search() {
    const query = queryOf(this.#parts);
    return query === '' ? '' : `?${query}`;
  }

  set search(value) {
    setPart(this, SEARCH, toUSVString(value));
    if (this.#searchParams !== undefined) setQuery(this.#searchParams, queryOf(this.#parts));
  }

  get searchParams() {
    return (this.#searchParams ??= createForURL(queryOf(this.#parts), (query) => setPart(this, SEARCH, query)));
  }

  get hash() {
    const href = hrefOf(this.#parts);
    const start = this.#parts[HASH_START];
    return start === OMITTED || start === href.length - 1 ? '' : href.slice(start);
  }

  set hash(value) {
    setPart(this, HASH, toUSVString(value));
  }

  toJSON() {
    return hrefOf(this.#parts);
  }

  toString() {
    return hrefOf(this.#parts);
  }
}

defineInterface(URL);
defineProperty(URL.prototype, 'toString', { enumerable: true });
