// node:readline: https://nodejs.org/api/readline.html
//
// Not available here: packages import it for what they do elsewhere, so its functions exist and say so when called.

import { missing, missingClass } from '../node-internal/missing.js';

export const createInterface = missing('readline.createInterface');
export const clearLine = missing('readline.clearLine');
export const clearScreenDown = missing('readline.clearScreenDown');
export const cursorTo = missing('readline.cursorTo');
export const moveCursor = missing('readline.moveCursor');
export const emitKeypressEvents = missing('readline.emitKeypressEvents');
export const Interface = missingClass('readline.Interface');

export default {
  createInterface,
  clearLine,
  clearScreenDown,
  cursorTo,
  moveCursor,
  emitKeypressEvents,
  Interface,
};
