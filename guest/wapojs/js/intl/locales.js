// Locales: https://tc39.es/ecma402/#locale-and-parameter-negotiation
//
// There are the formats of English: en-US, which is the default, and en-GB, which most other English takes after. What
// else is asked for is not supported, and gets the default, as the standard says.

import { isObject } from '../webidl.js';

export const DEFAULT_LOCALE = 'en-US';

const LANGUAGE_TAG = new RegExp(
  [
    '^(?:[a-z]{2,3}|[a-z]{5,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?', // language, script, region
    '(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*', // variants
    '(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?$', // extensions
  ].join(''),
  'i',
);

/** "CanonicalizeUnicodeLocaleId": the case of its parts. */
function canonicalize(tag) {
  if (!LANGUAGE_TAG.test(tag)) throw new RangeError(`Incorrect locale information provided: ${tag}`);
  let inExtension = false;
  return tag
    .toLowerCase()
    .split('-')
    .map((part, i) => {
      if (part.length === 1) inExtension = true;
      if (i === 0 || inExtension) return part;
      if (part.length === 2) return part.toUpperCase();
      return part.length === 4 && !/^\d/.test(part) ? part[0].toUpperCase() + part.slice(1) : part;
    })
    .join('-');
}

/** "CanonicalizeLocaleList" */
export function canonicalLocales(locales) {
  if (locales === undefined) return [];
  const list = typeof locales === 'string' || isLocale(locales) ? [locales] : Array.from(Object(locales));
  const seen = [];
  for (const item of list) {
    if (typeof item !== 'string' && !isObject(item)) throw new TypeError('Language ID should be string or object.');
    const tag = canonicalize(String(item));
    if (!seen.includes(tag)) seen.push(tag);
  }
  return seen;
}

const withoutExtensions = (tag) => tag.replace(/-[a-z\d]-.*$/, '');
const isSupported = (tag) => /^en(?:-|$)/.test(tag);

export const supportedLocales = (locales) => canonicalLocales(locales).filter(isSupported);

/** "ResolveLocale": `{ locale, british, extensions }` */
export function resolveLocale(locales) {
  const found = canonicalLocales(locales).find(isSupported);
  const locale = found === undefined ? DEFAULT_LOCALE : withoutExtensions(found);
  const region = /-([A-Z]{2}|\d{3})$/.exec(locale)?.[1];
  const british = region !== undefined && !['US', 'PR', 'PH', 'GU', 'VI', 'AS', 'MP', 'UM'].includes(region);
  const extensions = { __proto__: null };
  const keywords =
    /-u-((?:[a-z\d]{2,8}-?)+)/
      .exec(found ?? '')?.[1]
      .split('-')
      .filter(Boolean) ?? [];
  for (let i = 0; i < keywords.length; i++) {
    if (keywords[i].length === 2) extensions[keywords[i]] = keywords[i + 1]?.length > 2 ? keywords[i + 1] : 'true';
  }
  return { locale, british, extensions };
}

/** "GetOption" for strings */
export function optionOf(options, name, values, fallback) {
  const value = options[name];
  if (value === undefined) return fallback;
  const text = String(value);
  if (values !== undefined && !values.includes(text))
    throw new RangeError(`Value ${text} out of range for Intl options property ${name}`);
  return text;
}

/** "GetNumberOption" */
export function numberOptionOf(options, name, minimum, maximum, fallback) {
  const value = options[name];
  if (value === undefined) return fallback;
  const number = Number(value);
  if (!(number >= minimum && number <= maximum)) throw new RangeError(`${name} value is out of range.`);
  return Math.floor(number);
}

/** "CoerceOptionsToObject" */
export function toOptions(options) {
  if (options === undefined) return { __proto__: null };
  if (options === null) throw new TypeError('options must be an object');
  return Object(options);
}

export const joinParts = (parts) => parts.map(({ value }) => value).join('');

/** The tag of a class's prototype, and supportedLocalesOf. */
export function finish(Class, name) {
  Object.defineProperty(Class.prototype, Symbol.toStringTag, {
    __proto__: null,
    value: `Intl.${name}`,
    configurable: true,
  });
  Object.defineProperty(Class, 'supportedLocalesOf', {
    __proto__: null,
    writable: true,
    configurable: true,
    value: (locales) => supportedLocales(locales),
  });
}

/** Intl.Locale: https://tc39.es/ecma402/#locale-objects */
export class Locale {
  #tag;

  constructor(tag, options = undefined) {
    if (typeof tag !== 'string' && !isObject(tag))
      throw new TypeError("First argument to Intl.Locale constructor can't be empty or missing");
    const { language, script, region } = toOptions(options);
    const parts = canonicalize(String(tag)).split('-');
    const at = parts.findIndex((part) => part.length === 1);
    const base = at < 0 ? parts : parts.slice(0, at);
    const rest = at < 0 ? [] : parts.slice(at);
    const own = {
      language: language ?? base[0],
      script: script ?? base.find((part, i) => i > 0 && /^[A-Z][a-z]{3}$/.test(part)),
      region: region ?? base.find((part, i) => i > 0 && /^(?:[A-Z]{2}|\d{3})$/.test(part)),
    };
    this.#tag = canonicalize([own.language, own.script, own.region, ...rest].filter(Boolean).join('-'));
  }

  get baseName() {
    return withoutExtensions(this.#tag);
  }
  get language() {
    return this.#tag.split('-')[0];
  }
  get script() {
    return this.baseName.split('-').find((part, i) => i > 0 && /^[A-Z][a-z]{3}$/.test(part));
  }
  get region() {
    return this.baseName.split('-').find((part, i) => i > 0 && /^(?:[A-Z]{2}|\d{3})$/.test(part));
  }
  maximize() {
    return this;
  }
  minimize() {
    return this;
  }
  toString() {
    return this.#tag;
  }
  static is(value) {
    return typeof value === 'object' && value !== null && #tag in value;
  }
}
const isLocale = Locale.is;
delete Locale.is;
Object.defineProperty(Locale.prototype, Symbol.toStringTag, {
  __proto__: null,
  value: 'Intl.Locale',
  configurable: true,
});
