// node:net: https://nodejs.org/api/net.html
//
// Not available here: packages import it for what they do elsewhere, so its functions exist and say so when called.

import { missing, missingClass } from '../node-internal/missing.js';

const V4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
export const isIPv4 = (text) => V4.test(String(text));
export const isIPv6 = (text) => String(text).includes(':') && URL.canParse(`http://[${String(text).split('%')[0]}]/`);
export const isIP = (text) => (isIPv4(text) ? 4 : isIPv6(text) ? 6 : 0);

export const connect = missing('net.connect');
export const createConnection = missing('net.createConnection');
export const createServer = missing('net.createServer');
export const Server = missingClass('net.Server');
export const Socket = missingClass('net.Socket');
export const Stream = missingClass('net.Stream');
export const BlockList = missingClass('net.BlockList');
export const SocketAddress = missingClass('net.SocketAddress');

export default {
  connect,
  createConnection,
  createServer,
  Server,
  Socket,
  Stream,
  BlockList,
  SocketAddress,
  isIP,
  isIPv4,
  isIPv6,
};
