// node:dns/promises: https://nodejs.org/api/dns.html#dns-promises-api

import { promises } from '../dns.js';

export const { lookup, resolve, resolve4, resolve6, resolveMx, resolveSrv, resolveTxt } = promises;
export default promises;
