addEventListener('fetch', (event) => {
  event.respondWith(new Response('heard', { status: 202 }));
});
