// Writes standards.json: what the standards say a worker's global object has, by their own Web IDL.
//
//   npm install --no-save @webref/idl@3.85.0 webidl2@24.5.0 && node standards.mjs
//
// Interfaces of these standards that only a document or a browser has are left out, and so are members that are only for
// windows. To have another interface in the table of docs/web-platform.md, add its standard or its name here.

import { readFile, writeFile } from 'node:fs/promises';
import { parse } from 'webidl2';

/** Standards by the name that @webref/idl gives them; `only` where most of one is not for us. */
const STANDARDS = {
  dom: ['Event', 'CustomEvent', 'EventTarget', 'AbortController', 'AbortSignal'],
  html: [
    'BroadcastChannel', 'ErrorEvent', 'EventSource', 'MessageChannel', 'MessageEvent', 'MessagePort', 'PromiseRejectionEvent',
    'Storage', 'Worker',
  ],
  webidl: null,
  url: null,
  urlpattern: null,
  encoding: null,
  streams: null,
  compression: null,
  fetch: null,
  xhr: null,
  FileAPI: ['Blob', 'File', 'FileReader'],
  websockets: null,
  webcrypto: null,
  'hr-time': ['Performance'],
  'performance-timeline': null,
  'user-timing': null,
  'scheduling-apis': null,
  console: null,
  'wasm-js-api': null,
  'web-locks': null,
  IndexedDB: ['IDBFactory'],
  'service-workers': ['FetchEvent', 'ExtendableEvent', 'Cache', 'CacheStorage'],
};
/** Standards that only add to the interfaces above. */
const MORE = ['webcrypto-modern-algos', 'webcrypto-secure-curves', 'wasm-web-api', 'trusted-types', 'html', 'dom'];

/** Mixins whose members are on a worker's global object. */
const GLOBAL_MIXINS = ['WindowOrWorkerGlobalScope'];
const GLOBAL_INTERFACES = ['WorkerGlobalScope', 'EventTarget'];

const WORKERS = new Set(['*', 'Worker', 'DedicatedWorker', 'ServiceWorker', 'SharedWorker']);

function exposedToWorkers(definition) {
  const found = definition.extAttrs.find((attribute) => attribute.name === 'Exposed');
  if (found === undefined) return true;
  const { type, value } = found.rhs;
  if (type === '*') return true;
  return type === 'identifier' ? WORKERS.has(value) : value.some((item) => WORKERS.has(item.value));
}

const files = new Map();
for (const name of new Set([...Object.keys(STANDARDS), ...MORE])) {
  const path = new URL(`node_modules/@webref/idl/${name}.idl`, import.meta.url);
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) console.error(`there is no ${name}`);
  else files.set(name, parse(text));
}

const definitions = [...files].flatMap(([standard, all]) => all.map((definition) => ({ standard, definition })));

/** Members of an interface, mixin or namespace: its own, partial ones, included ones. */
function membersOf(name) {
  const own = definitions.filter(({ definition: d }) => d.name === name && d.members !== undefined && exposedToWorkers(d));
  const mixins = definitions.filter(({ definition: d }) => d.type === 'includes' && d.target === name);
  return [
    ...own.flatMap(({ definition: d }) => d.members).filter(exposedToWorkers),
    ...mixins.flatMap(({ definition: d }) => membersOf(d.includes)),
  ];
}

const ITERATION = ['entries', 'forEach', 'keys', 'values'];

function namesOf(members) {
  const names = { instance: new Set(), static: new Set() };
  for (const member of members) {
    if (member.type === 'iterable' && !member.async) {
      for (const name of ITERATION) names.instance.add(name);
    } else if (member.type === 'async_iterable' || (member.type === 'iterable' && member.async)) {
      names.instance.add('values');
    } else if (member.type === 'maplike' || member.type === 'setlike') {
      throw new Error(`${member.type} is not known here`);
    } else if (member.extAttrs.some((attribute) => attribute.name === 'LegacyUnforgeable')) {
      // On each object, not on its prototype.
    } else if (member.type === 'attribute' || member.type === 'operation') {
      if (member.name) (member.special === 'static' ? names.static : names.instance).add(member.name);
      else if (member.special === 'stringifier') names.instance.add('toString');
    } else if (member.type === 'const') {
      names.static.add(member.name);
      names.instance.add(member.name);
    }
  }
  return { members: [...names.instance].sort(), statics: [...names.static].sort() };
}

const interfaces = {};
const isOwn = (only, name) => only === null || only.includes(name);
for (const [standard, only] of Object.entries(STANDARDS)) {
  for (const definition of files.get(standard) ?? []) {
    if (definition.partial || !['interface', 'namespace'].includes(definition.type)) continue;
    if (!isOwn(only, definition.name) || !exposedToWorkers(definition)) continue;
    if (definition.extAttrs.some((attribute) => attribute.name === 'LegacyNoInterfaceObject')) continue;
    const namespace = definition.extAttrs.find((attribute) => attribute.name === 'LegacyNamespace');
    const name = namespace ? `${namespace.rhs.value}.${definition.name}` : definition.name;
    interfaces[name] = { standard, kind: definition.type, ...namesOf(membersOf(definition.name)) };
  }
}
const globals = {};
for (const mixin of [...GLOBAL_MIXINS, ...GLOBAL_INTERFACES]) {
  for (const { standard, definition } of definitions) {
    if (definition.name !== mixin || definition.members === undefined) continue;
    for (const member of definition.members.filter(exposedToWorkers)) {
      if (member.name && member.special !== 'static') globals[member.name] = standard;
    }
  }
}
const sorted = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
const text = JSON.stringify({ interfaces: sorted(interfaces), globals: sorted(globals) }, null, 1)
  .replace(/\[\n\s+([^\]]*?)\n\s+\]/g, (_, list) => `[${list.replace(/\n\s+/g, ' ')}]`);
await writeFile(new URL('standards.json', import.meta.url), `${text}\n`);
