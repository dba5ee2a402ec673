// node:tls: https://nodejs.org/api/tls.html
//
// Not available here: packages import it for what they do elsewhere, so its functions exist and say so when called.

import { missing, missingClass } from '../node-internal/missing.js';

export const connect = missing('tls.connect');
export const createSecureContext = missing('tls.createSecureContext');
export const createServer = missing('tls.createServer');
export const checkServerIdentity = missing('tls.checkServerIdentity');
export const getCiphers = missing('tls.getCiphers');
export const TLSSocket = missingClass('tls.TLSSocket');
export const Server = missingClass('tls.Server');
export const SecureContext = missingClass('tls.SecureContext');
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
