// The start of the platform: puts everything on the global object and tells the C side whom to call.
//
// It runs once, before the memory image is taken that every machine starts from, so it must not look at a clock, at
// randomness or at anything else that differs from one machine to the next.

import * as native from 'wapo:native';
import { defineScriptGlobals, load, request, settled } from './agent.js';
import { crypto, Crypto } from './crypto.js';
import { trackRejection } from './errors.js';
import { EventSource } from './event-source.js';
import { fetch } from './fetch.js';
import { FetchEvent } from './fetch-event.js';
import { exposeGlobals } from './globals.js';
import { exposeGlobal } from './interfaces.js';
import { defineIntl } from './intl-globals.js';
import { navigator, Navigator } from './navigator.js';
import { defineNodeGlobals } from './node-require.js';
import { process, runTicks } from './process.js';
import { reportException } from './report.js';
import { Request } from './request.js';
import { Response } from './response.js';
import { SCALE, ScaleCodec } from './scale/scale.js';
import { URL } from './url.js';
import { URLPattern } from './url-pattern.js';
import { defineWapoGlobals, Wapo } from './wapo-global.js';
import { idle, startForeground, startIsolate, startProgram } from './wapo/contexts.js';
import { WebSocketPair } from './web-socket-pair.js';
import { WebSocket } from './web-socket.js';
import { WebAssembly } from './webassembly/namespace.js';
import { CryptoKey } from './webcrypto/crypto-key.js';
import { SubtleCrypto } from './webcrypto/subtle-crypto.js';
import { XMLHttpRequest, XMLHttpRequestEventTarget, XMLHttpRequestUpload } from './xml-http-request.js';

const { defineProperty } = Object;

// Log levels of the guest ABI.
const LEVELS = { __proto__: null, error: 1, warn: 2, info: 3, debug: 4 };
exposeGlobals((level, text) => native.log(LEVELS[level], text));

const INTERFACES = {
  Crypto, CryptoKey, EventSource, FetchEvent, Navigator, Request, Response, SubtleCrypto, URL, URLPattern, WebSocket,
  WebSocketPair, XMLHttpRequest, XMLHttpRequestEventTarget, XMLHttpRequestUpload,
};
for (const name in INTERFACES) exposeGlobal(name, INTERFACES[name]);

Wapo.SCALE = SCALE;
const OBJECTS = { crypto, navigator, process, SCALE, ScaleCodec, Wapo, WebAssembly };
for (const name in OBJECTS) exposeGlobal(name, OBJECTS[name]);
exposeGlobal('fetch', fetch, true);

// Names that scripts use for the global object.
for (const name of ['self', 'global', 'window']) exposeGlobal(name, globalThis);

// The engine seeds its generator once, in the image; this one is seeded in each machine.
defineProperty(Math, 'random', {
  __proto__: null, value: Object.getOwnPropertyDescriptor({ random() { return native.mathRandom(); } }, 'random').value,
  writable: true, enumerable: false, configurable: true,
});

defineScriptGlobals();
defineWapoGlobals();
defineNodeGlobals();
defineIntl();

native.setHandlers(load, request, trackRejection, reportException, settled, idle, runTicks, startForeground, startProgram, startIsolate);
