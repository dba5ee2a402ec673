// Intl.Collator: https://tc39.es/ecma402/#collator-objects, in the manner of the root collation of Unicode
//
// Three levels: base letters, then accents, then case with small letters first. Punctuation comes before symbols, these
// before digits, and those before letters; what is not Latin is in the order of code points.

import { finish, optionOf, resolveLocale, toOptions } from './locales.js';

const MARKS = /\p{M}/u;
const PUNCTUATION = '_-,;:!?.\'"()[]{}@*/\\&#%';
const SYMBOLS = '`^+<=>|~$';

const CLASS_SPACE = 1,
  CLASS_PUNCTUATION = 2,
  CLASS_SYMBOL = 3,
  CLASS_DIGIT = 4,
  CLASS_LETTER = 5;
const CLASS_SIZE = 0x200000;

/** The primary weight of a character that has no marks. */
function primaryOf(character) {
  const code = character.codePointAt(0);
  if (/\s/u.test(character)) return CLASS_SPACE * CLASS_SIZE + code;
  const at = PUNCTUATION.indexOf(character);
  if (at >= 0) return CLASS_PUNCTUATION * CLASS_SIZE + at;
  if (/\p{P}/u.test(character)) return CLASS_PUNCTUATION * CLASS_SIZE + 0x100 + code;
  const symbol = SYMBOLS.indexOf(character);
  if (symbol >= 0) return CLASS_SYMBOL * CLASS_SIZE + symbol;
  if (/\p{S}/u.test(character)) return CLASS_SYMBOL * CLASS_SIZE + 0x100 + code;
  if (/\p{Nd}/u.test(character)) return CLASS_DIGIT * CLASS_SIZE + (code & 0xf);
  return CLASS_LETTER * CLASS_SIZE + character.toLowerCase().codePointAt(0);
}

const EXPANSIONS = {
  __proto__: null,
  ß: 'ss\u034f',
  æ: 'ae\u034f',
  Æ: 'AE\u034f',
  œ: 'oe\u034f',
  Œ: 'OE\u034f',
  ø: 'o\u0338',
  Ø: 'O\u0338',
  đ: 'd\u0335',
  ł: 'l\u0335',
  Ł: 'L\u0335',
};

/** A text as its elements, `{ primary, accents, upper }`; a run of digits is one if it is to count as a number. */
function elementsOf(text, numeric, ignorePunctuation) {
  const elements = [];
  const expanded = text.replace(/[ßæÆœŒøØđłŁ]/g, (character) => EXPANSIONS[character]).normalize('NFD');
  const characters = [...expanded];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i];
    if (MARKS.test(character)) {
      if (elements.length > 0) elements[elements.length - 1].accents += character;
      continue;
    }
    if (numeric && character >= '0' && character <= '9') {
      let digits = '';
      while (i < characters.length && characters[i] >= '0' && characters[i] <= '9') digits += characters[i++];
      i--;
      digits = digits.replace(/^0+(?=\d)/, '');
      elements.push({ primary: CLASS_DIGIT * CLASS_SIZE, number: digits, accents: '', upper: false });
      continue;
    }
    if (/\p{Cc}/u.test(character) && !/\s/.test(character)) continue;
    const primary = primaryOf(character);
    if (ignorePunctuation && primary < CLASS_SYMBOL * CLASS_SIZE) continue;
    elements.push({ primary, number: '', accents: '', upper: character !== character.toLowerCase() });
  }
  return elements;
}

const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

function compareAt(a, b, weigh) {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = weigh(a[i], b[i]);
    if (difference !== 0) return difference;
  }
  return order(a.length, b.length);
}

const byPrimary = (a, b) =>
  order(a.primary, b.primary) || order(a.number.length, b.number.length) || order(a.number, b.number);
const byAccents = (a, b) => order(a.accents, b.accents);

/** Primary weights of ASCII; 0 for what needs the whole algorithm. */
const ASCII = [];
for (let code = 0; code < 128; code++) {
  const character = String.fromCharCode(code);
  ASCII[code] = /\p{Cc}/u.test(character) ? 0 : primaryOf(character);
}

const SLOW = 2;

/** The order of two texts of variants, where ASCII is what tells them apart; SLOW where it is not. */
function compareQuickly(a, b) {
  const length = a.length < b.length ? a.length : b.length;
  let byCase = 0;
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    if (x > 127 || y > 127) return SLOW;
    const left = ASCII[x];
    const right = ASCII[y];
    if (left === 0 || right === 0) return SLOW;
    // A mark that follows belongs to this character.
    if (left !== right) return a.charCodeAt(i + 1) > 127 || b.charCodeAt(i + 1) > 127 ? SLOW : left < right ? -1 : 1;
    if (byCase === 0) byCase = x > y ? -1 : 1; // small letters have the higher codes, and come first
  }
  if (a.length === b.length) return byCase;
  const next = (a.length > length ? a : b).charCodeAt(length);
  if (next > 127 || ASCII[next] === 0) return SLOW;
  return a.length < b.length ? -1 : 1;
}

export class Collator {
  #options;
  #isPlain;
  #bound = null;

  constructor(locales = undefined, options = undefined) {
    const given = toOptions(options);
    const { locale, extensions } = resolveLocale(locales);
    this.#options = {
      locale,
      usage: optionOf(given, 'usage', ['sort', 'search'], 'sort'),
      sensitivity: optionOf(given, 'sensitivity', ['base', 'accent', 'case', 'variant'], 'variant'),
      ignorePunctuation: Boolean(given.ignorePunctuation ?? false),
      collation: 'default',
      numeric: Boolean(given.numeric ?? extensions.kn === 'true'),
      caseFirst: optionOf(given, 'caseFirst', ['upper', 'lower', 'false'], extensions.kf ?? 'false'),
    };
    const { sensitivity, ignorePunctuation, numeric, caseFirst } = this.#options;
    this.#isPlain = sensitivity === 'variant' && !ignorePunctuation && !numeric && caseFirst !== 'upper';
  }

  get compare() {
    return (this.#bound ??= (a, b) => this.#compare(String(a), String(b)));
  }

  #compare(a, b) {
    if (a === b) return 0;
    if (this.#isPlain) {
      const quick = compareQuickly(a, b);
      if (quick !== SLOW) return quick;
    }
    const { sensitivity, numeric, ignorePunctuation, caseFirst } = this.#options;
    const left = elementsOf(a, numeric, ignorePunctuation);
    const right = elementsOf(b, numeric, ignorePunctuation);
    const primary = compareAt(left, right, byPrimary);
    if (primary !== 0 || sensitivity === 'base') return primary;
    if (sensitivity !== 'case') {
      const accents = compareAt(left, right, byAccents);
      if (accents !== 0 || sensitivity === 'accent') return accents;
    }
    const byCase = compareAt(left, right, (x, y) => order(x.upper, y.upper));
    return caseFirst === 'upper' ? 0 - byCase : byCase;
  }

  resolvedOptions() {
    return { ...this.#options };
  }
}
finish(Collator, 'Collator');
