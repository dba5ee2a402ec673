// dns.lookup: https://nodejs.org/api/dns.html#dnslookuphostname-options-callback
//
// The host looks names up, and gives the addresses that the program may connect to (docs/abi.md, 1121).

import { close, ocall, ocallWait, utf8Decode, utf8Encode } from 'wapo:native';
import { Reader } from '../wapo/messages.js';
import { invalidArgument, invalidValue, plainError, requireFunction } from './errors.js';
import { isIP } from './ip.js';

const POLL = 102, LOOKUP = 1121;
const LIMITED = 10;
const FAMILIES = [0, 4, 6, 'IPv4', 'IPv6'];

function lookupError(hostname, code = 'ENOTFOUND') {
  const error = plainError(code, `getaddrinfo ${code} ${hostname}`);
  error.errno = code === 'ENOTFOUND' ? -3008 : -3001;
  error.syscall = 'getaddrinfo';
  error.hostname = hostname;
  return error;
}

/** Calls back with an error or null, and addresses in the order of the host's system. */
function find(hostname, callback) {
  const number = ocall(LOOKUP, hostname);
  if (number < 0) {
    process.nextTick(callback, lookupError(hostname), []);
    return;
  }
  ocallWait(POLL, true, number, (error, message) => {
    close(number);
    if (error !== 0) callback(lookupError(hostname, error === LIMITED ? 'EAI_AGAIN' : 'ENOTFOUND'), []);
    else callback(null, [...new Set(utf8Decode(new Reader(message).bytes(), false, false).split('\0'))]);
  });
}

/** The options of both lookups. */
function toOptions(hostname, options) {
  if (hostname && typeof hostname !== 'string') throw invalidArgument('hostname', 'of type string', hostname);
  if (typeof options === 'number') options = { family: options };
  const { family = 0, all = false, order = 'verbatim' } = options ?? {};
  if (!FAMILIES.includes(family)) throw invalidValue('family', family, 'must be one of: 0, 4, 6');
  return { family: family === 'IPv4' ? 4 : family === 'IPv6' ? 6 : family, all, order };
}

export function lookup(hostname, options, callback) {
  if (typeof options === 'function') [options, callback] = [{}, options];
  requireFunction(callback, 'callback');
  const { family, all, order } = toOptions(hostname, options);
  const answer = (found) => {
    if (order === 'ipv4first') found.sort((a, b) => a.family - b.family);
    else if (order === 'ipv6first') found.sort((a, b) => b.family - a.family);
    if (all) callback(null, found);
    else callback(null, found[0].address, found[0].family);
  };
  if (!hostname) {
    process.nextTick(() => (all ? callback(null, []) : callback(null, null, family === 6 ? 6 : 4)));
    return {};
  }
  if (isIP(hostname) !== 0) {
    process.nextTick(() => answer([{ address: hostname, family: isIP(hostname) }]));
    return {};
  }
  find(hostname, (error, addresses) => {
    const found = addresses.map((address) => ({ address, family: isIP(address) }));
    const wanted = family === 0 ? found : found.filter((one) => one.family === family);
    if (error !== null || wanted.length === 0) callback(error ?? lookupError(hostname));
    else answer(wanted);
  });
  return {};
}

export const lookupPromise = (hostname, options) =>
  new Promise((resolve, reject) => {
    const { all } = toOptions(hostname, options);
    lookup(hostname, options ?? {}, (error, address, family) => {
      if (error) reject(error);
      else resolve(all ? address : { address, family });
    });
  });
