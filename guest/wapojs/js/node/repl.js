// node:repl: https://nodejs.org/api/repl.html
//
// Not available here: packages import it for what they do elsewhere, so its functions exist and say so when called.

import { missing, missingClass } from '../node-internal/missing.js';

export const start = missing('repl.start');
export const REPLServer = missingClass('repl.REPLServer');

export default {
  start,
  REPLServer,
};
