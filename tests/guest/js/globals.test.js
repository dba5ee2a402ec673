// guest/wapojs/js/globals.js and global-errors.js: what appears on the global object, and how
import { fireRejectionHandled, fireUnhandledRejection } from '../../../guest/wapojs/js/global-errors.js';
import { exposeGlobals } from '../../../guest/wapojs/js/globals.js';
import { ErrorEvent, PromiseRejectionEvent } from '../../../guest/wapojs/js/event-types.js';
import { Event } from '../../../guest/wapojs/js/event.js';
import { assert, assertEquals, assertSame, assertThrows, flushTasks, test } from './harness.js';

const lines = [];
exposeGlobals((level, text) => lines.push([level, text]));
const error1 = new TypeError('error1');

test('globals are writable and configurable; operations are enumerable', () => {
  const operations = ['structuredClone', 'setTimeout', 'queueMicrotask', 'reportError', 'atob'];
  for (const name of ['AbortController', 'ReadableStream', 'Headers', 'console', 'performance', 'URLSearchParams', ...operations]) {
    const { writable, configurable, enumerable } = Object.getOwnPropertyDescriptor(globalThis, name);
    assertEquals([writable, configurable, enumerable], [true, true, operations.includes(name)], name);
  }
  console.log('to the sink');
  assertEquals(lines.pop(), ['info', 'to the sink']);
});

test('the global object is an event target, with or without a receiver', () => {
  const { addEventListener, removeEventListener, dispatchEvent } = globalThis;
  let seen;
  const listener = function (e) {
    seen = [this, e.target];
  };
  addEventListener('x', listener);
  dispatchEvent(new Event('x'));
  assertSame(seen[0], globalThis);
  assertSame(seen[1], globalThis);
  removeEventListener('x', listener);
  seen = undefined;
  globalThis.dispatchEvent(new Event('x'));
  assertEquals(seen, undefined);
});

test('reportError: logged if nobody listens', () => {
  lines.length = 0;
  reportError(error1);
  assertEquals([lines.length, lines[0][0]], [1, 'error']);
  assert(lines[0][1].startsWith('Uncaught TypeError: error1\n    at '), lines[0][1]);
  assertThrows(TypeError, () => reportError());
  reportError('a string');
  assertEquals(lines[1], ['error', "Uncaught 'a string'"]);
});

test('reportError: an error event, which may be cancelled', () => {
  lines.length = 0;
  let event;
  addEventListener(
    'error',
    (e) => {
      event = e;
      e.preventDefault();
    },
    { once: true },
  );
  reportError(error1);
  assert(event instanceof ErrorEvent);
  assertSame(event.error, error1);
  assertEquals(
    [event.message, event.cancelable, event.isTrusted, lines.length],
    ['Uncaught TypeError: error1', true, true, 0],
  );
  assert(event.filename.includes('globals.test') && event.lineno > 0 && event.colno > 0);
});

test('onerror gets five arguments, and true cancels', () => {
  lines.length = 0;
  let args;
  globalThis.onerror = (...a) => {
    args = a;
    return true;
  };
  reportError(error1);
  assertEquals([args.length, args[0], args[4] === error1, lines.length], [5, 'Uncaught TypeError: error1', true, 0]);
  globalThis.onerror = () => {
    throw new Error('again');
  };
  reportError(error1);
  assertEquals(lines.length, 2);
  globalThis.onerror = null;
});

test('unhandled rejections', () => {
  const promise = Promise.resolve();
  assertEquals(fireUnhandledRejection(promise, error1), false);
  let event;
  globalThis.onunhandledrejection = (e) => {
    event = e;
  };
  assertEquals(fireUnhandledRejection(promise, error1), false);
  assert(event instanceof PromiseRejectionEvent);
  assertSame(event.promise, promise);
  assertSame(event.reason, error1);
  globalThis.onunhandledrejection = (e) => e.preventDefault();
  assertEquals(fireUnhandledRejection(promise, error1), true);
  globalThis.onunhandledrejection = null;
  let handled = 0;
  addEventListener('rejectionhandled', () => handled++);
  fireRejectionHandled(promise, error1);
  assertEquals(handled, 1);
});

test('exceptions of timers reach the global error event', async () => {
  let message;
  addEventListener(
    'error',
    (e) => {
      message = e.message;
      e.preventDefault();
    },
    { once: true },
  );
  setTimeout(() => {
    throw new RangeError('late');
  });
  await flushTasks();
  assertEquals(message, 'Uncaught RangeError: late');
});

test('the platform survives user code that breaks built-ins', async () => {
  const saved = [
    [Array.prototype, 'push'],
    [Map.prototype, 'get'],
    [Promise, 'resolve'],
    [Object, 'defineProperty'],
    [Function.prototype, 'call'],
    [Uint8Array.prototype, Symbol.iterator],
  ];
  const originals = saved.map(([object, key]) => object[key]);
  const { ReadableStream: RS, AbortController: AC, TextEncoder: TE } = globalThis;
  let promise;
  try {
    Promise.resolve =
      Object.defineProperty =
      Function.prototype.call =
        () => {
          throw new Error('broken');
        };
    const controller = new AC();
    controller.abort();
    new TE().encode('x');
    promise = new RS({
      start(c) {
        c.enqueue(1);
        c.close();
      },
    })
      .getReader()
      .read();
  } finally {
    saved.forEach(([object, key], i) => {
      object[key] = originals[i];
    });
  }
  assertEquals((await promise).value, 1);
});
