// Each of these is a mistake that the types must find.

// @ts-expect-error a response, not a string
export const text = { fetch: () => 'text' } satisfies Wapo.Agent;
// @ts-expect-error the request is text
export const object: Wapo.Main = (request: Wapo.JsonRequest) => request.path;
// @ts-expect-error numbers are no output
export const number: Wapo.Main = () => 42;

export function mistakes(env: { key: string }, ctx: Wapo.ExecutionContext): void {
  // @ts-expect-error no such algorithm
  Wapo.hash('md5', 'abc');
  // @ts-expect-error numbers are no data
  Wapo.hash('sha256', 42);
  // @ts-expect-error a prefix is asked for with a boolean
  Wapo.hexEncode('abc', 1);
  // @ts-expect-error no such method
  Wapo.encrypt('abc');
  // @ts-expect-error no such member of the secret
  env.other;
  // @ts-expect-error a promise is what is waited for
  ctx.waitUntil();
  // @ts-expect-error only with a URL
  Wapo.httpRequest({ method: 'GET' }, () => {});
  // @ts-expect-error TLS needs its key
  Wapo.httpsListen({ serverName: 'x', certificateChain: 'y' }, () => {});
  Wapo.httpRequest({ url: 'http://x' }, (command, data) => {
    // @ts-expect-error data may be an error's text
    console.log(command, data.status);
    if (command === 'head') {
      // @ts-expect-error what can be read cannot be written
      Wapo.streamOpenWrite(data.opaqueBodyStream);
    }
  });
  // @ts-expect-error a query is answered through its own sender
  Wapo.queryListen((query) => Wapo.queryReply(query, 'x'));
  // @ts-expect-error what is decoded is of the codec's type
  const wrong: string = SCALE.codec<number>('u8').decode('0x00');
  // @ts-expect-error definitions are made by parseTypes
  SCALE.encode(1, 'u8', { u8: 'u8' });
  // @ts-expect-error arguments are strings
  scriptArgs.push(1);
  void wrong;
}
