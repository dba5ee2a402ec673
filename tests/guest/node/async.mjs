import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import diagnostics from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import timers from 'node:timers';
import timersPromises from 'node:timers/promises';

const say = (label, ...values) => console.log(`${label}: ${JSON.stringify(values)}`);
const storage = new AsyncLocalStorage();
const other = new AsyncLocalStorage();

say('outside', storage.getStore() === undefined);
say(
  'run',
  storage.run(1, () => storage.getStore()),
  storage.getStore() === undefined,
);
await storage.run('a', async () => {
  say('start', storage.getStore());
  await null;
  say('after await', storage.getStore());
  await new Promise((resolve) => setTimeout(resolve, 1));
  say('after a timer', storage.getStore());
  await storage.run('b', async () => {
    await null;
    say('nested', storage.getStore());
    other.run(5, () => say('two', storage.getStore(), other.getStore()));
  });
  say('back', storage.getStore());
  setTimeout((arg) => say('timer', storage.getStore(), arg), 20, 'x');
  setImmediate(() => say('immediate', storage.getStore()));
  queueMicrotask(() => say('microtask', storage.getStore()));
  process.nextTick(() => say('tick', storage.getStore()));
  Promise.resolve().then(() => say('then', storage.getStore()));
  Promise.reject(new Error('x'))
    .catch(() => say('catch', storage.getStore()))
    .finally(() => say('finally', storage.getStore()));
  storage.exit(() => say('exit', storage.getStore() === undefined));
});
await new Promise((resolve) => setTimeout(resolve, 40));
say('after all', storage.getStore() === undefined);

// A promise that is settled elsewhere: whoever waits keeps its own context.
let settle;
const shared = new Promise((resolve) => (settle = resolve));
const waiting = ['x', 'y'].map((name) => storage.run(name, async () => [await shared, storage.getStore()]));
storage.run('settler', () => settle('done'));
say('shared', await Promise.all(waiting));

await storage.run('gen', async () => {
  async function* numbers() {
    yield storage.getStore();
    await new Promise((resolve) => setTimeout(resolve, 1));
    yield storage.getStore();
  }
  const got = [];
  for await (const value of numbers()) got.push(value, storage.getStore());
  say('generator', got);
});
const thenable = {
  then(resolve) {
    setTimeout(() => resolve(storage.getStore()), 1);
  },
};
say('thenable', await storage.run('then', async () => [await thenable, storage.getStore()]));
say(
  'all',
  await storage.run('all', () =>
    Promise.all(
      [1, 2].map(async (n) => {
        await timersPromises.setTimeout(n);
        return storage.getStore();
      }),
    ),
  ),
);
say(
  'throwing',
  (() => {
    try {
      storage.run(1, () => {
        throw new Error('t');
      });
    } catch {
      return storage.getStore() === undefined;
    }
  })(),
);

const bound = storage.run('bound', () => AsyncResource.bind(() => storage.getStore()));
const snapshot = storage.run('snapshot', () => AsyncLocalStorage.snapshot());
say(
  'bound',
  bound(),
  snapshot(() => storage.getStore()),
  storage.getStore() === undefined,
);
const resource = storage.run('resource', () => new AsyncResource('R'));
say(
  'resource',
  resource.runInAsyncScope((a) => [storage.getStore(), a], null, 7),
  typeof resource.asyncId(),
);
const emitter = new EventEmitter();
emitter.on('e', () => say('event', storage.getStore()));
storage.run('emitter', () => emitter.emit('e'));
await (async () => {
  storage.enterWith('entered');
  await null;
  say('enterWith', storage.getStore());
})();

// timers
const timeout = timers.setTimeout(() => say('never'), 1);
timers.clearTimeout(timeout);
say('timers', typeof timeout.ref, timeout.hasRef(), timeout.unref().hasRef());
const immediate = await timersPromises.setImmediate('value');
say('promises', immediate, await timersPromises.setTimeout(1, 'later'));
let count = 0;
for await (const value of timersPromises.setInterval(1, 'v'))
  if (++count === 3) {
    say('interval', value, count);
    break;
  }
const controller = new AbortController();
const aborted = timersPromises.setTimeout(1000, null, { signal: controller.signal }).catch((error) => error.code);
controller.abort();
say('aborted', await aborted);
const refreshed = timers.setTimeout(() => say('refreshed'), 1);
refreshed.refresh();
await timersPromises.setTimeout(5);

const channel = diagnostics.channel('c');
diagnostics.subscribe('c', (message, name) => say('message', message, name));
channel.publish({ a: 1 });
say('channel', channel.hasSubscribers, diagnostics.hasSubscribers('other'));
const order = [];
process.nextTick(() => order.push('tick'));
Promise.resolve().then(() => order.push('promise'));
setImmediate(() => order.push('immediate'));
await new Promise((resolve) => setTimeout(resolve, 5));
say(
  'order',
  order.filter((item) => item !== 'immediate'),
  order.includes('immediate'),
);
