// [[state]] of streams: https://streams.spec.whatwg.org/#rs-internal-slots
// and https://streams.spec.whatwg.org/#ws-internal-slots

export const READABLE = 0;
export const WRITABLE = 0;
export const CLOSED = 1;
export const ERRORED = 2;
/** Of a writable stream that will be errored when the operation under way has ended. */
export const ERRORING = 3;
