// A test harness of one page: one line a result, nothing that differs between Node and the guest's engine.
// `node run.mjs` runs every file in Node; `node run.mjs --engine PATH` runs them in another executable.

import { log, setTimer, clearTimer } from 'wapo:native';

const queue = [];
let started = false;

/** Registers a test; tests of a file run one after the other. */
export function test(name, body) {
  queue.push({ name, body });
  if (!started) {
    started = true;
    later(runAll);
  }
}

/** Runs a function as a task of its own. */
export function later(callback, ms = 0) {
  const id = setTimer(
    () => {
      clearTimer(id);
      callback();
    },
    ms,
    false,
  );
}

/** A promise that is resolved by a later task, when all promise jobs so far have run. */
export const delay = (ms = 0) => new Promise((resolve) => later(resolve, ms));

export async function flushTasks() {
  for (let i = 0; i < 4; i++) await delay(0);
}

const TIME_LIMIT_MS = 5000;

async function runAll() {
  let passed = 0;
  let failed = 0;
  for (const { name, body } of queue) {
    let timer;
    try {
      const tooLong = new Promise((_, reject) => {
        timer = setTimer(() => reject(new Error('the test did not end')), TIME_LIMIT_MS, false);
      });
      await Promise.race([body(), tooLong]);
      passed++;
      log(2, `ok      ${name}`);
    } catch (error) {
      failed++;
      log(2, `NOT OK  ${name}\n        ${error}\n${error?.stack ?? ''}`);
    } finally {
      clearTimer(timer);
    }
  }
  log(2, `${passed} passed, ${failed} failed`);
  if (failed > 0 && typeof process === 'object') process.exitCode = 1;
}

export class AssertionError extends Error {}

export function fail(message) {
  throw new AssertionError(message);
}

export function assert(condition, message = 'the condition is false') {
  if (!condition) fail(message);
}

/** A text for messages and for comparing plain data: arrays, plain objects, typed arrays, primitives. */
export function show(value) {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (Object.is(value, -0)) return '-0';
  if (typeof value === 'function') return `[function ${value.name}]`;
  if (value === null || typeof value !== 'object') return String(value);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return `${value.constructor.name}[${Array.prototype.join.call(value, ', ')}]`;
  }
  if (value instanceof ArrayBuffer) return `ArrayBuffer ${show(new Uint8Array(value))}`;
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (value instanceof Map) return `Map ${show([...value])}`;
  if (value instanceof Set) return `Set ${show([...value])}`;
  return `{${Object.keys(value)
    .map((key) => `${key}: ${show(value[key])}`)
    .join(', ')}}`;
}

/** Equal as plain data: same text form, or the same object. */
export function assertEquals(actual, expected, message = '') {
  if (Object.is(actual, expected)) return;
  const plain = (value) => typeof value === 'object' && value !== null && !(value instanceof Error);
  if (plain(actual) && plain(expected) && show(actual) === show(expected)) return;
  fail(`${message ? `${message}: ` : ''}expected ${show(expected)}, got ${show(actual)}`);
}

export function assertSame(actual, expected, message = '') {
  if (!Object.is(actual, expected))
    fail(`${message ? `${message}: ` : ''}not the same: ${show(actual)}, ${show(expected)}`);
}

function checkError(error, expected) {
  if (typeof expected === 'string') {
    // the name of a DOMException
    if (error?.constructor?.name !== 'DOMException' || error.name !== expected)
      fail(`expected ${expected}, got ${error}`);
  } else if (typeof expected === 'function') {
    if (!(error instanceof expected) || error.constructor !== expected) fail(`expected ${expected.name}, got ${error}`);
  } else if (!Object.is(error, expected)) {
    fail(`expected exactly ${show(expected)}, got ${show(error)}`);
  }
}

/** @param expected an Error class, the name of a DOMException, or the very value that is thrown */
export function assertThrows(expected, body) {
  let error;
  try {
    body();
  } catch (thrown) {
    error = thrown;
    checkError(error, expected);
    return error;
  }
  return fail('nothing was thrown');
}

export async function assertRejects(expected, promise) {
  if (!(promise instanceof Promise)) fail(`expected a promise, got ${show(promise)}`);
  let value;
  try {
    value = await promise;
  } catch (error) {
    checkError(error, expected);
    return error;
  }
  return fail(`not rejected, but resolved with ${show(value)}`);
}

/** Whether a promise is 'pending', 'fulfilled' or 'rejected' now. */
export async function stateOf(promise) {
  const marker = {};
  try {
    return (await Promise.race([promise, marker])) === marker ? 'pending' : 'fulfilled';
  } catch {
    return 'rejected';
  }
}

/**
 * The shape that Web IDL gives an interface, as idlharness checks it.
 * @param shape `{length, attributes: [names], writable: [names], methods: {name: length}, statics: {name: length},
 *   constants: {name: value}, parent}`
 */
export function assertInterface(Interface, name, shape) {
  const own = (object, key) =>
    Object.getOwnPropertyDescriptor(object, key) ?? fail(`${name}: no own property ${String(key)}`);
  assertEquals(Interface.name, name, 'name');
  assertEquals(Interface.length, shape.length ?? 0, `${name}.length`);
  assertSame(Object.getPrototypeOf(Interface), shape.parent ?? Function.prototype, `${name}: parent interface`);
  assertEquals(own(Interface, 'prototype').writable, false, `${name}.prototype writable`);
  const { prototype } = Interface;
  const tag = own(prototype, Symbol.toStringTag);
  assertEquals([tag.value, tag.writable, tag.enumerable, tag.configurable], [name, false, false, true], 'toStringTag');
  const { value: constructor, enumerable } = own(prototype, 'constructor');
  assertSame(constructor, Interface);
  assertEquals(enumerable, false, 'constructor enumerable');
  assertThrows(TypeError, () => Interface());
  for (const key of [...(shape.attributes ?? []), ...(shape.writable ?? [])]) {
    const attribute = own(prototype, key);
    assertEquals([attribute.enumerable, attribute.configurable], [true, true], `${name}.${key}`);
    assertEquals([attribute.get.length, attribute.get.name], [0, `get ${key}`], `${name}.${key} getter`);
    if ((shape.writable ?? []).includes(key)) assertEquals(attribute.set.length, 1, `${name}.${key} setter`);
    else assertEquals(attribute.set, undefined, `${name}.${key} setter`);
    let threw = false;
    try {
      const result = attribute.get.call(Object.create(prototype));
      threw = result instanceof Promise && (result.catch(() => {}), true); // promise attributes reject
    } catch (error) {
      threw = error instanceof TypeError;
    }
    assert(threw, `${name}.${key}: no brand check`);
  }
  const checkMethods = (object, methods) => {
    for (const [key, length] of Object.entries(methods ?? {})) {
      const method = own(object, key);
      assertEquals([method.enumerable, method.configurable, method.writable], [true, true, true], `${name}.${key}`);
      assertEquals([method.value.length, method.value.name], [length, key], `${name}.${key}`);
      assertEquals(Object.hasOwn(method.value, 'prototype'), false, `${name}.${key} is a constructor`);
    }
  };
  checkMethods(prototype, shape.methods);
  checkMethods(Interface, shape.statics);
  for (const [key, value] of Object.entries(shape.constants ?? {})) {
    for (const object of [Interface, prototype]) {
      const constant = own(object, key);
      assertEquals(
        [constant.value, constant.writable, constant.enumerable, constant.configurable],
        [value, false, true, false],
        `${name}.${key}`,
      );
    }
  }
}
