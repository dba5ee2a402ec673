// The same kind of app for a runtime with the fetch convention: the app itself is the default export.
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { streamSSE } from 'hono/streaming';

const app = new Hono();
app.use('*', cors());
app.get('/', (c) => c.text('root'));
app.get('/users/:id', (c) => c.json({ id: c.req.param('id') }));
app.get('/events', (c) =>
  streamSSE(c, async (stream) => {
    for (let i = 0; i < 3; i++) await stream.writeSSE({ data: `tick ${i}`, event: 'tick', id: String(i) });
  }),
);
app.notFound((c) => c.text('no such route', 404));

export default app;
