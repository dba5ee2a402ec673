// Scheduler: https://wicg.github.io/scheduling-apis/#sec-scheduler, without TaskController: a task's priority is fixed
//
// One engine timer at a time runs the first task of the highest priority, so that timers and sockets get their turn
// between tasks.

import { clearTimer, setTimer } from 'wapo:native';
import { abortReason, addAbortAlgorithm, isAborted, isAbortSignal, removeAbortAlgorithm } from './abort.js';
import { defineInterface, illegalConstructor } from './interfaces.js';
import { newDeferred, promiseReject } from './promises.js';
import { enforceRange, requireArguments, toCallback, toDictionary, toEnum } from './webidl.js';

const { TypeError } = globalThis;

const CREATE = {};
const PRIORITIES = ['user-blocking', 'user-visible', 'background'];

/** Tasks by priority; continuations (of `yield`) precede tasks of the same priority. */
const queues = PRIORITIES.map(() => ({ continuations: [], tasks: [] }));
let timerIsSet = false;

function enqueue(task, priority, isContinuation) {
  const queue = queues[priority];
  (isContinuation ? queue.continuations : queue.tasks).push(task);
  arm();
}

function arm() {
  if (timerIsSet) return;
  timerIsSet = true;
  setTimer(runNext, 0, false);
}

function takeNext() {
  for (let i = 0; i < queues.length; i++) {
    const task = queues[i].continuations.shift() ?? queues[i].tasks.shift();
    if (task !== undefined) return task;
  }
  return undefined;
}

function runNext() {
  timerIsSet = false;
  let task = takeNext();
  while (task !== undefined && task.aborted) task = takeNext();
  if (task === undefined) return;
  if (queues.some((queue) => queue.continuations.length > 0 || queue.tasks.length > 0)) arm();
  task.run();
}

class Scheduler {
  #brand = true;

  constructor(key = undefined) {
    if (key !== CREATE) throw illegalConstructor();
  }

  postTask(callback, options = undefined) {
    try {
      this.#brand;
      requireArguments(arguments.length, 1, 'Scheduler.postTask');
      toCallback(callback, 'Scheduler.postTask: the callback');
      const dictionary = toDictionary(options, 'Scheduler.postTask: options');
      let { delay, priority } = dictionary;
      const { signal } = dictionary;
      delay = delay === undefined ? 0 : enforceRange(delay, 'Scheduler.postTask: delay');
      priority = priority === undefined ? 'user-visible' : toEnum(priority, PRIORITIES, 'Scheduler.postTask: priority');
      if (signal !== undefined && !isAbortSignal(signal))
        throw new TypeError('Scheduler.postTask: signal must be an AbortSignal');
      if (signal !== undefined && isAborted(signal)) return promiseReject(abortReason(signal));
      return post(callback, PRIORITIES.indexOf(priority), delay, signal);
    } catch (error) {
      return promiseReject(error);
    }
  }

  yield() {
    try {
      this.#brand;
      const { promise, resolve } = newDeferred();
      enqueue({ aborted: false, run: () => resolve(undefined) }, PRIORITIES.indexOf('user-visible'), true);
      return promise;
    } catch (error) {
      return promiseReject(error);
    }
  }
}

function post(callback, priority, delay, signal) {
  const { promise, resolve, reject } = newDeferred();
  let timer;
  const onAbort = () => {
    task.aborted = true;
    if (timer !== undefined) clearTimer(timer);
    reject(abortReason(signal));
  };
  const task = {
    aborted: false,
    run() {
      if (signal !== undefined) removeAbortAlgorithm(signal, onAbort);
      try {
        resolve(callback());
      } catch (error) {
        reject(error);
      }
    },
  };
  if (signal !== undefined) addAbortAlgorithm(signal, onAbort);
  if (delay > 0) timer = setTimer(() => enqueue(task, priority, false), delay, false);
  else enqueue(task, priority, false);
  return promise;
}

defineInterface(Scheduler);

/** The global `scheduler`. */
export const scheduler = new Scheduler(CREATE);

export { Scheduler };
