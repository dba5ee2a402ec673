// What of this folder appears on the global object. The runtime calls `exposeGlobals` once, while it starts.

import { log } from 'wapo:native';
import { AbortController, AbortSignal } from './abort.js';
import { atob, btoa } from './base64.js';
import { Blob, File } from './blob.js';
import { CompressionStream, DecompressionStream } from './compression.js';
import { createConsole } from './console.js';
import { DOMException } from './dom-exception.js';
import { TextDecoder, TextEncoder } from './encoding.js';
import { EventTarget } from './event-target.js';
import {
  CloseEvent,
  CustomEvent,
  ErrorEvent,
  MessageEvent,
  ProgressEvent,
  PromiseRejectionEvent,
} from './event-types.js';
import { Event } from './event.js';
import { FormData } from './form-data.js';
import { installGlobalErrors, reportError } from './global-errors.js';
import { Headers } from './headers.js';
import { exposeGlobal } from './interfaces.js';
import { BroadcastChannel, MessageChannel, MessagePort } from './message-channel.js';
import { Performance, performance, PerformanceEntry, PerformanceMark, PerformanceMeasure } from './performance.js';
import { Scheduler, scheduler } from './scheduler.js';
import { ReadableStreamBYOBRequest } from './streams/byob-request.js';
import { ReadableByteStreamController } from './streams/readable-byte-controller.js';
import { ReadableStreamDefaultController } from './streams/readable-default-controller.js';
import { ReadableStreamBYOBReader, ReadableStreamDefaultReader } from './streams/readable-readers.js';
import { ReadableStream } from './streams/readable-stream.js';
import { ByteLengthQueuingStrategy, CountQueuingStrategy } from './streams/strategies.js';
import { TransformStream, TransformStreamDefaultController } from './streams/transform-stream.js';
import { WritableStreamDefaultController } from './streams/writable-controller.js';
import { WritableStream, WritableStreamDefaultWriter } from './streams/writable-stream.js';
import { structuredClone } from './structured-clone.js';
import { TextDecoderStream, TextEncoderStream } from './text-streams.js';
import {
  clearImmediate,
  clearInterval,
  clearTimeout,
  queueMicrotask,
  setImmediate,
  setInterval,
  setTimeout,
} from './timers.js';
import { URLSearchParams } from './url-search-params.js';

const INTERFACES = {
  AbortController,
  AbortSignal,
  Blob,
  BroadcastChannel,
  ByteLengthQueuingStrategy,
  CloseEvent,
  CompressionStream,
  CountQueuingStrategy,
  CustomEvent,
  DOMException,
  DecompressionStream,
  ErrorEvent,
  Event,
  EventTarget,
  File,
  FormData,
  Headers,
  MessageChannel,
  MessageEvent,
  MessagePort,
  Performance,
  PerformanceEntry,
  PerformanceMark,
  PerformanceMeasure,
  ProgressEvent,
  PromiseRejectionEvent,
  ReadableByteStreamController,
  ReadableStream,
  ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest,
  ReadableStreamDefaultController,
  ReadableStreamDefaultReader,
  Scheduler,
  TextDecoder,
  TextDecoderStream,
  TextEncoder,
  TextEncoderStream,
  TransformStream,
  TransformStreamDefaultController,
  URLSearchParams,
  WritableStream,
  WritableStreamDefaultController,
  WritableStreamDefaultWriter,
};

const OBJECTS = { performance, scheduler };

const OPERATIONS = {
  atob,
  btoa,
  clearImmediate,
  clearInterval,
  clearTimeout,
  queueMicrotask,
  reportError,
  setImmediate,
  setInterval,
  setTimeout,
  structuredClone,
};

const LEVELS = { __proto__: null, error: 1, warn: 2, info: 3, debug: 4 }; // of the guest ABI

/**
 * Defines everything.
 * @param {function(string, string)} [sink] what the console prints to: level name and text
 */
export function exposeGlobals(sink = (level, text) => log(LEVELS[level], text)) {
  for (const name in INTERFACES) exposeGlobal(name, INTERFACES[name]);
  for (const name in OBJECTS) exposeGlobal(name, OBJECTS[name]);
  for (const name in OPERATIONS) exposeGlobal(name, OPERATIONS[name], true);
  exposeGlobal('console', createConsole(sink));
  installGlobalErrors((text) => sink('error', text));
}
