// URL: https://url.spec.whatwg.org/#url-class
//
// Parsing is done by Ada in C++ (native_url.cc). A URL here is its serialization and where its parts are in it.

import { urlCanParse, urlOffsets, urlParse, urlSet } from 'wapo:native';
import { defineInterface } from './interfaces.js';
import { createForURL, setQuery } from './url-search-params.js';
import { requireArguments, toUSVString } from './webidl.js';

const { TypeError } = globalThis;
const { defineProperty } = Object;

// Indices of urlOffsets, and OMITTED where a part is not there.
const PROTOCOL_END = 0, USERNAME_END = 1, HOST_START = 2, HOST_END = 3, PORT = 4, PATHNAME_START = 5, SEARCH_START = 6,
  HASH_START = 7;
const OMITTED = 0xffffffff;

// What urlSet sets.
const HREF = 0, PROTOCOL = 1, USERNAME = 2, PASSWORD = 3, HOST = 4, HOSTNAME = 5, PORT_NUMBER = 6, PATHNAME = 7,
  SEARCH = 8, HASH = 9;

const SPECIAL_WITH_ORIGIN = ['http:', 'https:', 'ws:', 'wss:', 'ftp:'];

/** The serialization of a URL string, or null if it is none. For platform code that needs no URL object. */
export const parseToHref = (input, base = undefined) => urlParse(input, base);

export class URL {
  #href;
  #protocolEnd;
  #usernameEnd;
  #hostStart;
  #hostEnd;
  #port;
  #pathnameStart;
  #searchStart;
  #hashStart;
  #searchParams = null;

  constructor(url, base = undefined) {
    requireArguments(arguments.length, 1, 'new URL');
    const input = toUSVString(url);
    const href = urlParse(input, base === undefined ? undefined : toUSVString(base));
    if (href === null) throw new TypeError(`Invalid URL: '${input}'`);
    this.#take(href);
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

  /** Keeps what the native parser has just found. */
  #take(href) {
    this.#href = href;
    this.#protocolEnd = urlOffsets[PROTOCOL_END];
    this.#usernameEnd = urlOffsets[USERNAME_END];
    this.#hostStart = urlOffsets[HOST_START];
    this.#hostEnd = urlOffsets[HOST_END];
    this.#port = urlOffsets[PORT];
    this.#pathnameStart = urlOffsets[PATHNAME_START];
    this.#searchStart = urlOffsets[SEARCH_START];
    this.#hashStart = urlOffsets[HASH_START];
  }

  #set(part, value) {
    const href = urlSet(this.#href, part, value);
    if (href !== null) this.#take(href);
    return href !== null;
  }

  #query() {
    if (this.#searchStart === OMITTED) return '';
    return this.#href.slice(this.#searchStart + 1, this.#hashStart === OMITTED ? undefined : this.#hashStart);
  }

  #refreshSearchParams() {
    if (this.#searchParams !== null) setQuery(this.#searchParams, this.#query());
  }

  static #updateQuery(url, query) {
    url.#set(SEARCH, query);
  }

  get href() {
    return this.#href;
  }

  set href(value) {
    if (!this.#set(HREF, toUSVString(value))) throw new TypeError(`Invalid URL: '${value}'`);
    this.#refreshSearchParams();
  }

  get origin() {
    const protocol = this.#href.slice(0, this.#protocolEnd);
    if (SPECIAL_WITH_ORIGIN.includes(protocol)) return `${protocol}//${this.host}`;
    if (protocol === 'blob:') {
      const inner = URL.parse(this.pathname);
      if (inner !== null && (inner.protocol === 'http:' || inner.protocol === 'https:')) return inner.origin;
    }
    return 'null';
  }

  get protocol() {
    return this.#href.slice(0, this.#protocolEnd);
  }

  set protocol(value) {
    this.#set(PROTOCOL, toUSVString(value));
  }

  get username() {
    const start = this.#protocolEnd + 2;
    return start < this.#usernameEnd ? this.#href.slice(start, this.#usernameEnd) : '';
  }

  set username(value) {
    this.#set(USERNAME, toUSVString(value));
  }

  get password() {
    if (this.#hostStart <= this.#usernameEnd) return '';
    return this.#href.slice(this.#usernameEnd + 1, this.#hostStart);
  }

  set password(value) {
    this.#set(PASSWORD, toUSVString(value));
  }

  /** Where the host begins: after the "@", if there are credentials. */
  #hostBegins() {
    return this.#href[this.#hostStart] === '@' ? this.#hostStart + 1 : this.#hostStart;
  }

  get host() {
    const start = this.#hostBegins();
    return start >= this.#hostEnd ? '' : this.#href.slice(start, this.#port === OMITTED ? this.#hostEnd : this.#pathnameStart);
  }

  set host(value) {
    this.#set(HOST, toUSVString(value));
  }

  get hostname() {
    return this.#href.slice(this.#hostBegins(), this.#hostEnd);
  }

  set hostname(value) {
    this.#set(HOSTNAME, toUSVString(value));
  }

  get port() {
    return this.#port === OMITTED ? '' : `${this.#port}`;
  }

  set port(value) {
    this.#set(PORT_NUMBER, toUSVString(value));
  }

  get pathname() {
    const end = this.#searchStart !== OMITTED ? this.#searchStart : this.#hashStart !== OMITTED ? this.#hashStart : undefined;
    return this.#href.slice(this.#pathnameStart, end);
  }

  set pathname(value) {
    this.#set(PATHNAME, toUSVString(value));
  }

  get search() {
    const query = this.#query();
    return query === '' ? '' : `?${query}`;
  }

  set search(value) {
    this.#set(SEARCH, toUSVString(value));
    this.#refreshSearchParams();
  }

  get searchParams() {
    return (this.#searchParams ??= createForURL(this, this.#query(), URL.#updateQuery));
  }

  get hash() {
    if (this.#hashStart === OMITTED || this.#hashStart === this.#href.length - 1) return '';
    return this.#href.slice(this.#hashStart);
  }

  set hash(value) {
    this.#set(HASH, toUSVString(value));
  }

  toJSON() {
    return this.#href;
  }

  toString() {
    return this.#href;
  }
}

defineInterface(URL);
defineProperty(URL.prototype, 'toString', { enumerable: true });
