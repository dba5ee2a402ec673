// https://html.spec.whatwg.org/#timers, queueMicrotask, performance and the scheduler
import { AbortController } from '../../../guest/wapojs/js/abort.js';
import { EventTarget } from '../../../guest/wapojs/js/event-target.js';
import {
  performance,
  Performance,
  PerformanceEntry,
  PerformanceMark,
  PerformanceMeasure,
} from '../../../guest/wapojs/js/performance.js';
import { setExceptionReporter } from '../../../guest/wapojs/js/report.js';
import { scheduler, Scheduler } from '../../../guest/wapojs/js/scheduler.js';
import {
  clearImmediate,
  clearInterval,
  clearTimeout,
  queueMicrotask,
  setImmediate,
  setInterval,
  setTimeout,
} from '../../../guest/wapojs/js/timers.js';
import {
  assert,
  assertEquals,
  assertInterface,
  assertRejects,
  assertSame,
  assertThrows,
  delay,
  flushTasks,
  test,
} from './harness.js';

const error1 = new Error('error1');

test('setTimeout: id, receiver and arguments', async () => {
  let seen;
  const id = setTimeout(
    function (...args) {
      seen = [this, ...args];
    },
    1,
    'a',
    { b: 1 },
  );
  assertEquals(typeof id, 'number');
  await delay(20);
  assertSame(seen[0], globalThis);
  assertEquals(seen.slice(1), ['a', { b: 1 }]);
  assertEquals([setTimeout.length, setInterval.length, clearTimeout.length], [1, 1, 0]);
});

test('timers of one delay fire in order of creation, after microtasks', async () => {
  const order = [];
  setTimeout(() => order.push('timer 1'));
  setTimeout(() => order.push('timer 2'), 0);
  Promise.resolve().then(() => order.push('promise'));
  queueMicrotask(() => order.push('microtask'));
  await delay(20);
  assertEquals(order, ['promise', 'microtask', 'timer 1', 'timer 2']);
});

test('delays are converted to long: negative, huge, NaN and strings', async () => {
  let fired = 0;
  for (const ms of [-1, NaN, 'x', null, undefined, 2 ** 32, Infinity, -Infinity, '0', {}])
    setTimeout(() => fired++, ms);
  await delay(30);
  assertEquals(fired, 10);
  assertThrows(TypeError, () => setTimeout(() => {}, 1n));
  assertThrows(TypeError, () => setTimeout());
});

test('clearTimeout: a live id, and anything else without harm', async () => {
  let fired = 0;
  const id = setTimeout(() => fired++, 1);
  clearTimeout(id);
  for (const other of [id, undefined, null, -5, 1e9, 'x', NaN, {}]) clearTimeout(other);
  clearTimeout();
  clearInterval(setTimeout(() => fired++, 1));
  await delay(20);
  assertEquals(fired, 0);
});

test('setInterval repeats until it is cleared, also from its own callback', async () => {
  let count = 0;
  const id = setInterval(
    (step) => {
      count += step;
      if (count === 6) clearInterval(id);
    },
    1,
    2,
  );
  await delay(60);
  assertEquals(count, 6);
});

test('a string is compiled in the global scope', async () => {
  globalThis.fromTimer = 0;
  setTimeout('fromTimer += 1; var leaked = 1');
  setTimeout({ toString: () => 'fromTimer += 10' });
  await delay(20);
  assertEquals(globalThis.fromTimer, 11);
  delete globalThis.fromTimer;
});

test('exceptions of timers and microtasks are reported, and others go on', async () => {
  const errors = [];
  setExceptionReporter((e) => errors.push(e));
  let after = 0;
  setTimeout(() => {
    throw error1;
  });
  setTimeout(() => after++);
  queueMicrotask(() => {
    throw error1;
  });
  queueMicrotask(() => after++);
  await delay(20);
  setExceptionReporter(() => {});
  assertEquals([errors.length, errors[0] === error1, after], [2, true, 2]);
});

test('setImmediate and clearImmediate', async () => {
  const order = [];
  setImmediate((x) => order.push(x), 'a');
  clearImmediate(setImmediate(() => order.push('never')));
  queueMicrotask(() => order.push('micro'));
  await delay(20);
  assertEquals(order, ['micro', 'a']);
  assertThrows(TypeError, () => setImmediate('x'));
});

test('queueMicrotask takes a function, and gives it nothing', async () => {
  for (const bad of [undefined, null, 'x', {}]) assertThrows(TypeError, () => queueMicrotask(bad));
  let args;
  queueMicrotask((...a) => {
    args = a;
  });
  await Promise.resolve();
  await Promise.resolve();
  assertEquals(args, []);
  assertEquals(queueMicrotask.length, 1);
});

test('deeply nested timers slow down to 4 ms', async () => {
  const start = performance.now();
  await new Promise((resolve) => {
    let depth = 0;
    const next = () => (++depth === 12 ? resolve() : setTimeout(next, 0));
    setTimeout(next, 0);
  });
  assert(performance.now() - start >= 15, 'not throttled');
});

test('performance: shape, now and timeOrigin', async () => {
  assertInterface(Performance, 'Performance', {
    parent: EventTarget,
    attributes: ['timeOrigin'],
    methods: {
      now: 0,
      toJSON: 0,
      mark: 1,
      measure: 1,
      clearMarks: 0,
      clearMeasures: 0,
      getEntries: 0,
      getEntriesByType: 1,
      getEntriesByName: 1,
    },
  });
  assertInterface(PerformanceEntry, 'PerformanceEntry', {
    attributes: ['name', 'entryType', 'startTime', 'duration'],
    methods: { toJSON: 0 },
  });
  assertInterface(PerformanceMark, 'PerformanceMark', { length: 1, parent: PerformanceEntry, attributes: ['detail'] });
  assertInterface(PerformanceMeasure, 'PerformanceMeasure', { parent: PerformanceEntry, attributes: ['detail'] });
  const before = performance.now();
  await delay(5);
  assert(performance.now() > before && before >= 0);
  assert(Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 1000);
  assertEquals(Object.keys(performance.toJSON()), ['timeOrigin']);
});

test('performance: marks and measures', () => {
  const detail = { a: 1 };
  const mark = performance.mark('one', { detail, startTime: 5 });
  assertEquals(
    [mark.name, mark.entryType, mark.startTime, mark.duration, mark.detail],
    ['one', 'mark', 5, 0, { a: 1 }],
  );
  assert(mark.detail !== detail);
  performance.mark('two', { startTime: 9 });
  const measure = performance.measure('m', 'one', 'two');
  assertEquals([measure.entryType, measure.startTime, measure.duration, measure.detail], ['measure', 5, 4, null]);
  assertEquals(
    [
      performance.measure('o', { start: 1, end: 4 }).duration,
      performance.measure('o', { end: 9, duration: 2 }).startTime,
      performance.measure('o', { start: 'one', duration: 3 }).duration,
    ],
    [3, 7, 3],
  );
  assertEquals(performance.measure('zero', undefined, 'two').startTime, 0);
  assertThrows('SyntaxError', () => performance.measure('x', 'missing'));
  for (const bad of [{}, { start: 1, end: 2, duration: 1 }])
    if (Object.keys(bad).length) assertThrows(TypeError, () => performance.measure('x', bad));
  assertThrows(TypeError, () => performance.measure('x', { start: 1 }, 'two'));
  assertThrows(TypeError, () => performance.mark('x', { startTime: -1 }));
  assertEquals(
    performance.getEntriesByType('mark').map((e) => e.name),
    ['one', 'two'],
  );
  assertEquals(performance.getEntriesByName('one', 'mark').length, 1);
  performance.clearMarks('one');
  performance.clearMeasures();
  assertEquals(
    performance.getEntries().map((e) => e.name),
    ['two'],
  );
  performance.clearMarks();
});

test('scheduler.postTask: result, error, priorities, delay and signal', async () => {
  assertInterface(Scheduler, 'Scheduler', { methods: { postTask: 1, yield: 0 } });
  assertEquals(await scheduler.postTask(() => 5), 5);
  await assertRejects(
    error1,
    scheduler.postTask(() => {
      throw error1;
    }),
  );
  await assertRejects(TypeError, scheduler.postTask());
  await assertRejects(
    TypeError,
    scheduler.postTask(() => {}, { priority: 'high' }),
  );
  const order = [];
  const tasks = ['background', 'user-visible', 'user-blocking'].map((priority) =>
    scheduler.postTask(() => order.push(priority), { priority }),
  );
  tasks.push(scheduler.postTask(() => order.push('delayed'), { delay: 20, priority: 'user-blocking' }));
  await Promise.all(tasks);
  assertEquals(order, ['user-blocking', 'user-visible', 'background', 'delayed']);
  const controller = new AbortController();
  const aborted = scheduler.postTask(() => order.push('never'), { signal: controller.signal });
  controller.abort(error1);
  await assertRejects(error1, aborted);
  await assertRejects(
    error1,
    scheduler.postTask(() => {}, { signal: controller.signal }),
  );
  await flushTasks();
  assertEquals(order.length, 4);
});

test('scheduler.yield lets timers run, and comes before other tasks', async () => {
  const order = [];
  const task = scheduler.postTask(async () => {
    order.push('begin');
    const next = scheduler.postTask(() => order.push('next'));
    await scheduler.yield();
    order.push('continued');
    await next;
  });
  await task;
  assertEquals(order, ['begin', 'continued', 'next']);
});
