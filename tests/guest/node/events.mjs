import EventEmitter, { errorMonitor, getEventListeners, on, once } from 'node:events';
import events from 'node:events';
import { inherits } from 'node:util';

const log = [];
const say = (label, value) => console.log(`${label}: ${JSON.stringify(value)}`);
const attempt = (make) => {
  try {
    return make();
  } catch (error) {
    return `${error.name} ${error.code} ${error.message}`;
  }
};

say('module', [events === EventEmitter, EventEmitter.EventEmitter === EventEmitter, EventEmitter.defaultMaxListeners]);
const emitter = new EventEmitter();
emitter.on('a', (...args) => log.push(['first', args]));
emitter.prependListener('a', function () {
  log.push(['prepended', this === emitter]);
});
emitter.once('a', () => log.push(['once']));
say('emit', [emitter.emit('a', 1, 2), emitter.emit('a', 3), emitter.emit('b'), log]);
say('counts', [
  emitter.listenerCount('a'),
  emitter.eventNames(),
  emitter.listeners('a').length,
  getEventListeners(emitter, 'a').length,
]);
const f = () => log.push('f');
emitter.on('c', f).once('c', f);
say('raw', [emitter.rawListeners('c').map((l) => l.listener === f), emitter.listeners('c').map((l) => l === f)]);
emitter.off('c', f);
say('off', [emitter.listenerCount('c')]);
emitter.removeAllListeners('c');
emitter.removeAllListeners();
say('removed', [emitter.eventNames()]);
say(
  'no error listener',
  attempt(() => emitter.emit('error', new Error('boom'))),
);
say(
  'no error at all',
  attempt(() => emitter.emit('error', { a: 1 })),
);
const watched = [];
emitter.on(errorMonitor, (error) => watched.push(error.message));
say('monitor', [attempt(() => emitter.emit('error', new RangeError('seen'))), watched]);
say(
  'bad listener',
  attempt(() => emitter.on('x', 5)),
);
const metas = [];
const meta = new EventEmitter();
meta.on('newListener', (type) => metas.push(`+${String(type)}`));
meta.on('removeListener', (type) => metas.push(`-${String(type)}`));
const symbol = Symbol('s');
meta.on(symbol, f);
meta.once('y', f);
meta.emit('y');
meta.removeListener(symbol, f);
say('meta', metas);
const during = new EventEmitter();
const order = [];
during.on('x', () => {
  order.push(1);
  during.removeListener('x', second);
  during.on('x', () => order.push(3));
});
const second = () => order.push(2);
during.on('x', second);
during.emit('x');
say('changes while emitting', order);

function Old() {
  EventEmitter.call(this);
}
inherits(Old, EventEmitter);
const old = new Old();
old.on('z', (v) => log.push(v));
say('inherited', [old.emit('z', 'old'), old instanceof EventEmitter, log.at(-1), Old.super_ === EventEmitter]);
class Fresh extends EventEmitter {}
say('class', [new Fresh().on('a', f).emit('a')]);

const later = new EventEmitter();
setTimeout(() => later.emit('ready', 1, 2), 1);
say('once', await once(later, 'ready'));
setTimeout(() => later.emit('error', new Error('late')), 1);
say('once, failing', await once(later, 'ready').catch((error) => error.message));
say('once, error itself', await (setTimeout(() => later.emit('error', 5), 1), once(later, 'error')));
const aborter = new AbortController();
const aborted = once(later, 'never', { signal: aborter.signal }).catch((error) => [error.name, error.code]);
aborter.abort();
say('once, aborted', [await aborted, later.listenerCount('never')]);

setTimeout(() => {
  later.emit('item', 1);
  later.emit('item', 2);
  later.emit('end');
}, 1);
const items = [];
for await (const [item] of on(later, 'item', { close: ['end'] })) items.push(item);
say('on', [items, later.listenerCount('item')]);
const target = new EventTarget();
setTimeout(() => target.dispatchEvent(new Event('hello')), 1);
say(
  'once of EventTarget',
  (await once(target, 'hello')).map((event) => event.type),
);
const capturing = new EventEmitter({ captureRejections: true });
capturing.on('go', async () => {
  throw new Error('captured');
});
capturing.on('error', (error) => console.log(`capture: ${error.message}`));
capturing.emit('go');
