// A program that answers requests as agents do, with `export default { fetch }` or addEventListener('fetch'), and
// queries likewise (`query`): beyond the original, so that one file is an agent and an app.

import { shutdown, utf8Encode, write } from 'wapo:native';
import { dispatchFetch, hasFetchListener } from '../fetch-event.js';
import { Body } from '../body.js';
import { call } from '../primordials.js';
import { process } from '../process.js';
import { promiseCall, promiseReject, promiseResolve, promiseThen } from '../promises.js';
import { reportException } from '../report.js';
import { createRequest, RequestSlots } from '../request.js';
import { pumpInto, resourceStream } from '../resource-streams.js';
import { isResponse, responseSlots } from '../response.js';
import { httpListen, httpsSendResponseHead, queryListen, queryReply } from './listen.js';
import { dispatchQuery, hasQueryListener } from './query-event.js';
import { takeInputResource, takeOutputResource } from './streams.js';

const { TypeError, Uint8Array } = globalThis;

const context = {
  /** A program lives on anyway. */
  waitUntil(promise) {
    promiseThen(promiseResolve(promise), undefined, reportException);
  },
  passThroughOnException() {},
  props: {},
};

/** What the program exports that has a method of that name, or null. */
function targetWith(name, namespace) {
  const exported = namespace?.default ?? globalThis.module?.exports;
  return [exported, exported?.default, namespace].find((target) => typeof target?.[name] === 'function') ?? null;
}

const unanswered = (what) => promiseReject(new TypeError(`the ${what} listener did not answer`));

/**
 * Serves requests and queries if the program is one that answers them.
 * @param {?object} namespace of a module
 * @returns {boolean} whether it is
 */
export function serveProgram(namespace) {
  const fetching = targetWith('fetch', namespace);
  const querying = targetWith('query', namespace);
  if (fetching !== null) {
    serveRequests((request) => call(fetching.fetch, fetching, request, process.env, context));
  } else if (hasFetchListener()) {
    serveRequests((request) => dispatchFetch(request, context.waitUntil) ?? unanswered('fetch'));
  }
  if (querying !== null) {
    serveQueries((query) => call(querying.query, querying, query, process.env, context));
  } else if (hasQueryListener()) {
    serveQueries((query) => dispatchQuery(query) ?? unanswered('query'));
  }
  return fetching !== null || querying !== null || hasFetchListener() || hasQueryListener();
}

function serveQueries(handler) {
  queryListen(({ origin, path, payload, replyTx }) => {
    promiseThen(promiseCall(handler, { origin, path, payload }), (answer) => {
      try {
        queryReply(replyTx, answer);
      } catch (error) {
        reportException(error); // it is neither bytes nor text
      }
    }, reportException); // whoever asked hears that there will be no answer, since nobody has replyTx any more
  });
}

function serveRequests(handler) {
  httpListen((incoming) => {
    const request = requestOf(incoming);
    promiseThen(promiseCall(handler, request), (response) => respond(incoming, response), (error) => {
      reportException(error);
      fail(incoming);
    });
  });
}

function requestOf({ method, url, headers, opaqueInputStream }) {
  const slots = new RequestSlots();
  slots.method = method;
  slots.url = url;
  slots.headerList = headers.map(([name, value]) => [name.toLowerCase(), value]);
  slots.headersGuard = 'immutable';
  slots.redirect = 'manual';
  const shared = takeInputResource(opaqueInputStream);
  if (method === 'GET' || method === 'HEAD') {
    shared.release();
  } else {
    const failed = (text) => new TypeError(`the request ended early: ${text}`);
    slots.body = Body.ofStream(resourceStream(shared.number, null, failed, () => shared.release()).stream);
  }
  return createRequest(slots);
}

function fail(incoming) {
  finish(incoming, 500, [['content-type', 'text/plain;charset=UTF-8']], utf8Encode('Internal Server Error'));
}

function finish(incoming, status, headers, bytes) {
  const output = takeOutputResource(incoming.opaqueOutputStream);
  try {
    httpsSendResponseHead(incoming.opaqueResponseTx, { status, headers });
  } catch {
    output.release(); // the client has gone
    return;
  }
  write(output.number, bytes, () => {
    shutdown(output.number);
    output.release();
  });
}

function respond(incoming, response) {
  if (!isResponse(response)) {
    reportException(new TypeError('the handler must return a Response'));
    fail(incoming);
    return;
  }
  const { body, headerList, status } = responseSlots(response);
  if (status === 0 || (body !== null && body.unusable)) {
    reportException(new TypeError('the returned Response is an error, or its body has been read already'));
    fail(incoming);
    return;
  }
  if (body === null || body.stream === null) {
    const bytes = body === null ? new Uint8Array(0) : (body.bytes ?? utf8Encode(body.text));
    if (body !== null) body.consumed = true;
    finish(incoming, status, headerList, bytes);
    return;
  }
  const output = takeOutputResource(incoming.opaqueOutputStream);
  try {
    httpsSendResponseHead(incoming.opaqueResponseTx, { status, headers: headerList });
  } catch {
    output.release();
    return;
  }
  promiseThen(pumpInto(body.stream, output.number), () => output.release(), (error) => {
    reportException(error);
    output.release();
  });
}
