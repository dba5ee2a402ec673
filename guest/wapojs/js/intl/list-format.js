// Intl.ListFormat: https://tc39.es/ecma402/#listformat-objects, for English

import { finish, joinParts, optionOf, resolveLocale, toOptions } from './locales.js';

export class ListFormat {
  #options;
  #british;

  constructor(locales = undefined, options = undefined) {
    const given = toOptions(options);
    const { locale, british } = resolveLocale(locales);
    this.#british = british;
    this.#options = {
      locale,
      type: optionOf(given, 'type', ['conjunction', 'disjunction', 'unit'], 'conjunction'),
      style: optionOf(given, 'style', ['long', 'short', 'narrow'], 'long'),
    };
  }

  /** What is between two, between others, and before the last of several. */
  #separators() {
    const { type, style } = this.#options;
    if (type === 'unit') return style === 'narrow' ? [' ', ' ', ' '] : [', ', ', ', ', '];
    const word = type === 'disjunction' ? 'or' : 'and';
    if (type === 'conjunction' && style === 'narrow') return [', ', ', ', ', '];
    if (type === 'conjunction' && style === 'short' && !this.#british) return [' & ', ', ', ', & '];
    return [` ${word} `, ', ', this.#british ? ` ${word} ` : `, ${word} `];
  }

  formatToParts(list) {
    const items = [];
    for (const item of list ?? []) {
      if (typeof item !== 'string') throw new TypeError(`Iterable yielded ${String(item)} which is not a string`);
      items.push(item);
    }
    const [two, middle, last] = this.#separators();
    const parts = [];
    for (let i = 0; i < items.length; i++) {
      if (i > 0)
        parts.push({ type: 'literal', value: items.length === 2 ? two : i === items.length - 1 ? last : middle });
      parts.push({ type: 'element', value: items[i] });
    }
    return parts;
  }

  format(list) {
    return joinParts(this.formatToParts(list));
  }

  resolvedOptions() {
    return { ...this.#options };
  }
}
finish(ListFormat, 'ListFormat');
