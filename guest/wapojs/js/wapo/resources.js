// What keeps a program alive, by number: wapojs-api.md 1.7, 1.10 and 3.7.
//
// Timers are the platform's (../timers.js); their numbers and those given out here are never the same, so that a number
// names one thing whatever it is. The engine's own waits keep a program alive by themselves; what is kept here also
// does so while nothing is waited for, as a writer that is open.

import { exit as forgetWaits, takeId } from 'wapo:native';
import { reportException } from '../report.js';
import { clearTimeout, setInterval, setOtherEnd, setTimeout } from '../timers.js';
import { toU64 } from './values.js';

const { Map } = globalThis;
const MINIMUM_MS = 4;
const LONGEST_MS = 2 ** 31 - 1;

/** @type {Map<number, function()>} how to end each */
const live = new Map();

/** Gives a resource a number. `end` is called when it is closed by that number or by the end of the program. */
export function openResource(end) {
  const id = takeId();
  live.set(id, end);
  return id;
}

/** It has ended by itself. */
export function endResource(id) {
  live.delete(id);
}

/** Whether anything is open. */
export const hasResources = () => live.size > 0;

setOtherEnd((id) => {
  const end = live.get(id);
  live.delete(id);
  if (end !== undefined) end();
});

/** Wapo.close: ends what has that number, of any kind. */
export const closeResource = (id) => clearTimeout(toU64(id));

/** Wapo.exit: everything is ended; what is running goes on to its own end. */
export function exit() {
  const ends = [...live.values()];
  live.clear();
  for (let i = 0; i < ends.length; i++) {
    try {
      ends[i]();
    } catch (error) {
      reportException(error);
    }
  }
  forgetWaits();
  return null;
}

const delay = (ms) => {
  const number = toU64(ms);
  return number < MINIMUM_MS ? MINIMUM_MS : number > LONGEST_MS ? LONGEST_MS : number;
};

export const wapoSetTimeout = (callback, ms) => setTimeout(() => callback(), delay(ms));
export const wapoSetInterval = (callback, ms) => setInterval(() => callback(), delay(ms));
