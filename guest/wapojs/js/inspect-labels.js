// The words of inspect: what an object, an error or a function is called.

import { uncurryThis } from './primordials.js';

const { Error, Function, Object, String } = globalThis;
const { getOwnPropertyDescriptor, getPrototypeOf } = Object;
const functionToString = uncurryThis(Function.prototype.toString);
const errorToString = uncurryThis(Error.prototype.toString);

/** Evaluates something that user code may make throw. */
export function guarded(read, fallback) {
  try {
    return read();
  } catch {
    return fallback;
  }
}

/** The name of the nearest constructor that an object inherits from; null if there is none. */
export function constructorName(object) {
  for (let o = object; o !== null; o = getPrototypeOf(o)) {
    const descriptor = getOwnPropertyDescriptor(o, 'constructor');
    if (descriptor === undefined || typeof descriptor.value !== 'function') continue;
    const name = getOwnPropertyDescriptor(descriptor.value, 'name')?.value;
    if (typeof name !== 'string' || name === '') continue;
    const prototype = getOwnPropertyDescriptor(descriptor.value, 'prototype')?.value;
    if (prototype !== undefined && prototype !== null && inherits(object, prototype)) return name;
  }
  return null;
}

function inherits(object, prototype) {
  for (let o = getPrototypeOf(object); o !== null; o = getPrototypeOf(o)) if (o === prototype) return true;
  return false;
}

/** What stands before the brace: `Foo(2) [tag] `. */
export function prefixOf(name, tag, fallback, size = '') {
  if (name === null) {
    return `[${fallback}${size}: null prototype] ${tag !== '' && tag !== fallback ? `[${tag}] ` : ''}`;
  }
  return `${name}${size} ${tag !== '' && !name.includes(tag) ? `[${tag}] ` : ''}`;
}

/** `Name: message`; the name of a subclass that has none of its own is that of its class. */
export function errorHeader(error, name, tag) {
  const text = guarded(() => errorToString(error), name ?? 'Error');
  const ownName = guarded(() => String(error.name), 'Error');
  if (name === null || name === ownName || !text.startsWith(ownName) || !ownName.endsWith('Error')) return text;
  const label = prefixOf(name, tag, 'Error').trimEnd();
  return label.includes(ownName)
    ? `${label}${text.slice(ownName.length)}`
    : `${label} [${ownName}]${text.slice(ownName.length)}`;
}

/** `[Function: name]`, `[class A extends B]` and the like. */
export function functionText(fn, name, tag) {
  const ownName = guarded(() => getOwnPropertyDescriptor(fn, 'name')?.value, '');
  const hasName = typeof ownName === 'string' && ownName !== '';
  const source = guarded(() => functionToString(fn), '');
  if (source.startsWith('class') && source.endsWith('}')) {
    let text = `[class ${hasName ? ownName : '(anonymous)'}`;
    if (name !== 'Function' && name !== null) text += ` [${name}]`;
    if (tag !== '' && tag !== name) text += ` [${tag}]`;
    const parent = getPrototypeOf(fn);
    const parentName = parent === null ? undefined : getOwnPropertyDescriptor(parent, 'name')?.value;
    if (parent === null) text += ' extends null';
    else if (typeof parentName === 'string' && parentName !== '') text += ` extends ${parentName}`;
    return `${text}]`;
  }
  const type = name !== null && name.endsWith('Function') ? name : 'Function';
  let text = `[${type}`;
  if (name === null) text += ' (null prototype)';
  text += hasName ? `: ${ownName}]` : ' (anonymous)]';
  if (name !== type && name !== null) text += ` ${name}`;
  if (tag !== '' && tag !== name) text += ` [${tag}]`;
  return text;
}
