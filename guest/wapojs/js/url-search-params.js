// URLSearchParams: https://url.spec.whatwg.org/#interface-urlsearchparams

import { defineInterface, definePairIterable } from './interfaces.js';
import { parseUrlEncoded, serializeUrlEncoded } from './urlencoded.js';
import { isObject, requireArguments, toRecord, toSequence, toUSVString } from './webidl.js';

const { Symbol, TypeError } = globalThis;

/**
 * The params object of a URL.
 * @param {string} query without its question mark
 * @param {function(string)} onUpdate called with the new query ('' for none) after each change
 * @returns {URLSearchParams}
 */
export let createForURL;
/** Replaces the list when the URL's query has changed; does not call onUpdate. */
export let setQuery;
/** Tells the URL of a change. */
let updated;
/** Whether a value is a genuine URLSearchParams. */
export let isURLSearchParams;
/** The list of [name, value] of a genuine URLSearchParams. */
export let searchParamsList;

function toPair(value) {
  const pair = toSequence(value, toUSVString, 'new URLSearchParams: an item');
  if (pair.length !== 2) throw new TypeError('new URLSearchParams: every item must be a name and a value');
  return pair;
}

export class URLSearchParams {
  /** @type {[string, string][]} */
  #list;
  /** @type {?function(string)} told of a change, if this is the query of a URL */
  #onUpdate;

  constructor(init = '') {
    if (init === '') {
      this.#list = [];
    } else if (isObject(init)) {
      // A sequence of pairs if it is iterable, otherwise a record.
      const method = init[Symbol.iterator];
      if (method !== undefined && method !== null) {
        if (typeof method !== 'function') throw new TypeError('new URLSearchParams: Symbol.iterator is not a function');
        this.#list = toSequence(init, toPair, 'new URLSearchParams: the argument', method);
      } else {
        this.#list = toRecord(init, toUSVString, toUSVString);
      }
    } else {
      const query = toUSVString(init);
      this.#list = parseUrlEncoded(query.startsWith('?') ? query.slice(1) : query);
    }
  }

  get size() {
    return this.#list.length;
  }

  append(name, value) {
    requireArguments(arguments.length, 2, 'URLSearchParams.append');
    const pair = [toUSVString(name), toUSVString(value)];
    this.#list.push(pair);
    updated(this);
  }

  delete(name, value = undefined) {
    requireArguments(arguments.length, 1, 'URLSearchParams.delete');
    name = toUSVString(name);
    if (value !== undefined) value = toUSVString(value);
    this.#list = this.#list.filter((pair) => pair[0] !== name || (value !== undefined && pair[1] !== value));
    updated(this);
  }

  get(name) {
    requireArguments(arguments.length, 1, 'URLSearchParams.get');
    name = toUSVString(name);
    const list = this.#list;
    for (let i = 0; i < list.length; i++) if (list[i][0] === name) return list[i][1];
    return null;
  }

  getAll(name) {
    requireArguments(arguments.length, 1, 'URLSearchParams.getAll');
    name = toUSVString(name);
    const list = this.#list;
    const values = [];
    for (let i = 0; i < list.length; i++) if (list[i][0] === name) values.push(list[i][1]);
    return values;
  }

  has(name, value = undefined) {
    requireArguments(arguments.length, 1, 'URLSearchParams.has');
    name = toUSVString(name);
    if (value !== undefined) value = toUSVString(value);
    const list = this.#list;
    for (let i = 0; i < list.length; i++) {
      if (list[i][0] === name && (value === undefined || list[i][1] === value)) return true;
    }
    return false;
  }

  set(name, value) {
    requireArguments(arguments.length, 2, 'URLSearchParams.set');
    name = toUSVString(name);
    value = toUSVString(value);
    const list = this.#list;
    let found = false;
    const left = [];
    for (let i = 0; i < list.length; i++) {
      if (list[i][0] !== name) {
        left.push(list[i]);
      } else if (!found) {
        found = true;
        left.push([name, value]);
      }
    }
    if (!found) left.push([name, value]);
    this.#list = left;
    updated(this);
  }

  sort() {
    // By code units of the names; Array.prototype.sort is stable.
    this.#list.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    updated(this);
  }

  toString() {
    return serializeUrlEncoded(this.#list);
  }

  static {
    updated = (params) => {
      if (params.#onUpdate !== undefined) params.#onUpdate(serializeUrlEncoded(params.#list));
    };
    createForURL = (query, onUpdate) => {
      const params = new URLSearchParams();
      params.#list = parseUrlEncoded(query);
      params.#onUpdate = onUpdate;
      return params;
    };
    setQuery = (params, query) => {
      params.#list = parseUrlEncoded(query);
    };
    isURLSearchParams = (value) => isObject(value) && #list in value;
    searchParamsList = (params) => params.#list;
  }
}

definePairIterable(URLSearchParams, (params) => searchParamsList(params));
defineInterface(URLSearchParams);
