// Where a program runs decides what `Wapo` has: wapojs-api.md 3.0.
//
//   agent    one request, from an image: what isolates of the original had, and isolates of its own
//   isolate  started by an agent or a program: no isolates, secrets of its own
//   host     a program that lives on its own: also listeners and what the worker offers

import { idle as agentIdle, run } from '../agent.js';
import { process } from '../process.js';
import { Wapo } from '../wapo-global.js';
import { isolateIdle, startIsolate as start } from './isolate-guest.js';
import {
  httpListen, httpSendResponseHead, httpsListen, httpsSendResponseHead, httpsSendResponseHeadRaw, queryListen,
  queryReply,
} from './listen.js';
import { programIdle, startProgram as startScripts } from './program.js';
import { hasResources } from './resources.js';
import { bootData, sgxQuote, storeBootData, tryLock, unlock, workerPublicKey, workerSign } from './services.js';

const { assign } = Object;

const HOST = {
  httpListen, httpSendResponseHead, httpsListen, httpsSendResponseHead, httpsSendResponseHeadRaw, queryListen,
  queryReply, workerSign, workerPublicKey, sgxQuote, bootData, storeBootData, tryLock, unlock,
};

/** Who knows whether the program is over, once nothing is waited for. */
let isOver = agentIdle;
export const idle = () => isOver();

function becomeHost(over) {
  isOver = over;
  assign(Wapo, HOST, { env: process.env });
}

export function startProgram() {
  becomeHost(programIdle);
  startScripts(Wapo);
}

/** A script in the foreground: loaded like an agent, living like a program. */
export function startForeground(words, count, pairs) {
  becomeHost(() => !hasResources() && agentIdle());
  run(words, count, pairs);
}

export function startIsolate(text, epoch, monotonic) {
  isOver = isolateIdle;
  start(text, epoch, monotonic, Wapo);
}
