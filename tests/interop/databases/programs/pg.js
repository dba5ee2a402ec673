// PostgreSQL: what a program does with it every day.
import pg from 'pg';

const say = (...values) => console.log(JSON.stringify(values));
const config = {
  host: process.env.PGHOST,
  port: Number(process.env.PGPORT),
  user: 'wapo',
  password: 'secret',
  database: 'wapo',
};

const client = new pg.Client(config);
await client.connect();
say((await client.query('SELECT 1 + 1 AS two')).rows);
await client.query(
  'CREATE TEMP TABLE things (id serial PRIMARY KEY, name text, size float8, made timestamptz, data jsonb, raw bytea, tags text[])',
);
const inserted = await client.query(
  'INSERT INTO things (name, size, made, data, raw, tags) VALUES ($1, $2, $3, $4, $5, $6) RETURNING *',
  ['tea, or "café" 😀', 1.5, new Date(0), { a: [1, null] }, Buffer.from([0, 255]), ['x', "y'z"]],
);
say(
  inserted.rowCount,
  inserted.command,
  inserted.rows,
  inserted.fields.map(({ name, dataTypeID }) => [name, dataTypeID]),
);
say(
  (await client.query({ text: 'SELECT name FROM things WHERE id = $1', values: [1], rowMode: 'array', name: 'by-id' }))
    .rows,
);
say(
  (await client.query({ text: 'SELECT name FROM things WHERE id = $1', values: [2], rowMode: 'array', name: 'by-id' }))
    .rows,
);
say((await client.query('SELECT $1::bigint AS big, NULL AS nothing, true AS yes', ['9007199254740993'])).rows);

// Transactions
const count = async () => (await client.query('SELECT count(*)::int AS n FROM things')).rows[0].n;
await client.query('BEGIN');
await client.query('INSERT INTO things (name) VALUES ($1), ($2)', ['b', 'c']);
say(await count());
await client.query('ROLLBACK');
await client.query('BEGIN');
await client.query('INSERT INTO things (name) VALUES ($1)', ['d']);
await client.query('COMMIT');
say(await count());

// Errors, after which the connection goes on
const failure = (promise) =>
  promise.then(
    () => 'no error',
    (error) => [error.constructor.name, error.code, error.message, error.position],
  );
say(await failure(client.query('SELECT * FROM nowhere')));
say(await failure(client.query('INSERT INTO things (id) VALUES (1)')));
say((await client.query('SELECT 3 AS three')).rows);

// Many rows, and a long value each way
say((await client.query('SELECT i, repeat($1, 100) AS text FROM generate_series(1, 20000) AS i', ['x'])).rows.length);
const long = 'é'.repeat(1_000_000);
say(
  (await client.query('SELECT length($1) AS n, $1::text AS text', [long])).rows.map(({ n, text }) => [
    n,
    text === long,
  ]),
);

// Notifications, between two connections
const other = new pg.Client(config);
await other.connect();
const told = new Promise((resolve) => client.on('notification', ({ channel, payload }) => resolve([channel, payload])));
await client.query('LISTEN news');
await other.query('SELECT pg_notify($1, $2)', ['news', 'hello']);
say(await told);
await other.end();
await client.end();
say(await failure(client.query('SELECT 1')));

// A pool
const pool = new pg.Pool({ ...config, max: 3 });
const numbers = await Promise.all(Array.from({ length: 10 }, (_, i) => pool.query('SELECT $1::int AS n', [i])));
say(
  numbers.map(({ rows }) => rows[0].n),
  pool.totalCount,
  pool.idleCount,
  pool.waitingCount,
);
const held = await pool.connect();
say((await held.query('SELECT current_user AS who')).rows);
held.release();
await pool.end();

// What does not work
say(await failure(new pg.Client({ ...config, password: 'wrong' }).connect()));
say((await failure(new pg.Client({ ...config, port: Number(process.env.CLOSED) }).connect())).slice(0, 2));
