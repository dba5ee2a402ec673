// A server and its clients in one program.
import net from 'node:net';
import { once } from 'node:events';

const say = (...values) => console.log(JSON.stringify(values));
const textOf = async (socket) => {
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
};
const host = '127.0.0.1';

// An echo.
const events = [];
const server = net.createServer({ allowHalfOpen: true }, (socket) => {
  events.push(
    'connection',
    socket.remoteAddress,
    socket.remotePort > 0,
    socket.localPort === server.address().port,
    socket.server === server,
  );
  socket.pipe(socket);
});
say(server.listening, server.address(), server instanceof net.Server);
for (const name of ['listening', 'close']) server.on(name, () => events.push(name));
server.listen(0, host, () => events.push('callback'));
await once(server, 'listening');
const { address, family, port } = server.address();
say(server.listening, address, family, port > 0);
const asked = Array.from({ length: 20 }, async (_, i) => {
  const socket = net.connect(port, host);
  socket.end(`hello ${i}`);
  return textOf(socket);
});
say(await Promise.all(asked));
{
  const socket = net.connect(port, host);
  const sent = Buffer.alloc(3_000_000, 'abc');
  socket.end(sent);
  let length = 0;
  for await (const chunk of socket) length += chunk.length;
  say(length);
}

// It ends when its connections have.
const open = net.connect(port, host);
const [accepted] = await once(server, 'connection');
say(await new Promise((resolve) => server.getConnections((error, count) => resolve([error, count > 0]))));
const closed = once(server, 'close');
server.close((error) => events.push(`closed ${error}`));
say(server.listening, server.address());
open.write('still');
const [still] = await once(open, 'data');
say(String(still), accepted.readyState);
open.end();
await closed;
say(events.slice(-2), events.filter((event) => event === 'connection').length, events.slice(0, 7));
server.close((error) => say(error.code));

// A server that speaks first, and closes.
{
  const greeting = net.createServer((socket) => socket.end('welcome'));
  greeting.listen({ port: 0, host });
  await once(greeting, 'listening');
  say(await textOf(net.connect(greeting.address().port, host)));
  greeting.close();
  await once(greeting, 'close');
}

// No more than so many.
{
  const small = net.createServer((socket) => socket.write('in'));
  small.maxConnections = 1;
  small.listen(0, host);
  await once(small, 'listening');
  const first = net.connect(small.address().port, host);
  await once(first, 'data');
  const dropped = once(small, 'drop');
  const second = net.connect(small.address().port, host);
  second.on('error', () => {});
  second.resume();
  say((await dropped)[0].remoteAddress);
  await once(second, 'close');
  first.destroy();
  small.close();
  await once(small, 'close');
}
for (const list of [[70000], [{}]]) {
  try {
    net.createServer().listen(...list);
  } catch (error) {
    say(error.name, error.code);
  }
}
