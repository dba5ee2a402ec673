// node:dgram: https://nodejs.org/api/dgram.html
//
// Not available here: packages import it for what they do elsewhere, so its functions exist and say so when called.

import { missing, missingClass } from '../node-internal/missing.js';

export const createSocket = missing('dgram.createSocket');
export const Socket = missingClass('dgram.Socket');

export default {
  createSocket,
  Socket,
};
