// Types of programs for Wapo: the entry points, and the `Wapo` global. `wapo types > wapo.d.ts` writes this file.
//
// Everything else is the web platform: have TypeScript 5.7 or newer, and in tsconfig.json
//
//   "lib": ["ESNext", "WebWorker"], "types": [], "strict": true, "skipLibCheck": true
//
// docs/agents.md says what each entry point gets, docs/web-platform.md which interfaces there are.

// Agents

declare namespace Wapo {
  /**
   * An agent: `export default { fetch(request, env, ctx) { ... } } satisfies Wapo.Agent`.
   *
   * @typeParam Env what its secret has: the members of the vault's object that the key in `?key=` opens.
   */
  interface Agent<Env = Secret> {
    fetch(request: Request, env: Env, ctx: ExecutionContext): Response | Promise<Response>;
  }

  /** What a secret may be: any JSON object. Empty when no key was given. */
  type Secret = Record<string, any>;

  interface ExecutionContext {
    /** Keeps the machine when the response is complete, until the promise settles, within the time limit. */
    waitUntil(promise: unknown): void;
    /** Does nothing; there is nothing to pass through to. */
    passThroughOnException(): void;
    readonly props: object;
  }

  /**
   * `export default function main(request) { ... }`: the request is the JSON text of a `JsonRequest`. In the foreground
   * (`wapo run`) it gets the arguments instead.
   */
  type Main = (request: string, ...more: string[]) => Output | Promise<Output>;

  /** `var module = { exports: () => { ... } }` of a classic script; the request is `scriptArgs[0]`. */
  type Exports = () => Output | Promise<Output>;

  /** The request of `main`, `module.exports` and classic scripts, before `JSON.parse`. */
  interface JsonRequest<S = Secret> {
    method: string;
    /** Absolute, and rooted at the agent. */
    url: string;
    path: string;
    queries: Record<string, string[]>;
    /** Names in lower case; a name that was there more than once has its values joined. */
    headers: Record<string, string>;
    /** Text; left out if there is no body, or none of text. */
    body?: string;
    /** Instead of `body`, if that is not UTF-8. */
    bodyBase64?: string;
    secret?: S;
  }

  /** A response as an object. */
  interface JsonResponse {
    /** 200 by default. */
    status?: number;
    headers?: Record<string, string | string[]>;
    /** What is no string is sent as JSON. */
    body?: unknown;
  }

  /**
   * What `main` and `module.exports` may answer with, or leave in `scriptOutput`: a response, an object, their JSON text,
   * any other text as a body, or MessagePack bytes; nothing, if `scriptOutput` has it.
   */
  type Output = Response | JsonResponse | string | Uint8Array | ArrayBuffer | null | undefined | void;
}

/** The arguments of a program; of an agent, the JSON text of the request alone. */
declare var scriptArgs: string[];
/** The output of a classic script: see `Wapo.Output`. */
declare var scriptOutput: unknown;

/** Entry point of an agent that is a service worker: `event.respondWith(response)`. */
declare function addEventListener(type: 'fetch', listener: (event: FetchEvent) => void): void;

/** A module or JSON by the hash of its content: `ipfs://<cid>` or `ipfs://<cid>/<path>`. */
declare module 'ipfs://*';

// Sockets

declare module 'cloudflare:sockets' {
  interface SocketInfo {
    remoteAddress: string | null;
    localAddress: string | null;
    alpn: string | null;
  }

  /** https://sockets-api.proposal.wintertc.org/ */
  interface Socket {
    readonly readable: ReadableStream<Uint8Array>;
    readonly writable: WritableStream<Uint8Array | ArrayBuffer>;
    readonly opened: Promise<SocketInfo>;
    readonly closed: Promise<void>;
    readonly upgraded: boolean;
    readonly secureTransport: 'off' | 'on' | 'starttls';
    close(): Promise<void>;
    /** The same connection with TLS, of a socket opened with 'starttls'. */
    startTls(options?: { expectedServerHostname?: string; sni?: string }): Socket;
  }

  /** A TCP connection; the address is `host:port`, an IPv6 address in brackets. */
  function connect(
    address: string | { hostname: string; port: number },
    options?: { secureTransport?: 'off' | 'on' | 'starttls'; allowHalfOpen?: boolean },
  ): Socket;
}

declare module 'wapo:sockets' {
  import type { Socket } from 'cloudflare:sockets';
  export { connect, type Socket, type SocketInfo } from 'cloudflare:sockets';

  /** Connections as they come; leaving a loop over them closes it. */
  interface SocketListener extends AsyncIterable<Socket> {
    readonly hostname: string;
    readonly port: number;
    close(): void;
  }

  /** Listens for TCP, in apps and with `wapo run --listen`. The hostname is an IP address or localhost; port 0: any. */
  export function listen(options: { port: number; hostname?: string; allowHalfOpen?: boolean }): SocketListener;
}

// The Wapo global

declare namespace Wapo {
  /** Data for the host. A string stands for its UTF-8, never for hexadecimal. */
  type Bytes = string | Uint8Array | ArrayBuffer | readonly number[];
  type HeaderList = readonly (readonly [name: string, value: string])[];
  type HeadersInit = HeaderList | Record<string, string>;
  /** Names a timer, a request, a reader, a listener, an isolate: for `Wapo.close`. From 0 on. */
  type ResourceId = number;

  /** Something that only the host can look into. */
  interface Handle<Name extends string> {
    readonly [Symbol.toStringTag]: Name;
  }
  type InputStream = Handle<'OpaqueInputStream'>;
  type OutputStream = Handle<'OpaqueOutputStream'>;
  type Writer = Handle<'WriteStream'>;
  type ResponseSender = Handle<'OpaqueResponseTx'>;
  type ReplySender = Handle<'OpaqueReplyTx'>;
  type LockGuard = Handle<'AppLockGuard'>;
  type WebSocketSink = Handle<'WebSocketSink'>;

  interface HttpRequest {
    /** Absolute, http or https. */
    url: string;
    method?: string | null;
    headers?: HeadersInit | null;
    body?: Bytes | null;
    /** Whether the body is written to `receipt.opaqueBodyStream` instead. */
    streamBody?: boolean | null;
  }

  interface HttpReceipt {
    /** For `Wapo.close`, until the head is there. */
    cancelToken: ResourceId;
    /** With `streamBody` only. */
    opaqueBodyStream: OutputStream | null;
  }

  interface HttpResponseHead {
    status: number;
    statusText: string;
    version: string;
    /** Names in lower case, a pair for each value. */
    headers: [name: string, value: string][];
    opaqueBodyStream: InputStream;
  }

  /** A request that came in. */
  interface IncomingRequest {
    method: string;
    /** Absolute for `httpListen`, the request's target (`/path?query`) for `httpsListen`. */
    url: string;
    headers: [name: string, value: string][];
    opaqueResponseTx: ResponseSender;
    opaqueInputStream: InputStream;
    opaqueOutputStream: OutputStream;
  }

  interface OutgoingHead {
    status: number;
    headers: HeadersInit;
  }

  /** TLS on the node's shared port by server name, or HTTP on a port of its own. */
  type ListenConfig =
    | { serverName: string; certificateChain: string; privateKey: string }
    | { address: string };

  interface Query {
    /** The account that has signed the query. */
    origin: Uint8Array<ArrayBuffer> | null;
    path: string;
    payload: Uint8Array<ArrayBuffer>;
    replyTx: ReplySender;
  }

  interface WebSocketRequest {
    url: string;
    headers?: HeadersInit | null;
    config?: {
      writeBufferSize?: number;
      maxWriteBufferSize?: number;
      maxMessageSize?: number;
      maxFrameSize?: number;
      acceptUnmaskedFrames?: boolean;
    } | null;
  }

  type WebSocketMessage =
    | { kind: 'text' | 'close'; data: string }
    | { kind: 'binary' | 'ping' | 'pong' | 'frame'; data: Uint8Array<ArrayBuffer> };

  type Polyfill = 'wapo' | 'browser' | 'nodejs';

  interface IsolateLimits {
    /** Polls of the interrupt handler, one in about ten thousand steps. */
    gasLimit?: number;
    /** Bytes, at least 131072. */
    memoryLimit?: number;
    /** Milliseconds. */
    timeLimit?: number;
  }

  interface IsolateArgs extends IsolateLimits {
    scripts: Iterable<string>;
    args: Iterable<string>;
    env: Record<string, string>;
    polyfills: Iterable<Polyfill>;
  }

  /** Error text, output, `{"output": ...}` as JSON text, log as JSON text. */
  type IsolateResult = [error: string | null, output: unknown, serialized: string | undefined, logs: string | undefined];

  interface RunOptions extends IsolateLimits {
    args?: Iterable<string>;
    env?: Record<string, string>;
    polyfills?: Iterable<Polyfill>;
  }

  interface LogRecord {
    message: string;
    time: number;
    level: number;
  }

  interface RunResult<Value = any> {
    error: string | null;
    value: Value;
    logs: LogRecord[];
    isError: boolean;
    isOk: boolean;
  }

  interface ParsedURL {
    host: string;
    hostname: string;
    href: string;
    origin: string;
    password: string;
    pathname: string;
    hash: string;
    port: string;
    protocol: string;
    search: string;
    username: string;
  }

  type HashAlgorithm = 'sha256' | 'keccak256' | 'blake2b128' | 'blake2b256' | 'blake2b512';

  interface Global {
    readonly version: string;
    readonly SCALE: SCALE;

    // Hashes and secrets

    hash(algorithm: HashAlgorithm, message: Bytes): Uint8Array<ArrayBuffer>;
    nonCryptographicHash(algorithm: 'wyhash64', message: Bytes): Uint8Array<ArrayBuffer>;
    /** 64 bytes that depend on the node, the program and the path (at most 256 bytes) only. */
    deriveSecret(path: Bytes): Uint8Array<ArrayBuffer>;
    readonly workerSecret: string;

    // Encodings

    hexEncode(data: Bytes, addPrefix?: boolean): string;
    hexDecode(text: string): Uint8Array<ArrayBuffer>;
    base64Encode(data: Bytes, pad?: boolean): string;
    base64Decode(text: string, pad?: boolean): Uint8Array<ArrayBuffer>;
    utf8Encode(text: string): Uint8Array<ArrayBuffer>;
    /** Throws if the bytes are not UTF-8. */
    utf8Decode(data: Bytes): string;
    concatU8a(arrays: readonly Bytes[]): Uint8Array<ArrayBuffer>;
    repr(value: unknown, config?: { depth?: number; indent?: string }): string;
    /** Prints its arguments, and returns the text of the first. */
    inspect(...values: unknown[]): string;
    parseURL(url: string, base?: string): ParsedURL;
    parseURLParams(query: string): Record<string, string>;

    // Life and log

    /** Levels: 1 debug, 2 info, 3 warn, 4 error. */
    print(level: number, args: Iterable<unknown>, config?: { depth?: number; indent?: string }): null;
    useBufferedLogs(flag: unknown): void;
    setTimeout(callback: () => void, ms: number): ResourceId;
    setInterval(callback: () => void, ms: number): ResourceId;
    /** Ends a resource, whatever it is; its callback is not called any more. */
    close(id: ResourceId): null;
    /** Drops all resources: the program ends when what runs has returned. */
    exit(): null;
    memoryStats(): { current: number | bigint; spike: number | bigint; peak: number | bigint };
    /** Logs when the object that it returns is collected. */
    marker(tag: string): object;
    callModuleEntry(): Promise<void>;

    // Streams and requests by handle

    httpRequest(
      request: HttpRequest,
      callback: (...event: [command: 'head', head: HttpResponseHead] | [command: 'error', error: string]) => void,
    ): HttpReceipt;
    streamOpenRead(
      stream: InputStream | ReadableStream,
      callback: (
        ...event: [command: 'data', data: Uint8Array<ArrayBuffer>] | [command: 'end', data: null] | [command: 'error', error: string]
      ) => void,
    ): ResourceId;
    streamOpenWrite(stream: OutputStream): Writer;
    streamWriteChunk(writer: Writer, chunk: Bytes, callback: (ok: boolean, error: string | null) => void): null;
    streamClose(writer: Writer): null;
    streamBridge(ends: { input: InputStream | ReadableStream; output: OutputStream }): ResourceId;
    wsOpen(
      request: WebSocketRequest,
      callback: (
        ...event:
          | [command: 'open', sink: WebSocketSink]
          | [command: 'message', message: WebSocketMessage]
          | [command: 'error', error: string]
      ) => void,
    ): ResourceId;
    wsSend(
      sink: WebSocketSink,
      message: { kind: 'text'; data: string } | { kind: 'binary' | 'ping' | 'pong' | 'frame'; data: Bytes } | { kind: 'close' },
    ): null;
    wsClose(sink: WebSocketSink): null;

    // Isolates: not inside of one

    isolateEval(args: IsolateArgs, callback: (result: IsolateResult) => void): ResourceId;
    /** Runs a script in a machine of its own. Never rejects. */
    run<Value = any>(code: string, options?: RunOptions): Promise<RunResult<Value>>;

    // Apps and the foreground only: an agent has none of these

    httpListen(callback: (request: IncomingRequest) => void): null;
    httpSendResponseHead(tx: ResponseSender, head: OutgoingHead): null;
    httpsListen(config: ListenConfig, callback: (request: IncomingRequest) => void): ResourceId;
    httpsSendResponseHead(tx: ResponseSender, head: OutgoingHead): null;
    /** First line and header lines, without the blank line at the end. */
    httpsSendResponseHeadRaw(tx: ResponseSender, head: string): null;
    queryListen(callback: (query: Query) => void): null;
    queryReply(tx: ReplySender, data: Bytes): null;
    readonly env: Record<string, string>;
    /** The worker's signature over the app's address and the message. */
    workerSign(message: Bytes): Uint8Array<ArrayBuffer>;
    workerPublicKey(): Uint8Array<ArrayBuffer>;
    sgxQuote(message: Bytes): Uint8Array<ArrayBuffer> | null;
    bootData(): Uint8Array<ArrayBuffer> | null;
    /** At most 65536 bytes. */
    storeBootData(data: Bytes): null;
    /** Throws if another instance of the app has the lock. A guard that is lost gives it back. */
    tryLock(path: string): LockGuard;
    unlock(guard: LockGuard): null;
  }
}

declare var Wapo: Wapo.Global;

// SCALE: docs/scale.md

declare namespace Wapo {
  /** Definitions of types, as `SCALE.parseTypes` gives them. */
  type TypeRegistry = Handle<'TypeRegistry'>;
  /** A name, an expression, or the number of a definition. */
  type TypeName = string | number;

  interface Codec<Value = any> {
    encode(value: Value): Uint8Array<ArrayBuffer>;
    decode(bytes: Bytes): Value;
  }

  interface SCALE {
    parseTypes(text: string, options?: { no_std?: boolean | null } | null): TypeRegistry;
    appendTypes(registry: TypeRegistry, text: string): null;
    builtinTypes(): string;
    encode(value: unknown, type: TypeName, registry?: TypeRegistry | string | null): Uint8Array<ArrayBuffer>;
    encodeAll(
      values: Iterable<unknown>, types: Iterable<TypeName>, registry?: TypeRegistry | string | null,
    ): Uint8Array<ArrayBuffer>;
    decode<Value = any>(bytes: Bytes, type: TypeName, registry?: TypeRegistry | string | null): Value;
    decodeAll<Values extends any[] = any[]>(
      bytes: Bytes, types: Iterable<TypeName>, registry?: TypeRegistry | string | null,
    ): Values;
    codec<Value = any>(type: TypeName | readonly TypeName[], registry?: TypeRegistry | string | null): Codec<Value>;
  }
}

declare var SCALE: Wapo.SCALE;

// What programs for Node look at

declare namespace Wapo {
  interface Process {
    /** `secret` has the secret as JSON text, `""` without one. */
    env: Record<string, string | undefined> & { secret?: string };
    argv: string[];
    exit(code?: number): null;
    nextTick<Args extends unknown[]>(callback: (...args: Args) => void, ...args: Args): void;
    hrtime: { (previous?: [number, number]): [number, number]; bigint(): bigint };
    cwd(): string;
    uptime(): number;
    platform: string;
    version: string;
    [member: string]: any;
  }
}

declare var process: Wapo.Process;
declare var global: typeof globalThis;
declare var window: typeof globalThis;
declare function setImmediate<Args extends unknown[]>(callback: (...args: Args) => void, ...args: Args): number;
declare function clearImmediate(id: number | undefined): void;
