// AbortController and AbortSignal: https://dom.spec.whatwg.org/#aborting-ongoing-activities
//
// A dependent signal (AbortSignal.any) must not be kept alive by a long-lived source unless somebody would notice its
// abort. So a source holds its dependents weakly, and strongly from the moment that one gets a listener or an abort
// algorithm; the last algorithm to go releases it again. Thus a server that combines one shutdown signal with each
// request's own does not grow.

import { clearTimer, setTimer, unrefTimer } from 'wapo:native';
import { DOMException } from './dom-exception.js';
import { Event } from './event.js';
import {
  defineEventHandler,
  EventTarget,
  fireEvent,
  hasListeners,
  setAbortHooks,
  watchListeners,
} from './event-target.js';
import { defineInterface, illegalConstructor } from './interfaces.js';
import { enforceRange, requireArguments, toSequence } from './webidl.js';

const { Set, TypeError, WeakRef } = globalThis;

const CREATE = {}; // lets this file through the constructor

/** Makes a signal that only platform code can abort. */
let createSignal;
/** Whether a value is a genuine AbortSignal. */
export let isAbortSignal;
/** Whether a signal is aborted; unlike the attribute, not replaceable by user code. */
export let isAborted;
/** The reason of an aborted signal. */
export let abortReason;
/** Runs `steps()` when the signal is aborted, before its `abort` event; does nothing if it is aborted already. */
export let addAbortAlgorithm;
/** Takes back what addAbortAlgorithm added. */
export let removeAbortAlgorithm;
/** "Signal abort": does nothing if the signal is aborted already. */
export let signalAbort;
/** "Create a dependent abort signal" from a list of genuine signals. */
export let createDependentSignal;

class AbortSignal extends EventTarget {
  #aborted = false;
  #reason = undefined;
  /** @type {?Set<Function>} */
  #algorithms = null;
  /** @type {?AbortSignal[]} for a dependent signal, its source signals; none of them is dependent itself */
  #sources = null;
  /** @type {?WeakRef<AbortSignal>[]} in order of creation */
  #dependents = null;
  #dependentsPrunedAt = 16;
  /** @type {?Set<AbortSignal>} dependents whose abort somebody would notice */
  #keptAlive = null;

  constructor(key = undefined) {
    if (key !== CREATE) throw illegalConstructor();
    super();
  }

  static abort(reason = undefined) {
    const signal = new AbortSignal(CREATE);
    signal.#abortWith(reason);
    return signal;
  }

  static timeout(milliseconds) {
    requireArguments(arguments.length, 1, 'AbortSignal.timeout');
    milliseconds = enforceRange(milliseconds, 'AbortSignal.timeout: the time');
    const signal = new AbortSignal(CREATE);
    const timer = setTimer(
      () => {
        clearTimer(timer);
        signalAbort(signal, new DOMException('The operation timed out', 'TimeoutError'));
      },
      milliseconds,
      false,
    );
    unrefTimer(timer); // waiting for a timeout is no reason for a program to go on
    return signal;
  }

  static any(signals) {
    requireArguments(arguments.length, 1, 'AbortSignal.any');
    return createDependentSignal(toSequence(signals, toSignal, 'AbortSignal.any: the argument'));
  }

  get aborted() {
    return this.#aborted;
  }

  get reason() {
    return this.#reason;
  }

  throwIfAborted() {
    if (this.#aborted) throw this.#reason;
  }

  /** Sets the abort reason; steps and event follow. */
  #abortWith(reason) {
    this.#aborted = true;
    this.#reason = reason === undefined ? new DOMException('The operation was aborted', 'AbortError') : reason;
  }

  #runAbortSteps() {
    const algorithms = this.#algorithms;
    this.#algorithms = null;
    if (algorithms !== null) algorithms.forEach((steps) => steps());
    if (hasListeners(this, 'abort')) fireEvent(this, new Event('abort'));
  }

  #keepAlive() {
    if (this.#aborted) return;
    for (let i = 0; i < this.#sources.length; i++) {
      const source = this.#sources[i];
      source.#keptAlive ??= new Set();
      source.#keptAlive.add(this);
    }
  }

  #release() {
    for (let i = 0; i < this.#sources.length; i++) this.#sources[i].#keptAlive?.delete(this);
  }

  #addDependent(reference) {
    this.#dependents ??= [];
    if (this.#dependents.length >= this.#dependentsPrunedAt) {
      this.#dependents = this.#dependents.filter((other) => other.deref() !== undefined);
      this.#dependentsPrunedAt = this.#dependents.length * 2 + 16;
    }
    this.#dependents.push(reference);
  }

  static {
    createSignal = () => new AbortSignal(CREATE);
    isAbortSignal = (value) => typeof value === 'object' && value !== null && #aborted in value;
    isAborted = (signal) => signal.#aborted;
    abortReason = (signal) => signal.#reason;

    addAbortAlgorithm = (signal, steps) => {
      if (signal.#aborted) return;
      signal.#algorithms ??= new Set();
      signal.#algorithms.add(steps);
      if (signal.#sources !== null) signal.#keepAlive();
    };

    removeAbortAlgorithm = (signal, steps) => {
      const algorithms = signal.#algorithms;
      if (algorithms === null || !algorithms.delete(steps)) return;
      if (algorithms.size === 0 && signal.#sources !== null && !hasListeners(signal, 'abort')) signal.#release();
    };

    // https://dom.spec.whatwg.org/#abortsignal-signal-abort
    signalAbort = (signal, reason) => {
      if (signal.#aborted) return;
      signal.#abortWith(reason);
      const aborted = [];
      const dependents = signal.#dependents;
      for (let i = 0; dependents !== null && i < dependents.length; i++) {
        const dependent = dependents[i].deref();
        if (dependent === undefined || dependent.#aborted) continue;
        dependent.#abortWith(signal.#reason);
        aborted.push(dependent);
      }
      signal.#dependents = null;
      signal.#keptAlive = null;
      signal.#runAbortSteps();
      for (let i = 0; i < aborted.length; i++) {
        aborted[i].#runAbortSteps();
        aborted[i].#release();
      }
    };

    // https://dom.spec.whatwg.org/#create-a-dependent-abort-signal
    createDependentSignal = (signals) => {
      const result = new AbortSignal(CREATE);
      for (let i = 0; i < signals.length; i++) {
        if (signals[i].#aborted) {
          result.#abortWith(signals[i].#reason);
          return result;
        }
      }
      const sources = new Set();
      for (let i = 0; i < signals.length; i++) {
        const signal = signals[i];
        if (signal.#sources === null) sources.add(signal);
        else signal.#sources.forEach((source) => sources.add(source));
      }
      const reference = new WeakRef(result);
      result.#sources = Array.from(sources);
      sources.forEach((source) => source.#addDependent(reference));
      watchListeners(result, (type) => {
        if (type === 'abort') result.#keepAlive();
      });
      return result;
    };
  }
}

const { Array } = globalThis;

function toSignal(value) {
  if (!isAbortSignal(value)) throw new TypeError('AbortSignal.any: every item must be an AbortSignal');
  return value;
}

defineEventHandler(AbortSignal.prototype, 'abort');
defineInterface(AbortSignal);
setAbortHooks({ isAbortSignal, isAborted, addAlgorithm: addAbortAlgorithm });

class AbortController {
  #signal = createSignal();

  get signal() {
    return this.#signal;
  }

  abort(reason = undefined) {
    signalAbort(this.#signal, reason);
  }
}

defineInterface(AbortController);

export { AbortController, AbortSignal };
