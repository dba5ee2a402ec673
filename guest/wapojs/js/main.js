import * as native from 'wapo:native';
native.setHandlers(
  (source, name, evaluate) => { native.compile(source, name, false); if (evaluate) native.log(3, String(native.evaluate())); native.loaded(0, 'script'); },
  (method, url, headers, body, stream, secret, id) => { native.respond(200, 'content-type\0application/json', JSON.stringify({method, url}), true); globalThis.done = true; },
  null, (e) => native.log(1, String(e) + '\n' + e.stack), null, () => globalThis.done);
