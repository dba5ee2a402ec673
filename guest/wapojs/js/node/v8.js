// node:v8: https://nodejs.org/api/v8.html
//
// Not available here: packages import it for what they do elsewhere, so its functions exist and say so when called.

import { missing } from '../node-internal/missing.js';

export const getHeapStatistics = () => ({ heap_size_limit: 0, total_heap_size: process.memoryUsage().heapTotal });
export const serialize = missing('v8.serialize');
export const deserialize = missing('v8.deserialize');

export const getHeapSnapshot = missing('v8.getHeapSnapshot');
export const writeHeapSnapshot = missing('v8.writeHeapSnapshot');
export const setFlagsFromString = missing('v8.setFlagsFromString');

export default {
  getHeapSnapshot,
  writeHeapSnapshot,
  setFlagsFromString,
  getHeapStatistics,
  serialize,
  deserialize,
};
