// Intl.Segmenter: https://tc39.es/ecma402/#segmenter-objects
//
// The boundaries of https://www.unicode.org/reports/tr29/ as regular expressions over Unicode's properties: whole for
// graphemes, but for Indic conjuncts; words and sentences without the dictionaries and abbreviations of a language.

import { finish, optionOf, resolveLocale, toOptions } from './locales.js';

const EXTEND = '[\\p{Grapheme_Extend}\\p{Mc}\\p{Emoji_Modifier}\\u200d]*';
const PICTOGRAPH =
  '\\p{Extended_Pictographic}(?:[\\p{Grapheme_Extend}\\p{Emoji_Modifier}]*\\u200d\\p{Extended_Pictographic})*';
const HANGUL_L = '\\u1100-\\u115f\\ua960-\\ua97c';
const HANGUL_V = '\\u1160-\\u11a7\\ud7b0-\\ud7c6';
const HANGUL_T = '\\u11a8-\\u11ff\\ud7cb-\\ud7fb';
const HANGUL =
  `[${HANGUL_L}]*(?:[\\uac00-\\ud7a3][${HANGUL_V}]*|[${HANGUL_V}]+)[${HANGUL_T}]*` +
  `|[${HANGUL_L}]+|[${HANGUL_T}]+`;

const LETTER = '[[\\p{Alphabetic}\\p{M}]--[\\p{Ideographic}\\p{sc=Hira}\\p{sc=Kana}]]';
const WORD = `(?:${LETTER}|[\\p{Nd}\\p{Pc}])+`;
/** What is part of a word between two letters, and of a number between two digits. */
const INSIDE = `(?:(?<=${LETTER})[:·.'’](?=${LETTER})|(?<=\\p{Nd})[,.;'](?=\\p{Nd}))`;
const BOUNDARIES = {
  __proto__: null,
  grapheme: new RegExp(
    `\\r\\n|[\\p{Cc}\\p{Zl}\\p{Zp}]|(?:\\p{Regional_Indicator}{2}|${PICTOGRAPH}|${HANGUL}|[^])${EXTEND}`,
    'gv',
  ),
  word: new RegExp(
    `\\r\\n|[\\p{Zs}--[\\u00a0\\u202f]]+|${PICTOGRAPH}${EXTEND}|${WORD}(?:${INSIDE}${WORD})*|\\p{sc=Kana}+|[^]${EXTEND}`,
    'gv',
  ),
  sentence: /(?:[^.?!…。？！\n]|\.(?=[\p{L}\p{N}]))*(?:\n|[.?!…。？！]+["'’”)\]]*[\p{Zs}\t]*\n?|$)/gu,
};
const WORD_LIKE = /[\p{Alphabetic}\p{N}]/u;

class Segments {
  #text;
  #granularity;
  #starts = null;

  constructor(text, granularity) {
    this.#text = text;
    this.#granularity = granularity;
  }

  #segment(start, end) {
    const segment = this.#text.slice(start, end);
    const data = { segment, index: start, input: this.#text };
    if (this.#granularity === 'word') data.isWordLike = WORD_LIKE.test(segment);
    return data;
  }

  #boundaries() {
    if (this.#starts !== null) return this.#starts;
    const starts = [];
    for (const { 0: part, index } of this.#text.matchAll(BOUNDARIES[this.#granularity]))
      if (part !== '') starts.push(index);
    return (this.#starts = starts);
  }

  containing(index = 0) {
    const at = Math.trunc(Number(index)) || 0;
    if (at < 0 || at >= this.#text.length) return undefined;
    const starts = this.#boundaries();
    let low = 0;
    for (let high = starts.length - 1; low < high; ) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle] <= at) low = middle;
      else high = middle - 1;
    }
    return this.#segment(starts[low], starts[low + 1] ?? this.#text.length);
  }

  *[Symbol.iterator]() {
    const starts = this.#boundaries();
    for (let i = 0; i < starts.length; i++) yield this.#segment(starts[i], starts[i + 1] ?? this.#text.length);
  }
}

export class Segmenter {
  #options;

  constructor(locales = undefined, options = undefined) {
    const given = toOptions(options);
    const granularity = optionOf(given, 'granularity', ['grapheme', 'word', 'sentence'], 'grapheme');
    this.#options = { locale: resolveLocale(locales).locale, granularity };
  }

  segment(text) {
    return new Segments(String(text), this.#options.granularity);
  }

  resolvedOptions() {
    return { ...this.#options };
  }
}
finish(Segmenter, 'Segmenter');
