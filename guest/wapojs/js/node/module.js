// node:module: https://nodejs.org/api/module.html

import { isBuiltin, require } from '../node-require.js';

export const createRequire = () => require;
export { isBuiltin };
export const builtinModules = [
  'assert', 'assert/strict', 'async_hooks', 'buffer', 'console', 'constants', 'crypto', 'diagnostics_channel', 'events', 'fs',
  'fs/promises', 'http', 'https', 'module', 'os', 'path', 'path/posix', 'perf_hooks', 'process', 'querystring', 'stream',
  'stream/consumers', 'stream/promises', 'stream/web', 'string_decoder', 'sys', 'timers', 'timers/promises', 'tty', 'url', 'util',
  'util/types', 'worker_threads',
];

export default { createRequire, isBuiltin, builtinModules };
