// node:path: https://nodejs.org/api/path.html
//
// The POSIX functions. Nothing here is Windows, so `win32` is not there.

import { invalidArgument, requireString } from '../node-internal/errors.js';

const SLASH = '/';

export const sep = SLASH;
export const delimiter = ':';

/** "." and ".." are taken out of the segments; of a relative path, leading ".." stay. */
function normalizeSegments(path, absolute) {
  const kept = [];
  for (const segment of path.split(SLASH)) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') kept.push(segment);
    else if (kept.length > 0 && kept[kept.length - 1] !== '..') kept.pop();
    else if (!absolute) kept.push(segment);
  }
  return kept.join(SLASH);
}

export function normalize(path) {
  requireString(path, 'path');
  if (path === '') return '.';
  const absolute = path.startsWith(SLASH);
  let result = normalizeSegments(path, absolute);
  if (result === '' && !absolute) result = '.';
  if (result !== '' && path.endsWith(SLASH)) result += SLASH;
  return absolute ? SLASH + result : result;
}

export function isAbsolute(path) {
  requireString(path, 'path');
  return path.startsWith(SLASH);
}

export function join(...paths) {
  const parts = [];
  for (const path of paths) {
    requireString(path, 'path');
    if (path !== '') parts.push(path);
  }
  return parts.length === 0 ? '.' : normalize(parts.join(SLASH));
}

export function resolve(...paths) {
  let resolved = '';
  for (let i = paths.length - 1; i >= -1 && !resolved.startsWith(SLASH); i--) {
    const path = i >= 0 ? paths[i] : process.cwd();
    requireString(path, `paths[${i}]`);
    if (path !== '') resolved = `${path}/${resolved}`;
  }
  const absolute = resolved.startsWith(SLASH);
  const result = normalizeSegments(resolved, absolute);
  return absolute ? SLASH + result : result === '' ? '.' : result;
}

export function relative(from, to) {
  requireString(from, 'from');
  requireString(to, 'to');
  from = resolve(from);
  to = resolve(to);
  if (from === to) return '';
  const here = from === SLASH ? [] : from.slice(1).split(SLASH);
  const there = to === SLASH ? [] : to.slice(1).split(SLASH);
  let same = 0;
  while (same < here.length && same < there.length && here[same] === there[same]) same++;
  return [...here.slice(same).map(() => '..'), ...there.slice(same)].join(SLASH);
}

export const toNamespacedPath = (path) => path;

/** Without the slashes at its end. */
const trimmed = (path) => {
  let end = path.length;
  while (end > 1 && path[end - 1] === SLASH) end--;
  return path.slice(0, end);
};

export function dirname(path) {
  requireString(path, 'path');
  if (path === '') return '.';
  const whole = trimmed(path);
  const at = whole.lastIndexOf(SLASH);
  if (at < 0) return '.';
  if (at === 0) return SLASH;
  return at === 1 && whole.startsWith('//') ? '//' : whole.slice(0, at);
}

export function basename(path, suffix) {
  requireString(path, 'path');
  if (suffix !== undefined) requireString(suffix, 'suffix');
  const whole = trimmed(path);
  const name = whole === SLASH ? '' : whole.slice(whole.lastIndexOf(SLASH) + 1);
  return suffix && name !== suffix && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
}

export function extname(path) {
  const name = basename(path);
  const dot = name.lastIndexOf('.');
  // A name that is all extension has none; neither has "..".
  return dot <= 0 || name === '..' ? '' : name.slice(dot);
}

export function parse(path) {
  requireString(path, 'path');
  const root = path.startsWith(SLASH) ? SLASH : '';
  const base = basename(path);
  const ext = extname(path);
  const whole = trimmed(path);
  const at = whole.lastIndexOf(SLASH);
  const dir = at < 0 ? '' : at === 0 ? SLASH : whole.slice(0, at);
  return { root, dir, base, ext, name: ext === '' ? base : base.slice(0, -ext.length) };
}

export function format(parts) {
  if (parts === null || typeof parts !== 'object') throw invalidArgument('pathObject', 'of type object', parts);
  const dir = parts.dir || parts.root;
  const ext = parts.ext ? (parts.ext.startsWith('.') ? parts.ext : `.${parts.ext}`) : '';
  const base = parts.base || `${parts.name ?? ''}${ext}`;
  if (!dir) return base;
  return dir === parts.root ? `${dir}${base}` : `${dir}/${base}`;
}

export function matchesGlob(path, pattern) {
  requireString(path, 'path');
  requireString(pattern, 'pattern');
  const source = pattern.replace(/\*\*\/|\*\*|\*|\?|[.+^${}()|[\]\\]/g, (part) => {
    if (part === '**/') return '(?:.*/)?';
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    return part === '?' ? '[^/]' : `\\${part}`;
  });
  return new RegExp(`^${source}$`).test(path);
}

export const posix = {
  sep,
  delimiter,
  normalize,
  isAbsolute,
  join,
  resolve,
  relative,
  toNamespacedPath,
  dirname,
  basename,
  extname,
  parse,
  format,
  matchesGlob,
};
posix.posix = posix;

export default posix;
