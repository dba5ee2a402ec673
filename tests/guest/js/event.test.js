// https://dom.spec.whatwg.org/#interface-event and the events of other standards
import { MessageChannel } from '../../../guest/wapojs/js/message-channel.js';
import {
  CloseEvent,
  CustomEvent,
  ErrorEvent,
  MessageEvent,
  ProgressEvent,
  PromiseRejectionEvent,
} from '../../../guest/wapojs/js/event-types.js';
import { Event } from '../../../guest/wapojs/js/event.js';
import { EventTarget } from '../../../guest/wapojs/js/event-target.js';
import { assert, assertEquals, assertInterface, assertSame, assertThrows, test } from './harness.js';

test('Event: interface shape', () => {
  assertInterface(Event, 'Event', {
    length: 1,
    attributes: [
      'type',
      'target',
      'srcElement',
      'currentTarget',
      'eventPhase',
      'bubbles',
      'cancelable',
      'defaultPrevented',
      'composed',
      'timeStamp',
    ],
    writable: ['cancelBubble', 'returnValue'],
    methods: { composedPath: 0, stopPropagation: 0, stopImmediatePropagation: 0, preventDefault: 0, initEvent: 1 },
    constants: { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 },
  });
});

test('isTrusted is an own accessor that cannot be reconfigured, with one getter for all', () => {
  const one = Object.getOwnPropertyDescriptor(new Event('a'), 'isTrusted');
  const two = Object.getOwnPropertyDescriptor(new Event('b'), 'isTrusted');
  assertSame(one.get, two.get);
  assertEquals([one.set, one.enumerable, one.configurable, one.get.name], [undefined, true, false, 'get isTrusted']);
  assertEquals(new Event('a').isTrusted, false);
});

test('a new event', () => {
  const event = new Event('test');
  assertEquals(
    [
      event.type,
      event.target,
      event.srcElement,
      event.currentTarget,
      event.eventPhase,
      event.bubbles,
      event.cancelable,
      event.composed,
      event.defaultPrevented,
      event.returnValue,
      event.cancelBubble,
    ],
    ['test', null, null, null, 0, false, false, false, false, true, false],
  );
  assert(event.timeStamp >= 0);
  assertEquals(event.composedPath(), []);
});

test('the constructor needs a type, converts it, and reads the init members', () => {
  assertThrows(TypeError, () => new Event());
  assertThrows(TypeError, () => new Event(Symbol()));
  assertThrows(TypeError, () => new Event('a', 1));
  assertEquals(new Event(null).type, 'null');
  const event = new Event('x', { bubbles: 1, cancelable: 'yes', composed: {} });
  assertEquals([event.bubbles, event.cancelable, event.composed], [true, true, true]);
  assertEquals(new Event('x', null).bubbles, false);
  const order = [];
  const init = {};
  for (const key of ['composed', 'bubbles', 'cancelable'])
    Object.defineProperty(init, key, {
      get() {
        order.push(key);
      },
    });
  new Event('x', init);
  assertEquals(order, ['bubbles', 'cancelable', 'composed']);
});

test('preventDefault works only on a cancelable event', () => {
  const fixed = new Event('x');
  fixed.preventDefault();
  assertEquals([fixed.defaultPrevented, fixed.returnValue], [false, true]);
  const event = new Event('x', { cancelable: true });
  event.preventDefault();
  assertEquals([event.defaultPrevented, event.returnValue], [true, false]);
});

test('returnValue: false cancels, true does nothing', () => {
  const event = new Event('x', { cancelable: true });
  event.returnValue = true;
  assertEquals(event.defaultPrevented, false);
  event.returnValue = false;
  assertEquals(event.defaultPrevented, true);
  event.returnValue = true;
  assertEquals(event.defaultPrevented, true);
});

test('cancelBubble: true stops propagation, false does nothing', () => {
  const event = new Event('x');
  event.cancelBubble = false;
  assertEquals(event.cancelBubble, false);
  event.cancelBubble = true;
  assertEquals(event.cancelBubble, true);
  event.cancelBubble = false;
  assertEquals(event.cancelBubble, true);
});

test('initEvent resets flags, target and type, but not while the event is dispatched', () => {
  const event = new Event('x', { cancelable: true });
  event.preventDefault();
  event.initEvent('y', true);
  assertEquals([event.type, event.bubbles, event.cancelable, event.defaultPrevented], ['y', true, false, false]);
  assertThrows(TypeError, () => event.initEvent());
  const target = new EventTarget();
  target.addEventListener('y', () => event.initEvent('z'));
  target.dispatchEvent(event);
  assertEquals(event.type, 'y');
});

test('CustomEvent: shape, detail and initCustomEvent', () => {
  assertInterface(CustomEvent, 'CustomEvent', {
    length: 1,
    parent: Event,
    attributes: ['detail'],
    methods: { initCustomEvent: 1 },
  });
  assertSame(new CustomEvent('x').detail, null);
  assertSame(new CustomEvent('x', { detail: undefined }).detail, null);
  const detail = {};
  const event = new CustomEvent('x', { detail, bubbles: true });
  assertSame(event.detail, detail);
  assertEquals(event.bubbles, true);
  event.initCustomEvent('y', false, false, 5);
  assertEquals([event.type, event.bubbles, event.detail], ['y', false, 5]);
  assertThrows(TypeError, () => new CustomEvent());
});

test('ErrorEvent: shape and members', () => {
  assertInterface(ErrorEvent, 'ErrorEvent', {
    length: 1,
    parent: Event,
    attributes: ['message', 'filename', 'lineno', 'colno', 'error'],
  });
  const empty = new ErrorEvent('error');
  assertEquals([empty.message, empty.filename, empty.lineno, empty.colno, empty.error], ['', '', 0, 0, undefined]);
  const event = new ErrorEvent('error', {
    message: 'm',
    filename: 'f\ud800',
    lineno: 2 ** 32 + 1,
    colno: '7',
    error: null,
  });
  assertEquals([event.message, event.filename, event.lineno, event.colno, event.error], ['m', 'f\ufffd', 1, 7, null]);
});

test('PromiseRejectionEvent: promise is required', () => {
  assertInterface(PromiseRejectionEvent, 'PromiseRejectionEvent', {
    length: 2,
    parent: Event,
    attributes: ['promise', 'reason'],
  });
  const promise = Promise.resolve();
  const event = new PromiseRejectionEvent('x', { promise, reason: 5 });
  assertSame(event.promise, promise);
  assertEquals(event.reason, 5);
  assertThrows(TypeError, () => new PromiseRejectionEvent('x'));
  assertThrows(TypeError, () => new PromiseRejectionEvent('x', {}));
});

test('MessageEvent: shape, defaults and members', () => {
  assertInterface(MessageEvent, 'MessageEvent', {
    length: 1,
    parent: Event,
    attributes: ['data', 'origin', 'lastEventId', 'source', 'ports'],
    methods: { initMessageEvent: 1 },
  });
  const empty = new MessageEvent('message');
  assertEquals([empty.data, empty.origin, empty.lastEventId, empty.source, empty.ports], [null, '', '', null, []]);
  assert(Object.isFrozen(empty.ports));
  assertSame(empty.ports, empty.ports);
  const { port1, port2 } = new MessageChannel();
  const event = new MessageEvent('message', {
    data: 1,
    origin: 'o',
    lastEventId: 'l',
    source: port1,
    ports: new Set([port2]),
  });
  assertEquals([event.data, event.origin, event.lastEventId], [1, 'o', 'l']);
  assertSame(event.source, port1);
  assertSame(event.ports[0], port2);
  for (const init of [{ ports: null }, { ports: [1] }, { ports: 1 }, { source: {} }]) {
    assertThrows(TypeError, () => new MessageEvent('message', init));
  }
  event.initMessageEvent('other', true, true, 'd', 'o2', 'l2', null, []);
  assertEquals(
    [event.type, event.bubbles, event.data, event.origin, event.lastEventId, event.source],
    ['other', true, 'd', 'o2', 'l2', null],
  );
});

test('CloseEvent: shape and conversions', () => {
  assertInterface(CloseEvent, 'CloseEvent', { length: 1, parent: Event, attributes: ['wasClean', 'code', 'reason'] });
  const empty = new CloseEvent('close');
  assertEquals([empty.wasClean, empty.code, empty.reason], [false, 0, '']);
  const event = new CloseEvent('close', { wasClean: 1, code: 65536 + 1000, reason: null });
  assertEquals([event.wasClean, event.code, event.reason], [true, 1000, 'null']);
});

test('ProgressEvent: shape and conversions', () => {
  assertInterface(ProgressEvent, 'ProgressEvent', {
    length: 1,
    parent: Event,
    attributes: ['lengthComputable', 'loaded', 'total'],
  });
  const empty = new ProgressEvent('progress');
  assertEquals([empty.lengthComputable, empty.loaded, empty.total], [false, 0, 0]);
  const event = new ProgressEvent('progress', { lengthComputable: true, loaded: '5', total: 2 ** 40 });
  assertEquals([event.lengthComputable, event.loaded, event.total], [true, 5, 2 ** 40]);
});
