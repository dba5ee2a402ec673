// The time origin of this virtual machine: https://w3c.github.io/hr-time/#sec-time-origin
//
// The platform is started once and kept as a memory image, so no clock may be read while it loads. The origin is
// taken when the machine starts (startClock) or, if nobody called that, when the time is first asked for.

import { hrtime, now } from 'wapo:native';

let originMonotonic;
let originEpoch;

/**
 * Sets the time origin: this moment, or the one that the host names. The runtime calls it when a machine has been
 * started from its image.
 */
export function startClock(epoch = now(), monotonic = hrtime()) {
  originEpoch = epoch;
  originMonotonic = monotonic;
}

/** Milliseconds since the time origin, monotonic. */
export function clockNow() {
  if (originMonotonic === undefined) startClock();
  return hrtime() - originMonotonic;
}

/** The time origin, in milliseconds since the Unix epoch. */
export function clockOrigin() {
  if (originMonotonic === undefined) startClock();
  return originEpoch;
}
