// Names to addresses.
import dns from 'node:dns';
import { lookup } from 'node:dns/promises';

const say = (...values) => console.log(JSON.stringify(values));
const outcome = async (promise) => {
  try {
    return await promise;
  } catch (error) {
    return [error.name, error.code, error.syscall, error.hostname, error.message];
  }
};
const called = (...list) => new Promise((resolve) => dns.lookup(...list, (...values) => resolve(values)));

say(await called('127.0.0.1'));
say(await called('::1', { all: true }));
say(await called('localhost', 4));
say(await called('localhost', { family: 4, all: true }));
say(await called('localhost', { family: 'IPv4' }));
say(await called(''), await called('', { all: true }));
say((await called('nobody.invalid')).map((error) => error.code));
say(await lookup('localhost', { family: 4 }), await lookup('127.0.0.2'), await lookup('::1', { all: true }));
say(await outcome(lookup('nobody.invalid')));
say(await outcome(dns.promises.lookup('localhost', 4)));
for (const list of [[5, () => {}], ['localhost', { family: 5 }, () => {}], ['localhost']]) {
  try {
    dns.lookup(...list);
  } catch (error) {
    say(error.name, error.code);
  }
}
