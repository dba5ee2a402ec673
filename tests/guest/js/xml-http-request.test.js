// https://xhr.spec.whatwg.org/, as far as it needs no server; and the shape of EventSource
// Needs the engine: Node has no `wapo:native` for the network.
import { EventSource } from '../../../guest/wapojs/js/event-source.js';
import { EventTarget } from '../../../guest/wapojs/js/event-target.js';
import { ProgressEvent } from '../../../guest/wapojs/js/event-types.js';
import {
  XMLHttpRequest,
  XMLHttpRequestEventTarget,
  XMLHttpRequestUpload,
} from '../../../guest/wapojs/js/xml-http-request.js';
import { assert, assertEquals, assertInterface, assertSame, assertThrows, test } from './harness.js';

const DATA = 'data:text/plain;charset=utf-8,h%C3%A9llo';

/** Events of a request until its loadend. */
function run(url, prepare = () => {}, method = 'GET', body = null) {
  const request = new XMLHttpRequest();
  const seen = [];
  const done = new Promise((resolve) => {
    for (const type of ['readystatechange', 'loadstart', 'progress', 'load', 'error', 'abort', 'timeout', 'loadend']) {
      request.addEventListener(type, (event) => {
        seen.push(type === 'readystatechange' ? request.readyState : type);
        if (type !== 'readystatechange') assert(event instanceof ProgressEvent && event.isTrusted);
        if (type === 'loadend') resolve();
      });
    }
  });
  request.open(method, url);
  prepare(request);
  request.send(body);
  return { request, seen, done };
}

test('interfaces: shape', () => {
  const handlers = ['onloadstart', 'onprogress', 'onabort', 'onerror', 'onload', 'ontimeout', 'onloadend'];
  assertInterface(XMLHttpRequestEventTarget, 'XMLHttpRequestEventTarget', { parent: EventTarget, writable: handlers });
  assertInterface(XMLHttpRequestUpload, 'XMLHttpRequestUpload', { parent: XMLHttpRequestEventTarget });
  assertThrows(TypeError, () => new XMLHttpRequestEventTarget());
  assertThrows(TypeError, () => new XMLHttpRequestUpload());
  assertInterface(XMLHttpRequest, 'XMLHttpRequest', {
    parent: XMLHttpRequestEventTarget,
    attributes: ['readyState', 'upload', 'responseURL', 'status', 'statusText', 'response', 'responseText', 'responseXML'],
    writable: ['onreadystatechange', 'timeout', 'withCredentials', 'responseType'],
    methods: { open: 2, setRequestHeader: 2, send: 0, abort: 0, getResponseHeader: 1, getAllResponseHeaders: 0, overrideMimeType: 1 },
    constants: { UNSENT: 0, OPENED: 1, HEADERS_RECEIVED: 2, LOADING: 3, DONE: 4 },
  });
  assertInterface(EventSource, 'EventSource', {
    length: 1,
    parent: EventTarget,
    attributes: ['url', 'withCredentials', 'readyState'],
    writable: ['onopen', 'onmessage', 'onerror'],
    methods: { close: 0 },
    constants: { CONNECTING: 0, OPEN: 1, CLOSED: 2 },
  });
  assertThrows('SyntaxError', () => new EventSource('/relative'));
  assertThrows('SyntaxError', () => new EventSource('http://this is invalid/'));
});

test('a request from beginning to end', async () => {
  const { request, seen, done } = run(DATA);
  assertEquals([request.readyState, request.status, request.statusText, request.responseURL], [1, 0, '', '']);
  assertEquals([request.getAllResponseHeaders(), request.getResponseHeader('content-type')], ['', null]);
  await done;
  assertEquals(seen, [1, 'loadstart', 2, 3, 'progress', 'progress', 4, 'load', 'loadend']);
  assertEquals([request.status, request.statusText, request.responseURL], [200, 'OK', DATA]);
  assertEquals([request.responseText, request.response, request.responseXML], ['héllo', 'héllo', null]);
  assertEquals(request.getResponseHeader('CONTENT-Type'), 'text/plain;charset=utf-8');
  assertEquals(request.getAllResponseHeaders(), 'content-type: text/plain;charset=utf-8\r\n');
});

test('response types', async () => {
  const json = 'data:application/json,{"a":[1]}';
  for (const [url, type, check] of [
    [json, 'json', (value) => assertEquals(value, { a: [1] })],
    ['data:,no', 'json', (value) => assertEquals(value, null)],
    ['data:,%FFa', 'arraybuffer', (value) => assertEquals(value, new Uint8Array([255, 97]).buffer)],
    ['data:Text/X;b=C,ab', 'blob', (value) => assertEquals([value.size, value.type], [2, 'text/x;b=c'])],
    ['data:,ab', 'text', (value) => assertEquals(value, 'ab')],
    ['data:text/plain;charset=windows-1252,%E9', '', (value) => assertEquals(value, 'é')],
    ['data:text/plain;charset=nonsense,%C3%A9', '', (value) => assertEquals(value, 'é')],
  ]) {
    const { request, done } = run(url, (it) => (it.responseType = type));
    if (type !== '' && type !== 'text') {
      assertEquals(request.response, null);
      assertThrows('InvalidStateError', () => request.responseText);
    }
    await done;
    check(request.response);
    assertSame(request.response, request.response);
    assertThrows('InvalidStateError', () => (request.responseType = ''));
  }
  const request = new XMLHttpRequest();
  for (const unknown of ['moz-blob', 'document', 'TEXT']) request.responseType = unknown;
  assertEquals(request.responseType, '');
});

test('overrideMimeType decides the encoding', async () => {
  const { request, done } = run('data:text/plain;charset=utf-8,%E9', (it) => it.overrideMimeType('text/plain; charset=iso-8859-1'));
  await done;
  assertEquals(request.responseText, 'é');
  assertThrows('InvalidStateError', () => request.overrideMimeType('text/plain'));
});

test('open: arguments', () => {
  const request = new XMLHttpRequest();
  assertThrows('SyntaxError', () => request.open('a b', DATA));
  assertThrows('SyntaxError', () => request.open('', DATA));
  assertThrows('SyntaxError', () => request.open('GET', '/relative'));
  for (const method of ['TRACE', 'connect', 'Track']) assertThrows('SecurityError', () => request.open(method, DATA));
  assertThrows('NotSupportedError', () => request.open('GET', DATA, false));
  assertThrows(TypeError, () => request.open('GET'));
  assertEquals(request.readyState, 0);
  assertThrows('InvalidStateError', () => request.send());
  assertThrows('InvalidStateError', () => request.setRequestHeader('a', 'b'));
  request.open('get', DATA);
  assertThrows('SyntaxError', () => request.setRequestHeader('', 'b'));
  assertThrows('SyntaxError', () => request.setRequestHeader('a b', 'c'));
  assertThrows('SyntaxError', () => request.setRequestHeader('a', 'b\nc'));
  assertThrows(TypeError, () => request.setRequestHeader('a'));
  request.send();
  assertThrows('InvalidStateError', () => request.send());
  assertThrows('InvalidStateError', () => request.setRequestHeader('a', 'b'));
  assertThrows('InvalidStateError', () => (request.withCredentials = true));
  request.abort();
});

test('a request that fails', async () => {
  const { request, seen, done } = run('http://127.0.0.1:9/', () => {}, 'POST', 'body');
  const upload = [];
  for (const type of ['loadstart', 'error', 'loadend']) request.upload.addEventListener(type, () => upload.push(type));
  await done;
  assertEquals(seen, [1, 'loadstart', 4, 'error', 'loadend']);
  assertEquals([request.readyState, request.status, request.responseText, request.responseURL], [4, 0, '', '']);
  assertEquals(upload, []); // nobody listened when it was sent
});

test('abort', async () => {
  const { request, seen } = run(DATA);
  request.abort();
  assertEquals(seen, [1, 'loadstart', 4, 'abort', 'loadend']);
  assertEquals(request.readyState, 0);
  request.abort();
  assertEquals(seen.length, 5);
  const untouched = new XMLHttpRequest();
  untouched.open('GET', DATA);
  untouched.onreadystatechange = () => assert(false, 'no event before send');
  untouched.abort();
  assertEquals(untouched.readyState, 1);
  const again = run(DATA);
  await again.done;
  again.request.open('GET', 'data:,two');
  assertEquals([again.request.readyState, again.request.status, again.request.responseText], [1, 0, '']);
  const ended = new Promise((resolve) => (again.request.onloadend = resolve));
  again.request.send();
  await ended;
  assertEquals(again.request.responseText, 'two');
});

test('a listener may open or abort it again', async () => {
  const request = new XMLHttpRequest();
  let loads = 0;
  await new Promise((resolve) => {
    request.onload = () => {
      if (++loads === 3) resolve();
      else {
        request.open('GET', DATA);
        request.send();
      }
    };
    request.open('GET', DATA);
    request.send();
  });
  request.onloadstart = () => request.abort();
  const { promise, resolve } = Promise.withResolvers();
  request.onabort = resolve;
  request.open('GET', DATA);
  request.send();
  await promise;
  assertEquals([loads, request.readyState], [3, 0]);
});
