// Intl.NumberFormat: https://tc39.es/ecma402/#numberformat-objects

import { isZero, layOut, roundFraction, roundSignificant, toDecimal } from './decimals.js';
import { finish, joinParts, numberOptionOf, optionOf, resolveLocale, toOptions } from './locales.js';
import {
  COMPACT,
  CURRENCY_DIGITS,
  CURRENCY_NAMES,
  CURRENCY_SYMBOLS,
  NARROW_SYMBOLS,
  RATES,
  UNITS,
} from './number-data.js';

const NBSP = '\u00a0';
const MODES = ['ceil', 'floor', 'expand', 'trunc', 'halfCeil', 'halfFloor', 'halfExpand', 'halfTrunc', 'halfEven'];

const isUnit = (name) =>
  name in UNITS || (name.split('-per-').length === 2 && name.split('-per-').every((part) => part in UNITS));

/** "SetNumberFormatDigitOptions" */
export function digitOptions(options, fallbackMinimum, fallbackMaximum, notation) {
  const minimumIntegerDigits = numberOptionOf(options, 'minimumIntegerDigits', 1, 21, 1);
  const minimumFraction = options.minimumFractionDigits;
  const maximumFraction = options.maximumFractionDigits;
  const minimumSignificant = options.minimumSignificantDigits;
  const maximumSignificant = options.maximumSignificantDigits;
  const roundingMode = optionOf(options, 'roundingMode', MODES, 'halfExpand');
  const priority = optionOf(options, 'roundingPriority', ['auto', 'morePrecision', 'lessPrecision'], 'auto');
  const trailingZeroDisplay = optionOf(options, 'trailingZeroDisplay', ['auto', 'stripIfInteger'], 'auto');
  const digits = { minimumIntegerDigits, roundingMode, roundingPriority: priority, trailingZeroDisplay };
  const hasSignificant = minimumSignificant !== undefined || maximumSignificant !== undefined;
  const hasFraction = minimumFraction !== undefined || maximumFraction !== undefined;
  const wantsSignificant = priority !== 'auto' || hasSignificant;
  const wantsFraction = priority !== 'auto' || (!hasSignificant && (hasFraction || notation !== 'compact'));
  if (wantsSignificant) {
    digits.minimumSignificantDigits = numberOptionOf(options, 'minimumSignificantDigits', 1, 21, 1);
    digits.maximumSignificantDigits = numberOptionOf(
      options,
      'maximumSignificantDigits',
      digits.minimumSignificantDigits,
      21,
      21,
    );
  }
  if (wantsFraction) {
    let minimum = numberOptionOf(options, 'minimumFractionDigits', 0, 100, undefined);
    let maximum = numberOptionOf(options, 'maximumFractionDigits', 0, 100, undefined);
    if (minimum === undefined) minimum = Math.min(fallbackMinimum, maximum ?? fallbackMinimum);
    else if (maximum === undefined) maximum = Math.max(fallbackMaximum, minimum);
    else if (minimum > maximum) throw new RangeError('maximumFractionDigits value is out of range.');
    digits.minimumFractionDigits = minimum;
    digits.maximumFractionDigits = maximum ?? Math.max(fallbackMaximum, minimum);
  }
  if (!wantsSignificant && !wantsFraction) {
    Object.assign(digits, {
      minimumFractionDigits: 0,
      maximumFractionDigits: 0,
      minimumSignificantDigits: 1,
      maximumSignificantDigits: 2,
      roundingPriority: 'morePrecision',
    });
  }
  return digits;
}

/** "FormatNumericToString": the rounded number, and its digits before and after the point. */
export function roundNumber(decimal, digits) {
  const {
    maximumSignificantDigits: significant,
    maximumFractionDigits: fraction,
    roundingMode,
    roundingPriority,
  } = digits;
  let usesSignificant = significant !== undefined;
  if (usesSignificant && fraction !== undefined) {
    const bySignificant = significant - decimal.point;
    usesSignificant = roundingPriority === 'lessPrecision' ? bySignificant < fraction : bySignificant >= fraction;
  }
  const rounded = usesSignificant
    ? roundSignificant(decimal, significant, roundingMode)
    : roundFraction(decimal, fraction, roundingMode);
  const minimum = usesSignificant
    ? Math.max(0, digits.minimumSignificantDigits - (isZero(rounded) ? 1 : rounded.point))
    : digits.minimumFractionDigits;
  let [whole, rest] = layOut(rounded, digits.minimumIntegerDigits, minimum);
  if (digits.trailingZeroDisplay === 'stripIfInteger' && /^0*$/.test(rest)) rest = '';
  return { rounded, whole, fraction: rest };
}

/** The category of a number in English: one only for 1 without decimals. */
export const pluralOf = (whole, fraction) => (whole === '1' && fraction === '' ? 'one' : 'other');

function grouped(whole, grouping) {
  if (grouping === false || whole.length <= 3 || (grouping === 'min2' && whole.length < 5)) return [whole];
  const groups = [];
  for (let end = whole.length; end > 0; end -= 3) groups.unshift(whole.slice(Math.max(0, end - 3), end));
  return groups;
}

/** Puts parts where `{0}` is. */
function inPattern(pattern, parts, type) {
  const [before, after] = pattern.split('{0}');
  const result = [];
  const literal = (text) => {
    const [, space1, word, space2] = /^(\s*)(.*?)(\s*)$/.exec(text);
    if (space1) result.push({ type: 'literal', value: space1 });
    if (word) result.push({ type, value: word });
    if (space2) result.push({ type: 'literal', value: space2 });
  };
  literal(before);
  result.push(...parts);
  literal(after);
  return result;
}

export class NumberFormat {
  #locale;
  #options;
  #bound = null;

  constructor(locales = undefined, options = undefined) {
    const { locale } = resolveLocale(locales);
    const given = toOptions(options);
    const own = { locale, numberingSystem: 'latn' };
    own.style = optionOf(given, 'style', ['decimal', 'percent', 'currency', 'unit'], 'decimal');
    const currency = given.currency === undefined ? undefined : String(given.currency).toUpperCase();
    if (currency !== undefined && !/^[A-Z]{3}$/.test(currency))
      throw new RangeError(`Invalid currency code : ${given.currency}`);
    if (own.style === 'currency') {
      if (currency === undefined) throw new TypeError('Currency code is required with currency style.');
      own.currency = currency;
    }
    const currencyDisplay = optionOf(given, 'currencyDisplay', ['code', 'symbol', 'narrowSymbol', 'name'], 'symbol');
    const currencySign = optionOf(given, 'currencySign', ['standard', 'accounting'], 'standard');
    if (own.style === 'currency') Object.assign(own, { currencyDisplay, currencySign });
    if (given.unit !== undefined && !isUnit(String(given.unit)))
      throw new RangeError(`Invalid unit argument for Intl.NumberFormat() '${given.unit}'`);
    const unitDisplay = optionOf(given, 'unitDisplay', ['short', 'narrow', 'long'], 'short');
    if (own.style === 'unit') {
      if (given.unit === undefined) throw new TypeError('Required option "unit" must not be undefined');
      Object.assign(own, { unit: String(given.unit), unitDisplay });
    }
    const notation = optionOf(given, 'notation', ['standard', 'scientific', 'engineering', 'compact'], 'standard');
    const digits = own.style === 'currency' && notation === 'standard' ? (CURRENCY_DIGITS[currency] ?? 2) : 0;
    const maximum = own.style === 'currency' && notation === 'standard' ? digits : own.style === 'percent' ? 0 : 3;
    Object.assign(own, digitOptions(given, digits, maximum, notation));
    const compactDisplay = optionOf(given, 'compactDisplay', ['short', 'long'], 'short');
    own.useGrouping = this.#groupingOf(given.useGrouping, notation);
    own.notation = notation;
    if (notation === 'compact') own.compactDisplay = compactDisplay;
    own.signDisplay = optionOf(given, 'signDisplay', ['auto', 'never', 'always', 'exceptZero', 'negative'], 'auto');
    this.#locale = locale;
    this.#options = own;
  }

  #groupingOf(value, notation) {
    const fallback = notation === 'compact' ? 'min2' : 'auto';
    if (value === undefined) return fallback;
    if (value === false || value === 'false') return value === false ? false : fallback;
    if (value === true) return 'always';
    if (value === 'true') return fallback;
    if (!['min2', 'auto', 'always'].includes(String(value)))
      throw new RangeError(`Value ${value} out of range for Intl.NumberFormat options property useGrouping`);
    return String(value);
  }

  get format() {
    return (this.#bound ??= (value) => joinParts(this.#parts(value)));
  }

  formatToParts(value) {
    return this.#parts(value);
  }

  formatRange(start, end) {
    if (start === undefined || end === undefined) throw new TypeError('start or end is undefined');
    const [from, to] = [this.format(start), this.format(end)];
    return from === to ? `~${from}` : `${from}–${to.replace(/^\D+/, this.#options.style === 'currency' ? '' : '$&')}`;
  }

  resolvedOptions() {
    const { roundingMode, roundingPriority, trailingZeroDisplay, ...others } = this.#options;
    return { ...others, roundingIncrement: 1, roundingMode, roundingPriority, trailingZeroDisplay };
  }

  #parts(value) {
    const options = this.#options;
    let number = typeof value === 'bigint' ? value : typeof value === 'string' ? value : Number(value);
    if (typeof value === 'object' && value !== null) number = Number(value);
    let decimal = toDecimal(number);
    if (options.style === 'percent' && decimal.digits !== '') decimal = { ...decimal, point: decimal.point + 2 };

    let parts;
    let plural = 'other';
    let zero = false;
    if (decimal.special !== null) {
      parts = [decimal.special === 'nan' ? { type: 'nan', value: 'NaN' } : { type: 'infinity', value: '∞' }];
    } else {
      const { exponent, rounded, whole, fraction } = this.#round(decimal);
      zero = isZero(rounded);
      plural = pluralOf(whole, fraction);
      parts = this.#digits(whole, fraction);
      if (options.notation === 'compact' && exponent > 0) {
        const [short, long] = COMPACT[exponent / 3];
        if (options.compactDisplay === 'long')
          parts.push({ type: 'literal', value: ' ' }, { type: 'compact', value: long });
        else parts.push({ type: 'compact', value: short });
        plural = 'other';
      } else if (options.notation === 'scientific' || options.notation === 'engineering') {
        parts.push({ type: 'exponentSeparator', value: 'E' });
        if (exponent < 0) parts.push({ type: 'exponentMinusSign', value: '-' });
        parts.push({ type: 'exponentInteger', value: String(Math.abs(exponent)) });
      }
    }
    return this.#withSign(this.#withSymbol(parts, plural), decimal.negative, zero, decimal.special === 'nan');
  }

  /** Rounds to the digits that are wanted; with an exponent of ten where the notation has one. */
  #round(decimal) {
    const { notation } = this.#options;
    if (notation === 'standard') return { exponent: 0, ...roundNumber(decimal, this.#options) };
    const exponentOf = ({ digits, point }) => {
      const magnitude = digits === '' ? 0 : point - 1;
      if (notation === 'scientific') return magnitude;
      const thousands = Math.floor(magnitude / 3) * 3;
      return notation === 'engineering' ? thousands : Math.min(Math.max(thousands, 0), 12);
    };
    let exponent = exponentOf(decimal);
    const scaled = (by) => ({ ...decimal, point: decimal.digits === '' ? 0 : decimal.point - by });
    let result = roundNumber(scaled(exponent), this.#options);
    // Rounding up may have made it ten or a thousand.
    const after = exponentOf({ ...result.rounded, point: result.rounded.point + exponent });
    if (after !== exponent && result.rounded.digits !== '') {
      exponent = after;
      result = roundNumber(scaled(exponent), this.#options);
    }
    return { exponent, ...result };
  }

  #digits(whole, fraction) {
    const parts = [];
    const groups = grouped(whole, this.#options.useGrouping);
    for (let i = 0; i < groups.length; i++) {
      if (i > 0) parts.push({ type: 'group', value: ',' });
      parts.push({ type: 'integer', value: groups[i] });
    }
    if (fraction !== '') parts.push({ type: 'decimal', value: '.' }, { type: 'fraction', value: fraction });
    return parts;
  }

  #withSymbol(parts, plural) {
    const options = this.#options;
    if (options.style === 'percent') return [...parts, { type: 'percentSign', value: '%' }];
    if (options.style === 'unit') return this.#withUnit(parts, plural);
    if (options.style !== 'currency') return parts;
    const { currency, currencyDisplay } = options;
    if (currencyDisplay === 'name') {
      const name = CURRENCY_NAMES[currency]?.[plural === 'one' ? 0 : 1] ?? currency;
      return [...parts, { type: 'literal', value: ' ' }, { type: 'currency', value: name }];
    }
    let symbol = currency;
    if (currencyDisplay === 'narrowSymbol') symbol = NARROW_SYMBOLS[currency] ?? CURRENCY_SYMBOLS[currency] ?? currency;
    else if (currencyDisplay === 'symbol') symbol = this.#symbolHere(currency);
    const start = [{ type: 'currency', value: symbol }];
    if (/[A-Za-z]$/.test(symbol) && parts[0].type === 'integer') start.push({ type: 'literal', value: NBSP });
    return [...start, ...parts];
  }

  /** Elsewhere in English the dollar is somebody else's. */
  #symbolHere(currency) {
    const region = /-([A-Z]{2})$/.exec(this.#locale)?.[1];
    const own = { __proto__: null, AU: 'AUD', CA: 'CAD', NZ: 'NZD', SG: 'SGD', HK: 'HKD' }[region];
    if (currency === own) return '$';
    if (currency === 'USD' && region !== undefined && region !== 'US')
      return own === undefined && region !== 'AU' ? 'US$' : region === 'AU' ? 'USD' : 'US$';
    return CURRENCY_SYMBOLS[currency] ?? currency;
  }

  #withUnit(parts, plural) {
    const { unit, unitDisplay } = this.#options;
    const [name, per] = unit in UNITS ? [unit, null] : unit in RATES ? [unit, null] : unit.split('-per-');
    const forms = UNITS[name] ?? RATES[name];
    let pattern;
    if (unitDisplay === 'long') pattern = forms[plural];
    else if (unitDisplay === 'narrow') pattern = forms.narrow;
    else pattern = plural === 'one' ? forms.shortOne : forms.short;
    if (per !== null) {
      const below = UNITS[per];
      const text = unitDisplay === 'long' ? ` per ${below.one.slice(4)}` : `/${below.narrow.replace('{0}', '').trim()}`;
      pattern += text;
    }
    return inPattern(pattern, parts, unit === 'percent' ? 'unit' : 'unit');
  }

  #withSign(parts, negative, zero, isNaN) {
    const { signDisplay, currencySign } = this.#options;
    let sign = '';
    if (signDisplay === 'auto') sign = negative ? '-' : '';
    else if (signDisplay === 'always') sign = negative ? '-' : '+';
    else if (signDisplay === 'exceptZero') sign = zero || isNaN ? '' : negative ? '-' : '+';
    else if (signDisplay === 'negative') sign = negative && !zero ? '-' : '';
    if (sign === '') return parts;
    if (sign === '-' && currencySign === 'accounting' && this.#options.currencyDisplay !== 'name') {
      return [{ type: 'literal', value: '(' }, ...parts, { type: 'literal', value: ')' }];
    }
    return [{ type: sign === '-' ? 'minusSign' : 'plusSign', value: sign }, ...parts];
  }
}
finish(NumberFormat, 'NumberFormat');
