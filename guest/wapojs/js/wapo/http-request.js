// Wapo.httpRequest: wapojs-api.md 3.9.

import { httpHead, httpOpen, parseHeaderBlock } from 'wapo:native';
import { defineTag } from '../interfaces.js';
import { headerBlock } from '../fetch.js';
import { enqueueMicrotask } from '../primordials.js';
import { findHeader } from '../request.js';
import { parseToHref } from '../url.js';
import { toByteString } from '../webidl.js';
import { endResource, openResource } from './resources.js';
import { callBack, inputHandle, outputHandle, SharedResource } from './streams.js';
import { field, optional, toBool, toHeaderList, toObject, toText, toWapoBytes } from './values.js';

const { TypeError } = globalThis;

const STREAM_BODY = 1, HAS_BODY = 4;
const USER_AGENT = 'WapoJS/0.1.0';
const METHODS_WITH_BODY = ['POST', 'PUT', 'PATCH'];

/** The headers as the host takes them: names in lower case, without what is not for a program to say. */
function wireHeaders(list) {
  const headers = [];
  for (let i = 0; i < list.length; i++) {
    const name = toByteString(list[i][0]).toLowerCase();
    if (name !== 'accept-encoding') headers.push([name, toByteString(list[i][1])]);
  }
  if (findHeader(headers, 'user-agent') === null) headers.push(['user-agent', USER_AGENT]);
  return headers;
}

export function httpRequest(request, callback) {
  const fields = toObject(request, 'HttpRequest');
  const url = field(fields, 'url', toText);
  const method = field(fields, 'method', (value) => optional(value, toText, 'GET')).toUpperCase();
  const headers = field(fields, 'headers', (value) => optional(value, toHeaderList, []));
  const body = field(fields, 'body', (value) => optional(value, toWapoBytes, null));
  const streamBody = field(fields, 'streamBody', (value) => optional(value, toBool, false));

  let shared = null;
  const id = openResource(() => {
    const ended = shared;
    shared = null;
    if (ended !== null) ended.release();
  });
  const fail = (cause) => {
    endResource(id);
    callBack(callback, 'error', `failed to request \`${url}\`: ${cause}`);
  };

  let resource;
  try {
    const href = parseToHref(url);
    if (href === null || !/^https?:/.test(href)) throw new TypeError('it is no absolute http or https URL');
    const hasBody = body !== null || METHODS_WITH_BODY.includes(method);
    const flags = streamBody ? STREAM_BODY | HAS_BODY : hasBody ? HAS_BODY : 0;
    resource = httpOpen(flags, method, href.split('#')[0], headerBlock(wireHeaders(headers)), streamBody ? null : body);
  } catch (error) {
    enqueueMicrotask(() => fail(error.message));
    return receipt(id, null);
  }
  // One user is the response, which is this request until its head is there; another who writes the body.
  const users = new SharedResource(resource, streamBody ? 2 : 1);
  shared = users;
  httpHead(resource, (error, head) => {
    if (shared === null) return;
    const input = shared;
    shared = null;
    endResource(id);
    if (error !== null) {
      input.release();
      fail(error);
      return;
    }
    const answer = {
      status: head[0], statusText: head[2], version: `HTTP/1.${head[1]}`, headers: parseHeaderBlock(head[3]),
      opaqueBodyStream: inputHandle(input),
    };
    defineTag(answer, 'HttpResponseHead');
    callBack(callback, 'head', answer);
  });
  return receipt(id, streamBody ? outputHandle(users) : null);
}

function receipt(cancelToken, opaqueBodyStream) {
  const made = { cancelToken, opaqueBodyStream };
  defineTag(made, 'HttpRequestReceipt');
  return made;
}
