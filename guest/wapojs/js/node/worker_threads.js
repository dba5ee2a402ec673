// node:worker_threads: https://nodejs.org/api/worker_threads.html; there is the main thread only

import { BroadcastChannel, MessageChannel, MessagePort } from '../message-channel.js';
import { notAvailable } from '../node-internal/errors.js';

export const isMainThread = true;
export const parentPort = null;
export const workerData = null;
export const threadId = 0;
export const resourceLimits = {};
export { BroadcastChannel, MessageChannel, MessagePort };

export class Worker {
  constructor() {
    throw notAvailable('worker_threads.Worker');
  }
}

export default {
  isMainThread,
  parentPort,
  workerData,
  threadId,
  resourceLimits,
  BroadcastChannel,
  MessageChannel,
  MessagePort,
  Worker,
};
