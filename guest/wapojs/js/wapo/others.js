// memoryStats, marker, parseURL, parseURLParams: wapojs-api.md 3.17.

import { log, memoryStats as engineMemory } from 'wapo:native';
import { defineTag } from '../interfaces.js';
import { URL } from '../url.js';
import { parseUrlEncoded } from '../urlencoded.js';
import { Lost } from './lost.js';
import { opaque } from './streams.js';
import { fromUnsigned, toText } from './values.js';

const LEVEL_INFO = 3;

let peak = 0;

/** Bytes: what is allocated now; the most that was when somebody asked; what the machine has ever needed. */
export function memoryStats() {
  const [current, memory] = engineMemory();
  if (current > peak) peak = current;
  const stats = { current: fromUnsigned(current), spike: fromUnsigned(peak), peak: fromUnsigned(memory) };
  defineTag(stats, 'Stats');
  return stats;
}

const collected = new Lost((tag) => log(LEVEL_INFO, `marker ${tag} was collected`));

export function marker(tag) {
  const made = opaque('Marker');
  collected.watch(made, toText(tag));
  return made;
}

export function parseURL(url, base = undefined) {
  const { hostname, href, origin, password, pathname, hash, port, protocol, search, username } =
    base === undefined || base === null ? new URL(toText(url)) : new URL(toText(url), toText(base));
  return {
    host: hostname, hostname, href, origin, password, pathname, hash: hash.slice(1), port,
    protocol: protocol.slice(0, -1), search: search.slice(1), username,
  };
}

/** The last of a name counts; names in order. */
export function parseURLParams(query) {
  const found = { __proto__: null };
  for (const [name, value] of parseUrlEncoded(toText(query).replace(/^\?/, ''))) found[name] = value;
  const sorted = {};
  for (const name of Object.keys(found).sort()) sorted[name] = found[name];
  return sorted;
}
