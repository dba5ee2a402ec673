// node:dns: https://nodejs.org/api/dns.html
//
// Only `lookup`. Packages import the rest for what they do elsewhere, so it exists and says so when it is called.

import { lookup, lookupPromise } from '../node-internal/dns-lookup.js';
import { missing, missingClass } from '../node-internal/missing.js';

export { lookup };
export const lookupService = missing('dns.lookupService');
export const resolve = missing('dns.resolve');
export const resolve4 = missing('dns.resolve4');
export const resolve6 = missing('dns.resolve6');
export const resolveCname = missing('dns.resolveCname');
export const resolveMx = missing('dns.resolveMx');
export const resolveNs = missing('dns.resolveNs');
export const resolveSrv = missing('dns.resolveSrv');
export const resolveTxt = missing('dns.resolveTxt');
export const reverse = missing('dns.reverse');
export const setServers = missing('dns.setServers');
export const getServers = missing('dns.getServers');
export const setDefaultResultOrder = missing('dns.setDefaultResultOrder');
export const getDefaultResultOrder = missing('dns.getDefaultResultOrder');
export const Resolver = missingClass('dns.Resolver');
export const promises = { lookup: lookupPromise, resolve, resolve4, resolve6, resolveTxt, resolveMx, resolveSrv };
export const ADDRCONFIG = 1024;
export const V4MAPPED = 2048;
export const ALL = 256;

export default {
  lookup,
  lookupService,
  resolve,
  resolve4,
  resolve6,
  resolveCname,
  resolveMx,
  resolveNs,
  resolveSrv,
  resolveTxt,
  reverse,
  setServers,
  getServers,
  setDefaultResultOrder,
  getDefaultResultOrder,
  Resolver,
  promises,
  ADDRCONFIG,
  V4MAPPED,
  ALL,
};
