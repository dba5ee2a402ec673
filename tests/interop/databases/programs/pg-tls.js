// PostgreSQL over TLS, which begins after the server has said that it has it.
import pg from 'pg';

const say = (...values) => console.log(JSON.stringify(values));
const config = { port: Number(process.env.PGPORT), user: 'wapo', password: 'secret', database: 'wapo' };
const failure = (promise) =>
  promise.then(
    () => 'no error',
    (error) => [error.code, error.message],
  );

const client = new pg.Client({ ...config, host: 'localhost', ssl: true });
await client.connect();
say(
  (await client.query('SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()')).rows,
  client.connection.stream.encrypted,
);
say((await client.query('SELECT $1::text AS text', ['x'.repeat(300_000)])).rows[0].text.length);
await client.end();
const url = `postgres://wapo:secret@localhost:${config.port}/wapo`;
say(await failure(new pg.Client({ ...config, host: '127.0.0.1', ssl: true }).connect()));
say(await failure(new pg.Client({ ...config, host: 'localhost', ssl: { rejectUnauthorized: false } }).connect()));
const strict = new pg.Client(`${url}?sslmode=verify-full`);
await strict.connect();
say((await strict.query('SELECT 1 AS one')).rows);
await strict.end();
