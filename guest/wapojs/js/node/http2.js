// node:http2: https://nodejs.org/api/http2.html
//
// Not available here: packages import it for what they do elsewhere, so its functions exist and say so when called.

import { missing, missingClass } from '../node-internal/missing.js';

export const connect = missing('http2.connect');
export const createSecureServer = missing('http2.createSecureServer');
export const createServer = missing('http2.createServer');
export const getDefaultSettings = missing('http2.getDefaultSettings');
export const getPackedSettings = missing('http2.getPackedSettings');
export const getUnpackedSettings = missing('http2.getUnpackedSettings');
export const Http2ServerRequest = missingClass('http2.Http2ServerRequest');
export const Http2ServerResponse = missingClass('http2.Http2ServerResponse');
export const constants = {};
export const sensitiveHeaders = Symbol('sensitiveHeaders');

export default {
  connect,
  createSecureServer,
  createServer,
  getDefaultSettings,
  getPackedSettings,
  getUnpackedSettings,
  Http2ServerRequest,
  Http2ServerResponse,
  constants,
  sensitiveHeaders,
};
