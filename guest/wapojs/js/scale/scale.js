// Wapo.SCALE: https://docs.substrate.io/reference/scale-codec/ for types that a script defines as text (wapojs-scale.md 1).

import { scaleDecode, scaleEncode } from 'wapo:native';
import { defineTag } from '../interfaces.js';
import { call } from '../primordials.js';
import { BUILTIN_TYPES, Registry } from './registry.js';

const { Array, Error, Map, Number } = globalThis;
const { isArray } = Array;
const { create } = Object;
const { isFinite } = Number;
const { trunc } = Math;
const { toStringTag } = Symbol;

const MAX_U32 = 4294967295;
/** Definitions that are given as text with every call are parsed once, while they are among the last ones. */
const KEPT_TEXTS = 16;

const typeName = (value) => {
  const tag = value !== null && typeof value === 'object' ? value[toStringTag] : undefined;
  return typeof tag === 'string' ? tag : value === null ? 'null' : typeof value;
};
const expect = (wanted, value) => new Error(`expect ${wanted}, got ${typeName(value)}`);

let registryIn; // of a TypeRegistry, undefined of anything else

/** What parseTypes gives: opaque. */
class TypeRegistry {
  #registry;

  constructor(registry) {
    this.#registry = registry;
  }

  static {
    registryIn = (value) => (value !== null && typeof value === 'object' && #registry in value ? value.#registry : undefined);
  }
}
delete TypeRegistry.prototype.constructor;
defineTag(TypeRegistry.prototype, 'TypeRegistry');

let builtinsOnly; // made when it is first used
const parsed = new Map();

function parseText(text) {
  let registry = parsed.get(text);
  if (registry) return registry;
  registry = new Registry(text);
  if (parsed.size === KEPT_TEXTS) parsed.delete(parsed.keys().next().value);
  parsed.set(text, registry);
  return registry;
}

function toRegistry(value) {
  if (value === undefined || value === null) return (builtinsOnly ??= new Registry(''));
  if (typeof value === 'string') return parseText(value);
  const registry = registryIn(value);
  if (registry) return registry;
  throw expect('TypeRegistry', value);
}

/** A string, or the number of a definition: a `u32` (wapojs-api.md 2.1). */
function toType(value) {
  if (typeof value === 'string') return value;
  if (typeof value !== 'number' && typeof value !== 'boolean' && typeof value !== 'bigint') throw expect('string', value);
  const number = Number(value);
  const whole = isFinite(number) ? trunc(number) : 0;
  if (whole < 0 || whole > MAX_U32) throw expect('u32', value);
  return whole + 0; // not -0
}

/** `list` (wapojs-api.md 2.1): anything with a method `values` that gives an iterator. */
function toTypes(value) {
  if (isArray(value)) {
    const types = [];
    for (let i = 0; i < value.length; i++) types.push(toType(value[i]));
    return types;
  }
  const values = value !== null && typeof value === 'object' ? value.values : undefined;
  if (typeof values !== 'function') throw expect('list', value);
  const iterator = call(values, value);
  const types = [];
  for (;;) {
    const step = iterator.next();
    if (step.done) return types;
    types.push(toType(step.value));
  }
}

function toText(value) {
  if (typeof value !== 'string') throw expect('string', value);
  return value;
}

function parseTypes(text, options = undefined) {
  const definitions = toText(text);
  const noStd = options === undefined || options === null ? undefined : options.no_std;
  if (noStd !== undefined && noStd !== null && typeof noStd !== 'boolean') throw expect('bool', noStd);
  return new TypeRegistry(new Registry(definitions, noStd !== true));
}

/** With text for a registry, or none, there is nothing that could keep the definitions; they are checked all the same. */
function appendTypes(registry, text) {
  const definitions = toText(text);
  const target = toRegistry(registry);
  if (registryIn(registry)) target.append(definitions);
  else new Registry(definitions);
  return null;
}

function builtinTypes() {
  return BUILTIN_TYPES;
}

function encode(value, type, registry) {
  const { types } = toRegistry(registry);
  return scaleEncode(types.table, types.nodeOf(toType(type)), value, types);
}

function encodeAll(values, list, registry) {
  const { types } = toRegistry(registry);
  return scaleEncode(types.table, types.nodeOfAll(toTypes(list)), values, types);
}

function decode(bytes, type, registry) {
  const { types } = toRegistry(registry);
  return scaleDecode(types.table, types.nodeOf(toType(type)), bytes, types);
}

function decodeAll(bytes, list, registry) {
  const { types } = toRegistry(registry);
  return scaleDecode(types.table, types.nodeOfAll(toTypes(list)), bytes, types);
}

function codec(type, registry) {
  const made = create(ScaleCodec);
  made.ty = type;
  made.registry = registry;
  made.isArray = isArray(type);
  return made;
}

export const SCALE = { parseTypes, appendTypes, builtinTypes, encode, encodeAll, decode, decodeAll, codec };

/** What codecs inherit from. */
export const ScaleCodec = {
  encode(value) {
    return this.isArray ? encodeAll(value, this.ty, this.registry) : encode(value, this.ty, this.registry);
  },
  decode(bytes) {
    return this.isArray ? decodeAll(bytes, this.ty, this.registry) : decode(bytes, this.ty, this.registry);
  },
  scl: SCALE,
};
