// Where programs meet Intl: the global, and the methods of numbers, dates and strings that depend on a locale
// (https://tc39.es/ecma402/#locale-sensitive-functions). What is behind them is compiled at their first use.

import { loadPlatformModule } from 'wapo:native';
import { uncurryThis } from './primordials.js';
import { matchesAt } from './source-text.js';

const { Date, Object, String, TypeError } = globalThis;
const { defineProperty } = Object;
const numberValue = uncurryThis(Number.prototype.valueOf);
const bigintValue = uncurryThis(BigInt.prototype.valueOf);
const dateValue = uncurryThis(Date.prototype.getTime);

const MODULE = 'intl/index.js';
const intl = () => loadPlatformModule(MODULE, true);

const USE = /\bIntl\b|toLocale(?:Date|Time)?String|localeCompare/y;

/** Compiles it for a source that seems to use it. */
export function prepareIntl(source) {
  if (matchesAt(source, ['Intl', 'toLocale', 'localeCompare'], USE).length) loadPlatformModule(MODULE, false);
}

function method(prototype, members) {
  for (const name of Object.keys(members)) {
    defineProperty(prototype, name, {
      __proto__: null,
      value: members[name],
      writable: true,
      configurable: true,
      enumerable: false,
    });
  }
}

export function defineIntl() {
  const define = (value) =>
    defineProperty(globalThis, 'Intl', {
      __proto__: null,
      value,
      writable: true,
      configurable: true,
      enumerable: false,
    });
  defineProperty(globalThis, 'Intl', {
    __proto__: null,
    configurable: true,
    enumerable: false,
    set: define,
    get() {
      const { Intl } = intl();
      define(Intl);
      return Intl;
    },
  });
  method(Number.prototype, {
    toLocaleString(locales = undefined, options = undefined) {
      return intl().localeMethods.numberToString(numberValue(this), locales, options);
    },
  });
  method(BigInt.prototype, {
    toLocaleString(locales = undefined, options = undefined) {
      return intl().localeMethods.numberToString(bigintValue(this), locales, options);
    },
  });
  method(Date.prototype, {
    toLocaleString(locales = undefined, options = undefined) {
      return intl().localeMethods.dateToString(dateValue(this), locales, options);
    },
    toLocaleDateString(locales = undefined, options = undefined) {
      return intl().localeMethods.dateToDate(dateValue(this), locales, options);
    },
    toLocaleTimeString(locales = undefined, options = undefined) {
      return intl().localeMethods.dateToTime(dateValue(this), locales, options);
    },
  });
  method(String.prototype, {
    localeCompare(that, locales = undefined, options = undefined) {
      if (this === undefined || this === null)
        throw new TypeError('String.prototype.localeCompare called on null or undefined');
      return intl().localeMethods.compare(String(this), String(that), locales, options);
    },
  });
}
