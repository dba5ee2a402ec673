// A Hono app as the public template has it: published as one script that sets module.exports.
import { Hono } from 'hono/tiny';
import { handle } from '@phala/wapo-env/guest';

const app = new Hono();

app.get('/', (c) => {
  const secret = JSON.parse(process.env.secret || '""');
  return c.json({ message: 'Hello from Hono', query: c.req.query('name') ?? null, apiKey: secret.apiKey ?? null });
});
app.post('/', async (c) => c.json({ echoed: await c.req.json() }, 201, { 'X-Agent': 'hono' }));
app.get('/boom', () => {
  throw new Error('on purpose');
});

export default handle(app);
