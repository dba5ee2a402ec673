// Redis with `ioredis`: what a program does with it every day.
import { Redis } from 'ioredis';

const say = (...values) => console.log(JSON.stringify(values));
const [host, port] = process.env.REDIS.split(':');
const options = { host, port: Number(port), password: 'secret' };
const failure = (promise) =>
  promise.then(
    () => 'no error',
    (error) => [error.constructor.name, error.message],
  );

const redis = new Redis(options);
say(await redis.ping());
await redis.flushdb();
say(
  await redis.set('key', 'tea 😀', 'EX', 100),
  await redis.get('key'),
  await redis.getBuffer('key'),
  await redis.get('none'),
);
say(await redis.hset('hash', { a: 1, b: 2 }), await redis.hgetall('hash'), await redis.mget('key', 'none'));
say(
  await redis
    .pipeline()
    .set('a', 1)
    .incr('a')
    .lpush('a', 'x')
    .get('a')
    .exec()
    .then((all) => all.map(([error, value]) => [error?.message, value])),
);
say(await redis.multi().set('b', 1).incr('b').exec());
redis.defineCommand('echoTwice', { numberOfKeys: 1, lua: 'return {KEYS[1], ARGV[1], ARGV[1]}' });
say(await redis.echoTwice('k', 'a'));
say(await Promise.all(Array.from({ length: 200 }, (_, i) => redis.incr('counter'))).then((all) => all[199]));
say(await redis.xadd('stream', '1-1', 'field', 'value'), await redis.xrange('stream', '-', '+'));
const keys = [];
for await (const some of redis.scanStream({ match: '*', count: 2 })) keys.push(...some);
say(keys.sort());
say(await failure(redis.call('NOSUCH')));

const subscriber = new Redis(options);
const heard = new Promise((resolve) => subscriber.on('message', (channel, message) => resolve([channel, message])));
say(await subscriber.subscribe('news'));
say(await redis.publish('news', 'hello'), await heard);
say(await failure(subscriber.get('key')));

// Waits that a server ends, and those that the client gives up
const waiting = redis.blpop('queue', 5);
const other = new Redis(options);
await other.rpush('queue', 'job');
say(await waiting);
say(await subscriber.quit(), await redis.quit());
other.disconnect();

// Over TLS
const secure = new Redis({ ...options, host: 'localhost', port: Number(process.env.REDIS_TLS_PORT), tls: {} });
say(await secure.get('key'), await secure.ping(), await secure.quit());
const strict = { ...options, port: Number(process.env.REDIS_TLS_PORT), retryStrategy: null, maxRetriesPerRequest: 0 };
const stranger = new Redis({ ...strict, tls: {} });
stranger.on('error', (error) => say(error.code));
say((await failure(stranger.ping()))[0]);

// Nobody there
const closed = new Redis({
  ...options,
  port: Number(process.env.CLOSED),
  maxRetriesPerRequest: 0,
  retryStrategy: null,
});
closed.on('error', (error) => say(error.code, error.syscall));
say((await failure(closed.ping()))[0]);
