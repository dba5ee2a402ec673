// What the two controllers of a readable stream share: when to call the source's pull algorithm.
// https://streams.spec.whatwg.org/#readable-stream-default-controller-call-pull-if-needed, and the same for bytes

import { enqueueMicrotask } from '../primordials.js';
import { promiseReject, react } from '../promises.js';

const { assign } = Object;

/**
 * The common slots of a controller.
 *
 * Algorithms: `pull()` and `cancel(reason)` may throw, and return undefined, a promise, or (pull only) LATER. A null
 * pull algorithm is one that does nothing. Subclasses have `shouldCallPull()`, `error(reason)` and the three internal
 * methods of https://streams.spec.whatwg.org/#rs-abstract-ops-used-by-controllers.
 */
export class PullingController {
  static {
    assign(this.prototype, {
      started: false,
      closeRequested: false,
      pulling: false,
      pullAgain: false,
      /** What to do when a pull has ended; made once, on the first pull, so that a chunk costs no closure. */
      onPulled: null,
      onPullFailed: null,
    });
  }

  constructor(stream, pullAlgorithm, cancelAlgorithm, highWaterMark) {
    this.stream = stream;
    this.pullAlgorithm = pullAlgorithm;
    this.cancelAlgorithm = cancelAlgorithm;
    this.highWaterMark = highWaterMark;
    stream.controller = this;
  }

  /** The end of "set up": reacts to what the start algorithm returned. */
  start(result) {
    react(
      result,
      () => {
        this.started = true;
        this.callPullIfNeeded();
      },
      (reason) => this.error(reason),
    );
  }

  callPullIfNeeded() {
    if (this.pullAlgorithm === null || this.pullAgain || !this.shouldCallPull()) return;
    if (this.pulling) {
      this.pullAgain = true;
      return;
    }
    this.pulling = true;
    if (this.onPulled === null) this.#makeReactions();
    let result;
    try {
      result = this.pullAlgorithm();
    } catch (error) {
      result = promiseReject(error);
    }
    if (result === undefined) enqueueMicrotask(this.onPulled);
    else react(result, this.onPulled, this.onPullFailed);
  }

  #makeReactions() {
    this.onPulled = () => {
      this.pulling = false;
      if (this.pullAgain) {
        this.pullAgain = false;
        this.callPullIfNeeded();
      }
    };
    this.onPullFailed = (reason) => this.error(reason);
  }
}
