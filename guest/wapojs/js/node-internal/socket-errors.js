// Errors of sockets with the codes that programs compare: https://nodejs.org/api/errors.html#nodejs-error-codes
//
// The host says in a sentence why a connection failed (src/wapo/vm/net/failures.py). Programs know codes, so the sentence
// is looked up; what it was is the error's `cause`.

import { plainError, rangeError, typeError } from './errors.js';

const ERRNO = {
  EACCES: -13,
  EADDRINUSE: -98,
  ECONNREFUSED: -111,
  ECONNRESET: -104,
  EHOSTUNREACH: -113,
  EMFILE: -24,
  ENETUNREACH: -101,
  ENOTFOUND: -3008,
  EPIPE: -32,
  ETIMEDOUT: -110,
};

/** By what the sentence has in it. */
const CONNECT_CODES = [
  [/connection refused$/i, 'ECONNREFUSED'],
  [/timed out$/i, 'ETIMEDOUT'],
  [/cannot be resolved$/, 'ENOTFOUND'],
  [/no route to host$/i, 'EHOSTUNREACH'],
  [/network is unreachable$/i, 'ENETUNREACH'],
  [/not allowed here/, 'EACCES'],
  [/a limit of this program was reached$/, 'EMFILE'],
];

/** By OpenSSL's words for what is wrong with a certificate: https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const CERTIFICATE_CODES = [
  [/self[- ]signed certificate in certificate chain/, 'SELF_SIGNED_CERT_IN_CHAIN'],
  [/self[- ]signed certificate/, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  [/unable to get local issuer certificate/, 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
  [/unable to get issuer certificate/, 'UNABLE_TO_GET_ISSUER_CERT'],
  [/unable to verify the first certificate/, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  [/certificate has expired/, 'CERT_HAS_EXPIRED'],
  [/certificate is not yet valid/, 'CERT_NOT_YET_VALID'],
  [/mismatch/, 'ERR_TLS_CERT_ALTNAME_INVALID'],
];

const codeOf = (table, text, otherwise) => table.find(([words]) => words.test(text))?.[1] ?? otherwise;

function systemError(code, syscall, message, text) {
  const error = plainError(code, message);
  error.errno = ERRNO[code];
  error.syscall = syscall;
  if (text !== undefined) error.cause = new Error(text);
  return error;
}

/** Why there is no connection. `text` is what the host says. */
export function connectError(text, host, port) {
  const code = codeOf(CONNECT_CODES, text, 'ECONNRESET');
  if (code === 'ENOTFOUND') {
    const error = systemError(code, 'getaddrinfo', `getaddrinfo ENOTFOUND ${host}`, text);
    error.hostname = host;
    return error;
  }
  const error = systemError(code, 'connect', `connect ${code} ${host}:${port}`, text);
  error.address = host;
  error.port = port;
  return error;
}

/** Why a connection broke while it was read or written. */
export function brokenError(syscall, text) {
  const code = syscall === 'write' ? 'EPIPE' : 'ECONNRESET';
  return systemError(code, syscall, `${syscall} ${code}`, text);
}

/** Why there is no TLS with `host`. */
export function tlsError(text, host) {
  const certificate = /^the certificate of .* is not valid: (.*)$/s.exec(text);
  if (certificate !== null) {
    const error = plainError(codeOf(CERTIFICATE_CODES, certificate[1], 'ERR_TLS_CERT_INVALID'), certificate[1]);
    error.host = host;
    return error;
  }
  const reason = /^no TLS with .*: ([A-Z0-9_]+)$/s.exec(text);
  if (reason !== null) return plainError(`ERR_SSL_${reason[1]}`, text);
  const error = systemError('ECONNRESET', undefined, text);
  error.host = host;
  return error;
}

/** Why a port cannot be listened on; `code` is the host's. */
export function listenError(code, reason, address, port) {
  const error = systemError(code, 'listen', `listen ${code}: ${reason} ${address}:${port}`);
  error.address = address;
  error.port = port;
  return error;
}

export const closedError = () => plainError('ERR_SOCKET_CLOSED', 'Socket is closed');
export const closedBeforeConnection = () =>
  plainError('ERR_SOCKET_CLOSED_BEFORE_CONNECTION', 'Socket closed before the connection was established');

/** A port as a number: 0 to 65535, or a text of such a number. */
export function toPort(value, name = 'Port') {
  const isNumber =
    (typeof value === 'number' || (typeof value === 'string' && value.trim() !== '')) && +value === +value >>> 0;
  if (isNumber && +value <= 0xffff) return +value;
  const shown = typeof value === 'string' ? `'${value}'` : String(value);
  throw rangeError(
    'ERR_SOCKET_BAD_PORT',
    `${name} should be >= 0 and < 65536. Received type ${typeof value} (${shown}).`,
  );
}

export const missingAddress = () =>
  typeError('ERR_MISSING_ARGS', 'The "options" or "port" or "path" argument must be specified');
