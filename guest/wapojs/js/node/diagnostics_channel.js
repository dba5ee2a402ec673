// node:diagnostics_channel: https://nodejs.org/api/diagnostics_channel.html

import { apply } from '../primordials.js';
import { reportException } from '../report.js';
import { requireFunction } from '../node-internal/errors.js';

export class Channel {
  #subscribers = [];

  constructor(name) {
    this.name = name;
  }

  get hasSubscribers() {
    return this.#subscribers.length > 0;
  }

  subscribe(onMessage) {
    requireFunction(onMessage, 'subscription');
    this.#subscribers = [...this.#subscribers, onMessage];
  }

  unsubscribe(onMessage) {
    const left = this.#subscribers.filter((other) => other !== onMessage);
    const found = left.length < this.#subscribers.length;
    this.#subscribers = left;
    return found;
  }

  publish(message) {
    for (const onMessage of this.#subscribers) {
      try {
        onMessage(message, this.name);
      } catch (error) {
        reportException(error);
      }
    }
  }

  bindStore() {}

  unbindStore() {
    return false;
  }

  runStores(data, fn, thisArg, ...args) {
    this.publish(data);
    return apply(fn, thisArg, args);
  }
}

const channels = new Map();

export function channel(name) {
  let found = channels.get(name);
  if (found === undefined) channels.set(name, (found = new Channel(name)));
  return found;
}

export const hasSubscribers = (name) => channels.get(name)?.hasSubscribers === true;
export const subscribe = (name, onMessage) => channel(name).subscribe(onMessage);
export const unsubscribe = (name, onMessage) => channel(name).unsubscribe(onMessage);

const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'];

export class TracingChannel {
  constructor(nameOrChannels) {
    for (const event of EVENTS) {
      this[event] =
        typeof nameOrChannels === 'string' ? channel(`tracing:${nameOrChannels}:${event}`) : nameOrChannels[event];
    }
  }

  get hasSubscribers() {
    return EVENTS.some((event) => this[event]?.hasSubscribers);
  }

  subscribe(handlers) {
    for (const event of EVENTS) if (handlers[event]) this[event].subscribe(handlers[event]);
  }

  unsubscribe(handlers) {
    return EVENTS.every((event) => !handlers[event] || this[event].unsubscribe(handlers[event]));
  }

  traceSync(fn, context = {}, thisArg = undefined, ...args) {
    this.start.publish(context);
    try {
      return (context.result = apply(fn, thisArg, args));
    } catch (error) {
      context.error = error;
      this.error.publish(context);
      throw error;
    } finally {
      this.end.publish(context);
    }
  }

  tracePromise(fn, context = {}, thisArg = undefined, ...args) {
    this.start.publish(context);
    const settle = (member, value) => {
      context[member] = value;
      if (member === 'error') this.error.publish(context);
      this.asyncStart.publish(context);
      this.asyncEnd.publish(context);
    };
    try {
      return Promise.resolve(apply(fn, thisArg, args)).then(
        (value) => {
          settle('result', value);
          return value;
        },
        (error) => {
          settle('error', error);
          throw error;
        },
      );
    } finally {
      this.end.publish(context);
    }
  }
}

export const tracingChannel = (nameOrChannels) => new TracingChannel(nameOrChannels);

export default { Channel, channel, hasSubscribers, subscribe, unsubscribe, TracingChannel, tracingChannel };
