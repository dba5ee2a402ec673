// The file system of a machine: in memory, empty at the start, gone at the end (wapojs-api.md 4.14).
//
// A tree of nodes: a folder is a Map from names to nodes, a file has its bytes. Errors are those of POSIX.

import { Buffer } from '../node/buffer.js';

const CODES = {
  __proto__: null,
  ENOENT: [-2, 'no such file or directory'],
  EEXIST: [-17, 'file already exists'],
  ENOTDIR: [-20, 'not a directory'],
  EISDIR: [-21, 'illegal operation on a directory'],
  ENOTEMPTY: [-39, 'directory not empty'],
  EBADF: [-9, 'bad file descriptor'],
  EINVAL: [-22, 'invalid argument'],
};

export function fail(code, call, path) {
  const [errno, text] = CODES[code];
  const error = new Error(`${code}: ${text}, ${call}${path === undefined ? '' : ` '${path}'`}`);
  return Object.assign(error, { errno, code, syscall: call, path });
}

let lastInode = 1;

class Node {
  inode = lastInode++;
  mode;
  modified = 0;
  /** @type {?Map<string, Node>} */
  children = null;
  bytes = null;
  target = null;

  constructor(mode) {
    this.mode = mode;
  }

  touch() {
    this.modified = Date.now();
  }
}

const FOLDER = 0o040755;
const FILE = 0o100644;
const LINK = 0o120777;
const MAX_LINKS = 40;

const makeFolder = () => {
  const node = new Node(FOLDER);
  node.children = new Map();
  return node;
};

const root = makeFolder();
root.children.set('tmp', makeFolder());

export function toPath(value) {
  if (value instanceof URL) return decodeURIComponent(value.pathname);
  return Buffer.isBuffer(value) ? value.toString() : String(value);
}

const segmentsOf = (path) => path.split('/').filter((part) => part !== '' && part !== '.');

/** The folder that a path is in, its name there, and what is there, if anything is. */
export function locate(path, call, follow = true, links = 0) {
  const segments = segmentsOf(path);
  const trail = [root];
  for (let i = 0; i < segments.length; i++) {
    const here = trail[trail.length - 1];
    const name = segments[i];
    if (name === '..') {
      if (trail.length > 1) trail.pop();
      continue;
    }
    if (here.children === null) throw fail('ENOTDIR', call, path);
    const node = here.children.get(name);
    const last = i === segments.length - 1;
    if (node?.target !== null && node?.target !== undefined && (follow || !last)) {
      if (links >= MAX_LINKS) throw fail('EINVAL', call, path);
      const before = segments.slice(0, i).join('/');
      const start = node.target.startsWith('/') ? node.target : `/${before}/${node.target}`;
      return locate(`${start}/${segments.slice(i + 1).join('/')}`, call, follow, links + 1);
    }
    if (last) return { folder: here, name, node };
    if (node === undefined) throw fail('ENOENT', call, path);
    trail.push(node);
  }
  const node = trail[trail.length - 1];
  return { folder: trail[trail.length - 2] ?? null, name: '', node };
}

export function existing(path, call, follow = true) {
  const { node } = locate(path, call, follow);
  if (node === undefined) throw fail('ENOENT', call, path);
  return node;
}

export function fileAt(path, call, { create = false, exclusive = false, truncate = false } = {}) {
  const { folder, name, node } = locate(path, call);
  if (node === undefined) {
    if (!create) throw fail('ENOENT', call, path);
    const made = new Node(FILE);
    made.bytes = Buffer.alloc(0);
    made.touch();
    folder.children.set(name, made);
    return made;
  }
  if (exclusive) throw fail('EEXIST', call, path);
  if (node.children !== null) throw create ? fail('EISDIR', call, path) : fail('EISDIR', 'read');
  if (truncate) node.bytes = Buffer.alloc(0);
  return node;
}

export function folderAt(path, call) {
  const node = existing(path, call);
  if (node.children === null) throw fail('ENOTDIR', call, path);
  return node;
}

/** Makes a folder; the first one made, or undefined if there was nothing to do. */
export function makeFolders(path, recursive) {
  if (!recursive) {
    const { folder, name, node } = locate(path, 'mkdir');
    if (node !== undefined) throw fail('EEXIST', 'mkdir', path);
    folder.children.set(name, makeFolder());
    return undefined;
  }
  let first;
  let at = '';
  for (const segment of segmentsOf(path)) {
    at += `/${segment}`;
    const { folder, name, node } = locate(at, 'mkdir');
    if (node === undefined) {
      folder.children.set(name, makeFolder());
      first ??= at;
    } else if (node.children === null) {
      throw fail(at === path ? 'EEXIST' : 'ENOTDIR', 'mkdir', path);
    }
  }
  return first;
}

export function makeLink(target, path) {
  const { folder, name, node } = locate(path, 'symlink', false);
  if (node !== undefined) throw fail('EEXIST', 'symlink', path);
  const link = new Node(LINK);
  link.target = target;
  folder.children.set(name, link);
}

export class Stats {
  constructor(node) {
    this.dev = 0;
    this.ino = node.inode;
    this.mode = node.mode;
    this.nlink = 1;
    this.uid = this.gid = this.rdev = 0;
    this.size = node.bytes?.length ?? 0;
    this.blksize = 4096;
    this.blocks = Math.ceil(this.size / 512);
    this.atimeMs = this.mtimeMs = this.ctimeMs = this.birthtimeMs = node.modified;
    this.atime = this.mtime = this.ctime = this.birthtime = new Date(node.modified);
  }
  isFile() {
    return (this.mode & 0o170000) === 0o100000;
  }
  isDirectory() {
    return (this.mode & 0o170000) === 0o040000;
  }
  isSymbolicLink() {
    return (this.mode & 0o170000) === 0o120000;
  }
  isFIFO() {
    return false;
  }
  isSocket() {
    return false;
  }
  isBlockDevice() {
    return false;
  }
  isCharacterDevice() {
    return false;
  }
}

export class Dirent {
  #stats;

  constructor(name, parentPath, node) {
    this.name = name;
    this.parentPath = this.path = parentPath;
    this.#stats = new Stats(node);
  }
  isFile() {
    return this.#stats.isFile();
  }
  isDirectory() {
    return this.#stats.isDirectory();
  }
  isSymbolicLink() {
    return this.#stats.isSymbolicLink();
  }
}
