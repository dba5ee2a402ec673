// Intl.PluralRules: https://tc39.es/ecma402/#pluralrules-objects, for English

import { toDecimal } from './decimals.js';
import { finish, optionOf, resolveLocale, toOptions } from './locales.js';
import { digitOptions, pluralOf, roundNumber } from './number-format.js';

function ordinalOf(whole) {
  const tens = Number(whole.slice(-2));
  const units = tens % 10;
  if (units === 1 && tens !== 11) return 'one';
  if (units === 2 && tens !== 12) return 'two';
  if (units === 3 && tens !== 13) return 'few';
  return 'other';
}

export class PluralRules {
  #options;

  constructor(locales = undefined, options = undefined) {
    const given = toOptions(options);
    const type = optionOf(given, 'type', ['cardinal', 'ordinal'], 'cardinal');
    this.#options = { locale: resolveLocale(locales).locale, type, ...digitOptions(given, 0, 3, 'standard') };
  }

  select(value) {
    const decimal = toDecimal(Number(value));
    if (decimal.special !== null) return 'other';
    const { whole, fraction } = roundNumber(decimal, this.#options);
    if (this.#options.type === 'ordinal') return fraction === '' ? ordinalOf(whole) : 'other';
    return pluralOf(whole, fraction);
  }

  selectRange(start, end) {
    if (start === undefined || end === undefined) throw new TypeError('start or end is undefined');
    return this.select(end);
  }

  resolvedOptions() {
    const pluralCategories = this.#options.type === 'ordinal' ? ['few', 'one', 'two', 'other'] : ['one', 'other'];
    return { ...this.#options, pluralCategories };
  }
}
finish(PluralRules, 'PluralRules');
