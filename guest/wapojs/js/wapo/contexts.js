// Where a program runs decides what `Wapo` has: wapojs-api.md 3.0.
//
//   agent    one request, from an image: what isolates of the original had, and isolates of its own
//   isolate  started by an agent or a program: no isolates, secrets of its own
//   host     a program that lives on its own: also listeners and what the worker offers

import { leaveTo } from '../agent.js';
import { process } from '../process.js';
import { Wapo } from '../wapo-global.js';
import { isolateIdle, startIsolate as start } from './isolate-guest.js';
import {
  httpListen, httpSendResponseHead, httpsListen, httpsSendResponseHead, httpsSendResponseHeadRaw, queryListen,
  queryReply,
} from './listen.js';
import { programIdle, startProgram as startScripts } from './program.js';
import { bootData, sgxQuote, storeBootData, tryLock, unlock, workerPublicKey, workerSign } from './services.js';

const { assign } = Object;

const HOST = {
  httpListen, httpSendResponseHead, httpsListen, httpsSendResponseHead, httpsSendResponseHeadRaw, queryListen,
  queryReply, workerSign, workerPublicKey, sgxQuote, bootData, storeBootData, tryLock, unlock,
};

export function startProgram() {
  leaveTo(programIdle);
  assign(Wapo, HOST, { env: process.env });
  startScripts(Wapo);
}

export function startIsolate(text, epoch, monotonic) {
  leaveTo(isolateIdle);
  start(text, epoch, monotonic, Wapo);
}
