// node:url: https://nodejs.org/api/url.html
//
// The WHATWG classes are the platform's own; `parse`, `format` and `resolve` are Node's older interface.

import { URL } from '../url.js';
import { URLSearchParams } from '../url-search-params.js';
import { invalidArgument, requireString, typeError } from '../node-internal/errors.js';
import querystring from './querystring.js';

export { URL, URLSearchParams };

const SLASHED = ['http:', 'https:', 'ftp:', 'gopher:', 'file:', 'ws:', 'wss:'];
const PROTOCOL = /^[a-z0-9.+-]+:/i;
const PORT = /:(\d*)$/;
/** Escaped wherever they come. */
const UNWISE = /[\t\n\r "'<>\\^`{|}]/g;

const escapeUnwise = (text) => text.replace(UNWISE, (c) => (c === "'" ? '%27' : encodeURIComponent(c)));

export function Url() {
  this.protocol = null;
  this.slashes = null;
  this.auth = null;
  this.host = null;
  this.port = null;
  this.hostname = null;
  this.hash = null;
  this.search = null;
  this.query = null;
  this.pathname = null;
  this.path = null;
  this.href = null;
}

/** Takes user name and host out of what follows the slashes; returns the rest. */
function takeHost(url, rest) {
  const end = rest.search(/[/?#]/);
  let authority = end < 0 ? rest : rest.slice(0, end);
  const at = authority.lastIndexOf('@');
  if (at >= 0) {
    try {
      url.auth = decodeURIComponent(authority.slice(0, at));
    } catch {
      url.auth = authority.slice(0, at);
    }
    authority = authority.slice(at + 1);
  }
  let left = '';
  const bad = authority.search(/[\t\n\r "'<>\\^`{|}%;]/);
  if (bad >= 0) {
    left = authority.slice(bad);
    authority = authority.slice(0, bad);
  }
  const port = PORT.exec(authority);
  if (port !== null) {
    if (port[1] !== '') url.port = port[1];
    authority = authority.slice(0, port.index);
  }
  let hostname = authority.toLowerCase();
  if (hostname.startsWith('[') && hostname.endsWith(']')) {
    hostname = hostname.slice(1, -1);
    url.host = `[${hostname}]`;
  } else {
    if (/[^\0-\x7f]/.test(hostname)) hostname = domainToASCII(hostname);
    url.host = hostname;
  }
  url.hostname = hostname;
  if (url.port !== null) url.host += `:${url.port}`;
  const after = left + (end < 0 ? '' : rest.slice(end));
  return after !== '' && !/^[/?#]/.test(after) ? `/${after}` : after;
}

Url.prototype.parse = function (text, parseQueryString, slashesDenoteHost) {
  requireString(text, 'url');
  let rest = text.trim();
  const mark = rest.search(/[?#]/);
  const head = (mark < 0 ? rest : rest.slice(0, mark)).replaceAll('\\', '/');
  rest = mark < 0 ? head : head + rest.slice(mark);

  const protocol = PROTOCOL.exec(rest)?.[0].toLowerCase();
  if (protocol !== undefined) {
    this.protocol = protocol;
    rest = rest.slice(protocol.length);
  }
  const slashes =
    rest.startsWith('//') && (slashesDenoteHost || protocol !== undefined || /^\/\/[^@/]+@[^@/]+/.test(rest));
  if (protocol !== 'javascript:' && (slashes || (protocol !== undefined && !SLASHED.includes(protocol)))) {
    if (slashes) this.slashes = true;
    rest = takeHost(this, slashes ? rest.slice(2) : rest);
  }
  rest = escapeUnwise(rest);
  const hash = rest.indexOf('#');
  if (hash >= 0) {
    this.hash = rest.slice(hash);
    rest = rest.slice(0, hash);
  }
  const question = rest.indexOf('?');
  if (question >= 0) {
    this.search = rest.slice(question);
    this.query = rest.slice(question + 1);
    rest = rest.slice(0, question);
  } else if (parseQueryString) {
    this.search = null;
    this.query = '';
  }
  if (parseQueryString) this.query = querystring.parse(this.query);
  if (rest !== '') this.pathname = rest;
  if (SLASHED.includes(this.protocol) && this.hostname && !this.pathname) this.pathname = '/';
  if (this.pathname || this.search) this.path = (this.pathname ?? '') + (this.search ?? '');
  this.href = this.format();
  return this;
};

Url.prototype.format = function () {
  const auth = this.auth ? `${encodeURIComponent(this.auth).replace(/%3A/i, ':')}@` : '';
  let protocol = this.protocol ?? '';
  if (protocol !== '' && !protocol.endsWith(':')) protocol += ':';
  let host = '';
  if (this.host) host = auth + this.host;
  else if (this.hostname) {
    const name = this.hostname.includes(':') && !this.hostname.startsWith('[') ? `[${this.hostname}]` : this.hostname;
    host = auth + name + (this.port ? `:${this.port}` : '');
  }
  let query = '';
  if (this.query !== null && typeof this.query === 'object') query = querystring.stringify(this.query);
  let search = this.search || (query !== '' ? `?${query}` : '');
  let pathname = (this.pathname ?? '').replace(/[?#]/g, encodeURIComponent);
  if (this.slashes || SLASHED.includes(protocol)) {
    if (this.slashes || host !== '') {
      if (pathname !== '' && !pathname.startsWith('/')) pathname = `/${pathname}`;
      host = `//${host}`;
    }
  }
  let hash = this.hash ?? '';
  if (hash !== '' && !hash.startsWith('#')) hash = `#${hash}`;
  if (search !== '' && !search.startsWith('?')) search = `?${search}`;
  return protocol + host + pathname + search.replaceAll('#', '%23') + hash;
};

Url.prototype.resolve = function (relative) {
  return this.resolveObject(parse(relative, false, true)).format();
};

/** RFC 3986 section 5.2, for URLs with and without a protocol. */
Url.prototype.resolveObject = function (relative) {
  if (typeof relative === 'string') relative = parse(relative, false, true);
  const result = Object.assign(new Url(), this);
  result.hash = relative.hash;
  if (relative.href === '') {
    result.href = result.format();
    return result;
  }
  if (relative.protocol && relative.protocol !== this.protocol && !(relative.slashes && !relative.protocol)) {
    Object.assign(result, relative);
    result.href = result.format();
    return result;
  }
  const take = (names) => {
    for (const name of names) result[name] = relative[name];
  };
  if (relative.host !== null && relative.host !== undefined && (relative.slashes || relative.host)) {
    take(['slashes', 'auth', 'host', 'port', 'hostname', 'pathname', 'search', 'query']);
  } else if (!relative.pathname) {
    if (relative.search !== null) take(['search', 'query']);
  } else {
    take(['search', 'query']);
    const base = this.pathname ?? '';
    const joined = relative.pathname.startsWith('/')
      ? relative.pathname
      : base.slice(0, base.lastIndexOf('/') + 1) + relative.pathname;
    result.pathname = removeDots(joined, Boolean(result.host) || joined.startsWith('/'));
  }
  if (result.pathname || result.search) result.path = (result.pathname ?? '') + (result.search ?? '');
  else result.path = null;
  result.href = result.format();
  return result;
};

function removeDots(path, absolute) {
  const kept = [];
  const segments = path.split('/');
  const last = segments[segments.length - 1];
  for (const segment of segments) {
    if (segment === '.') continue;
    if (segment !== '..') kept.push(segment);
    else if (kept.length > (absolute ? 1 : 0) && kept[kept.length - 1] !== '..') kept.pop();
    else if (!absolute) kept.push(segment);
  }
  if (last === '.' || last === '..') kept.push('');
  const joined = kept.join('/');
  return absolute && !joined.startsWith('/') ? `/${joined}` : joined;
}

export function parse(url, parseQueryString = false, slashesDenoteHost = false) {
  return url instanceof Url ? url : new Url().parse(url, parseQueryString, slashesDenoteHost);
}

export function format(value, options = undefined) {
  if (typeof value === 'string') return parse(value).format();
  if (value === null || typeof value !== 'object')
    throw invalidArgument('urlObject', 'one of type object or string', value);
  if (!(value instanceof URL)) return Url.prototype.format.call(value);
  const { auth = true, fragment = true, search = true, unicode = false } = options ?? {};
  const copy = new URL(value.href);
  if (!auth) copy.username = copy.password = '';
  if (!fragment) copy.hash = '';
  if (!search) copy.search = '';
  return unicode && copy.hostname ? copy.href.replace(copy.hostname, domainToUnicode(copy.hostname)) : copy.href;
}

export const resolve = (from, to) => parse(from, false, true).resolve(to);
export const resolveObject = (from, to) => (from ? parse(from, false, true).resolveObject(to) : to);

export function domainToASCII(domain) {
  return URL.canParse(`ws://${domain}`) ? new URL(`ws://${domain}`).hostname : '';
}

/** What is in Punycode stays so: a host name is for machines. */
export const domainToUnicode = (domain) => domainToASCII(domain);

export function fileURLToPath(value) {
  const url = typeof value === 'string' ? new URL(value) : value;
  if (!(url instanceof URL)) throw invalidArgument('path', 'of type string or an instance of URL', value);
  if (url.protocol !== 'file:') throw typeError('ERR_INVALID_URL_SCHEME', 'The URL must be of scheme file');
  if (url.hostname !== '')
    throw typeError('ERR_INVALID_FILE_URL_HOST', 'File URL host must be "localhost" or empty on wapo');
  if (/%2f/i.test(url.pathname))
    throw typeError('ERR_INVALID_FILE_URL_PATH', 'File URL path must not include encoded / characters');
  return decodeURIComponent(url.pathname);
}

export function pathToFileURL(path) {
  requireString(path, 'path');
  const absolute = path.startsWith('/') ? path : `${process.cwd()}/${path}`.replace('//', '/');
  const escaped = absolute.replace(/[%\\\n\r\t?#]/g, encodeURIComponent);
  return new URL(`file://${escaped}`);
}

export function urlToHttpOptions(url) {
  const options = {
    __proto__: null,
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    hash: url.hash,
    search: url.search,
    pathname: url.pathname,
    path: `${url.pathname}${url.search}`,
    href: url.href,
  };
  if (url.port !== '') options.port = Number(url.port);
  if (url.username || url.password)
    options.auth = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return options;
}

export default {
  URL,
  URLSearchParams,
  Url,
  parse,
  format,
  resolve,
  resolveObject,
  domainToASCII,
  domainToUnicode,
  fileURLToPath,
  pathToFileURL,
  urlToHttpOptions,
};
