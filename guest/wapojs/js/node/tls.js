// node:tls: https://nodejs.org/api/tls.html
//
// Clients. The node makes TLS and verifies servers itself, see ../node-internal/tls-socket.js.

import { missing, missingClass } from '../node-internal/missing.js';
import { connectArguments } from '../node-internal/net-socket.js';
import { refusedOption, TLSSocket } from '../node-internal/tls-socket.js';

export { TLSSocket };

/** (options, callback?), (port, host?, options?, callback?) or (path, options?, callback?). */
export function connect(...list) {
  const [first, callback] = connectArguments(list);
  const more = list.slice(1).find((value) => typeof value === 'object' && value !== null);
  const options = typeof list[0] === 'object' ? first : { ...first, ...more };
  const socket = new TLSSocket(options.socket, options);
  if (callback !== undefined) socket.once('secureConnect', callback);
  if (!options.socket) socket.connect(options);
  else if (options.timeout) socket.setTimeout(options.timeout);
  return socket;
}

export class SecureContext {
  constructor(options = {}) {
    this.context = {};
    this.refused = refusedOption(options);
  }
}
export const createSecureContext = (options) => new SecureContext(options);

export const createServer = missing('tls.createServer');
export const Server = missingClass('tls.Server');
export const checkServerIdentity = missing('tls.checkServerIdentity');
export const getCiphers = missing('tls.getCiphers');
export const rootCertificates = [];
export const DEFAULT_MIN_VERSION = 'TLSv1.2';
export const DEFAULT_MAX_VERSION = 'TLSv1.3';

export default {
  connect,
  createSecureContext,
  createServer,
  checkServerIdentity,
  getCiphers,
  TLSSocket,
  Server,
  SecureContext,
  rootCertificates,
  DEFAULT_MIN_VERSION,
  DEFAULT_MAX_VERSION,
};
