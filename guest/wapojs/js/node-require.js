// Node's modules for programs: require(), and the globals of Node that are modules of their own.
// https://nodejs.org/api/modules.html#requireid
//
// A module is compiled when it is first asked for. What a program seems to ask for is compiled when the program is
// loaded, so that its image has the byte code and no request compiles anything.

import { isNodeModule, prepareNodeModule, requireNodeModule } from 'wapo:native';
import { completeCallSites } from './call-sites.js';
import { invalidArgument, plainError } from './node-internal/errors.js';
import { hasWord, matchesAt } from './source-text.js';

const { defineProperty } = Object;

/** The module of a specifier: its default export, as CommonJS modules have it. */
export function require(specifier) {
  if (typeof specifier !== 'string') throw invalidArgument('id', 'of type string', specifier);
  const namespace = requireNodeModule(specifier);
  if (namespace === undefined) {
    throw plainError(
      'MODULE_NOT_FOUND',
      `Cannot find module '${specifier}': a program is one file; bundle what it needs into it`,
    );
  }
  return namespace.default;
}
require.resolve = (specifier) => {
  if (isBuiltin(specifier)) return specifier;
  throw plainError('MODULE_NOT_FOUND', `Cannot find module '${specifier}'`);
};
require.cache = { __proto__: null };

export const isBuiltin = (specifier) => typeof specifier === 'string' && isNodeModule(specifier);

const SPECIFIER = /\b(?:from|import|require\w*)\s*\(?\s*["']((?:node:)?[a-z_0-9/]+)["']/y;

/** Compiles what a source seems to need. */
export function prepareModules(source) {
  for (const [, specifier] of matchesAt(source, ['from', 'import', 'require'], SPECIFIER)) prepareNodeModule(specifier);
  if (matchesAt(source, ['Buffer'], /\bBuffer\b/y).length) prepareNodeModule('buffer');
}

/** What the end of a CommonJS bundle looks like, or a module that a person wrote. */
const COMMON_JS = /(?:^|[;}])[ \t]*module\.exports\s*=|^exports\.\w/m;

/**
 * `module` and `exports` for a script that is a CommonJS module, and for no other: libraries look at them to find out
 * whether to define a global.
 */
export function defineModule(source) {
  if (!hasWord(source, ['exports']) || !COMMON_JS.test(source) || globalThis.module !== undefined) return;
  const exports = {};
  for (const [name, value] of [
    ['module', { exports }],
    ['exports', exports],
  ]) {
    defineProperty(globalThis, name, { __proto__: null, value, writable: true, configurable: true, enumerable: false });
  }
}

/** A global that is made when it is first looked at. */
function defineLazily(name, make) {
  const define = (value) =>
    defineProperty(globalThis, name, { __proto__: null, value, writable: true, configurable: true, enumerable: false });
  defineProperty(globalThis, name, {
    __proto__: null,
    configurable: true,
    enumerable: false,
    get() {
      const value = make();
      define(value);
      return value;
    },
    set: define,
  });
}

export function defineNodeGlobals() {
  completeCallSites();
  for (const [name, value] of [
    ['require', require],
    ['__dirname', '/'],
    ['__filename', 'index.js'],
  ]) {
    defineProperty(globalThis, name, { __proto__: null, value, writable: true, configurable: true, enumerable: false });
  }
  defineLazily('Buffer', () => require('buffer').Buffer);
}
