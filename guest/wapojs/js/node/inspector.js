// node:inspector: https://nodejs.org/api/inspector.html
//
// Not available here: packages import it for what they do elsewhere, so its functions exist and say so when called.

import { missing, missingClass } from '../node-internal/missing.js';

export const open = missing('inspector.open');
export const close = missing('inspector.close');
export const waitForDebugger = missing('inspector.waitForDebugger');
export const Session = missingClass('inspector.Session');

export default {
  open,
  close,
  waitForDebugger,
  Session,
};
