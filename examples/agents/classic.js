// The classic template: a default function that gets the request as JSON text and returns the response as JSON text.
export default async function main(request) {
  const { method, path, queries, body } = JSON.parse(request);
  if (method === 'POST') {
    return JSON.stringify({ status: 200, headers: { 'content-type': 'text/plain' }, body: body.toUpperCase() });
  }
  return JSON.stringify({ status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ path, queries }) });
}
