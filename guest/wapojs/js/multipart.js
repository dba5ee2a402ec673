// multipart/form-data. Writing: https://html.spec.whatwg.org/#multipart-form-data
// Reading: https://andreubotella.github.io/multipart-form-data/#multipart-form-data-parser, to which Fetch refers

import { latin1Decode, randomBytes, utf8Decode, utf8Encode } from 'wapo:native';
import { blobParts, createFile } from './blob.js';

const { TypeError, Uint8Array } = globalThis;

const LINE_BREAK = /\r\n?|\n/g;
const ESCAPED = /[\r\n"]/g;
const ESCAPES = { '\r': '%0D', '\n': '%0A', '"': '%22' };

const normalizeLines = (text) => text.replace(LINE_BREAK, '\r\n');
const escapeName = (text) => text.replace(ESCAPED, (c) => ESCAPES[c]);

/** A boundary that no body holds by accident: 128 random bits. */
function makeBoundary() {
  const bytes = randomBytes(16);
  let text = '----WapoFormBoundary';
  for (let i = 0; i < bytes.length; i++) text += (bytes[i] + 256).toString(16).slice(1);
  return text;
}

/**
 * Writes an entry list.
 * @param {[string, string|File][]} entries as of formDataEntries
 * @returns {{boundary: string, parts: Uint8Array[], length: number}} the body is the parts, one after the other;
 *   they may be a File's own bytes and must not be changed
 */
export function serializeMultipart(entries) {
  const boundary = makeBoundary();
  const parts = [];
  let text = '';
  for (let i = 0; i < entries.length; i++) {
    const value = entries[i][1];
    text += `--${boundary}\r\nContent-Disposition: form-data; name="${escapeName(normalizeLines(entries[i][0]))}"`;
    if (typeof value === 'string') {
      text += `\r\n\r\n${normalizeLines(value)}\r\n`;
    } else {
      const type = value.type === '' ? 'application/octet-stream' : value.type;
      text += `; filename="${escapeName(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`;
      parts.push(utf8Encode(text), ...blobParts(value));
      text = '\r\n';
    }
  }
  parts.push(utf8Encode(`${text}--${boundary}--\r\n`));
  let length = 0;
  for (let i = 0; i < parts.length; i++) length += parts[i].length;
  return { boundary, parts, length };
}

const bad = (what) => new TypeError(`the body is not valid multipart/form-data: ${what}`);

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NOT_ASCII = /[^\0-\x7f]/;
const BLANKS = /^[\t ]+|[\t ]+$/g;

/**
 * Reads a body. It is looked at as a string of bytes, since the engine searches strings fast.
 * @param {Uint8Array} bytes
 * @param {string} boundary the parameter of the Content-Type
 * @returns {[string, string|File][]}
 * @throws {TypeError} if the body does not follow the format
 */
export function parseMultipart(bytes, boundary) {
  const text = latin1Decode(bytes);
  const delimiter = `--${boundary}`;
  const entries = [];
  // What precedes the first boundary is skipped only if it is line breaks.
  let at = 0;
  while (text.startsWith('\r\n', at)) at += 2;
  for (;;) {
    if (!text.startsWith(delimiter, at)) throw bad('a boundary is missing');
    at += delimiter.length;
    if (text.startsWith('--', at)) {
      at += 2;
      if (at === text.length || text.startsWith('\r\n', at)) return entries;
      throw bad('something follows the last boundary');
    }
    if (!text.startsWith('\r\n', at)) throw bad('a boundary is not on a line of its own');
    at += 2;
    const headers = parsePartHeaders(text, at);
    at = headers.end;
    const end = text.indexOf(`\r\n${delimiter}`, at);
    if (end < 0) throw bad('the last boundary is missing');
    const body = bytes.subarray(at, end);
    if (headers.filename === undefined) {
      entries.push([headers.name, utf8Decode(body, false, true)]);
    } else {
      const parts = body.length === 0 ? [] : [body.slice()];
      entries.push([headers.name, createFile(parts, headers.filename, headers.type)]);
    }
    at = end + 2;
  }
}

/**
 * @returns {{name: string, filename: string|undefined, type: string, end: number}} `end` is where the part's body begins
 */
function parsePartHeaders(text, at) {
  let name;
  let filename;
  let type = 'text/plain';
  for (;;) {
    const end = text.indexOf('\r\n', at);
    if (end < 0) throw bad('a header does not end');
    if (end === at) {
      if (name === undefined) throw bad('a part has no name');
      return { name, filename, type, end: end + 2 };
    }
    const colon = text.indexOf(':', at);
    if (colon < 0 || colon > end) throw bad('a header has no colon');
    const header = text.slice(at, colon).replace(BLANKS, '');
    if (!HEADER_NAME.test(header)) throw bad('a header has an invalid name');
    const value = text.slice(colon + 1, end).replace(BLANKS, '');
    switch (header.toLowerCase()) {
      case 'content-disposition':
        ({ name, filename } = parseDisposition(value));
        break;
      case 'content-type':
        type = NOT_ASCII.test(value) ? '' : value;
        break;
    }
    at = end + 2;
  }
}

const PARAMETER = /^[\t ]*;[\t ]*([^=;"\t ]+)=(?:"([^"\r\n]*)"|([^;"\t ]*))/;

/** The name and filename of a Content-Disposition header whose characters are bytes. */
function parseDisposition(value) {
  if (!/^form-data(?=$|[;\t ])/i.test(value)) throw bad('a part is not form-data');
  let rest = value.slice('form-data'.length);
  let name;
  let filename;
  while (rest.replace(BLANKS, '') !== '') {
    const match = PARAMETER.exec(rest);
    if (match === null) throw bad('a Content-Disposition header cannot be read');
    const parameter = match[1].toLowerCase();
    if (parameter === 'name') name = decodeName(match[2] ?? match[3]);
    else if (parameter === 'filename') filename = decodeName(match[2] ?? match[3]);
    rest = rest.slice(match[0].length);
  }
  return { name, filename };
}

const UNESCAPES = { '%0A': '\n', '%0D': '\r', '%22': '"' };

function decodeName(text) {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return utf8Decode(bytes, false, true).replace(/%0A|%0D|%22/g, (escape) => UNESCAPES[escape]);
}
