// AssertionError: https://nodejs.org/api/assert.html#class-assertassertionerror

import { inspect } from '../inspect.js';

const SENTENCES = {
  __proto__: null,
  strictEqual: 'Expected values to be strictly equal:',
  deepStrictEqual: 'Expected values to be strictly deep-equal:',
  notStrictEqual: 'Expected "actual" to be strictly unequal to:',
  notDeepStrictEqual: 'Expected "actual" not to be strictly deep-equal to:',
  deepEqual: 'Expected values to be loosely deep-equal:',
  notDeepEqual: 'Expected "actual" not to be loosely deep-equal to:',
};

const show = (value) => inspect(value, { depth: 10, sorted: true, maxArrayLength: 50 });

function describe(actual, expected, operator) {
  const sentence = SENTENCES[operator];
  if (operator.startsWith('not')) return `${sentence ?? 'Expected values to differ:'}\n\n${show(expected)}\n`;
  if (sentence === undefined) return `${show(actual)} ${operator} ${show(expected)}`;
  return `${sentence}\n\n${show(actual)} !== ${show(expected)}\n`;
}

export class AssertionError extends Error {
  constructor(options) {
    const { message, actual, expected, operator = 'fail', stackStartFn } = options;
    super(message === undefined ? describe(actual, expected, operator) : String(message));
    this.name = 'AssertionError';
    this.code = 'ERR_ASSERTION';
    this.generatedMessage = message === undefined;
    this.actual = actual;
    this.expected = expected;
    this.operator = operator;
    if (typeof stackStartFn === 'function') Error.captureStackTrace?.(this, stackStartFn);
  }

  toString() {
    return `${this.name} [${this.code}]: ${this.message}`;
  }
}
