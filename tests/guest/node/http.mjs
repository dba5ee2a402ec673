import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';

const base = process.env.SERVER;
const say = (label, ...values) => console.log(`${label}: ${JSON.stringify(values)}`);
const send = (options, body) =>
  new Promise((resolve, reject) => {
    const request = http.request(options, async (response) => {
      resolve({
        status: response.statusCode,
        headers: response.headers,
        text: await text(response),
        complete: response.complete,
        message: response.statusMessage,
        raw: response.rawHeaders.length % 2,
      });
    });
    request.on('error', reject);
    request.end(body);
  });
const url = new URL(base);
say(
  'get',
  await new Promise((resolve) =>
    http.get(`${base}/echo?a=1`, async (response) =>
      resolve([response.statusCode, JSON.parse(await text(response)).query]),
    ),
  ),
);
const posted = await send(
  {
    hostname: url.hostname,
    port: url.port,
    path: '/echo',
    method: 'POST',
    headers: { 'X-A': 'b', 'Content-Type': 'text/plain' },
  },
  'the body',
);
const echo = JSON.parse(posted.text);
say(
  'post',
  posted.status,
  echo.method,
  echo.body,
  echo.headers['x-a'],
  echo.headers['content-length'],
  posted.complete,
  posted.message,
  posted.raw,
  posted.headers['content-type'],
);
say(
  'auth',
  JSON.parse((await send({ host: url.hostname, port: url.port, path: '/echo', auth: 'user:pass' })).text).headers
    .authorization,
);
const redirect = await send(new URL('/redirect', base));
say('redirects are not followed', redirect.status, redirect.headers.location);
const cookies = await send(new URL('/cookies', base));
say('cookies', cookies.headers['set-cookie'], cookies.headers['x-twice']);
say('error status', (await send(new URL('/nowhere', base))).status);
say('refused', await send({ host: '127.0.0.1', port: 1, path: '/' }).catch((error) => error instanceof Error));

const events = [];
const request = http.request(new URL('/echo', base), { method: 'PUT' });
request.setHeader('X-One', '1');
request.appendHeader('X-One', '2');
request.setHeader('X-Gone', 'x');
request.removeHeader('x-gone');
say(
  'headers',
  request.getHeader('x-one'),
  request.hasHeader('X-Gone'),
  request.getHeaderNames().includes('x-one'),
  request.method,
  request.path,
  request.protocol,
);
for (const name of ['response', 'finish', 'error']) request.on(name, () => events.push(name));
request.write('a');
request.write(Buffer.from('b'));
request.end('c');
const [response] = await new Promise((resolve) => request.on('response', (...args) => resolve(args)));
say('written in parts', JSON.parse(await text(response)).body, events, response.httpVersion);

const large = await send(
  { hostname: url.hostname, port: url.port, path: '/length', method: 'POST' },
  Buffer.alloc(300000, 'x'),
);
say('a large body', large.text);
const slow = http.get(`${base}/slow`);
slow.on('error', (error) => say('destroyed', error.code));
slow.on('timeout', () => {
  say('timeout');
  slow.destroy();
});
slow.setTimeout(20);
await new Promise((resolve) => slow.on('close', resolve));
const controller = new AbortController();
const aborted = new Promise((resolve) =>
  http.get(`${base}/slow`, { signal: controller.signal }).on('error', (error) => resolve(error.name)),
);
controller.abort();
say('aborted', await aborted);
for (const [label, make] of [
  ['protocol', () => http.request('ftp://x')],
  ['path', () => http.request({ path: '/a b' })],
  ['header', () => http.request({ headers: { 'a b': 'c' } })],
  ['value', () => http.request({ headers: { a: 'é\n' } })],
]) {
  try {
    make().on('error', () => {});
    say(label, 'no error');
  } catch (error) {
    say(label, error.code);
  }
}
say(
  'module',
  http.METHODS.includes('PATCH'),
  http.STATUS_CODES[404],
  typeof https.request,
  http.globalAgent instanceof http.Agent,
  new https.Agent({ maxSockets: 3 }).maxSockets,
);
