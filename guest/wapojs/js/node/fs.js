// node:fs: https://nodejs.org/api/fs.html
//
// Over a file system in memory (node-internal/memory-files.js). Every function is written once, synchronously; the ones
// with a callback and the promises are made of those.

import { Buffer } from './buffer.js';
import { Readable, Writable } from './stream.js';
import { apply } from '../primordials.js';
import { requireFunction } from '../node-internal/errors.js';
import {
  Dirent,
  existing,
  fail,
  fileAt,
  folderAt,
  locate,
  makeFolders,
  makeLink,
  Stats,
  toPath,
} from '../node-internal/memory-files.js';

export { Dirent, Stats };

export const constants = {
  F_OK: 0,
  R_OK: 4,
  W_OK: 2,
  X_OK: 1,
  COPYFILE_EXCL: 1,
  O_RDONLY: 0,
  O_WRONLY: 1,
  O_RDWR: 2,
  O_CREAT: 64,
  O_EXCL: 128,
  O_TRUNC: 512,
  O_APPEND: 1024,
  S_IFMT: 0o170000,
  S_IFREG: 0o100000,
  S_IFDIR: 0o040000,
  S_IFLNK: 0o120000,
};

const encodingFrom = (options) => (typeof options === 'string' ? options : options?.encoding);
const toBytes = (data, encoding) =>
  typeof data === 'string'
    ? Buffer.from(data, encoding ?? 'utf8')
    : Buffer.from(data.buffer ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : data);

/** @type {Map<number, {node, position: number, append: boolean}>} open files; 0 to 2 are not files */
const files = new Map();
let lastDescriptor = 2;

function opened(fd, call) {
  const file = files.get(fd);
  if (file === undefined) throw fail('EBADF', call);
  return file;
}

const FLAGS = {
  __proto__: null,
  r: {},
  rs: {},
  'r+': {},
  'rs+': {},
  w: { create: true, truncate: true },
  'w+': { create: true, truncate: true },
  wx: { create: true, truncate: true, exclusive: true },
  'wx+': { create: true, truncate: true, exclusive: true },
  a: { create: true, append: true },
  'a+': { create: true, append: true },
  ax: { create: true, append: true, exclusive: true },
  'ax+': { create: true, append: true, exclusive: true },
};

function toFlags(flags = 'r') {
  if (typeof flags === 'string') return FLAGS[flags] ?? {};
  return {
    create: Boolean(flags & constants.O_CREAT),
    exclusive: Boolean(flags & constants.O_EXCL),
    truncate: Boolean(flags & constants.O_TRUNC),
    append: Boolean(flags & constants.O_APPEND),
  };
}

function writeAt(node, bytes, position) {
  const end = position + bytes.length;
  if (end > node.bytes.length) {
    const grown = Buffer.alloc(end);
    grown.set(node.bytes);
    node.bytes = grown;
  }
  node.bytes.set(bytes, position);
  node.touch();
}

function removeTree(path, call) {
  const { folder, name } = locate(path, call, false);
  if (folder !== null) folder.children.delete(name);
}

const SYNC = {
  access(path) {
    existing(toPath(path), 'access');
  },
  readFile(path, options) {
    const node = typeof path === 'number' ? opened(path, 'read').node : fileAt(toPath(path), 'open');
    const bytes = Buffer.from(node.bytes);
    const encoding = encodingFrom(options);
    return encoding && encoding !== 'buffer' ? bytes.toString(encoding) : bytes;
  },
  writeFile(path, data, options) {
    const node =
      typeof path === 'number'
        ? opened(path, 'write').node
        : fileAt(toPath(path), 'open', toFlags(options?.flag ?? 'w'));
    node.bytes = options?.flag?.startsWith('a')
      ? Buffer.concat([node.bytes, toBytes(data, encodingFrom(options))])
      : toBytes(data, encodingFrom(options));
    node.touch();
  },
  appendFile(path, data, options) {
    SYNC.writeFile(path, data, { encoding: encodingFrom(options), flag: 'a' });
  },
  truncate(path, length = 0) {
    const node = fileAt(toPath(path), 'open');
    const bytes = Buffer.alloc(length);
    bytes.set(node.bytes.subarray(0, length));
    node.bytes = bytes;
    node.touch();
  },
  copyFile(from, to, mode = 0) {
    const source = fileAt(toPath(from), 'copyfile');
    const node = fileAt(toPath(to), 'copyfile', { create: true, exclusive: (mode & constants.COPYFILE_EXCL) !== 0 });
    node.bytes = Buffer.from(source.bytes);
    node.touch();
  },
  rename(from, to) {
    const source = locate(toPath(from), 'rename', false);
    if (source.node === undefined) throw fail('ENOENT', 'rename', toPath(from));
    const target = locate(toPath(to), 'rename', false);
    if (target.node?.children?.size > 0) throw fail('ENOTEMPTY', 'rename', toPath(to));
    source.folder.children.delete(source.name);
    target.folder.children.set(target.name, source.node);
  },
  unlink(path) {
    const { folder, name, node } = locate(toPath(path), 'unlink', false);
    if (node === undefined) throw fail('ENOENT', 'unlink', toPath(path));
    if (node.children !== null) throw fail('EISDIR', 'unlink', toPath(path));
    folder.children.delete(name);
  },
  rm(path, options) {
    const { node } = locate(toPath(path), 'rm', false);
    if (node === undefined) {
      if (options?.force) return;
      throw fail('ENOENT', 'rm', toPath(path));
    }
    if (node.children !== null && !options?.recursive) throw fail('EISDIR', 'rm', toPath(path));
    removeTree(toPath(path), 'rm');
  },
  rmdir(path, options) {
    const node = folderAt(toPath(path), 'rmdir');
    if (node.children.size > 0 && !options?.recursive) throw fail('ENOTEMPTY', 'rmdir', toPath(path));
    removeTree(toPath(path), 'rmdir');
  },
  mkdir(path, options) {
    return makeFolders(toPath(path), options?.recursive === true);
  },
  mkdtemp(prefix) {
    const path = `${prefix}${Math.random().toString(36).slice(2, 8).padEnd(6, '0')}`;
    makeFolders(path, false);
    return path;
  },
  readdir(path, options) {
    const where = toPath(path);
    const names = [];
    const list = (folder, prefix) => {
      for (const [name, node] of folder.children) {
        names.push(
          options?.withFileTypes
            ? new Dirent(name, prefix === '' ? where : `${where}/${prefix}`.replace(/\/$/, ''), node)
            : prefix + name,
        );
        if (options?.recursive && node.children !== null) list(node, `${prefix}${name}/`);
      }
    };
    list(folderAt(where, 'scandir'), '');
    return names;
  },
  stat(path, options) {
    const { node } =
      options?.throwIfNoEntry === false && !SYNC.exists(path) ? {} : { node: existing(toPath(path), 'stat') };
    return node && new Stats(node);
  },
  lstat(path) {
    return new Stats(existing(toPath(path), 'lstat', false));
  },
  exists(path) {
    try {
      existing(toPath(path), 'access');
      return true;
    } catch {
      return false;
    }
  },
  realpath(path) {
    existing(toPath(path), 'realpath');
    return new URL(`file:///${toPath(path)}`).pathname.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');
  },
  symlink(target, path) {
    makeLink(toPath(target), toPath(path));
  },
  readlink(path) {
    const node = existing(toPath(path), 'readlink', false);
    if (node.target === null) throw fail('EINVAL', 'readlink', toPath(path));
    return node.target;
  },
  chmod(path, mode) {
    const node = existing(toPath(path), 'chmod');
    node.mode = (node.mode & 0o170000) | (mode & 0o7777);
  },
  utimes(path, _accessed, modified) {
    existing(toPath(path), 'utime').modified = modified instanceof Date ? modified.getTime() : modified * 1000;
  },
  open(path, flags) {
    const asked = toFlags(flags ?? 'r');
    const node = fileAt(toPath(path), 'open', asked);
    files.set(++lastDescriptor, { node, position: 0, append: asked.append === true });
    return lastDescriptor;
  },
  close(fd) {
    opened(fd, 'close');
    files.delete(fd);
  },
  fstat(fd) {
    return new Stats(opened(fd, 'fstat').node);
  },
  read(fd, buffer, offset = 0, length = buffer.byteLength - offset, position = null) {
    if (typeof offset === 'object' && offset !== null) {
      ({ offset = 0, length = buffer.byteLength - offset, position = null } = offset);
    }
    const file = opened(fd, 'read');
    const start = position ?? file.position;
    const part = file.node.bytes.subarray(start, start + length);
    new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength).set(part, offset);
    if (position === null) file.position = start + part.length;
    return part.length;
  },
  write(fd, data, offset, length, position) {
    if (fd === 1 || fd === 2) {
      const text = typeof data === 'string' ? data : Buffer.from(data).toString();
      (fd === 1 ? process.stdout : process.stderr).write(text);
      return text.length;
    }
    const file = opened(fd, 'write');
    let bytes;
    if (typeof data === 'string') {
      position = offset;
      bytes = Buffer.from(data, typeof length === 'string' ? length : 'utf8');
    } else {
      bytes = toBytes(data).subarray(
        offset ?? 0,
        length === undefined || length === null ? undefined : (offset ?? 0) + length,
      );
    }
    const at = file.append ? file.node.bytes.length : (position ?? file.position);
    writeAt(file.node, bytes, at);
    if (position === undefined || position === null) file.position = at + bytes.length;
    return bytes.length;
  },
};

/** The function with a callback: its last argument. */
const withCallback = (name) =>
  function (...args) {
    const callback = args.pop();
    requireFunction(callback, 'cb');
    let result;
    try {
      result = apply(SYNC[name], undefined, args);
    } catch (error) {
      process.nextTick(callback, error);
      return;
    }
    if (name === 'exists') process.nextTick(callback, result);
    else if (name === 'read' || name === 'write') process.nextTick(callback, null, result, args[1]);
    else process.nextTick(callback, null, result);
  };

const withPromise =
  (name) =>
  async (...args) =>
    apply(SYNC[name], undefined, args);

const asynchronous = {};
const synchronous = {};
export const promises = { constants };
for (const name of Object.keys(SYNC)) {
  asynchronous[name] = withCallback(name);
  synchronous[`${name}Sync`] = SYNC[name];
  if (!['exists', 'open', 'close', 'fstat', 'read', 'write'].includes(name)) promises[name] = withPromise(name);
}

class FileHandle {
  constructor(fd) {
    this.fd = fd;
  }
  async close() {
    SYNC.close(this.fd);
  }
  async readFile(options) {
    return SYNC.readFile(this.fd, options);
  }
  async writeFile(data, options) {
    SYNC.writeFile(this.fd, data, options);
  }
  async stat() {
    return SYNC.fstat(this.fd);
  }
  async read(buffer, ...rest) {
    return { bytesRead: SYNC.read(this.fd, buffer, ...rest), buffer };
  }
  async write(data, ...rest) {
    return { bytesWritten: SYNC.write(this.fd, data, ...rest), buffer: data };
  }
}
promises.open = async (path, flags) => new FileHandle(SYNC.open(path, flags));

export function createReadStream(path, options) {
  const { start = 0, end = Infinity, encoding } = typeof options === 'string' ? { encoding: options } : (options ?? {});
  return new Readable({
    encoding,
    construct(callback) {
      try {
        this._bytes = SYNC.readFile(path).subarray(start, end + 1);
        process.nextTick(() => this.emit('open', 3));
        callback();
      } catch (error) {
        callback(error);
      }
    },
    read(size) {
      const part = this._bytes.subarray(0, size);
      this._bytes = this._bytes.subarray(size);
      this.push(part.length === 0 ? null : part);
    },
  });
}

export function createWriteStream(path, options) {
  const flags = (typeof options === 'object' ? options?.flags : undefined) ?? 'w';
  return new Writable({
    construct(callback) {
      try {
        this._fd = SYNC.open(path, flags);
        process.nextTick(() => this.emit('open', this._fd));
        callback();
      } catch (error) {
        callback(error);
      }
    },
    write(chunk, encoding, callback) {
      this.bytesWritten = (this.bytesWritten ?? 0) + SYNC.write(this._fd, chunk);
      callback();
    },
    destroy(error, callback) {
      if (this._fd !== undefined) SYNC.close(this._fd);
      callback(error);
    },
  });
}

export const {
  access,
  appendFile,
  chmod,
  close,
  copyFile,
  exists,
  fstat,
  lstat,
  mkdir,
  mkdtemp,
  open,
  read,
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
  write,
  writeFile,
} = asynchronous;
export const {
  accessSync,
  appendFileSync,
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} = synchronous;

export default {
  ...asynchronous,
  ...synchronous,
  constants,
  promises,
  createReadStream,
  createWriteStream,
  Dirent,
  Stats,
  F_OK: 0,
  R_OK: 4,
  W_OK: 2,
  X_OK: 1,
};
