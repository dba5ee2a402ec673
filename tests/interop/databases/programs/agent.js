// An agent that has a database and a cache, as one writes it for Node.
import pg from 'pg';
import { createClient } from 'redis';

const { env } = process;

async function withDatabase(use) {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: Number(env.PGPORT),
    user: 'wapo',
    password: 'secret',
    database: 'wapo',
  });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    env.PGPORT = searchParams.get('pg');
    const cache = createClient({ url: `redis://:secret@${searchParams.get('redis')}` });
    await cache.connect();
    const seen = await cache.incr('agent:seen');
    const { rows } = await withDatabase((client) =>
      client.query('SELECT $1::text AS path, $2::int * 2 AS twice', [pathname.slice(-5), 21]),
    );
    await cache.close();
    return Response.json({ seen, ...rows[0] });
  },
};
