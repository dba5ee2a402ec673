// node:net: https://nodejs.org/api/net.html

import { isIP, isIPv4, isIPv6 } from '../node-internal/ip.js';
import { missingClass } from '../node-internal/missing.js';
import { createServer, Server } from '../node-internal/net-server.js';
import { connectArguments, Socket } from '../node-internal/net-socket.js';

export { createServer, isIP, isIPv4, isIPv6, Server, Socket, Socket as Stream };

export function createConnection(...list) {
  const [options, callback] = connectArguments(list);
  return new Socket(options).connect(options, callback);
}
export { createConnection as connect };

/** The host tries a name's addresses, one after the other. */
export const getDefaultAutoSelectFamily = () => false;
export const setDefaultAutoSelectFamily = () => undefined;

export const BlockList = missingClass('net.BlockList');
export const SocketAddress = missingClass('net.SocketAddress');

export default {
  connect: createConnection,
  createConnection,
  createServer,
  getDefaultAutoSelectFamily,
  setDefaultAutoSelectFamily,
  Server,
  Socket,
  Stream: Socket,
  BlockList,
  SocketAddress,
  isIP,
  isIPv4,
  isIPv6,
};
