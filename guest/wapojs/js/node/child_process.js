// node:child_process: https://nodejs.org/api/child_process.html
//
// Not available here: packages import it for what they do elsewhere, so its functions exist and say so when called.

import { missing, missingClass } from '../node-internal/missing.js';

export const exec = missing('child_process.exec');
export const execFile = missing('child_process.execFile');
export const execFileSync = missing('child_process.execFileSync');
export const execSync = missing('child_process.execSync');
export const fork = missing('child_process.fork');
export const spawn = missing('child_process.spawn');
export const spawnSync = missing('child_process.spawnSync');
export const ChildProcess = missingClass('child_process.ChildProcess');

export default {
  exec,
  execFile,
  execFileSync,
  execSync,
  fork,
  spawn,
  spawnSync,
  ChildProcess,
};
