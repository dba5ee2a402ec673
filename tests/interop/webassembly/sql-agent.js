// sql.js: SQLite, by Emscripten.
import initSqlJs from './node_modules/sql.js/dist/sql-wasm-browser.js';
import wasmBinary from './node_modules/sql.js/dist/sql-wasm.wasm';

export default {
  async fetch() {
    const { Database } = await initSqlJs({ wasmBinary });
    const database = new Database();
    database.run('CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, x REAL)');
    for (let i = 0; i < 200; i++) database.run('INSERT INTO t (name, x) VALUES (?, ?)', [`name ${i}`, i / 4]);
    database.create_function('twice', (x) => x * 2); // SQLite calls JavaScript
    const [{ values }] = database.exec("SELECT count(*), sum(x), twice(max(id)) FROM t WHERE name LIKE '%7'");
    let refused = 'nothing';
    try {
      database.run('SELEC');
    } catch (error) {
      refused = error.message;
    }
    const copy = new Database(database.export());
    return Response.json({ values, refused, copied: copy.exec('SELECT count(*) FROM t')[0].values });
  },
};
