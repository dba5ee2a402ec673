// node:https: https://nodejs.org/api/https.html; the client of node:http, by default over TLS

import { Agent as HttpAgent, ClientRequest, createServer, Server } from './http.js';
import { urlToHttpOptions } from './url.js';

export class Agent extends HttpAgent {}
export const globalAgent = new Agent({ keepAlive: true });
export { createServer, Server };

export function request(input, options, callback) {
  if (typeof input === 'string') input = urlToHttpOptions(new URL(input));
  else if (input instanceof URL) input = urlToHttpOptions(input);
  else [input, options, callback] = [{}, input, options];
  if (typeof options === 'function') [options, callback] = [{}, options];
  return new ClientRequest({ protocol: 'https:', agent: globalAgent, ...input, ...options }, callback);
}

export function get(input, options, callback) {
  const sent = request(input, options, callback);
  sent.end();
  return sent;
}

export default { Agent, Server, createServer, get, globalAgent, request };
