// The Sidevm global of the older engine: wapojs-api.md section 8. What it has in common with Wapo is Wapo's.

import { defineTag } from '../interfaces.js';
import { clearTimeout, setTimeout } from '../timers.js';
import { httpRequest as startRequest } from './http-request.js';
import { repr, writeLog } from './repr.js';
import { closeResource, endResource, openResource } from './resources.js';
import { callBack, streamOpenRead } from './streams.js';
import { field, optional, toHeaderList, toObject, toU32 } from './values.js';

const { defineProperty } = Object;

const TIMEOUT_MS = 30000;
const USER_AGENT = 'PhatContract/0.1.0';
const LEVEL_INFO = 2;

const SHARED = [
  'version', 'SCALE', 'repr', 'hexEncode', 'hexDecode', 'base64Encode', 'base64Decode', 'utf8Encode', 'utf8Decode',
  'hash', 'print', 'setTimeout', 'setInterval', 'close', 'exit', 'concatU8a', 'marker', 'memoryStats', 'parseURL',
  'parseURLParams',
  'httpListen', 'httpSendResponseHead',
];
/** Names of its own for what Wapo has. */
const RENAMED = {
  httpReceiveBody: 'streamOpenRead', httpMakeWriter: 'streamOpenWrite', httpWriteChunk: 'streamWriteChunk',
  httpCloseWriter: 'streamClose',
};

function printAll(...values) {
  const texts = values.map((value) => (typeof value === 'string' ? value : repr(value, { indent: '  ' })));
  writeLog(LEVEL_INFO, texts.join(' '));
  return null;
}

/** `head`, `data` as often as there is some, `end`; or `error`. @returns {number} what ends it */
function httpRequest(request, callback) {
  const fields = toObject(request, 'HttpRequest');
  const timeout = field(fields, 'timeoutMs', (value) => optional(value, toU32, TIMEOUT_MS));
  const headers = field(fields, 'headers', (value) => optional(value, toHeaderList, []));
  if (!headers.some(([name]) => name.toLowerCase() === 'user-agent')) headers.push(['User-Agent', USER_AGENT]);
  let current = null; // what is under way: the request, and then its body
  const end = (command, value) => {
    clearTimeout(timer);
    endResource(id);
    callBack(callback, command, value);
  };
  const id = openResource(() => {
    clearTimeout(timer);
    if (current !== null) closeResource(current);
  });
  const timer = setTimeout(() => {
    if (current !== null) closeResource(current);
    end('error', `failed to request \`${fields.url}\`: Timed out`);
  }, timeout);
  const { url, method, body } = fields;
  const { cancelToken } = startRequest({ url, method, headers, body }, (command, answer) => {
    if (command === 'error') {
      end('error', answer);
      return;
    }
    const { opaqueBodyStream, ...head } = answer;
    defineTag(head, 'HttpResponseHead');
    callBack(callback, 'head', head);
    current = streamOpenRead(opaqueBodyStream, (kind, data) => {
      if (kind === 'data') callBack(callback, 'data', data);
      else end(kind, data);
    });
  });
  current ??= cancelToken;
  return id;
}

/** @param {object} Wapo of which the other is made; members that come and go there do so here */
export function makeSidevm(Wapo) {
  const Sidevm = { inspect: printAll, httpRequest };
  const share = (name, of) =>
    defineProperty(Sidevm, name, { __proto__: null, enumerable: true, configurable: true, get: () => Wapo[of] });
  for (const name of SHARED) share(name, name);
  for (const name in RENAMED) share(name, RENAMED[name]);
  defineTag(Sidevm, 'Sidevm');
  return Sidevm;
}
