// Redis with `redis`: what a program does with it every day.
import { createClient } from 'redis';

const say = (...values) => console.log(JSON.stringify(values));
const url = `redis://:secret@${process.env.REDIS}`;
const failure = (promise) =>
  promise.then(
    () => 'no error',
    (error) => [error.constructor.name, error.message],
  );

const client = createClient({ url });
client.on('error', (error) => say('error', error.message));
await client.connect();
say(client.isReady, await client.ping());
await client.flushDb();
say(await client.set('key', 'tea 😀'), await client.get('key'), await client.get('none'));
say(await client.set('short', '1', { expiration: { type: 'EX', value: 100 } }), (await client.ttl('short')) > 90);
say(await client.incr('n'), await client.incrBy('n', 41), await client.del(['n', 'none']));
say(await client.hSet('hash', { a: '1', b: '2' }), await client.hGetAll('hash'));
say(await client.rPush('list', ['a', 'b', 'c']), await client.lRange('list', 0, -1));
say(
  await client.sAdd('set', ['x', 'y', 'x']),
  await client.zAdd('sorted', [
    { score: 2, value: 'two' },
    { score: 1, value: 'one' },
  ]),
);
say(await client.zRange('sorted', 0, -1));

// Together
say(await Promise.all(Array.from({ length: 100 }, (_, i) => client.set(`many:${i}`, i))).then((all) => all.length));
say(await client.multi().set('t', '1').incr('t').get('t').exec());
say(await client.multi().ping().get('key').execAsPipeline());
const keys = [];
for await (const some of client.scanIterator({ MATCH: 'many:*', COUNT: 30 })) keys.push(...some);
say(keys.length);
const long = 'é'.repeat(1_000_000);
await client.set('long', long);
say((await client.get('long')) === long);
say(await client.eval('return {KEYS[1], ARGV[1]}', { keys: ['k'], arguments: ['a'] }));
say(await failure(client.sendCommand(['NOSUCH'])), await failure(client.lPush('key', 'x')));

// Who subscribes, and who publishes
const subscriber = client.duplicate();
await subscriber.connect();
const heard = [];
const done = new Promise((resolve) => {
  subscriber
    .subscribe('news', (message, channel) => heard.push([channel, message]))
    .then(async () => {
      await subscriber.pSubscribe('n*', (message, channel) => {
        heard.push(['pattern', channel, message]);
        if (message === 'last') resolve();
      });
      await client.publish('news', 'first');
      await client.publish('news', 'last');
    });
});
await done;
say(heard);
await subscriber.unsubscribe();
await subscriber.pUnsubscribe();
await subscriber.close();
await client.close();

// Over TLS
const secure = createClient({ url: `rediss://:secret@localhost:${process.env.REDIS_TLS_PORT}` });
await secure.connect();
say((await secure.get('long')) === long, await secure.set('long', long), (await secure.get('long')) === long);
await secure.close();

// What does not work
const closed = createClient({ url: `redis://127.0.0.1:${process.env.CLOSED}`, socket: { reconnectStrategy: false } });
closed.on('error', () => {});
say((await failure(closed.connect())).slice(0, 1));
const wrong = createClient({ url: `redis://:wrong@${process.env.REDIS}`, socket: { reconnectStrategy: false } });
wrong.on('error', () => {});
say(await failure(wrong.connect()));
