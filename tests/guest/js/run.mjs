// Runs the tests of this folder: node run.mjs [--engine PATH] [-v] [word in the file's name ...]
// Tests of WebCrypto ask the global object, so in Node they try Node's, which is not always ours: only if they are named.
// With --engine each file is run by that executable (QuickJS-ng with a module `wapo:native`) instead of Node.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const words = process.argv.slice(2);
const engine = words.includes('--engine') ? words.splice(words.indexOf('--engine'), 2)[1] : undefined;
const verbose = words.includes('-v') && words.splice(words.indexOf('-v'), 1);

let passed = 0;
let failed = 0;
for (const file of readdirSync(folder)
  .filter((name) => name.endsWith('.test.js'))
  .sort()) {
  if (!engine && !words.length && file.startsWith('webcrypto')) continue;
  if (words.length && !words.some((word) => file.includes(word))) continue;
  const path = join(folder, file);
  if (!engine && readFileSync(path, 'utf8').includes('\n// Needs the engine:')) continue; // or its URLs, its network
  const [command, ...args] = engine
    ? [engine, path]
    : [process.execPath, '--no-warnings', '--expose-internals', '--import', join(folder, 'register.mjs'), path];
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 120_000 });
  const result = /(\d+) passed, (\d+) failed/.exec(stdout);
  const bad = !result || result[2] !== '0';
  passed += Number(result?.[1] ?? 0);
  failed += result ? Number(result[2]) : 1;
  console.log(`${file}: ${result ? result[0] : 'DID NOT FINISH'}`);
  if (verbose || bad) console.log(stdout.replaceAll(/^(ok .*|\d+ passed.*)\n/gm, verbose ? '$&' : ''), stderr);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
