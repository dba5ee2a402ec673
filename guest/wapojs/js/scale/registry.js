// What type definitions mean: names, numbers and generics to nodes of a table (wapojs-scale.md 2.4, 2.5).
//
// A type of a definition with parameters means something only together with arguments. The two make an *instance*; an
// argument is an instance itself, so nothing is ever substituted or copied, and equal instances are one object. The
// table in C asks for a node when a value first reaches it, and then the node's type is looked at, one level deep.

import { scaleDefine, scaleTable } from 'wapo:native';
import { parseDefinitions, parseType, primitive, reference } from './parse.js';

const { Error, Map } = globalThis;
const { toStringTag } = Symbol;

// The operations of c/scale.h.
const PRIMITIVE_OPERATIONS = {
  __proto__: null,
  u8: 1, u16: 2, u32: 3, u64: 4, u128: 5, i8: 6, i16: 7, i32: 8, i64: 9, i128: 10, bool: 11, str: 12,
}; // prettier-ignore
const [COMPACT, BYTES, BYTE_ARRAY, SEQUENCE, ARRAY, TUPLE, STRUCT, OPTION, ENUM] = [13, 14, 15, 16, 17, 18, 19, 20, 21];

/** So many steps from name to name are taken: `A=B B=A` has no end, nor has `A<T>=A<[T]>`. */
const MAX_STEPS = 1000;
/** A program may make up types as it goes on; beyond so many nodes and texts of types a table begins anew. */
const MAX_NODES = 20000;
const MAX_TYPE_TEXTS = 1000;

export const BUILTIN_TYPES = `String = str
Vec<T> = [T]
Option<T> = <_None|_Some:T>
Result<T,E> = <Ok:T|Err:E>
AccountId32 = [u8;32]
AccountId = [u8;32]
Hash = [u8;32]
H256 = [u8;32]
H160 = [u8;20]
`;

const byName = (definitions) => new Map(definitions.filter((d) => d.name !== null).map((d) => [d.name, d]));
const builtins = byName(parseDefinitions(BUILTIN_TYPES));
const primitives = new Map();
for (const name in PRIMITIVE_OPERATIONS) primitives.set(name, { name, params: [], type: primitive(name) });

const NOTHING = [];
const define = (types, id) => types.define(id);
const raise = (text) => {
  throw new Error(text);
};
const high = (bigint) => bigint >> 64n;
const join = (upper, lower) => (upper << 64n) | lower;

const titleOf = ({ name, params }) => `${name}${params.length ? `<${params.join()}>` : ''}`;

/** Two variants, `_None` and `_Some` with a payload: such an enum is null or its payload, whatever its name. */
const isOption = ({ variants }) =>
  variants.length === 2 &&
  variants[0].name === '_None' && variants[0].type === null && !variants[0].index &&
  variants[1].name === '_Some' && variants[1].type !== null; // prettier-ignore

/** Definitions by name and by number. */
export class Registry {
  /** @type {{name: string|null, params: string[], type: object}[]} */
  #definitions = [];
  #names = new Map();
  #builtins;
  /** What has been made of them; new ones when there are more definitions. */
  #types = null;

  /**
   * @param {string} text
   * @param {boolean} [std] whether the built-in names are known
   * @throws {Error} invalid syntax
   */
  constructor(text, std = true) {
    this.#builtins = std ? builtins : new Map();
    this.append(text);
  }

  /** Adds definitions; later ones win, also for types that were defined before. */
  append(text) {
    const more = parseDefinitions(text);
    for (let i = 0; i < more.length; i++) {
      this.#definitions.push(more[i]);
      if (more[i].name !== null) this.#names.set(more[i].name, more[i]);
    }
    this.#types = null;
  }

  named(name) {
    return this.#names.get(name) ?? this.#builtins.get(name) ?? primitives.get(name);
  }

  numbered(number) {
    return this.#definitions[number];
  }

  /** The types as they are defined now. */
  get types() {
    if (this.#types === null || this.#types.isFull) this.#types = new Types(this);
    return this.#types;
  }
}

/** Types of a registry, and the table of their nodes. One that a call is under way with stays as it is. */
class Types {
  #registry;
  #instances = new Map(); // by type and arguments
  #nodes = []; // instances by the number of their node
  #roots = new Map(); // numbers of nodes by what a caller named
  #tuples = new Map(); // numbers of nodes by those of their elements

  constructor(registry) {
    this.isFull = false;
    this.#registry = registry;
    this.table = scaleTable(toStringTag, define, raise, high, join);
  }


  /**
   * The node of a type that a caller names: by a name, an expression, or the number of a definition.
   * @param {string|number} type
   * @throws {Error} invalid syntax
   */
  nodeOf(type) {
    let node = this.#roots.get(type);
    if (node === undefined) {
      node = this.#nodeFor(this.#instance(this.#parse(type), NOTHING, NOTHING));
      this.#roots.set(type, node);
      this.#measure();
    }
    return node;
  }

  /** The node of a tuple of such types. */
  nodeOfAll(types) {
    const of = types.map((type) => this.nodeOf(type));
    const key = of.join();
    let node = this.#tuples.get(key);
    if (node === undefined) {
      node = this.#nodes.push(null) - 1;
      scaleDefine(this.table, node, TUPLE, 0, of);
      this.#tuples.set(key, node);
      this.#measure();
    }
    return node;
  }

  #measure() {
    this.isFull = this.#nodes.length > MAX_NODES || this.#roots.size + this.#tuples.size > MAX_TYPE_TEXTS;
  }

  #parse(type) {
    if (typeof type === 'number') return reference(type, []);
    return this.#registry.named(type) ? reference(type, []) : parseType(type);
  }

  /** The instance of a type within a definition with those parameters, whose arguments are those instances. */
  #instance(type, params, args) {
    let key = type.id;
    if (args.length) {
      key = `${key}`;
      for (let i = 0; i < args.length; i++) key += `,${args[i].number}`;
    }
    let instance = this.#instances.get(key);
    if (!instance) {
      instance = { __proto__: null, number: this.#instances.size, type, params, args, node: -1 };
      this.#instances.set(key, instance);
    }
    return instance;
  }

  #definitionOf(name) {
    const isNumber = typeof name === 'number';
    const found = isNumber ? this.#registry.numbered(name) : this.#registry.named(name);
    if (!found) throw new Error(`unknown type ${isNumber ? `id ${name}` : name}`);
    return found;
  }

  /** Follows names until there is a type. Throws where they lead nowhere. */
  #follow(instance) {
    const first = instance.type;
    for (let steps = 0; instance.type.kind === 'reference'; steps++) {
      if (steps === MAX_STEPS) throw new Error(`type ${first.name} is defined by itself`);
      const { type, params, args } = instance;
      const parameter = params.lastIndexOf(type.name);
      if (parameter >= 0) {
        if (type.args.length) throw new Error(`generic type ${type.name} can not have type arguments`);
        instance = args[parameter];
        continue;
      }
      const definition = this.#definitionOf(type.name);
      const wanted = definition.params.length;
      if (type.args.length !== wanted) {
        const title = definition.name === null ? type.name : titleOf(definition);
        throw new Error(`type ${title} expected ${wanted} type parameters, got ${type.args.length}`);
      }
      const given = wanted ? type.args.map((of) => this.#instance(of, params, args)) : NOTHING;
      instance = this.#instance(definition.type, definition.params, given);
    }
    return instance;
  }

  /** The same, or undefined: who asks has no need of the type yet. */
  #tryToFollow(instance) {
    try {
      return this.#follow(instance);
    } catch {
      return undefined;
    }
  }

  /** The number of an instance's node. One that leads nowhere has one too, which fails when it is reached. */
  #nodeFor(instance) {
    const target = this.#tryToFollow(instance) ?? instance;
    if (target.node < 0) target.node = this.#nodes.push(target) - 1;
    return target.node;
  }

  /** Called by the table: tells it what a node is. */
  define(id) {
    const { type, params, args } = this.#follow(this.#nodes[id]);
    const within = (of) => this.#instance(of, params, args);
    const nodeFor = (of) => this.#nodeFor(within(of));
    const become = (operation, number, nodes, names, indices) =>
      scaleDefine(this.table, id, operation, number, nodes, names, indices);
    const areBytes = () => {
      const of = this.#tryToFollow(within(type.of))?.type;
      return of?.kind === 'primitive' && of.name === 'u8';
    };
    switch (type.kind) {
      case 'primitive':
        return become(PRIMITIVE_OPERATIONS[type.name], 0);
      case 'compact': {
        const { type: of } = this.#follow(within(type.of));
        if (of.kind === 'tuple' && of.of.length === 0) return become(TUPLE, 0, []);
        if (of.kind !== 'primitive' || of.name[0] !== 'u') throw new Error('a number or () for compact');
        return become(COMPACT, PRIMITIVE_OPERATIONS[of.name]);
      }
      case 'sequence':
        return areBytes() ? become(BYTES, 0) : become(SEQUENCE, 0, [nodeFor(type.of)]);
      case 'array':
        return areBytes() ? become(BYTE_ARRAY, type.length) : become(ARRAY, type.length, [nodeFor(type.of)]);
      case 'tuple':
        return become(TUPLE, 0, type.of.map(nodeFor));
      case 'struct':
        return become(STRUCT, 0, type.of.map(nodeFor), type.names);
      default: {
        const { variants } = type;
        if (isOption(type)) return become(OPTION, variants[1].index ?? 1, [nodeFor(variants[1].type)]);
        return become(
          ENUM, 0,
          variants.map((variant) => variant.type && nodeFor(variant.type)),
          variants.map((variant) => variant.name),
          variants.map((variant) => variant.index),
        ); // prettier-ignore
      }
    }
  }
}

