// Modules of the text format: https://webassembly.github.io/spec/core/text/modules.html

import { CodeWriter } from './code.js';
import { unsigned } from './numbers.js';
import { isList, isName, isString, readItems } from './reader.js';
import { globalType, isReferenceType, Items, limits, number32, signature, tableType, valueType } from './types.js';

const { Map, Math, SyntaxError, Uint8Array } = globalThis;
const KINDS = { __proto__: null, func: 0, table: 1, memory: 2, global: 3, tag: 4 };
const LIMIT_PAGES = 65536;

const vector = (entries) => [...unsigned(entries.length), ...entries.flat()];
const sized = (bytes) => [...unsigned(bytes.length), ...bytes];
const nameBytes = (string) => sized([...string]);

class Assembler {
  constructor(fields) {
    this.fields = fields;
    this.names = {};
    this.counts = {};
    for (const space of ['type', 'func', 'table', 'memory', 'global', 'tag', 'elem', 'data']) {
      this.names[space] = new Map();
      this.counts[space] = 0;
    }
    this.types = [];
    this.imports = [];
    this.sections = { func: [], table: [], memory: [], tag: [], global: [], export: [], elem: [], code: [], data: [] };
    this.start = undefined;
    this.usesData = false;
  }

  indexOf(space, item) {
    if (!isName(item)) return number32(item);
    const index = this.names[space].get(item);
    if (index === undefined) throw new SyntaxError(`there is no ${space} ${item}`);
    return index;
  }

  declare(space, name) {
    if (name !== undefined) {
      if (this.names[space].has(name)) throw new SyntaxError(`there are two ${space} ${name}`);
      this.names[space].set(name, this.counts[space]);
    }
    return this.counts[space]++;
  }

  /** The index of a function type, which is added if there is none like it. */
  typeIndex({ params, results }) {
    const key = `${params}>${results}`;
    for (let i = 0; i < this.types.length; i++) if (this.types[i].key === key) return i;
    this.types[this.types.length] = { key, params, results };
    return this.types.length - 1;
  }

  /** `(type $t)? (param ...)* (result ...)*` */
  typeUse(items) {
    const use = items.takeList('type');
    const type = signature(items);
    if (use === undefined) return { index: this.typeIndex(type), type };
    const index = this.indexOf('type', use[1]);
    const known = this.types[index];
    if (known === undefined) throw new SyntaxError(`there is no type ${use[1]}`);
    return { index, type: { ...type, params: known.params, results: known.results } };
  }

  constant(items) {
    const writer = new CodeWriter(this);
    writer.sequence(items);
    return [...writer.bytes, 0x0b];
  }

  /** `(offset ...)` or one folded instruction */
  offset(items) {
    const list = items.takeList('offset');
    if (list !== undefined) return this.constant(new Items(list, 1));
    const instruction = items.take();
    if (!isList(instruction)) throw new SyntaxError(`an offset was expected, not '${instruction}'`);
    return this.constant(new Items([instruction]));
  }

  assemble() {
    for (const field of this.fields) if (field[0] === 'type') this.typeField(new Items(field, 1));
    // Names first: what is defined anywhere may be used before.
    const prepared = [];
    for (const field of this.fields) {
      if (field[0] === 'type') continue;
      const word = field[0] === 'import' ? field[3]?.[0] : field[0];
      if (field[0] === 'import' && !(word in KINDS)) throw new SyntaxError(`an import of an unknown kind '${word}'`);
      const name = field[0] === 'import' ? field[3][1] : field[1];
      const space = word in this.counts ? word : undefined;
      prepared[prepared.length] = { field, index: space && this.declare(space, isName(name) ? name : undefined) };
      this.inlineSegment(space, field);
    }
    for (const { field, index } of prepared) this.field(field, index);
    return this.bytes();
  }

  /** A table or memory with contents declares a segment too. */
  inlineSegment(space, field) {
    const word = { table: 'elem', memory: 'data' }[space];
    if (field.some((item) => isList(item) && item[0] === word)) this.declare(word, undefined);
  }

  typeField(items) {
    const name = items.takeName();
    const definition = items.take();
    if (!isList(definition) || definition[0] !== 'func') throw new SyntaxError('a type must be (func ...)');
    const { params, results } = signature(new Items(definition, 1));
    this.declare('type', name);
    this.types[this.types.length] = { key: `${params}>${results}`, params, results };
  }

  field(field, index) {
    const items = new Items(field, 1);
    const word = field[0];
    switch (word) {
      case 'import':
        return this.importField(items);
      case 'func':
      case 'table':
      case 'memory':
      case 'tag':
      case 'global': {
        items.takeName();
        for (let list; (list = items.takeList('export')) !== undefined;) this.addExport(list[1], word, index);
        const list = items.takeList('import');
        if (list !== undefined) return this.addImport(list[1], list[2], word, items);
        return this[word](items, index);
      }
      case 'export':
        return this.addExport(field[1], field[2][0], this.indexOf(field[2][0], field[2][1]));
      case 'start':
        this.start = this.indexOf('func', field[1]);
        return undefined;
      case 'elem':
        items.takeName();
        return this.elem(items);
      case 'data':
        items.takeName();
        return this.data(items);
      default:
        if (String(word)[0] === '@') return undefined; // an annotation
        throw new SyntaxError(`unknown field '${word}'`);
    }
  }

  importField(items) {
    const module = items.take();
    const name = items.take();
    const description = new Items(items.take(), 1);
    description.takeName();
    this.addImport(module, name, description.list[0], description);
  }

  addImport(module, name, word, items) {
    if (!isString(module) || !isString(name)) throw new SyntaxError('an import has two names');
    if (this.sections[word].length > 0) throw new SyntaxError('an import after a definition');
    const describe = {
      func: () => unsigned(this.typeUse(items).index),
      table: () => tableType(items),
      memory: () => limits(items),
      global: () => globalType(items),
      tag: () => [0, ...unsigned(this.typeUse(items).index)],
    }[word];
    this.imports[this.imports.length] = [...nameBytes(module), ...nameBytes(name), KINDS[word], ...describe()];
    items.end();
  }

  addExport(name, word, index) {
    if (!isString(name) || !(word in KINDS)) throw new SyntaxError('an export has a name and a kind');
    this.sections.export[this.sections.export.length] = [...nameBytes(name), KINDS[word], ...unsigned(index)];
  }

  func(items) {
    const { index, type } = this.typeUse(items);
    this.sections.func[this.sections.func.length] = unsigned(index);
    const names = new Map();
    type.names.forEach((name, i) => names.set(name, i));
    const locals = [];
    for (let list; (list = items.takeList('local')) !== undefined;) {
      if (isName(list[1])) names.set(list[1], type.params.length + locals.length);
      for (let i = isName(list[1]) ? 2 : 1; i < list.length; i++) locals[locals.length] = valueType(list[i]);
    }
    const groups = [];
    for (const local of locals) {
      const last = groups[groups.length - 1];
      if (last?.[1] === local) last[0]++;
      else groups[groups.length] = [1, local];
    }
    const writer = new CodeWriter(this, names);
    writer.sequence(items);
    const declarations = vector(groups.map(([count, local]) => [...unsigned(count), local]));
    this.sections.code[this.sections.code.length] = sized([...declarations, ...writer.bytes, 0x0b]);
  }

  table(items, index) {
    if (!isReferenceType(items.next)) {
      this.sections.table[this.sections.table.length] = tableType(items);
      return items.end();
    }
    const type = valueType(items.take());
    const contents = items.takeList('elem');
    if (contents === undefined) throw new SyntaxError('a table without a size');
    const { kind, entries } = this.elementList(new Items(contents, 1), type);
    const size = unsigned(entries.length);
    this.sections.table[this.sections.table.length] = [type, 1, ...size, ...size];
    this.addElements(index, [0x41, 0, 0x0b], kind, type, entries);
    return undefined;
  }

  memory(items, index) {
    const contents = items.takeList('data');
    if (contents === undefined) {
      this.sections.memory[this.sections.memory.length] = limits(items);
      return items.end();
    }
    const bytes = contents.slice(1).flatMap((string) => [...string]);
    const pages = unsigned(Math.ceil(bytes.length / LIMIT_PAGES));
    this.sections.memory[this.sections.memory.length] = [1, ...pages, ...pages];
    const target = index === 0 ? [0] : [2, ...unsigned(index)];
    this.sections.data[this.sections.data.length] = [...target, 0x41, 0, 0x0b, ...sized(bytes)];
    return undefined;
  }

  tag(items) {
    this.sections.tag[this.sections.tag.length] = [0, ...unsigned(this.typeUse(items).index)];
    items.end();
  }

  global(items) {
    const type = globalType(items);
    this.sections.global[this.sections.global.length] = [...type, ...this.constant(items)];
  }

  /** Functions by index, or expressions. */
  elementList(items, type) {
    if (items.more && isList(items.next)) {
      const entries = [];
      while (items.more) {
        const item = items.take();
        entries[entries.length] = this.constant(item[0] === 'item' ? new Items(item, 1) : new Items([item]));
      }
      return { kind: 'expressions', type, entries };
    }
    const entries = [];
    while (items.more) entries[entries.length] = unsigned(this.indexOf('func', items.take()));
    return { kind: 'functions', type, entries };
  }

  addElements(table, offset, kind, type, entries, mode = 'active', named = table !== 0) {
    const expressions = kind === 'expressions';
    const explicit = named || (expressions && type !== 0x70);
    const flags = (mode === 'passive' ? 1 : mode === 'declare' ? 3 : explicit ? 2 : 0) + (expressions ? 4 : 0);
    const bytes = unsigned(flags);
    if (mode === 'active') bytes.push(...(explicit ? unsigned(table) : []), ...offset);
    if ((flags & 3) !== 0) bytes.push(expressions ? type : 0);
    this.sections.elem[this.sections.elem.length] = [...bytes, ...vector(entries)];
  }

  elem(items) {
    let mode = 'passive';
    let table = 0;
    let offset;
    let named = false;
    if (items.next === 'declare') {
      items.take();
      mode = 'declare';
    } else {
      const use = items.takeList('table');
      named = use !== undefined;
      if (named) table = this.indexOf('table', use[1]);
      if (named || (items.more && isList(items.next) && !isReferenceType(items.next))) {
        mode = 'active';
        offset = this.offset(items);
      }
    }
    let type = 0x70;
    if (isReferenceType(items.next)) type = valueType(items.take());
    else if (items.next === 'func') items.take();
    const expected = isReferenceType(items.list[items.at - 1]);
    const { kind, entries } = this.elementList(items, type);
    const asExpressions = expected || kind === 'expressions';
    this.addElements(table, offset, asExpressions ? 'expressions' : 'functions', type, entries, mode, named);
  }

  data(items) {
    let bytes = [1];
    const use = items.takeList('memory');
    const memory = use === undefined ? 0 : this.indexOf('memory', use[1]);
    if (use !== undefined || (items.more && isList(items.next))) {
      bytes = memory === 0 ? [0] : [2, ...unsigned(memory)];
      bytes.push(...this.offset(items));
    }
    const contents = [];
    while (items.more) contents[contents.length] = [...items.take()];
    this.sections.data[this.sections.data.length] = [...bytes, ...sized(contents.flat())];
  }

  bytes() {
    const { func, table, memory, tag, global, elem, code, data } = this.sections;
    const types = this.types.map(({ params, results }) => [0x60, ...sized(params), ...sized(results)]);
    const parts = [
      [1, types], [2, this.imports], [3, func], [4, table], [5, memory], [13, tag], [6, global],
      [7, this.sections.export],
    ]; // prettier-ignore
    const bytes = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    const put = (id, contents) => {
      bytes[bytes.length] = id;
      const whole = sized(contents);
      for (let i = 0; i < whole.length; i++) bytes[bytes.length] = whole[i];
    };
    for (const [id, entries] of parts) if (entries.length > 0) put(id, vector(entries));
    if (this.start !== undefined) put(8, unsigned(this.start));
    if (elem.length > 0) put(9, vector(elem));
    if (this.usesData) put(12, unsigned(data.length));
    if (code.length > 0) put(10, vector(code));
    if (data.length > 0) put(11, vector(data));
    return new Uint8Array(bytes);
  }
}

/**
 * The bytes of a module given as text.
 * @param {string} text
 * @returns {Uint8Array}
 */
export function assemble(text) {
  const items = readItems(text).filter((item) => !(isList(item) && String(item[0])[0] === '@'));
  let fields = items;
  if (items.length === 1 && isList(items[0]) && items[0][0] === 'module') {
    const [module] = items;
    fields = module.slice(isName(module[1]) ? 2 : 1);
  }
  for (const field of fields) {
    if (!isList(field) || typeof field[0] !== 'string') throw new SyntaxError('a module is a list of fields');
  }
  return new Assembler(fields).assemble();
}
