// node:cluster: https://nodejs.org/api/cluster.html
//
// Not available here: packages import it for what they do elsewhere, so its functions exist and say so when called.

import { missing, missingClass } from '../node-internal/missing.js';

export const fork = missing('cluster.fork');
export const setupPrimary = missing('cluster.setupPrimary');
export const Worker = missingClass('cluster.Worker');
export const isPrimary = true;
export const isMaster = true;
export const isWorker = false;
export const workers = {};

export default {
  fork,
  setupPrimary,
  Worker,
  isPrimary,
  isMaster,
  isWorker,
  workers,
};
