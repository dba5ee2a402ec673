// node:process: https://nodejs.org/api/process.html; it is the global

import '../node-internal/node-version.js';
import { process } from '../process.js';

export const {
  arch,
  argv0,
  chdir,
  cpuUsage,
  cwd,
  emit,
  emitWarning,
  env,
  execArgv,
  execPath,
  exit,
  features,
  hrtime,
  listenerCount,
  listeners,
  memoryUsage,
  nextTick,
  off,
  on,
  once,
  pid,
  platform,
  ppid,
  release,
  removeAllListeners,
  removeListener,
  stderr,
  stdin,
  stdout,
  title,
  umask,
  uptime,
  version,
  versions,
} = process;
export default process;
