// node:path/posix: https://nodejs.org/api/path.html

export * from '../path.js';
export { default } from '../path.js';
