// node:http: https://nodejs.org/api/http.html
//
// The client, over fetch: a request is sent when it is ended, or when more has been written than is kept in memory. A
// program does not listen; the platform calls its handler.

import { EventEmitter } from './events.js';
import { notAvailable } from '../node-internal/errors.js';
import { ClientRequest } from '../node-internal/http-client.js';
import {
  IncomingMessage,
  OutgoingMessage,
  validateHeaderName,
  validateHeaderValue,
} from '../node-internal/http-messages.js';
import { METHODS, STATUS_CODES } from '../node-internal/http-names.js';

export { ClientRequest, IncomingMessage, OutgoingMessage, validateHeaderName, validateHeaderValue };
export { METHODS, STATUS_CODES };
export const maxHeaderSize = 16384;

/** The host keeps connections; an Agent only has its options. */
export class Agent extends EventEmitter {
  constructor(options = {}) {
    super();
    this.options = { ...options };
    this.keepAlive = options.keepAlive === true;
    this.maxSockets = options.maxSockets ?? Infinity;
    this.maxFreeSockets = options.maxFreeSockets ?? 256;
    this.requests = {};
    this.sockets = {};
    this.freeSockets = {};
  }

  destroy() {}

  getName(options = {}) {
    return `${options.host ?? 'localhost'}:${options.port ?? ''}:`;
  }
}
export const globalAgent = new Agent({ keepAlive: true });

export function request(input, options, callback) {
  const sent = new ClientRequest(input, options, callback);
  sent.agent ??= globalAgent;
  return sent;
}

export function get(input, options, callback) {
  const sent = request(input, options, callback);
  sent.end();
  return sent;
}

export function createServer() {
  throw notAvailable('http.createServer');
}
export class Server extends EventEmitter {
  constructor() {
    super();
    createServer();
  }
}
export class ServerResponse extends OutgoingMessage {}

export default {
  Agent,
  ClientRequest,
  IncomingMessage,
  METHODS,
  OutgoingMessage,
  STATUS_CODES,
  Server,
  ServerResponse,
  createServer,
  get,
  globalAgent,
  maxHeaderSize,
  request,
  validateHeaderName,
  validateHeaderValue,
};
