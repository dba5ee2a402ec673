// TLS, against a server for the name localhost whose first line says what it is to do.
import net from 'node:net';
import tls from 'node:tls';
import { once } from 'node:events';

const [host, portText] = process.env.TLS.split(':');
const port = Number(portText);
const say = (...values) => console.log(JSON.stringify(values));
const textOf = async (socket) => {
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
};

// The order of events; what is written before the handshake goes after it.
{
  const events = [];
  const socket = tls.connect({ port, host, servername: 'localhost' }, function () {
    events.push(`callback ${this === socket}`);
  });
  for (const name of ['connect', 'ready', 'secureConnect', 'end', 'close'])
    socket.on(name, (value) => events.push(value === undefined ? name : `${name} ${value}`));
  const closed = once(socket, 'close');
  say(
    socket.encrypted,
    socket.authorized,
    socket.connecting,
    socket instanceof net.Socket,
    socket instanceof tls.TLSSocket,
  );
  socket.write('greet\n');
  await once(socket, 'secureConnect');
  say(socket.authorized, socket.authorizationError, socket.connecting, socket.readyState, socket.remoteAddress);
  say(await textOf(socket), socket.bytesRead, socket.alpnProtocol);
  await closed;
  say(events);
}

// All forms of arguments.
for (const make of [
  () => tls.connect(port, 'localhost'),
  () => tls.connect(port, 'localhost', {}, () => {}),
  () => tls.connect(port, { host: 'localhost' }),
  () => tls.connect(port, host, { servername: 'localhost' }),
  () => tls.connect({ port, host: 'localhost', secureContext: tls.createSecureContext() }),
  () => tls.connect({ socket: net.connect(port, host), servername: 'localhost' }),
]) {
  const socket = make();
  await once(socket, 'secureConnect');
  socket.write('greet\n');
  say(await textOf(socket));
}

// Over a socket that has talked already, and a lot of it.
{
  const plain = net.connect(Number(process.env.STARTTLS), host);
  plain.write('STARTTLS\n');
  const [answer] = await once(plain, 'data');
  const socket = tls.connect({ socket: plain, host: 'localhost' });
  const closed = Promise.all([once(socket, 'close'), once(plain, 'close')]);
  const sent = 'x'.repeat(1_000_000);
  socket.write('length\n');
  socket.write(`${sent}\n`);
  say(String(answer), await textOf(socket), (await closed).length);
}

// What was written before goes out in the clear, also if the connection was still to be made then.
{
  const plain = net.connect(Number(process.env.STARTTLS), host);
  plain.write('STARTTLS\n');
  let socket;
  plain.once('connect', () => plain.once('data', () => (socket = tls.connect({ socket: plain, host: 'localhost' }))));
  await once(plain, 'data');
  socket.write('greet\n');
  say(await textOf(socket), socket.bytesRead);
}

// A name that is not the certificate's, and no TLS at all.
for (const connect of [
  () => tls.connect({ port, host }),
  () => tls.connect({ port, host, servername: 'example.com' }),
]) {
  const socket = connect();
  socket.on('secureConnect', () => say('never'));
  const [error] = await once(socket, 'error');
  say(error.code, error.host, socket.authorized, socket.destroyed);
}
{
  const socket = tls.connect(Number(process.env.CLOSED), host);
  const [error] = await once(socket, 'error');
  say(error.code, error.syscall);
}
{
  const socket = tls.connect({ port, host, servername: 'localhost' });
  socket.destroy();
  const [hadError] = await once(socket, 'close');
  say(hadError, socket.destroyed, socket.encrypted);
}
