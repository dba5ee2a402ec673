// node:vm: https://nodejs.org/api/vm.html
//
// Not available here: packages import it for what they do elsewhere, so its functions exist and say so when called.

import { missing, missingClass } from '../node-internal/missing.js';

/** Runs a script in the global scope. */
export const runInThisContext = (code) => (0, eval)(code);

export const compileFunction = missing('vm.compileFunction');
export const createContext = missing('vm.createContext');
export const isContext = missing('vm.isContext');
export const runInContext = missing('vm.runInContext');
export const runInNewContext = missing('vm.runInNewContext');
export const Script = missingClass('vm.Script');
export const SourceTextModule = missingClass('vm.SourceTextModule');

export default {
  compileFunction,
  createContext,
  isContext,
  runInContext,
  runInNewContext,
  Script,
  SourceTextModule,
  runInThisContext,
};
