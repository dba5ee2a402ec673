// hono with its context storage, which is an AsyncLocalStorage: the bundle is made for Node
import { Hono } from 'hono';
import { contextStorage, getContext } from 'hono/context-storage';

const app = new Hono();
app.use(contextStorage());
const later = () => new Promise((resolve) => setTimeout(resolve, 1));
app.get('/:name', async (c) => {
  c.set('name', c.req.param('name'));
  await later();
  return c.text(await greeting());
});
async function greeting() {
  await later();
  return `hello ${getContext().get('name')}`;
}

export default app;
