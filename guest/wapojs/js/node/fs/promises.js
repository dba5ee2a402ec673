// node:fs/promises: https://nodejs.org/api/fs.html#promises-api

import { promises } from '../fs.js';

export const {
  access,
  appendFile,
  chmod,
  constants,
  copyFile,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  symlink,
  truncate,
  unlink,
  utimes,
  writeFile,
} = promises;
export default promises;
