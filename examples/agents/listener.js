// A service worker's way: addEventListener('fetch', ...).
addEventListener('fetch', (event) => {
  event.respondWith(handle(event.request));
});

async function handle(request) {
  if (request.method === 'POST') {
    const form = await request.formData();
    return Response.json(Object.fromEntries([...form].map(([name, value]) => [name, String(value)])));
  }
  return new Response('<form method=post><input name=a><button>send</button></form>', {
    headers: { 'content-type': 'text/html' },
  });
}
