// Intl.RelativeTimeFormat: https://tc39.es/ecma402/#relativetimeformat-objects, for English

import { finish, joinParts, optionOf, resolveLocale, toOptions } from './locales.js';
import { NumberFormat } from './number-format.js';
import { PluralRules } from './plural-rules.js';

const UNITS = ['second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'];
const SHORT = {
  __proto__: null,
  second: ['sec.', 'sec.'],
  minute: ['min.', 'min.'],
  hour: ['hr.', 'hr.'],
  day: ['day', 'days'],
  week: ['wk.', 'wk.'],
  month: ['mo.', 'mo.'],
  quarter: ['qtr.', 'qtrs.'],
  year: ['yr.', 'yr.'],
};
const NARROW = {
  __proto__: null,
  second: 's',
  minute: 'm',
  hour: 'h',
  day: 'd',
  week: 'w',
  month: 'mo',
  quarter: 'q',
  year: 'y',
};
/** Words for the numbers -1, 0 and 1. */
const WORDS = {
  __proto__: null,
  day: ['yesterday', 'today', 'tomorrow'],
  second: [null, 'now', null],
  minute: [null, 'this minute', null],
  hour: [null, 'this hour', null],
};

export class RelativeTimeFormat {
  #options;
  #british;
  #numbers;
  #plurals = new PluralRules('en');

  constructor(locales = undefined, options = undefined) {
    const given = toOptions(options);
    const { locale, british } = resolveLocale(locales);
    this.#british = british;
    this.#options = {
      locale,
      style: optionOf(given, 'style', ['long', 'short', 'narrow'], 'long'),
      numeric: optionOf(given, 'numeric', ['always', 'auto'], 'always'),
      numberingSystem: 'latn',
    };
    this.#numbers = new NumberFormat(locale);
  }

  #word(value, unit) {
    if (value !== -1 && value !== 0 && value !== 1) return null;
    if (unit in WORDS) return WORDS[unit][value + 1];
    const { style } = this.#options;
    const name = style === 'long' ? unit : SHORT[unit][0];
    return `${['last', 'this', 'next'][value + 1]} ${style !== 'long' && this.#british ? name.replace('.', '') : name}`;
  }

  formatToParts(value, unit) {
    value = Number(value);
    if (!Number.isFinite(value)) throw new RangeError('Invalid time value');
    const name = String(unit).replace(/s$/, '');
    if (!UNITS.includes(name)) throw new RangeError(`Invalid unit argument for format() '${unit}'`);
    if (this.#options.numeric === 'auto') {
      const word = this.#word(value, name);
      if (word !== null) return [{ type: 'literal', value: word }];
    }
    const past = value < 0 || Object.is(value, -0);
    const number = Math.abs(value);
    const parts = this.#numbers.formatToParts(number).map((part) => ({ ...part, unit: name }));
    const label = this.#label(name, number);
    return past
      ? [...parts, { type: 'literal', value: `${label} ago` }]
      : [{ type: 'literal', value: 'in ' }, ...parts, { type: 'literal', value: label }];
  }

  #label(unit, number) {
    const one = this.#plurals.select(number) === 'one';
    const { style } = this.#options;
    if (style === 'long') return one ? ` ${unit}` : ` ${unit}s`;
    if (style === 'short') {
      const short = SHORT[unit][one ? 0 : 1];
      return ` ${this.#british ? short.replace('.', '') : short}`;
    }
    return this.#british && unit === 'minute' ? 'min' : NARROW[unit];
  }

  format(value, unit) {
    return joinParts(this.formatToParts(value, unit));
  }

  resolvedOptions() {
    return { ...this.#options };
  }
}
finish(RelativeTimeFormat, 'RelativeTimeFormat');
