// Performance: https://w3c.github.io/hr-time/#sec-performance
// Entries and marks: https://w3c.github.io/performance-timeline/ and https://w3c.github.io/user-timing/

import { clockNow, clockOrigin } from './clock.js';
import { DOMException } from './dom-exception.js';
import { EventTarget } from './event-target.js';
import { defineInterface, illegalConstructor } from './interfaces.js';
import { clone } from './structured-clone.js';
import { isObject, requireArguments, toDictionary, toDOMString, toDouble } from './webidl.js';

const { TypeError } = globalThis;

const CREATE = {};

class PerformanceEntry {
  #name;
  #entryType;
  #startTime;
  #duration;

  constructor(key = undefined, name = '', entryType = '', startTime = 0, duration = 0) {
    if (key !== CREATE) throw illegalConstructor();
    this.#name = name;
    this.#entryType = entryType;
    this.#startTime = startTime;
    this.#duration = duration;
  }

  get name() {
    return this.#name;
  }

  get entryType() {
    return this.#entryType;
  }

  get startTime() {
    return this.#startTime;
  }

  get duration() {
    return this.#duration;
  }

  toJSON() {
    return { name: this.#name, entryType: this.#entryType, startTime: this.#startTime, duration: this.#duration };
  }
}

class PerformanceMark extends PerformanceEntry {
  #detail;

  constructor(markName, markOptions = undefined) {
    requireArguments(arguments.length, 1, 'new PerformanceMark');
    const name = toDOMString(markName);
    const { detail, startTime } = toDictionary(markOptions, 'a mark: options');
    const time = startTime === undefined ? clockNow() : toDouble(startTime, 'a mark: startTime');
    if (time < 0) throw new TypeError('a mark: startTime must not be negative');
    super(CREATE, name, 'mark', time, 0);
    this.#detail = detail === undefined || detail === null ? null : clone(detail);
  }

  get detail() {
    return this.#detail;
  }
}

class PerformanceMeasure extends PerformanceEntry {
  #detail;

  constructor(key = undefined, name = '', startTime = 0, duration = 0, detail = null) {
    if (key !== CREATE) throw illegalConstructor();
    super(CREATE, name, 'measure', startTime, duration);
    this.#detail = detail;
  }

  get detail() {
    return this.#detail;
  }
}

const byStartTime = (a, b) => a.startTime - b.startTime;

class Performance extends EventTarget {
  /** @type {PerformanceEntry[]} in order of creation */
  #entries = [];

  constructor(key = undefined) {
    if (key !== CREATE) throw illegalConstructor();
    super();
  }

  now() {
    this.#entries; // the brand check
    return clockNow();
  }

  get timeOrigin() {
    this.#entries;
    return clockOrigin();
  }

  toJSON() {
    this.#entries;
    return { timeOrigin: clockOrigin() };
  }

  mark(markName, markOptions = undefined) {
    requireArguments(arguments.length, 1, 'Performance.mark');
    const mark = new PerformanceMark(markName, markOptions);
    this.#entries.push(mark);
    return mark;
  }

  clearMarks(markName = undefined) {
    this.#clear('mark', markName);
  }

  // https://w3c.github.io/user-timing/#measure-method
  measure(measureName, startOrMeasureOptions = undefined, endMark = undefined) {
    requireArguments(arguments.length, 1, 'Performance.measure');
    const name = toDOMString(measureName);
    let start;
    let end;
    let duration;
    let detail;
    if (isObject(startOrMeasureOptions)) {
      ({ detail, duration, end, start } = startOrMeasureOptions);
      if (duration !== undefined) duration = toDouble(duration, 'Performance.measure: duration');
      if (start !== undefined || end !== undefined || duration !== undefined || detail !== undefined) {
        if (endMark !== undefined)
          throw new TypeError('Performance.measure: options and an end mark exclude each other');
        if (start === undefined && end === undefined)
          throw new TypeError('Performance.measure: start or end is required');
        if (start !== undefined && duration !== undefined && end !== undefined) {
          throw new TypeError('Performance.measure: start, duration and end must not all be given');
        }
      }
    } else if (startOrMeasureOptions !== undefined && startOrMeasureOptions !== null) {
      start = toDOMString(startOrMeasureOptions);
    }
    let endTime;
    if (endMark !== undefined) endTime = this.#timeOf(toDOMString(endMark));
    else if (end !== undefined) endTime = this.#timeOf(end);
    else if (start !== undefined && duration !== undefined) endTime = this.#timeOf(start) + duration;
    else endTime = clockNow();
    let startTime = 0;
    if (start !== undefined) startTime = this.#timeOf(start);
    else if (duration !== undefined && end !== undefined) startTime = this.#timeOf(end) - duration;
    const copy = detail === undefined || detail === null ? null : clone(detail);
    const measure = new PerformanceMeasure(CREATE, name, startTime, endTime - startTime, copy);
    this.#entries.push(measure);
    return measure;
  }

  /** "Convert a mark to a timestamp": a time, or the name of a mark. */
  #timeOf(mark) {
    if (typeof mark === 'number') {
      if (mark < 0) throw new TypeError('Performance.measure: a time must not be negative');
      return toDouble(mark, 'Performance.measure: a time');
    }
    const name = toDOMString(mark);
    const entries = this.#entries;
    for (let i = entries.length - 1; i >= 0; i--) {
      if (entries[i].entryType === 'mark' && entries[i].name === name) return entries[i].startTime;
    }
    throw new DOMException(`there is no mark named '${name}'`, 'SyntaxError');
  }

  clearMeasures(measureName = undefined) {
    this.#clear('measure', measureName);
  }

  #clear(type, name) {
    if (name !== undefined) name = toDOMString(name);
    this.#entries = this.#entries.filter(
      (entry) => entry.entryType !== type || (name !== undefined && entry.name !== name),
    );
  }

  getEntries() {
    return this.#entries.slice().sort(byStartTime);
  }

  getEntriesByType(type) {
    requireArguments(arguments.length, 1, 'Performance.getEntriesByType');
    type = toDOMString(type);
    return this.#entries.filter((entry) => entry.entryType === type).sort(byStartTime);
  }

  getEntriesByName(name, type = undefined) {
    requireArguments(arguments.length, 1, 'Performance.getEntriesByName');
    name = toDOMString(name);
    if (type !== undefined) type = toDOMString(type);
    return this.#entries
      .filter((entry) => entry.name === name && (type === undefined || entry.entryType === type))
      .sort(byStartTime);
  }
}

defineInterface(PerformanceEntry);
defineInterface(PerformanceMark);
defineInterface(PerformanceMeasure);
defineInterface(Performance);

/** The global `performance`. */
export const performance = new Performance(CREATE);

export { Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure };
