// ky: JSON, errors, timeouts, retries, hooks
import ky, { HTTPError, TimeoutError } from 'ky';
const base = process.env.SERVER;
const api = ky.create({ baseUrl: base, headers: { 'X-Api': 'k' }, retry: { limit: 2, delay: () => 1 } });
const url = (p) => base + '/' + p;
console.log(JSON.stringify((await api.get(url('echo'), { searchParams: { a: 1 } }).json()).query));
console.log((await api.post(url('echo'), { json: { a: 'é' } }).json()).body);
console.log(await api.get(url('nowhere')).catch((e) => [e instanceof HTTPError, e.response.status].join()));
console.log(await api.get(url('slow'), { timeout: 30, retry: 0 }).catch((e) => e instanceof TimeoutError));
console.log(await api.get(url('flaky')).text());
let hooks = [];
const h = ky.extend({
  hooks: {
    beforeRequest: [
      (state) => {
        hooks.push('before');
      },
    ],
    afterResponse: [
      () => {
        hooks.push('after');
      },
    ],
  },
});
console.log((await h.get(url('echo'))).status, hooks.join());
