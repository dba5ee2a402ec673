// https://dom.spec.whatwg.org/#interface-eventtarget
import { AbortController } from '../../../guest/wapojs/js/abort.js';
import { defineEventHandler, EventTarget, fireEvent, hasListeners } from '../../../guest/wapojs/js/event-target.js';
import { Event } from '../../../guest/wapojs/js/event.js';
import { setExceptionReporter } from '../../../guest/wapojs/js/report.js';
import { assert, assertEquals, assertInterface, assertSame, assertThrows, test } from './harness.js';

const error1 = new Error('error1');

/** Runs a function and returns the exceptions that were reported meanwhile. */
function reported(body) {
  const errors = [];
  setExceptionReporter((error) => errors.push(error));
  body();
  setExceptionReporter(() => {});
  return errors;
}

test('interface shape', () => {
  assertInterface(EventTarget, 'EventTarget', {
    methods: { addEventListener: 2, removeEventListener: 2, dispatchEvent: 1 },
  });
});

test('a listener gets the event, with its target, as a method of the target', () => {
  const target = new EventTarget();
  const event = new Event('x');
  let seen;
  target.addEventListener('x', function (e) {
    seen = [
      this === target,
      e === event,
      e.target === target,
      e.currentTarget === target,
      e.eventPhase,
      e.composedPath()[0] === target,
    ];
  });
  assertEquals(target.dispatchEvent(event), true);
  assertEquals(seen, [true, true, true, true, Event.AT_TARGET, true]);
  assertEquals([event.eventPhase, event.currentTarget], [0, null]);
  assertSame(event.target, target);
});

test('listeners run in order of addition, capturing ones first', () => {
  const target = new EventTarget();
  const order = [];
  target.addEventListener('x', () => order.push('bubble 1'));
  target.addEventListener('x', () => order.push('capture'), true);
  target.addEventListener('x', () => order.push('bubble 2'), { capture: false });
  target.dispatchEvent(new Event('x'));
  assertEquals(order, ['capture', 'bubble 1', 'bubble 2']);
});

test('the same callback, type and capture is added once', () => {
  const target = new EventTarget();
  let calls = 0;
  const listener = () => calls++;
  target.addEventListener('x', listener);
  target.addEventListener('x', listener, { once: true, passive: true });
  target.addEventListener('x', listener, true);
  target.dispatchEvent(new Event('x'));
  assertEquals(calls, 2);
});

test('removeEventListener needs the same capture', () => {
  const target = new EventTarget();
  let calls = 0;
  const listener = () => calls++;
  target.addEventListener('x', listener, true);
  target.removeEventListener('x', listener);
  target.dispatchEvent(new Event('x'));
  target.removeEventListener('x', listener, { capture: true });
  target.removeEventListener('x', listener, { capture: true });
  target.dispatchEvent(new Event('x'));
  assertEquals(calls, 1);
});

test('once: removed before it is called', () => {
  const target = new EventTarget();
  let calls = 0;
  target.addEventListener(
    'x',
    () => {
      calls++;
      target.dispatchEvent(new Event('x'));
    },
    { once: true },
  );
  target.dispatchEvent(new Event('x'));
  assertEquals(calls, 1);
});

test('passive: preventDefault does nothing', () => {
  const target = new EventTarget();
  target.addEventListener('x', (e) => e.preventDefault(), { passive: true });
  const event = new Event('x', { cancelable: true });
  assertEquals(target.dispatchEvent(event), true);
  target.addEventListener('x', (e) => e.preventDefault());
  assertEquals(target.dispatchEvent(event), false);
  assertEquals(event.defaultPrevented, true);
});

test('signal: aborting removes the listener; an aborted one adds none', () => {
  const target = new EventTarget();
  const controller = new AbortController();
  let calls = 0;
  target.addEventListener('x', () => calls++, { signal: controller.signal });
  target.dispatchEvent(new Event('x'));
  controller.abort();
  target.dispatchEvent(new Event('x'));
  target.addEventListener('x', () => calls++, { signal: controller.signal });
  target.dispatchEvent(new Event('x'));
  assertEquals(calls, 1);
  assertEquals(hasListeners(target, 'x'), false);
  for (const signal of [null, {}, 1]) assertThrows(TypeError, () => target.addEventListener('x', null, { signal }));
});

test('options: read in order, converted; anything else is a boolean', () => {
  const target = new EventTarget();
  const order = [];
  const options = {};
  for (const key of ['signal', 'once', 'capture', 'passive'])
    Object.defineProperty(options, key, {
      get() {
        order.push(key);
      },
    });
  target.addEventListener('x', () => {}, options);
  assertEquals(order, ['capture', 'once', 'passive', 'signal']);
  let phases = [];
  for (const value of [1, 'x', Symbol(), 1n]) target.addEventListener('y', () => phases.push(value), value);
  target.addEventListener('y', () => phases.push('bubble'), null);
  target.addEventListener('y', () => phases.push('bubble'), undefined);
  target.dispatchEvent(new Event('y'));
  assertEquals(phases.slice(-2), ['bubble', 'bubble']);
});

test('handleEvent is looked up at each dispatch, with the object as receiver', () => {
  const target = new EventTarget();
  const calls = [];
  const listener = {};
  target.addEventListener('x', listener);
  assertEquals(
    reported(() => target.dispatchEvent(new Event('x'))).map((e) => e.constructor),
    [TypeError],
  );
  listener.handleEvent = function (e) {
    calls.push(this === listener, e.type);
  };
  target.dispatchEvent(new Event('x'));
  assertEquals(calls, [true, 'x']);
  Object.defineProperty(listener, 'handleEvent', {
    get() {
      throw error1;
    },
  });
  assertSame(reported(() => target.dispatchEvent(new Event('x')))[0], error1);
});

test('a callable object with handleEvent is called as a function', () => {
  const target = new EventTarget();
  let called = false;
  const listener = () => {
    called = true;
  };
  listener.handleEvent = () => {
    throw error1;
  };
  target.addEventListener('x', listener);
  target.dispatchEvent(new Event('x'));
  assert(called);
});

test('callbacks that are null are ignored, that are no objects are refused', () => {
  const target = new EventTarget();
  target.addEventListener('x', null);
  target.addEventListener('x', undefined);
  target.removeEventListener('x', null);
  for (const bad of [1, 'f', true, Symbol()]) assertThrows(TypeError, () => target.addEventListener('x', bad));
  assertThrows(TypeError, () => target.addEventListener('x'));
  assertThrows(TypeError, () => target.removeEventListener('x'));
  assertEquals(hasListeners(target, 'x'), false);
});

test('an exception of a listener is reported, the next is called', () => {
  const target = new EventTarget();
  let called = false;
  target.addEventListener('x', () => {
    throw error1;
  });
  target.addEventListener('x', () => {
    called = true;
  });
  let result;
  const errors = reported(() => {
    result = target.dispatchEvent(new Event('x'));
  });
  assertEquals(errors.length, 1);
  assertSame(errors[0], error1);
  assert(called && result);
});

test('stopPropagation ends before the other phase, stopImmediatePropagation at once', () => {
  const run = (method) => {
    const target = new EventTarget();
    const order = [];
    target.addEventListener(
      'x',
      (e) => {
        order.push(1);
        e[method]();
      },
      true,
    );
    target.addEventListener('x', () => order.push(2), true);
    target.addEventListener('x', () => order.push(3));
    target.dispatchEvent(new Event('x'));
    return order;
  };
  assertEquals(run('stopPropagation'), [1, 2]);
  assertEquals(run('stopImmediatePropagation'), [1]);
});

test('an event stopped before dispatch reaches nobody, and can be dispatched again', () => {
  const target = new EventTarget();
  let calls = 0;
  target.addEventListener('x', () => calls++);
  const event = new Event('x');
  event.stopPropagation();
  target.dispatchEvent(event);
  assertEquals(calls, 0);
  assertEquals(event.cancelBubble, false);
  target.dispatchEvent(event);
  assertEquals(calls, 1);
});

test('a listener added while its list is running waits for the next event, a removed one is skipped', () => {
  const target = new EventTarget();
  const order = [];
  const removed = () => order.push('removed');
  target.addEventListener(
    'x',
    () => {
      order.push('first');
      target.removeEventListener('x', removed);
      target.addEventListener('x', () => order.push('added'), { once: true });
    },
    { once: true },
  );
  target.addEventListener('x', removed);
  target.dispatchEvent(new Event('x'));
  assertEquals(order, ['first']);
  target.dispatchEvent(new Event('x'));
  assertEquals(order, ['first', 'added']);
});

test('dispatchEvent needs an Event that is not under way', () => {
  const target = new EventTarget();
  for (const bad of [undefined, null, {}, { type: 'x' }, 'x']) assertThrows(TypeError, () => target.dispatchEvent(bad));
  assertThrows(TypeError, () => target.dispatchEvent());
  let error;
  target.addEventListener('x', (e) => {
    error = assertThrows('InvalidStateError', () => target.dispatchEvent(e));
  });
  target.dispatchEvent(new Event('x'));
  assertEquals(error.code, 11);
});

test('dispatchEvent makes an event untrusted, fireEvent trusted', () => {
  const target = new EventTarget();
  const event = new Event('x');
  fireEvent(target, event);
  assertEquals(event.isTrusted, true);
  target.dispatchEvent(event);
  assertEquals(event.isTrusted, false);
});

test('a subclass works', () => {
  class Emitter extends EventTarget {
    emit(type) {
      return this.dispatchEvent(new Event(type));
    }
  }
  const emitter = new Emitter();
  let got;
  emitter.addEventListener('x', (e) => {
    got = e.target;
  });
  emitter.emit('x');
  assertSame(got, emitter);
});

// Event handlers: https://html.spec.whatwg.org/#event-handler-attributes

class Handled extends EventTarget {}
defineEventHandler(Handled.prototype, 'x');

test('a handler attribute is an enumerable accessor', () => {
  const { get, set, enumerable, configurable } = Object.getOwnPropertyDescriptor(Handled.prototype, 'onx');
  assertEquals(
    [get.name, get.length, set.name, set.length, enumerable, configurable],
    ['get onx', 0, 'set onx', 1, true, true],
  );
});

test('a handler: null at first; functions and objects are kept, the rest is null', () => {
  const target = new Handled();
  assertEquals(target.onx, null);
  const object = {
    handleEvent() {
      throw error1;
    },
  };
  for (const value of [() => {}, object]) {
    target.onx = value;
    assertSame(target.onx, value);
  }
  assertEquals(
    reported(() => target.dispatchEvent(new Event('x'))),
    [],
  );
  for (const value of [1, 'f', undefined, null, true]) {
    target.onx = value;
    assertSame(target.onx, null);
  }
});

test('a handler keeps its place among the listeners until it is set to null', () => {
  const target = new Handled();
  const order = [];
  target.onx = () => order.push('first');
  target.addEventListener('x', () => order.push('listener'));
  target.onx = () => order.push('handler');
  target.dispatchEvent(new Event('x'));
  target.onx = null;
  target.onx = () => order.push('again');
  target.dispatchEvent(new Event('x'));
  assertEquals(order, ['handler', 'listener', 'listener', 'again']);
});

test('a handler that returns false cancels the event', () => {
  const target = new Handled();
  target.onx = function () {
    assertSame(this, target);
    return false;
  };
  assertEquals(target.dispatchEvent(new Event('x', { cancelable: true })), false);
  target.onx = () => true;
  assertEquals(target.dispatchEvent(new Event('x', { cancelable: true })), true);
});
