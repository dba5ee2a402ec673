// https://dom.spec.whatwg.org/#aborting-ongoing-activities
import { gc } from 'wapo:native';
import {
  AbortController,
  AbortSignal,
  addAbortAlgorithm,
  isAbortSignal,
  removeAbortAlgorithm,
  signalAbort,
} from '../../../guest/wapojs/js/abort.js';
import { DOMException } from '../../../guest/wapojs/js/dom-exception.js';
import { EventTarget } from '../../../guest/wapojs/js/event-target.js';
import { Event } from '../../../guest/wapojs/js/event.js';
import { assert, assertEquals, assertInterface, assertSame, assertThrows, delay, flushTasks, test } from './harness.js';

test('interfaces: shape', () => {
  assertInterface(AbortController, 'AbortController', { attributes: ['signal'], methods: { abort: 0 } });
  assertInterface(AbortSignal, 'AbortSignal', {
    parent: EventTarget,
    attributes: ['aborted', 'reason'],
    writable: ['onabort'],
    methods: { throwIfAborted: 0 },
    statics: { abort: 0, timeout: 1, any: 1 },
  });
  assertThrows(TypeError, () => new AbortSignal());
});

test('a new signal is not aborted', () => {
  const controller = new AbortController();
  assertSame(controller.signal, controller.signal);
  assert(controller.signal instanceof AbortSignal);
  assertEquals([controller.signal.aborted, controller.signal.reason], [false, undefined]);
  controller.signal.throwIfAborted();
});

test('abort fires one trusted event that does not bubble', () => {
  const controller = new AbortController();
  const events = [];
  controller.signal.addEventListener('abort', (e) =>
    events.push([e.type, e.isTrusted, e.bubbles, e.cancelable, e.target === controller.signal]),
  );
  controller.signal.onabort = () => events.push('onabort');
  controller.abort();
  controller.abort();
  assertEquals(events, [['abort', true, false, false, true], 'onabort']);
  assertEquals(controller.signal.aborted, true);
});

test('the reason is an AbortError unless another is given', () => {
  const controller = new AbortController();
  controller.abort();
  assert(controller.signal.reason instanceof DOMException);
  assertEquals([controller.signal.reason.name, controller.signal.reason.code], ['AbortError', 20]);
  assertSame(
    assertThrows(controller.signal.reason, () => controller.signal.throwIfAborted()),
    controller.signal.reason,
  );
  const other = new AbortController();
  other.abort(null);
  other.abort('late');
  assertSame(other.signal.reason, null);
  const third = new AbortController();
  third.abort(undefined);
  assertEquals(third.signal.reason.name, 'AbortError');
});

test('AbortSignal.abort makes an aborted signal', () => {
  assertEquals(AbortSignal.abort().reason.name, 'AbortError');
  assertEquals(AbortSignal.abort('why').reason, 'why');
  assertEquals(AbortSignal.abort().aborted, true);
});

test('a dispatched abort event does not abort', () => {
  const { signal } = new AbortController();
  signal.dispatchEvent(new Event('abort'));
  assertEquals(signal.aborted, false);
});

test('timeout aborts with a TimeoutError', async () => {
  const signal = AbortSignal.timeout(5);
  assertEquals(signal.aborted, false);
  let trusted;
  signal.onabort = (e) => {
    trusted = e.isTrusted;
  };
  await delay(30);
  assertEquals([signal.aborted, signal.reason.name, signal.reason.code, trusted], [true, 'TimeoutError', 23, true]);
});

test('timeout enforces its range', () => {
  for (const bad of [-1, NaN, Infinity, 'x', 2 ** 53, undefined])
    assertThrows(TypeError, () => AbortSignal.timeout(bad));
  assertThrows(TypeError, () => AbortSignal.timeout());
});

test('abort algorithms run before the event, in order, once, and can be removed', () => {
  const controller = new AbortController();
  const { signal } = controller;
  const order = [];
  signal.addEventListener('abort', () => order.push('event'));
  const removed = () => order.push('removed');
  addAbortAlgorithm(signal, () => order.push('one'));
  addAbortAlgorithm(signal, removed);
  addAbortAlgorithm(signal, () => order.push('two'));
  removeAbortAlgorithm(signal, removed);
  signalAbort(signal, 'why');
  signalAbort(signal, 'again');
  addAbortAlgorithm(signal, () => order.push('late'));
  assertEquals(order, ['one', 'two', 'event']);
  assertEquals(signal.reason, 'why');
});

test('isAbortSignal tells the genuine one', () => {
  assert(isAbortSignal(AbortSignal.abort()));
  for (const other of [{}, null, undefined, Object.create(AbortSignal.prototype)]) assert(!isAbortSignal(other));
});

test('any: checks its argument', () => {
  for (const bad of [undefined, null, 1, {}, [1], [{}], 'x']) assertThrows(TypeError, () => AbortSignal.any(bad));
  assertThrows(TypeError, () => AbortSignal.any());
  assertEquals(AbortSignal.any([]).aborted, false);
  assertEquals(AbortSignal.any(new Set([AbortSignal.abort(1)])).reason, 1);
});

test('any: follows the first source to abort, with its reason', () => {
  const one = new AbortController();
  const two = new AbortController();
  const signal = AbortSignal.any([one.signal, two.signal]);
  assert(signal !== one.signal);
  let events = 0;
  signal.onabort = () => events++;
  two.abort('two');
  one.abort('one');
  assertEquals([signal.aborted, signal.reason, events], [true, 'two', 1]);
});

test('any: of an aborted signal is aborted at once, with the reason of the first', () => {
  const signal = AbortSignal.any([new AbortController().signal, AbortSignal.abort('a'), AbortSignal.abort('b')]);
  assertEquals(signal.reason, 'a');
  assertEquals(AbortSignal.any([signal]).reason, 'a');
});

test('any: of dependent signals depends on their sources', () => {
  const controller = new AbortController();
  const first = AbortSignal.any([controller.signal]);
  const second = AbortSignal.any([first, new AbortController().signal]);
  const order = [];
  controller.signal.onabort = () => order.push('source', first.aborted, second.aborted);
  first.onabort = () => order.push('first');
  second.onabort = () => order.push('second');
  controller.abort('why');
  assertEquals(order, ['source', true, true, 'first', 'second']);
  assertSame(second.reason, 'why');
});

test('any: the default reason is the same object in all', () => {
  const controller = new AbortController();
  const signal = AbortSignal.any([controller.signal, controller.signal]);
  controller.abort();
  assertSame(signal.reason, controller.signal.reason);
});

test('any: a dependent signal created while its source aborts', () => {
  const controller = new AbortController();
  let reason;
  controller.signal.onabort = () => {
    reason = AbortSignal.any([controller.signal]).reason;
  };
  controller.abort('why');
  assertEquals(reason, 'why');
});

test('any: a dependent with a listener is kept alive by its source, one without is not', async () => {
  const controller = new AbortController();
  let aborted = 0;
  const references = [];
  (() => {
    const listened = AbortSignal.any([controller.signal]);
    listened.addEventListener('abort', () => aborted++);
    references.push(new WeakRef(listened), new WeakRef(AbortSignal.any([controller.signal])));
  })();
  await flushTasks();
  gc();
  await flushTasks();
  assert(references[0].deref() !== undefined, 'the one with a listener is gone');
  assertEquals(references[1].deref(), undefined);
  controller.abort();
  assertEquals(aborted, 1);
});

test('any: an algorithm keeps a dependent alive until it is removed', async () => {
  const controller = new AbortController();
  const steps = () => {};
  let reference;
  (() => {
    const signal = AbortSignal.any([controller.signal]);
    addAbortAlgorithm(signal, steps);
    reference = new WeakRef(signal);
  })();
  await flushTasks();
  gc();
  await flushTasks();
  (() => {
    assert(reference.deref() !== undefined, 'gone too early');
    removeAbortAlgorithm(reference.deref(), steps);
  })();
  await flushTasks();
  gc();
  await flushTasks();
  assertEquals(reference.deref(), undefined);
});
