// finished and pipeline: https://nodejs.org/api/stream.html#streamfinishedstream-options-callback

import { abortError, invalidArgument, plainError, requireFunction } from './errors.js';
import { Duplex, PassThrough } from './stream-duplex.js';
import './stream-from.js';
import { Readable } from './stream-readable.js';

const isNodeStream = (value) =>
  value !== null &&
  typeof value === 'object' &&
  typeof value.on === 'function' &&
  (value._readableState !== undefined ||
    value._writableState !== undefined ||
    typeof value.pipe === 'function' ||
    typeof value.write === 'function');
const isReadableWeb = (value) => value instanceof ReadableStream;
const isWritableWeb = (value) => value instanceof WritableStream;

const premature = () => plainError('ERR_STREAM_PREMATURE_CLOSE', 'Premature close');

export { isNodeStream };

export function finished(stream, options, callback) {
  if (typeof options === 'function') {
    callback = options;
    options = {};
  }
  options ??= {};
  requireFunction(callback, 'callback');
  if (isReadableWeb(stream) || isWritableWeb(stream)) throw invalidArgument('stream', 'an instance of Stream', stream);
  if (!isNodeStream(stream)) throw invalidArgument('stream', 'an instance of Stream', stream);

  const readableState = stream._readableState;
  const writableState = stream._writableState;
  const hasReadable = readableState ? readableState.readableFlag !== false : false;
  const hasWritable = writableState
    ? writableState.writableFlag !== false
    : !readableState && typeof stream.write === 'function';
  const wantsReadable = options.readable ?? hasReadable;
  const wantsWritable = options.writable ?? hasWritable;
  let readableDone = !wantsReadable || !hasReadable || readableState.endEmitted;
  let writableDone = !wantsWritable || !hasWritable || Boolean(writableState?.finished);
  const willClose = Boolean(
    (readableState ?? writableState)?.autoDestroy && (readableState ?? writableState)?.emitClose,
  );
  const full = (!readableState || wantsReadable) && (!writableState || wantsWritable);

  let called = false;
  const call = (error) => {
    if (called) return;
    called = true;
    callback.call(stream, error);
  };
  const onFinish = () => {
    writableDone = true;
    if (stream.destroyed && !willClose) return;
    if (!(willClose && full) && readableDone) call();
  };
  const onEnd = () => {
    readableDone = true;
    if (!(willClose && full) && writableDone) call();
  };
  const onError = (error) => call(error);
  const onClose = () => {
    const error = stream.errored ?? readableState?.errored ?? writableState?.errored;
    if (error && typeof error !== 'boolean') call(error);
    else if (!readableDone && hasReadable && !readableState.endEmitted) call(premature());
    else if (!writableDone && hasWritable && !writableState?.finished) call(premature());
    else call();
  };
  stream.on('end', onEnd);
  stream.on('finish', onFinish);
  if (options.error !== false) stream.on('error', onError);
  stream.on('close', onClose);

  if ((readableState ?? writableState)?.closeEmitted) process.nextTick(onClose);
  else if (stream.errored && (readableState ?? writableState)?.errorEmitted) process.nextTick(onError, stream.errored);
  else if (!willClose && readableDone && writableDone) process.nextTick(call);

  const cleanup = () => {
    called = true;
    stream.removeListener('end', onEnd);
    stream.removeListener('finish', onFinish);
    stream.removeListener('error', onError);
    stream.removeListener('close', onClose);
  };
  const { signal } = options;
  if (signal) {
    const abort = () => call(abortError(signal));
    if (signal.aborted) process.nextTick(abort);
    else signal.addEventListener('abort', abort, { once: true });
  }
  return cleanup;
}

/** The output of a stage, for a function that is the next one. */
const asIterable = (stage) =>
  isReadableWeb(stage) ? stage : stage[Symbol.asyncIterator] ? stage : Readable.from(stage);

function toStages(args) {
  const stages = args.length === 1 && Array.isArray(args[0]) ? args[0] : args;
  if (stages.length < 2) throw plainError('ERR_MISSING_ARGS', 'The "streams" argument must be specified');
  return stages;
}

/** A stage that is a web stream, as a stream of Node's. */
function adapt(stage) {
  if (isReadableWeb(stage)) return Readable.fromWeb(stage);
  if (isWritableWeb(stage)) return stage;
  if (stage?.readable instanceof ReadableStream && stage?.writable instanceof WritableStream)
    return Duplex.fromWeb(stage);
  return stage;
}

export function pipeline(...args) {
  const callback = args.pop();
  requireFunction(callback, 'streams[stream.length - 1]');
  return run(toStages(args), {}, callback);
}

export function run(stages, options, callback) {
  const streams = [];
  const { signal } = options;
  let pending = 0;
  let failure = null;
  let value;
  let over = false;
  const inner = new AbortController();

  const settle = (error) => {
    // What follows from the first error is only its consequence.
    if (error && (failure === null || failure.code === 'ERR_STREAM_PREMATURE_CLOSE')) failure = error;
    if (error) {
      inner.abort();
      for (const stream of streams)
        if (!stream.destroyed) stream.destroy?.(stream === streams[streams.length - 1] ? error : undefined);
    }
    if (--pending === 0 && !over) {
      over = true;
      signal?.removeEventListener('abort', abort);
      process.nextTick(callback, failure ?? undefined, value);
    }
  };
  const abort = () => {
    failure ??= abortError(signal);
    for (const stream of streams) stream.destroy?.(failure);
    inner.abort();
  };
  const watch = (stream, readable, writable) => {
    streams.push(stream);
    pending++;
    // Once something has failed, errors of the others must still be heard by somebody.
    stream.on('error', () => {});
    finished(stream, { readable, writable }, settle);
  };

  pending++; // until all stages are connected
  let current = null;
  for (let i = 0; i < stages.length; i++) {
    let stage = adapt(stages[i]);
    const last = i === stages.length - 1;
    if (typeof stage === 'function') {
      const result = i === 0 ? stage({ signal: inner.signal }) : stage(asIterable(current), { signal: inner.signal });
      if (last && typeof result?.then === 'function') {
        pending++;
        result.then((final) => {
          value = final;
          settle();
        }, settle);
        current = null;
        continue;
      }
      stage = isNodeStream(result) ? result : Readable.from(result);
      if (last) {
        const sink = new PassThrough({ objectMode: true });
        stage.pipe(sink);
        watch(stage, true, false);
        stage = sink;
        watch(stage, false, true);
      } else {
        watch(stage, true, false);
      }
      current = stage;
    } else if (isWritableWeb(stage)) {
      pending++;
      Readable.toWeb(current)
        .pipeTo(stage)
        .then(() => settle(), settle);
    } else if (isNodeStream(stage)) {
      if (current !== null) {
        const source = isNodeStream(current) ? current : Readable.from(current);
        if (source !== current) watch(source, true, false);
        source.pipe(stage, { end: options.end !== false || !last });
      }
      watch(stage, !last && i >= 0, i > 0);
      current = stage;
    } else {
      current = Readable.from(stage);
      watch(current, true, false);
    }
  }
  if (signal) {
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  }
  settle();
  return current ?? streams[streams.length - 1];
}

export function finishedPromise(stream, options = {}) {
  return new Promise((resolve, reject) => {
    const cleanup = finished(stream, options, (error) => {
      if (options.cleanup) cleanup();
      if (error) reject(error);
      else resolve();
    });
  });
}

export function pipelinePromise(...args) {
  const last = args[args.length - 1];
  const hasOptions =
    last !== null &&
    typeof last === 'object' &&
    !Array.isArray(last) &&
    !isNodeStream(last) &&
    !isWritableWeb(last) &&
    !isReadableWeb(last) &&
    !last[Symbol.asyncIterator] &&
    !last[Symbol.iterator] &&
    !last.writable;
  const options = hasOptions ? args.pop() : {};
  return new Promise((resolve, reject) => {
    run(toStages(args), options, (error, value) => (error ? reject(error) : resolve(value)));
  });
}
