import { connect, listen, type Socket } from 'wapo:sockets';

// What apps and foreground programs have: listeners, queries, the worker's services, isolates, streams by handle.
export function serve(): void {
  Wapo.queryListen(({ origin, path, payload, replyTx }) => {
    Wapo.queryReply(replyTx, `${origin === null ? 'nobody' : Wapo.hexEncode(origin, true)} ${path} ${payload.length}`);
  });
  Wapo.httpListen((request) => {
    Wapo.httpSendResponseHead(request.opaqueResponseTx, { status: 200, headers: [['content-type', 'text/plain']] });
    Wapo.streamBridge({ input: request.opaqueInputStream, output: request.opaqueOutputStream });
  });
  const id: number = Wapo.httpsListen({ address: '0.0.0.0:8080' }, (request) => {
    Wapo.httpsSendResponseHead(request.opaqueResponseTx, { status: 200, headers: { 'content-type': 'text/plain' } });
    const writer = Wapo.streamOpenWrite(request.opaqueOutputStream);
    Wapo.streamWriteChunk(writer, 'hello', (ok, error) => (ok ? Wapo.streamClose(writer) : console.error(error)));
  });
  Wapo.setTimeout(() => Wapo.close(id), 1000);
}

export async function echo(): Promise<void> {
  const listener = listen({ port: 0, hostname: 'localhost' });
  const port: number = listener.port;
  const secure: Socket = connect(`localhost:${port}`, { secureTransport: 'starttls' }).startTls();
  for await (const socket of listener) await socket.readable.pipeTo(socket.writable);
  await secure.closed;
}

export function ask(url: string): void {
  const receipt = Wapo.httpRequest({ url, method: 'POST', headers: { accept: '*/*' }, streamBody: true }, (command, data) => {
    if (command === 'error') return console.error(data.toUpperCase());
    const [first] = data.headers;
    console.log(data.status, first?.[0]);
    Wapo.streamOpenRead(data.opaqueBodyStream, (kind, chunk) => {
      if (kind === 'data') console.log(chunk.length);
      else if (kind === 'error') console.error(chunk.length);
    });
  });
  if (receipt.opaqueBodyStream !== null) Wapo.streamClose(Wapo.streamOpenWrite(receipt.opaqueBodyStream));
  Wapo.wsOpen({ url }, (command, data) => {
    if (command === 'open') Wapo.wsSend(data, { kind: 'text', data: 'hi' });
    else if (command === 'message' && data.kind === 'binary') console.log(data.data.byteLength);
  });
}

export async function isolate(code: string): Promise<number> {
  const { value, error, logs, isOk } = await Wapo.run<{ n: number }>(code, { args: ['x'], timeLimit: 1000, polyfills: ['wapo'] });
  if (!isOk) throw new Error(error ?? logs[0]?.message);
  Wapo.isolateEval({ scripts: [code], args: [], env: {}, polyfills: [] }, ([failure, output]) => console.log(failure, output));
  return value.n;
}

export function services(): Uint8Array {
  const guard = Wapo.tryLock('name');
  try {
    Wapo.storeBootData(Wapo.bootData() ?? 'first');
    const quote: Uint8Array | null = Wapo.sgxQuote(Wapo.workerPublicKey());
    return quote ?? Wapo.workerSign(Wapo.concatU8a([Wapo.deriveSecret('x'), Wapo.utf8Encode(Wapo.env['HOME'] ?? '')]));
  } finally {
    Wapo.unlock(guard);
  }
}
