// A Hono application with ten routes and two middlewares; the benchmark asks for one with two parameters.
import { Hono } from 'hono';

const app = new Hono();
app.use('*', async (c, next) => {
  await next();
  c.header('x-served-by', 'hono');
});
app.use('/api/*', async (c, next) => {
  c.set('user', c.req.query('user') ?? 'nobody');
  await next();
});
app.get('/', (c) => c.text('index'));
app.get('/health', (c) => c.json({ ok: true }));
app.get('/api/users', (c) => c.json([{ id: 1 }, { id: 2 }]));
app.post('/api/users', async (c) => c.json(await c.req.json(), 201));
app.get('/api/users/:id', (c) => c.json({ id: c.req.param('id') }));
app.delete('/api/users/:id', (c) => c.body(null, 204));
app.get('/api/users/:id/posts', (c) => c.json([]));
app.get('/api/users/:id/posts/:post', (c) => c.json({ ...c.req.param(), user: c.get('user') }));
app.get('/files/:name{.+}', (c) => c.text(c.req.param('name')));
app.get('/redirect', (c) => c.redirect('/'));
app.notFound((c) => c.json({ error: 'no such route' }, 404));

export default app;
