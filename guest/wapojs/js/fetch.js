// fetch: https://fetch.spec.whatwg.org/#fetch-method
//
// The host makes the connections and keeps them for other machines; redirects, bodies and aborting are decided here.
// No CORS, no cookies, no cache: those protect or serve a browser's user.

import { close, httpHead, httpOpen, parseHeaderBlock, utf8Encode } from 'wapo:native';
import { abortReason, addAbortAlgorithm, isAborted, removeAbortAlgorithm } from './abort.js';
import { Body } from './body.js';
import { readDataUrl } from './data-url.js';
import { blockedPort } from './ports.js';
import { newDeferred, promiseReject, promiseThen } from './promises.js';
import { findHeader, Request, requestSlots } from './request.js';
import { pumpInto, resourceStream } from './resource-streams.js';
import { createResponse, ResponseSlots } from './response.js';
import { cancelStream } from './streams/internal.js';
import { parseToHref } from './url.js';
import { openFetched } from './web-socket-fetch.js';
import { requireArguments } from './webidl.js';

const { Error, TypeError } = globalThis;

// Flags of httpOpen (docs/abi.md, 1100).
const STREAM_BODY = 1, DECODE = 2, HAS_BODY = 4;

const REDIRECT_STATUS = [301, 302, 303, 307, 308];
const NULL_BODY_STATUS = [101, 103, 204, 205, 304];
const MAX_REDIRECTS = 20;
const BODY_HEADERS = ['content-encoding', 'content-language', 'content-location', 'content-type', 'content-length'];
const CREDENTIAL_HEADERS = ['authorization', 'cookie', 'proxy-authorization'];
const USER_AGENT = 'WapoJS/0.1.0';

/** "name NUL value NUL ..." as the border wants it. */
export function headerBlock(list) {
  let block = '';
  for (let i = 0; i < list.length; i++) block += `${i === 0 ? '' : '\0'}${list[i][0]}\0${list[i][1]}`;
  return block;
}

const originOf = (href) => /^[a-z]+:\/\/[^/?#]*/.exec(href)[0];

/** One fetch, from the first request to the head of the response that counts. */
class Fetching {
  #slots;
  #deferred;
  #url;
  #method;
  #headers;
  #body;
  #hops = 0;
  #resource = -1;
  #settled = false;
  #download = null;
  #giveUp = null;
  #signal;
  #onAbort = null;

  constructor(slots, deferred) {
    this.#slots = slots;
    this.#deferred = deferred;
    this.#url = slots.url;
    this.#method = slots.method;
    // The host follows from the URL (a forbidden header in browsers): a request that an agent passes on as it came names
    // the agent's own.
    this.#headers = slots.headerList.filter(([name]) => name !== 'host');
    this.#body = slots.body;
    this.#signal = slots.signal;
    if (findHeader(this.#headers, 'user-agent') === null) this.#headers.push(['user-agent', USER_AGENT]);
    if (findHeader(this.#headers, 'accept') === null) this.#headers.push(['accept', '*/*']);
  }

  start() {
    if (this.#signal !== null) {
      if (isAborted(this.#signal)) {
        this.#abort();
        return;
      }
      this.#onAbort = () => this.#abort();
      addAbortAlgorithm(this.#signal, this.#onAbort);
    }
    this.#send();
  }

  #send() {
    if (this.#url.startsWith('data:')) {
      this.#answerData();
      return;
    }
    if (!this.#url.startsWith('http:') && !this.#url.startsWith('https:')) {
      this.#fail(new TypeError(`fetch: the scheme of '${this.#url}' is not supported; http, https and data are`));
      return;
    }
    const port = blockedPort(this.#url);
    if (port !== null) {
      this.#fail(new TypeError(`fetch: port ${port} is not allowed`));
      return;
    }
    const fragment = this.#url.indexOf('#');
    const url = fragment < 0 ? this.#url : this.#url.slice(0, fragment);
    const body = this.#body;
    if (this.#method === 'GET' && body === null && findHeader(this.#headers, 'upgrade')?.toLowerCase() === 'websocket') {
      this.#openWebSocket(url);
      return;
    }
    let flags = DECODE;
    let inline = null;
    if (body !== null) {
      if (body.unusable) {
        this.#fail(new TypeError('fetch: the body of the request has been read already'));
        return;
      }
      flags |= HAS_BODY;
      if (body.stream !== null) flags |= STREAM_BODY;
      else inline = body.bytes ?? encodeText(body);
    } else if (this.#method === 'POST' || this.#method === 'PUT' || this.#method === 'PATCH') {
      flags |= HAS_BODY; // an empty one, so that there is a Content-Length
    }
    try {
      this.#resource = httpOpen(flags, this.#method, url, headerBlock(this.#headers), inline);
    } catch (error) {
      this.#fail(new TypeError(`fetch: ${error.message}`));
      return;
    }
    if (flags & STREAM_BODY) this.#upload(body.stream);
    else if (body !== null) body.consumed = true;
    const resource = this.#resource;
    httpHead(resource, (error, head) => {
      if (this.#settled || resource !== this.#resource) return;
      if (error !== null) {
        close(resource);
        this.#fail(new TypeError(`fetch failed: ${error}`, { cause: new Error(error) }));
      } else {
        this.#received(head[0], head[2], parseHeaderBlock(head[3]));
      }
    });
  }

  #openWebSocket(url) {
    this.#giveUp = openFetched(
      url,
      this.#headers,
      (socket, protocol) => {
        const slots = this.#newResponse(101, 'Switching Protocols');
        slots.headerList = [['upgrade', 'websocket']];
        if (protocol !== '') slots.headerList.push(['sec-websocket-protocol', protocol]);
        slots.webSocket = socket;
        this.#stopListening();
        this.#settle(slots);
      },
      (text) => this.#fail(new TypeError(`fetch failed: ${text}`)),
    );
  }

  #upload(stream) {
    const resource = this.#resource;
    promiseThen(pumpInto(stream, resource), undefined, (reason) => {
      if (this.#settled || resource !== this.#resource) return;
      close(resource);
      this.#fail(reason);
    });
  }

  #received(status, statusText, headers) {
    const location = REDIRECT_STATUS.includes(status) ? findHeader(headers, 'location') : null;
    if (location !== null && this.#slots.redirect === 'error') {
      close(this.#resource);
      this.#fail(new TypeError(`fetch: redirected to '${location}', and redirect is 'error'`));
    } else if (location !== null && this.#slots.redirect === 'follow') {
      close(this.#resource);
      this.#redirect(status, location);
    } else {
      this.#answer(status, statusText, headers);
    }
  }

  // https://fetch.spec.whatwg.org/#http-redirect-fetch
  #redirect(status, location) {
    const href = parseToHref(location, this.#url);
    if (href === null || !/^https?:/.test(href)) {
      this.#fail(new TypeError(`fetch: redirected to '${location}', which is not an http or https URL`));
      return;
    }
    if (++this.#hops > MAX_REDIRECTS) {
      this.#fail(new TypeError(`fetch: more than ${MAX_REDIRECTS} redirects`));
      return;
    }
    const body = this.#body;
    if (status !== 303 && body !== null && body.stream !== null) {
      this.#fail(new TypeError('fetch: redirected, but the body was a stream and cannot be sent again'));
      return;
    }
    const becomesGet = ((status === 301 || status === 302) && this.#method === 'POST')
      || (status === 303 && this.#method !== 'GET' && this.#method !== 'HEAD');
    if (becomesGet) {
      this.#method = 'GET';
      this.#body = null;
      this.#headers = this.#headers.filter(([name]) => !BODY_HEADERS.includes(name));
    } else if (body !== null) {
      body.consumed = false;
    }
    if (originOf(href) !== originOf(this.#url)) {
      this.#headers = this.#headers.filter(([name]) => !CREDENTIAL_HEADERS.includes(name));
    }
    const fragment = this.#url.indexOf('#');
    this.#url = fragment >= 0 && !href.includes('#') ? href + this.#url.slice(fragment) : href;
    this.#send();
  }

  #answer(status, statusText, headers) {
    const slots = this.#newResponse(status, statusText);
    // The host has decoded the body, so what describes the coded one would mislead whoever passes this response on.
    const decoded = findHeader(headers, 'content-encoding') !== null;
    slots.headerList = decoded
      ? headers.filter(([name]) => name !== 'content-encoding' && name !== 'content-length')
      : headers;
    if (NULL_BODY_STATUS.includes(status) || this.#method === 'HEAD') {
      close(this.#resource);
      this.#stopListening();
    } else {
      this.#download = resourceStream(this.#resource, null, (text) => new TypeError(`the response ended early: ${text}`));
      slots.body = Body.ofStream(this.#download.stream);
    }
    this.#settle(slots);
  }

  #answerData() {
    const data = readDataUrl(this.#url);
    if (data === null) {
      this.#fail(new TypeError('fetch: the data URL is not valid'));
      return;
    }
    const slots = this.#newResponse(200, 'OK');
    slots.headerList = [['content-type', data.type]];
    if (this.#method !== 'HEAD') slots.body = Body.ofBytes(data.bytes);
    this.#stopListening();
    this.#settle(slots);
  }

  #newResponse(status, statusText) {
    const slots = new ResponseSlots();
    slots.type = 'basic';
    slots.url = this.#url.split('#')[0];
    slots.redirected = this.#hops > 0;
    slots.status = status;
    slots.statusText = statusText;
    slots.headersGuard = 'immutable';
    return slots;
  }

  #settle(slots) {
    this.#settled = true;
    this.#deferred.resolve(createResponse(slots));
  }

  #fail(error) {
    if (this.#settled) return;
    this.#settled = true;
    this.#stopListening();
    this.#deferred.reject(error);
  }

  #stopListening() {
    if (this.#onAbort !== null) removeAbortAlgorithm(this.#signal, this.#onAbort);
    this.#onAbort = null;
  }

  #abort() {
    const reason = abortReason(this.#signal);
    if (this.#body !== null && this.#body.stream !== null && !this.#body.unusable) cancelStream(this.#body.stream, reason);
    if (this.#giveUp !== null) this.#giveUp();
    else if (this.#download !== null) this.#download.fail(reason);
    else if (this.#resource >= 0) close(this.#resource);
    this.#fail(reason);
  }
}

function encodeText(body) {
  const bytes = utf8Encode(body.text);
  body.text = null;
  body.bytes = bytes;
  return bytes;
}

export function fetch(input, init = undefined) {
  try {
    requireArguments(arguments.length, 1, 'fetch');
    const slots = requestSlots(new Request(input, init));
    const deferred = newDeferred();
    new Fetching(slots, deferred).start();
    return deferred.promise;
  } catch (error) {
    return promiseReject(error);
  }
}
