// Asks an API with a key that it never sees: the node puts it on the request, and takes it out of the answer.
//
//   wapo secret set CID --credential api --host api.openai.com --header 'Authorization: Bearer sk-...'
//
// and call this with the printed ?key=. Any path is asked of the API: /v1/models

export default {
  async fetch(request, { credentials }) {
    if (credentials?.api === undefined) return new Response('there is no credential "api" for this request\n', { status: 401 });
    const [host] = credentials.api.hosts;
    const { pathname } = new URL(request.url);
    return fetch(`https://${host}${pathname}`);
  },
};
