/**
 * Types of Wapo for agents in TypeScript: the entry points, and the Wapo global.
 *
 * The web platform's own types are TypeScript's: "lib": ["esnext", "webworker"], or "dom". Put this file beside yours
 * (`wapo types > wapo.d.ts`). Members that may be undefined are there for some programs only: host scripts and apps
 * have more than agents.
 */

export {};

declare global {
  // Entry points (docs/agents.md)

  namespace Wapo {
    /** What `fetch` is given third. */
    interface ExecutionContext {
      /** Keeps the machine until the promise settles, within the time limit. */
      waitUntil(promise: Promise<unknown>): void;
      passThroughOnException(): void;
      readonly props: Record<string, unknown>;
    }

    /** The members of a secret that is bound to the program: `export default { fetch } satisfies Wapo.Agent<Env>`. */
    interface Agent<Env = Record<string, unknown>> {
      fetch(request: Request, env: Env, ctx: ExecutionContext): Response | Promise<Response>;
    }

    /** What `main(request)` and `scriptArgs[0]` have, as JSON text. */
    interface JsonRequest<Secret = unknown> {
      method: string;
      path: string;
      url: string;
      queries: Record<string, string[]>;
      headers: Record<string, string>;
      /** A body that is text. */
      body?: string;
      /** A body that is not UTF-8. */
      bodyBase64?: string;
      secret?: Secret;
    }

    /** What `main`, `module.exports` and `scriptOutput` may give. */
    interface JsonResponse {
      status?: number;
      headers?: Record<string, string>;
      body?: unknown;
    }

    /** The event of `addEventListener('fetch', ...)`. */
    interface FetchEvent extends Event {
      readonly request: Request;
      respondWith(response: Response | Promise<Response>): void;
      waitUntil(promise: Promise<unknown>): void;
    }
  }

  function addEventListener(type: 'fetch', listener: (event: Wapo.FetchEvent) => void): void;

  /** Arguments: of an agent, its request as JSON text. */
  var scriptArgs: string[];
  /** The output of a script. */
  var scriptOutput: unknown;

  // The Wapo global

  namespace Wapo {
    /** Bytes: a string stands for its UTF-8. */
    type Bytes = Uint8Array | ArrayBuffer | number[] | string;
    type Headers = [string, string][] | Record<string, string>;
    type HashAlgorithm = 'sha256' | 'keccak256' | 'blake2b128' | 'blake2b256' | 'blake2b512';

    /** A stream of the host, opened once with streamOpenRead or streamOpenWrite. */
    interface StreamHandle {
      readonly [handle]: 'stream';
    }
    interface WriteStream {
      readonly [handle]: 'writer';
    }
    interface ResponseSender {
      readonly [handle]: 'response';
    }
    interface LockGuard {
      readonly [handle]: 'lock';
    }

    type ReadCallback = (...event: ['data', Uint8Array] | ['end', null] | ['error', string]) => void;
    interface HttpHead {
      status: number;
      statusText: string;
      version: string;
      headers: [string, string][];
      opaqueBodyStream: StreamHandle;
    }
    interface HttpRequest {
      url: string;
      method?: string;
      headers?: Headers;
      body?: Bytes;
      streamBody?: boolean;
    }
    interface HttpReceipt {
      cancelToken: number;
      opaqueBodyStream: StreamHandle | null;
    }
    interface IncomingRequest {
      method: string;
      url: string;
      headers: [string, string][];
      opaqueResponseTx: ResponseSender;
      opaqueInputStream: StreamHandle;
      opaqueOutputStream: StreamHandle;
    }
    interface ResponseHead {
      status: number;
      headers: Headers;
    }
    interface Query {
      origin: Uint8Array | null;
      path: string;
      payload: Uint8Array;
      replyTx: ResponseSender;
    }
    interface RunOptions {
      args?: string[];
      env?: Record<string, string>;
      timeLimit?: number;
      gasLimit?: number;
      memoryLimit?: number;
      polyfills?: ('wapo' | 'browser' | 'nodejs')[];
    }
    interface RunResult {
      error: string | null;
      value: unknown;
      logs: { message: string; time: number; level: number }[];
      isError: boolean;
      isOk: boolean;
    }
    interface IsolateArguments extends RunOptions {
      scripts: string[];
      args: string[];
      env: Record<string, string>;
      polyfills: ('wapo' | 'browser' | 'nodejs')[];
    }
    type IsolateResult = [
      error: string | null, output: unknown, serialized: string | undefined, logs: string | undefined,
    ];

    /** SCALE: https://docs.polkadot.com/polkadot-protocol/parachain-basics/data-encoding/ */
    interface Scale {
      parseTypes(text: string, options?: { no_std?: boolean }): TypeRegistry;
      appendTypes(registry: TypeRegistry, text: string): null;
      builtinTypes(): string;
      encode(value: unknown, type: string | number, registry?: TypeRegistry | string | null): Uint8Array;
      encodeAll(values: unknown[], types: (string | number)[], registry?: TypeRegistry | string | null): Uint8Array;
      decode(bytes: Uint8Array, type: string | number, registry?: TypeRegistry | string | null): any;
      decodeAll(bytes: Uint8Array, types: (string | number)[], registry?: TypeRegistry | string | null): any[];
      codec(type: string | number | (string | number)[], registry?: TypeRegistry | string | null): Codec;
    }
    interface TypeRegistry {
      readonly [handle]: 'types';
    }
    interface Codec {
      encode(value: unknown): Uint8Array;
      decode(bytes: Uint8Array): any;
    }

    const handle: unique symbol;

    const version: string;
    const SCALE: Scale | undefined;
    /** 64 bytes that depend on this node, this program and the path (at most 256 bytes) only. */
    function deriveSecret(path: Bytes): Uint8Array;
    function hash(algorithm: HashAlgorithm, message: Bytes): Uint8Array;
    function nonCryptographicHash(algorithm: 'wyhash64', message: Bytes): Uint8Array;
    function concatU8a(arrays: Bytes[]): Uint8Array;
    /** Prints its arguments and returns the text of the first. */
    function inspect(...values: unknown[]): string;

    // The original's other functions.
    const workerSecret: string | undefined;
    const hexEncode: ((data: Bytes, addPrefix?: boolean) => string) | undefined;
    const hexDecode: ((text: string) => Uint8Array) | undefined;
    const base64Encode: ((data: Bytes, pad?: boolean) => string) | undefined;
    const base64Decode: ((text: string, pad?: boolean) => Uint8Array) | undefined;
    const utf8Encode: ((text: string) => Uint8Array) | undefined;
    const utf8Decode: ((data: Bytes) => string) | undefined;
    const repr: ((value: unknown, config?: { depth?: number; indent?: string }) => string) | undefined;
    const print: ((level: number, values: unknown[], config?: { depth?: number; indent?: string }) => null) | undefined;
    const close: ((id: number) => null) | undefined;
    const exit: (() => null) | undefined;
    const useBufferedLogs: ((buffered: boolean) => void) | undefined;
    const memoryStats: (() => { current: number | bigint; spike: number | bigint; peak: number | bigint }) | undefined;
    const streamOpenRead: ((stream: StreamHandle, callback: ReadCallback) => number) | undefined;
    const streamOpenWrite: ((stream: StreamHandle) => WriteStream) | undefined;
    const streamWriteChunk:
      ((writer: WriteStream, chunk: Bytes, callback: (ok: boolean, error: string | null) => void) => void) | undefined;
    const streamClose: ((writer: WriteStream) => void) | undefined;
    const streamBridge: ((ends: { input: StreamHandle; output: StreamHandle }) => number) | undefined;
    const httpRequest:
      | ((request: HttpRequest, callback: (...event: ['head', HttpHead] | ['error', string]) => void) => HttpReceipt)
      | undefined;
    const httpListen: ((callback: (request: IncomingRequest) => void) => void) | undefined;
    const httpSendResponseHead: ((sender: ResponseSender, head: ResponseHead) => null) | undefined;
    const httpsListen:
      | ((
          config: { serverName: string; certificateChain: string; privateKey: string } | { address: string },
          callback: (request: IncomingRequest) => void,
        ) => number)
      | undefined;
    const httpsSendResponseHead: ((sender: ResponseSender, head: ResponseHead) => void) | undefined;
    const queryListen: ((callback: (query: Query) => void) => void) | undefined;
    const queryReply: ((sender: ResponseSender, data: Bytes) => void) | undefined;
    const isolateEval: ((args: IsolateArguments, callback: (result: IsolateResult) => void) => number) | undefined;
    const run: ((code: string, options?: RunOptions) => Promise<RunResult>) | undefined;
    const env: Record<string, string> | undefined;
    const workerSign: ((message: Bytes) => Uint8Array) | undefined;
    const workerPublicKey: (() => Uint8Array) | undefined;
    const sgxQuote: ((message: Bytes) => Uint8Array | null) | undefined;
    const bootData: (() => Uint8Array | null) | undefined;
    const storeBootData: ((data: Bytes) => void) | undefined;
    const tryLock: ((path: string) => LockGuard) | undefined;
    const unlock: ((guard: LockGuard) => void) | undefined;
  }
}
