// An agent that has a database and a cache, as one writes it for Node.
import pg from 'pg';
import { createClient } from 'redis';

const DATABASE = { host: '127.0.0.1', user: 'wapo', password: 'secret', database: 'wapo' };

async function query(port, ...list) {
  const client = new pg.Client({ ...DATABASE, port });
  await client.connect();
  try {
    return (await client.query(...list)).rows;
  } finally {
    await client.end();
  }
}

/** A pool that is never ended: it goes with the request. */
const queryInPool = async (port, ...list) => (await new pg.Pool({ ...DATABASE, port }).query(...list)).rows;

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const port = Number(searchParams.get('pg'));
    if (pathname.endsWith('/pool')) return Response.json(await queryInPool(port, 'SELECT $1::text AS text', ['x']));
    const cache = createClient({ url: `redis://:secret@${searchParams.get('redis')}` });
    await cache.connect();
    const seen = await cache.incr('agent:seen');
    const [row] = await query(port, 'SELECT $1::text AS path, $2::int * 2 AS twice', [pathname.slice(-5), 21]);
    await cache.close();
    return Response.json({ seen, ...row });
  },
};
