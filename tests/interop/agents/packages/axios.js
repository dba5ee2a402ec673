// axios with its adapter for fetch; in the bundle for Node, the last call is the adapter for node:http
import axios from 'axios';
const base = process.env.SERVER;
const api = axios.create({ baseURL: base, headers: { 'X-Api': 'k' }, adapter: 'fetch' });
const r = await api.get('/echo', { params: { a: 1, b: ['x', 'y'] } });
console.log(r.status, JSON.stringify(r.data.query), r.data.headers['x-api'], r.headers['content-type']);
const p = await api.post('/echo', { json: [1, 'é'] });
console.log(p.data.method, p.data.body, p.data.headers['content-type']);
console.log(await api.get('/nowhere').catch((e) => [e.name, e.code, e.response.status, axios.isAxiosError(e)].join()));
console.log(await api.get('/slow', { timeout: 50 }).catch((e) => e.code));
const c = new AbortController();
setTimeout(() => c.abort(), 10);
console.log(await api.get('/slow', { signal: c.signal }).catch((e) => [e.code, axios.isCancel(e)].join()));
api.interceptors.request.use((config) => {
  config.headers.set('X-Int', 'yes');
  return config;
});
api.interceptors.response.use((response) => ({ ...response, data: { ...response.data, seen: true } }));
const q = await api.put('/echo', new URLSearchParams({ f: 'v' }));
console.log(q.data.headers['x-int'], q.data.seen, q.data.body, q.data.headers['content-type']);
console.log(
  (await api.get('/echo', { responseType: 'arraybuffer' })).data instanceof Object,
  (await axios.get(base + '/redirect')).request !== undefined,
);

// The adapter of browsers, where there is an XMLHttpRequest; Node has none.
const xhr = axios.create({ baseURL: base, headers: { 'X-Api': 'k' }, adapter: ['xhr', 'fetch'] });
const x = await xhr.post('/echo', { json: [1, 'é'] }, { params: { a: 1 } });
console.log(x.status, x.data.method, x.data.body, x.data.headers['x-api'], JSON.stringify(x.data.query));
console.log(await xhr.get('/nowhere').catch((e) => [e.name, e.code, e.response.status].join()));
console.log(await xhr.get('/slow', { signal: AbortSignal.timeout(50) }).catch((e) => axios.isAxiosError(e)));
console.log(typeof XMLHttpRequest === 'undefined' || x.request instanceof XMLHttpRequest);
