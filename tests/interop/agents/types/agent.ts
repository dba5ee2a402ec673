// What a TypeScript agent sees of Wapo: checked by tsc, never run.
interface Env {
  apiKey?: string;
}

export default {
  async fetch(request, env, ctx) {
    const key: string | undefined = env.apiKey;
    ctx.waitUntil(Promise.resolve());
    const digest: Uint8Array = Wapo.hash('sha256', await request.text());
    const secret: Uint8Array = Wapo.deriveSecret(new Uint8Array(3));
    return Response.json({
      key,
      digest: Wapo.hexEncode?.(digest),
      secret: secret.length,
      version: Wapo.version.toUpperCase(),
    });
  },
} satisfies Wapo.Agent<Env>;

export function main(text: string): Wapo.JsonResponse {
  const request: Wapo.JsonRequest<{ token: string }> = JSON.parse(text);
  return { status: 200, body: request.queries['name']?.[0] ?? request.secret?.token };
}

addEventListener('fetch', (event) => {
  event.respondWith(new Response(event.request.url));
});

scriptOutput = scriptArgs[0].length;
Wapo.httpRequest?.({ url: 'https://example.com' }, (kind, value) => {
  if (kind === 'head') {
    const { status, opaqueBodyStream } = value;
    Wapo.streamOpenRead?.(opaqueBodyStream, (event, data) => {
      if (event === 'data') console.log(status, data.length);
    });
  }
});
const person = Wapo.SCALE?.codec('{name:str,age:u8}', null);
const bytes: Uint8Array | undefined = person?.encode({ name: 'x', age: 1 });
void bytes;

// @ts-expect-error there is no such digest
Wapo.hash('md5', 'x');
// @ts-expect-error a handler gives a Response
({ fetch: () => 'text' }) satisfies Wapo.Agent;
// @ts-expect-error a host script's function may not be there
Wapo.run('1');
