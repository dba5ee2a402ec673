// Intl.DateTimeFormat: https://tc39.es/ecma402/#datetimeformat-objects, for English and the Gregorian calendar

import { finish, joinParts, numberOptionOf, optionOf, resolveLocale, toOptions } from './locales.js';
import { canonicalZone, offsetAt, zoneName } from './time-zones.js';

const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const ERAS = { long: ['Anno Domini', 'Before Christ'], short: ['AD', 'BC'], narrow: ['A', 'B'] };
const MAX_TIME = 8.64e15;

const DATE_FIELDS = ['weekday', 'era', 'year', 'month', 'day'];
const TIME_FIELDS = ['dayPeriod', 'hour', 'minute', 'second', 'fractionalSecondDigits'];
const TEXT = ['narrow', 'short', 'long'];
const NUMERIC = ['2-digit', 'numeric'];
const VALUES = {
  weekday: TEXT,
  era: TEXT,
  year: NUMERIC,
  month: [...NUMERIC, ...TEXT],
  day: NUMERIC,
  dayPeriod: TEXT,
  hour: NUMERIC,
  minute: NUMERIC,
  second: NUMERIC,
  timeZoneName: ['short', 'long', 'shortOffset', 'longOffset', 'shortGeneric', 'longGeneric'],
};
const STYLES = ['full', 'long', 'medium', 'short'];
const DATE_STYLES = {
  full: { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' },
  long: { year: 'numeric', month: 'long', day: 'numeric' },
  medium: { year: 'numeric', month: 'short', day: 'numeric' },
  short: { year: '2-digit', month: 'numeric', day: 'numeric' },
};
const TIME_STYLES = {
  full: { hour: 'numeric', minute: '2-digit', second: '2-digit', timeZoneName: 'long' },
  long: { hour: 'numeric', minute: '2-digit', second: '2-digit', timeZoneName: 'short' },
  medium: { hour: 'numeric', minute: '2-digit', second: '2-digit' },
  short: { hour: 'numeric', minute: '2-digit' },
};
const CYCLES = ['h11', 'h12', 'h23', 'h24'];

const literal = (value) => ({ type: 'literal', value });
const pad = (number) => String(number).padStart(2, '0');

/** What to show, from the options. `required` and `defaults` are those of "CreateDateTimeFormat". */
function fieldsOf(given, required, defaults) {
  const fields = { __proto__: null };
  for (const name of [...DATE_FIELDS, 'dayPeriod', 'hour', 'minute', 'second']) {
    const value = optionOf(given, name, VALUES[name], undefined);
    if (value !== undefined) fields[name] = value;
  }
  const digits = numberOptionOf(given, 'fractionalSecondDigits', 1, 3, undefined);
  if (digits !== undefined) fields.fractionalSecondDigits = digits;
  const zone = optionOf(given, 'timeZoneName', VALUES.timeZoneName, undefined);
  if (zone !== undefined) fields.timeZoneName = zone;
  const dateStyle = optionOf(given, 'dateStyle', STYLES, undefined);
  const timeStyle = optionOf(given, 'timeStyle', STYLES, undefined);
  if (dateStyle !== undefined || timeStyle !== undefined) {
    const [extra] = Object.keys(fields);
    if (extra !== undefined)
      throw new TypeError(
        `Can't set option ${extra} when ${dateStyle === undefined ? 'timeStyle' : 'dateStyle'} is used`,
      );
    if (required === 'date' && timeStyle !== undefined) throw new TypeError('Invalid option : timeStyle');
    if (required === 'time' && dateStyle !== undefined) throw new TypeError('Invalid option : dateStyle');
    return { fields: { ...DATE_STYLES[dateStyle], ...TIME_STYLES[timeStyle] }, dateStyle, timeStyle };
  }
  const has = (names) => names.some((name) => fields[name] !== undefined);
  const hasDate = has(['weekday', 'year', 'month', 'day']);
  const hasTime = has(TIME_FIELDS);
  if (!((required !== 'time' && hasDate) || (required !== 'date' && hasTime))) {
    if (defaults !== 'time') Object.assign(fields, { year: 'numeric', month: 'numeric', day: 'numeric' });
    if (defaults !== 'date') Object.assign(fields, { hour: 'numeric', minute: '2-digit', second: '2-digit' });
  }
  return { fields, dateStyle, timeStyle };
}

/** The calendar's numbers of a moment in a zone. */
function partsOf(ms, zone) {
  const [minutes] = offsetAt(zone, ms);
  const local = new Date(ms + minutes * 60000);
  const year = local.getUTCFullYear();
  return {
    weekday: local.getUTCDay(),
    year: year > 0 ? year : 1 - year,
    before: year <= 0,
    month: local.getUTCMonth(),
    day: local.getUTCDate(),
    hour: local.getUTCHours(),
    minute: local.getUTCMinutes(),
    second: local.getUTCSeconds(),
    ms: local.getUTCMilliseconds(),
  };
}

const named = (name, style, short = 3) =>
  style === 'long' ? name : style === 'short' ? name.slice(0, short) : name[0];

function dayPeriodOf(hour, minute) {
  if (hour === 12 && minute === 0) return 'noon';
  if (hour >= 6 && hour < 12) return 'in the morning';
  if (hour >= 12 && hour < 18) return 'in the afternoon';
  return hour >= 18 && hour < 21 ? 'in the evening' : 'at night';
}

export class DateTimeFormat {
  #options;
  #fields;
  #british;
  #hourCycle;
  #zone;
  #bound = null;

  constructor(locales = undefined, options = undefined, required = 'any', defaults = 'date') {
    const given = toOptions(options);
    const { locale, british, extensions } = resolveLocale(locales);
    const hour12 = given.hour12 === undefined ? undefined : Boolean(given.hour12);
    const cycle = optionOf(given, 'hourCycle', CYCLES, undefined);
    this.#zone = given.timeZone === undefined ? 'UTC' : canonicalZone(given.timeZone);
    const { fields, dateStyle, timeStyle } = fieldsOf(given, required, defaults);
    if (british && dateStyle === 'short') fields.year = 'numeric';
    this.#fields = fields;
    this.#british = british;
    const uses24 = british && !['en-AU', 'en-CA', 'en-NZ', 'en-IN'].includes(locale);
    this.#hourCycle =
      hour12 !== undefined
        ? hour12
          ? 'h12'
          : 'h23'
        : (cycle ?? (CYCLES.includes(extensions.hc) ? extensions.hc : uses24 ? 'h23' : 'h12'));
    this.#options = { locale, calendar: 'gregory', numberingSystem: 'latn', timeZone: this.#zone };
    if (fields.hour !== undefined) {
      Object.assign(this.#options, {
        hourCycle: this.#hourCycle,
        hour12: this.#hourCycle === 'h11' || this.#hourCycle === 'h12',
      });
    }
    if (dateStyle !== undefined || timeStyle !== undefined) {
      if (dateStyle !== undefined) this.#options.dateStyle = dateStyle;
      if (timeStyle !== undefined) this.#options.timeStyle = timeStyle;
    } else {
      for (const name of [...DATE_FIELDS, ...TIME_FIELDS, 'timeZoneName'])
        if (fields[name] !== undefined) this.#options[name] = fields[name];
    }
  }

  get format() {
    return (this.#bound ??= (date) => joinParts(this.formatToParts(date)));
  }

  formatToParts(date = undefined) {
    const ms = date === undefined ? Date.now() : Number(date);
    if (!(Math.abs(ms) <= MAX_TIME)) throw new RangeError('Invalid time value');
    const values = partsOf(Math.trunc(ms), this.#zone);
    const day = this.#dateParts(values);
    const time = this.#timeParts(values, ms);
    if (day.length === 0 || time.length === 0) return [...day, ...time];
    return [...day, literal(this.#between()), ...time];
  }

  /** What is between a date and a time. */
  #between() {
    const { weekday, month, day, hour } = this.#fields;
    if (month === 'long' && hour !== undefined) return ' at ';
    if (weekday !== undefined && month === undefined && day === undefined) return this.#british ? ', ' : ' ';
    return ', ';
  }

  #dateParts(values) {
    const { weekday, era, year, month, day } = this.#fields;
    const text = month !== undefined && month.length > 2 && !NUMERIC.includes(month);
    // In Britain a numeric date has two digits each.
    const wide = this.#british && !text && month !== undefined && (year !== undefined || day !== undefined);
    const number = (style, value) => (style === '2-digit' || wide ? pad(value) : String(value));
    const part = {
      weekday: weekday && { type: 'weekday', value: named(WEEKDAYS[values.weekday], weekday) },
      year: year && { type: 'year', value: year === '2-digit' ? pad(values.year % 100) : String(values.year) },
      month: month && {
        type: 'month',
        value: text
          ? named(MONTHS[values.month], month, this.#british && values.month === 8 ? 4 : 3)
          : number(month, values.month + 1),
      },
      day: day && { type: 'day', value: number(day, values.day) },
    };
    const order = this.#british ? ['day', 'month', 'year'] : ['month', 'day', 'year'];
    const present = order.filter((name) => part[name]);
    const parts = [];
    for (const name of present) {
      if (parts.length > 0)
        parts.push(literal(!text && month ? '/' : name === 'year' && day && !this.#british ? ', ' : ' '));
      parts.push(part[name]);
    }
    if (era !== undefined) parts.push(literal(' '), { type: 'era', value: ERAS[era][values.before ? 1 : 0] });
    if (!part.weekday) return parts;
    if (parts.length === 0) return [part.weekday];
    if (day && month) return [part.weekday, literal(this.#british && !year ? ' ' : ', '), ...parts];
    if (day && this.#british) return [part.weekday, literal(' '), ...parts];
    return [...parts, literal(' '), part.weekday];
  }

  #timeParts(values, ms) {
    const { hour, minute, second, fractionalSecondDigits: digits, timeZoneName, dayPeriod } = this.#fields;
    const twelve = this.#hourCycle === 'h11' || this.#hourCycle === 'h12';
    const parts = [];
    if (hour !== undefined) {
      let shown = values.hour;
      if (this.#hourCycle === 'h12') shown = shown % 12 || 12;
      else if (this.#hourCycle === 'h11') shown %= 12;
      else if (this.#hourCycle === 'h24') shown ||= 24;
      parts.push({ type: 'hour', value: hour === '2-digit' || !twelve ? pad(shown) : String(shown) });
    }
    if (minute !== undefined) {
      if (parts.length > 0) parts.push(literal(':'));
      const wide = minute === '2-digit' && second !== undefined;
      parts.push({
        type: 'minute',
        value: hour !== undefined || wide || second !== undefined ? pad(values.minute) : String(values.minute),
      });
    }
    if (second !== undefined) {
      if (parts.length > 0) parts.push(literal(':'));
      parts.push({ type: 'second', value: minute !== undefined ? pad(values.second) : String(values.second) });
    }
    if (digits !== undefined) {
      if (parts.length > 0) parts.push(literal('.'));
      parts.push({ type: 'fractionalSecond', value: String(values.ms).padStart(3, '0').slice(0, digits) });
    }
    if (twelve && hour !== undefined) {
      const short = values.hour < 12 ? 'AM' : 'PM';
      const value =
        dayPeriod !== undefined
          ? dayPeriodOf(values.hour, minute === undefined ? 0 : values.minute)
          : this.#british
            ? short.toLowerCase()
            : short;
      parts.push(literal(' '), { type: 'dayPeriod', value });
    } else if (dayPeriod !== undefined && hour === undefined) {
      parts.push({ type: 'dayPeriod', value: dayPeriodOf(values.hour, values.minute) });
    }
    if (timeZoneName !== undefined) {
      if (parts.length > 0) parts.push(literal(' '));
      parts.push({ type: 'timeZoneName', value: zoneName(this.#zone, timeZoneName, ms, this.#british) });
    }
    return parts;
  }

  formatRangeToParts(start, end) {
    if (start === undefined || end === undefined) throw new TypeError('startDate or endDate cannot be undefined');
    const from = this.formatToParts(start);
    const to = this.formatToParts(end);
    const mark = (parts, source) => parts.map((part) => ({ ...part, source }));
    if (joinParts(from) === joinParts(to)) return mark(from, 'shared');
    return [...mark(from, 'startRange'), { ...literal('\u2009–\u2009'), source: 'shared' }, ...mark(to, 'endRange')];
  }

  formatRange(start, end) {
    return joinParts(this.formatRangeToParts(start, end));
  }

  resolvedOptions() {
    return { ...this.#options };
  }
}
finish(DateTimeFormat, 'DateTimeFormat');
