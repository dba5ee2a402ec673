// Maps the engine's module `wapo:native` to the fake for Node.
export function resolve(specifier, context, next) {
  if (specifier === 'wapo:native')
    return { url: new URL('./native-fake.mjs', import.meta.url).href, shortCircuit: true };
  return next(specifier, context);
}
export async function load(url, context, next) {
  return next(url, url.endsWith('.js') ? { ...context, format: 'module' } : context);
}
