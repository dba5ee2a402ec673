// Intl: https://tc39.es/ecma402/, for English
//
// Compiled when a program first uses it, as Node's modules are (c/node_modules.c). DisplayNames and
// DurationFormat are not there.

import { Collator } from './collator.js';
import { DateTimeFormat } from './date-time-format.js';
import { ListFormat } from './list-format.js';
import { canonicalLocales, Locale } from './locales.js';
import { NumberFormat } from './number-format.js';
import { PluralRules } from './plural-rules.js';
import { RelativeTimeFormat } from './relative-time-format.js';
import { Segmenter } from './segmenter.js';

/** These two may be called without `new`. */
function callable(Class) {
  function Constructor(locales, options) {
    return Reflect.construct(Class, [locales, options], new.target ?? Constructor);
  }
  Object.defineProperty(Constructor, 'name', { __proto__: null, value: Class.name, configurable: true });
  Object.defineProperty(Constructor, 'length', { __proto__: null, value: 0, configurable: true });
  Object.defineProperty(Constructor, 'prototype', { __proto__: null, value: Class.prototype });
  Object.defineProperty(Constructor, 'supportedLocalesOf', {
    __proto__: null,
    value: Class.supportedLocalesOf,
    writable: true,
    configurable: true,
  });
  Object.defineProperty(Class.prototype, 'constructor', {
    __proto__: null,
    value: Constructor,
    writable: true,
    configurable: true,
  });
  return Constructor;
}

const VALUES = {
  calendar: ['gregory'],
  collation: [],
  currency: [],
  numberingSystem: ['latn'],
  timeZone: ['UTC'],
  unit: [],
};

export const Intl = {};
const members = {
  Collator: callable(Collator),
  DateTimeFormat: callable(DateTimeFormat),
  ListFormat,
  Locale,
  NumberFormat: callable(NumberFormat),
  PluralRules,
  RelativeTimeFormat,
  Segmenter,
  getCanonicalLocales: (locales) => canonicalLocales(locales),
  supportedValuesOf(key) {
    if (!Object.hasOwn(VALUES, key)) throw new RangeError(`Invalid key : ${key}`);
    return [...VALUES[key]];
  },
};
for (const name of Object.keys(members)) {
  Object.defineProperty(Intl, name, { __proto__: null, value: members[name], writable: true, configurable: true });
}
Object.defineProperty(Intl, Symbol.toStringTag, { __proto__: null, value: 'Intl', configurable: true });

// The methods of other objects: https://tc39.es/ecma402/#locale-sensitive-functions

const invalid = (date) => Number.isNaN(Number(date));
let collator = null;

export const localeMethods = {
  numberToString: (value, locales, options) => new NumberFormat(locales, options).format(value),
  dateToString: (date, locales, options) =>
    invalid(date) ? 'Invalid Date' : new DateTimeFormat(locales, options, 'any', 'all').format(date),
  dateToDate: (date, locales, options) =>
    invalid(date) ? 'Invalid Date' : new DateTimeFormat(locales, options, 'date', 'date').format(date),
  dateToTime: (date, locales, options) =>
    invalid(date) ? 'Invalid Date' : new DateTimeFormat(locales, options, 'time', 'time').format(date),
  compare: (a, b, locales, options) =>
    (locales === undefined && options === undefined
      ? (collator ??= new Collator())
      : new Collator(locales, options)
    ).compare(a, b),
};
