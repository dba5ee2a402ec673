// Sockets, against a server whose first line says what it is to do.
import net, { createConnection, isIP, Socket } from 'node:net';
import tls from 'node:tls';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';

const [host, portText] = process.env.TCP.split(':');
const port = Number(portText);
const say = (...values) => console.log(JSON.stringify(values));
const outcome = (call) => {
  try {
    return ['ok', call()];
  } catch (error) {
    return [error.name, error.code, error.message];
  }
};
const textOf = async (socket) => {
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
};

// The order of events, and what a socket says of itself.
{
  const events = [];
  const socket = net.connect(port, host, function () {
    events.push(`callback ${this === socket}`);
  });
  for (const name of ['connect', 'ready', 'end', 'finish', 'close', 'drain'])
    socket.on(name, (value) => events.push(value === undefined ? name : `${name} ${value}`));
  say(socket.connecting, socket.pending, socket.readyState, socket.remoteAddress, socket instanceof net.Stream);
  socket.write('echo\n');
  socket.write('hel');
  socket.write(Buffer.from('lo'), () => events.push('written'));
  await once(socket, 'connect');
  say(
    socket.connecting,
    socket.pending,
    socket.readyState,
    socket.remoteAddress,
    socket.remotePort === port,
    socket.remoteFamily,
  );
  const closed = once(socket, 'close');
  socket.end(' there');
  say(await textOf(socket), socket.bytesWritten, socket.bytesRead);
  await closed;
  say(events);
  say(socket.destroyed, socket.readyState, socket.pending, socket.connecting, socket.address());
}

// All forms of arguments.
for (const make of [
  () => createConnection({ port, host }),
  () => createConnection({ port: String(port), host, noDelay: true, keepAlive: true }, () => {}),
  () => net.connect(String(port), host),
  () => new Socket().connect(port, host),
  () => new Socket({ allowHalfOpen: true }).connect({ port, host }),
  () => net.connect(port, 'localhost'),
]) {
  const socket = make();
  say(socket.setNoDelay(true) === socket, socket.setKeepAlive(true, 10) === socket, socket.ref() === socket);
  socket.setEncoding('utf8');
  socket.end('echo\nx');
  say(await textOf(socket), socket.allowHalfOpen);
}
for (const call of [
  () => net.connect(70000, host),
  () => net.connect(-1, host),
  () => net.connect({}),
  () => net.connect({ port, host: 5 }),
  () => new Socket().setTimeout('x'),
  () => new Socket().setTimeout(-1),
]) {
  say(outcome(call));
}
say(isIP('::1'), isIP('1.2.3.4'), isIP('x'));

// The other side ends first.
for (const allowHalfOpen of [false, true]) {
  const socket = net.connect({ port, host, allowHalfOpen });
  socket.write('greet\n');
  const text = await textOf(Object.assign(socket, {}));
  say(text, allowHalfOpen, socket.readableEnded);
}
{
  const socket = net.connect({ port, host, allowHalfOpen: true });
  let text = '';
  socket.write('greet\n');
  socket.on('data', (chunk) => (text += chunk));
  await once(socket, 'end');
  say(text, socket.readyState, socket.writable);
  socket.end('more');
  await once(socket, 'close');
  say(socket.readyState);
}

// A lot both ways, slowly read.
{
  const socket = net.connect(port, host);
  socket.write('echo\n');
  let sum = 0;
  let length = 0;
  const chunks = Array.from({ length: 100 }, (_, i) => Buffer.alloc(20_000, i));
  const sending = pipeline(Readable.from(chunks), socket, { end: true });
  for await (const chunk of socket) {
    length += chunk.length;
    for (let i = 0; i < chunk.length; i += 1000) sum += chunk.length > i ? 1 : 0;
    await new Promise((done) => setImmediate(done));
  }
  await sending.catch((error) => say(error.code));
  say(length, sum > 1000, socket.bytesRead, socket.bytesWritten);
}

// Errors.
{
  const closed = Number(process.env.CLOSED);
  const socket = net.connect(closed, host);
  socket.on('close', (hadError) => say('close', hadError));
  const [error] = await once(socket, 'error');
  say(
    error.code,
    error.errno,
    error.syscall,
    error.address,
    error.port === closed,
    error.message.replace(String(closed), 'PORT'),
  );
}
{
  const socket = net.connect(port, 'nobody.invalid');
  const [error] = await once(socket, 'error');
  say(error.code, error.syscall, error.hostname, error.message);
}
{
  const socket = net.connect(port, host);
  socket.write('drop\n');
  socket.resume();
  const [error] = await once(socket, 'error');
  say(error.code, error.syscall, error.message);
}
{
  const socket = net.connect(port, host);
  const failed = new Promise((done) => socket.write('x', (error) => done(error?.code)));
  socket.destroy(new Error('enough'));
  const [error] = await once(socket, 'error');
  say(error.message, await failed, socket.destroyed);
}
{
  const socket = new Socket();
  socket.on('error', () => {});
  say(await new Promise((done) => socket.write('x', (error) => done(error.code))));
}
{
  const controller = new AbortController();
  const socket = net.connect({ port, host, signal: controller.signal });
  controller.abort();
  const [error] = await once(socket, 'error');
  say(error.name, error.code);
}

// Idle for too long; and again, after the socket was closed.
{
  const socket = net.connect(port, host);
  socket.setTimeout(40);
  say(socket.timeout);
  await once(socket, 'timeout');
  say('timeout', socket.destroyed);
  socket.setTimeout(0);
  socket.destroy();
  await once(socket, 'close');
  socket.connect(port, host);
  socket.end('echo\nagain');
  let text = '';
  socket.on('data', (chunk) => (text += chunk));
  await once(socket, 'close');
  say(text, socket.bytesRead);
}
{
  const socket = net.connect(port, host);
  socket.write('echo\nsoon');
  socket.destroySoon();
  await once(socket, 'close');
  say(socket.writableFinished, socket.destroyed);
}

// Who is not referred to keeps nobody alive: the program ends with these open.
{
  const socket = net.connect(port, host);
  socket.write('echo\n');
  await once(socket, 'connect');
  socket.write('x');
  say(String((await once(socket, 'data'))[0]));
  socket.unref();
  net.createServer().unref().listen(0, host, () => {}).unref();
  const other = net.connect(port, host);
  await once(other, 'connect');
  other.unref();
  say(other.ref() === other, other.unref() === other);
}

// No TLS where there is none.
{
  const socket = tls.connect({ port, host, timeout: 5000 });
  say(socket.encrypted, socket.authorized, socket instanceof tls.TLSSocket, socket instanceof net.Socket);
  socket.on('secureConnect', () => say('never'));
  const [error] = await once(socket, 'error');
  say(error instanceof Error, socket.authorized);
}
