// Requests and queries that come in: wapojs-api.md 3.10 to 3.12.

import { close as closeNumber, log, ocall, ocallBytes, ocallWait } from 'wapo:native';
import { defineTag } from '../interfaces.js';
import { enqueueMicrotask } from '../primordials.js';
import { Lost } from './lost.js';
import { readHttpRequest, readQueryRequest, Reader, Writer, writeResponseHead } from './messages.js';
import { endResource, openResource } from './resources.js';
import { callBack, inputHandle, opaque, outputHandle, SharedResource } from './streams.js';
import { checkCall, field, HostError, toHeaderList, toObject, toText, toU16, toWapoBytes } from './values.js';
import { isObject } from '../webidl.js';

const { Error, TypeError, WeakMap } = globalThis;

// Calls of the ABI.
const POLL = 102, ONESHOT_SEND = 202, TCP_LISTEN = 210, TLS_LISTEN_SNI = 215, CREATE_INPUT_CHANNEL = 240;
const HTTP_SERVE = 1210;
const QUERY_CHANNEL = 3, HTTP_CHANNEL = 4;
const LOG_WARN = 2;

// Answers, once each: a one-shot sender of the host behind an object that says nothing.

/** @type {WeakMap<object, number>} */
const senders = new WeakMap();
const lostSenders = new Lost((number) => closeNumber(number)); // whoever waits learns that there is none

function senderHandle(tag, number) {
  const handle = opaque(tag);
  senders.set(handle, number);
  lostSenders.watch(handle, number);
  return handle;
}

/** Sends an answer. @returns {number} 0, or the code of the error; -1 if there was an answer already */
function send(handle, bytes) {
  const number = isObject(handle) ? senders.get(handle) : undefined;
  if (number === undefined) return -1;
  senders.delete(handle);
  lostSenders.forget(handle);
  const result = ocall(ONESHOT_SEND, number, bytes);
  closeNumber(number);
  return result < 0 ? -result : 0;
}

// Messages of a channel

/** Calls `receive(message)` for each message of a channel until it is closed. */
function listen(channel, receive) {
  let open = true;
  const id = openResource(() => {
    open = false;
    closeNumber(channel);
  });
  const next = () => {
    if (!open) return;
    ocallWait(POLL, true, channel, (error, message) => {
      if (!open) return;
      if (error !== 0) {
        open = false;
        endResource(id);
        closeNumber(channel);
        return;
      }
      receive(message);
      enqueueMicrotask(next);
    });
  };
  next();
  return id;
}

function inputChannel(number, what) {
  return new Reader(checkCall(ocallBytes(CREATE_INPUT_CHANNEL, number), what)).i32();
}

/** A listener slot: the channel exists once, the callback is that of the last call. */
class Slot {
  #callback = null;
  #id = null;

  listen(number, what, callback, deliver) {
    this.#callback = callback;
    if (this.#id !== null) return null;
    this.#id = listen(inputChannel(number, what), (message) => deliver(message, this.#callback));
    return null;
  }
}

// HTTP

function httpRequestOf(message) {
  const { method, url, headers, responseTx, ioStream } = readHttpRequest(message);
  const shared = new SharedResource(ioStream, 2);
  const request = {
    method, url, headers,
    opaqueResponseTx: senderHandle('OpaqueResponseTx', responseTx),
    opaqueInputStream: inputHandle(shared),
    opaqueOutputStream: outputHandle(shared),
  };
  defineTag(request, 'HttpRequest');
  return request;
}

const http = new Slot();

export function httpListen(callback) {
  return http.listen(HTTP_CHANNEL, 'failed to listen for requests', callback, (message, current) => {
    callBack(current, httpRequestOf(message));
  });
}

function encodeHead(head) {
  const fields = toObject(head, 'HttpResponseHead');
  return writeResponseHead(field(fields, 'status', toU16), field(fields, 'headers', toHeaderList));
}

export function httpSendResponseHead(tx, head) {
  const failed = send(tx, encodeHead(head));
  if (failed !== 0) log(LOG_WARN, 'failed to send response: it was sent before, or the client has gone');
  return null;
}

function sendOrThrow(tx, bytes) {
  const failed = send(tx, bytes);
  if (failed < 0) throw new Error('failed to get response tx: the response was sent before');
  if (failed > 0) throw new HostError('failed to send response', failed);
  return null;
}

export const httpsSendResponseHead = (tx, head) => sendOrThrow(tx, encodeHead(head));

export function httpsSendResponseHeadRaw(tx, text) {
  const [first, ...lines] = toText(text).split(/\r?\n/);
  const status = +first.split(' ')[1];
  if (!(status >= 100 && status <= 999)) throw new TypeError('invalid response head: the first line has no status');
  const headers = lines.map((line) => {
    const colon = line.indexOf(': ');
    if (colon < 0) throw new TypeError('invalid response head: a line has no ": "');
    return [line.slice(0, colon), line.slice(colon + 2)];
  });
  return sendOrThrow(tx, writeResponseHead(status, headers));
}

/** "localhost:8080" is no address for the host, which looks up no names here. */
const literal = (address) => address.replace(/^localhost:/i, '127.0.0.1:');

function openListener(config) {
  const { serverName, certificateChain, privateKey, address } = toObject(config, 'server config');
  if (typeof serverName === 'string' && typeof certificateChain === 'string' && typeof privateKey === 'string') {
    const message = new Writer().text(serverName).u8(0).text(certificateChain).text(privateKey).done();
    return checkCall(ocall(TLS_LISTEN_SNI, message), `failed to listen for ${serverName}`);
  }
  if (typeof address !== 'string') throw new TypeError('invalid server config');
  const message = new Writer().text(literal(address)).u8(0).done();
  return checkCall(ocall(TCP_LISTEN, message), `failed to listen on ${address}`);
}

export function httpsListen(config, callback) {
  const listener = openListener(config);
  const server = ocall(HTTP_SERVE, listener);
  if (server < 0) closeNumber(listener);
  return listen(checkCall(server, 'failed to serve HTTP'), (message) => callBack(callback, httpRequestOf(message)));
}

// Queries

function queryOf(message) {
  const { origin, path, payload, replyTx } = readQueryRequest(message);
  const query = { origin, path, payload, replyTx: senderHandle('OpaqueReplyTx', replyTx) };
  defineTag(query, 'Query');
  return query;
}

const queries = new Slot();

export function queryListen(callback) {
  return queries.listen(QUERY_CHANNEL, 'failed to listen for queries', callback, (message, current) => {
    callBack(current, queryOf(message));
  });
}

export function queryReply(tx, data) {
  const failed = send(tx, toWapoBytes(data));
  if (failed !== 0) log(LOG_WARN, 'failed to send reply: it was sent before, or nobody waits for it');
  return null;
}
