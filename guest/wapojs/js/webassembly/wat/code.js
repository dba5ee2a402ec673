// Instructions of the text format as bytes: https://webassembly.github.io/spec/core/text/instructions.html

import { INSTRUCTIONS } from './instructions.js';
import { parseFloatBytes, parseInteger, signed, unsigned } from './numbers.js';
import { isList, isName } from './reader.js';
import { heapType, Items, number32, signature, valueType } from './types.js';

const { BigInt, Map, Math, SyntaxError } = globalThis;
const OPENINGS = { __proto__: null, block: 0x02, loop: 0x03, if: 0x04, try_table: 0x1f };
const CLAUSES = ['catch', 'catch_ref', 'catch_all', 'catch_all_ref'];

/** Writes the instructions of one function or constant expression. */
export class CodeWriter {
  constructor(module, locals = new Map()) {
    this.module = module;
    this.locals = locals;
    this.labels = [];
    this.bytes = [];
  }

  put(bytes) {
    for (let i = 0; i < bytes.length; i++) this.bytes[this.bytes.length] = bytes[i];
  }

  index(space, item) {
    this.put(unsigned(this.module.indexOf(space, item)));
  }

  label(item) {
    if (!isName(item)) return number32(item);
    for (let depth = 0; depth < this.labels.length; depth++) {
      if (this.labels[this.labels.length - 1 - depth] === item) return depth;
    }
    throw new SyntaxError(`there is no label ${item}`);
  }

  local(item) {
    if (!isName(item)) return number32(item);
    const index = this.locals.get(item);
    if (index === undefined) throw new SyntaxError(`there is no local ${item}`);
    return index;
  }

  /** All instructions of the items, to their end or to one of the words that end a block. */
  sequence(items, ends = []) {
    while (items.more) {
      if (!isList(items.next) && ends.includes(items.next)) return;
      if (isList(items.next)) this.folded(new Items(items.take()));
      else this.plain(items.take(), items);
    }
    if (ends.length > 0) throw new SyntaxError("an 'end' is missing");
  }

  blockType(items) {
    const use = items.takeList('type');
    const type = signature(items);
    if (use !== undefined) this.put(signed(BigInt(this.module.indexOf('type', use[1]))));
    else if (type.params.length === 0 && type.results.length === 0) this.put([0x40]);
    else if (type.params.length === 0 && type.results.length === 1) this.put([type.results[0]]);
    else this.put(signed(BigInt(this.module.typeIndex(type))));
  }

  openBlock(word, items) {
    const name = items.takeName();
    return { name, opening: OPENINGS[word] };
  }

  enter({ name, opening }, items) {
    this.put([opening]);
    this.blockType(items);
    if (opening === OPENINGS.try_table) this.clauses(items);
    this.labels[this.labels.length] = name;
  }

  /** The clauses of a try_table, whose labels are those outside of it. */
  clauses(items) {
    const clauses = [];
    for (let kind; items.more && isList(items.next) && (kind = CLAUSES.indexOf(items.next[0])) >= 0;) {
      const [, ...indices] = items.take();
      const tag = kind < 2 ? unsigned(this.module.indexOf('tag', indices[0])) : [];
      clauses[clauses.length] = [kind, ...tag, ...unsigned(this.label(indices[indices.length - 1]))];
    }
    this.put([...unsigned(clauses.length), ...clauses.flat()]);
  }

  leave() {
    this.put([0x0b]);
    this.labels.pop();
  }

  plain(word, items) {
    if (!(word in OPENINGS)) {
      this.simple(word, items);
      return;
    }
    const block = this.openBlock(word, items);
    this.enter(block, items);
    this.sequence(items, word === 'if' ? ['else', 'end'] : ['end']);
    if (items.take() === 'else') {
      items.takeName();
      this.put([0x05]);
      this.sequence(items, ['end']);
      items.take();
    }
    items.takeName();
    this.leave();
  }

  folded(items) {
    const word = items.take();
    if (word in OPENINGS && word !== 'if') {
      this.enter(this.openBlock(word, items), items);
      this.sequence(items);
      this.leave();
    } else if (word === 'if') {
      this.foldedIf(items);
    } else {
      const mark = this.bytes.length;
      this.simple(word, items);
      const own = this.bytes.splice(mark);
      while (items.more) {
        const operand = items.take();
        if (!isList(operand)) throw new SyntaxError(`unexpected '${operand}' after ${word}`);
        this.folded(new Items(operand));
      }
      this.put(own);
    }
  }

  foldedIf(items) {
    const block = this.openBlock('if', items);
    const type = new Items(items.list, items.at);
    while (type.more && isList(type.next) && ['type', 'param', 'result'].includes(type.next[0])) type.at++;
    const rest = new Items(items.list, type.at);
    while (rest.more && isList(rest.next) && rest.next[0] !== 'then') this.folded(new Items(rest.take()));
    this.enter(block, items);
    const then = rest.takeList('then');
    if (then === undefined) throw new SyntaxError("an if without 'then'");
    this.sequence(new Items(then, 1));
    const otherwise = rest.takeList('else');
    if (otherwise !== undefined) {
      this.put([0x05]);
      this.sequence(new Items(otherwise, 1));
    }
    rest.end();
    this.leave();
  }

  simple(word, items) {
    const found = INSTRUCTIONS.get(word);
    if (found === undefined) throw new SyntaxError(`unknown instruction '${word}'`);
    const [bytes, kind, alignment] = found;
    if (kind === 'select') {
      this.select(items);
      return;
    }
    this.put(bytes);
    this.immediates(kind, items, alignment);
  }

  select(items) {
    const list = items.takeList('result');
    if (list === undefined) this.put([0x1b]);
    else this.put([0x1c, list.length - 1, ...list.slice(1).map(valueType)]);
  }

  isIndex(items) {
    return isName(items.next) || items.isNumber();
  }

  optionalIndex(space, items) {
    return this.isIndex(items) ? this.module.indexOf(space, items.take()) : 0;
  }

  immediates(kind, items, alignment) {
    switch (kind) {
      case 'none':
        return;
      case 'i32':
        return this.put(signed(parseInteger(items.take(), 32)));
      case 'i64':
        return this.put(signed(parseInteger(items.take(), 64)));
      case 'f32':
        return this.put(parseFloatBytes(items.take(), 32));
      case 'f64':
        return this.put(parseFloatBytes(items.take(), 64));
      case 'local':
        return this.put(unsigned(this.local(items.take())));
      case 'label':
        return this.put(unsigned(this.label(items.take())));
      case 'labels': {
        const depths = [];
        while (this.isIndex(items)) depths[depths.length] = this.label(items.take());
        this.put(unsigned(depths.length - 1));
        for (let i = 0; i < depths.length; i++) this.put(unsigned(depths[i]));
        return;
      }
      case 'heap':
        return this.put([heapType(items.take())]);
      case 'address':
        return this.address(items, alignment);
      case 'memory':
        return this.put(unsigned(this.optionalIndex('memory', items)));
      case 'memories': {
        const to = this.optionalIndex('memory', items);
        return this.put([...unsigned(to), ...unsigned(this.optionalIndex('memory', items))]);
      }
      case 'table':
        return this.put(unsigned(this.optionalIndex('table', items)));
      case 'tables': {
        const to = this.optionalIndex('table', items);
        return this.put([...unsigned(to), ...unsigned(this.optionalIndex('table', items))]);
      }
      case 'indirect': {
        const table = this.optionalIndex('table', items);
        const { index } = this.module.typeUse(items);
        return this.put([...unsigned(index), ...unsigned(table)]);
      }
      case 'memory.init':
      case 'table.init':
        return this.initialization(kind === 'table.init' ? ['table', 'elem'] : ['memory', 'data'], items);
      case 'data':
        this.module.usesData = true;
      // falls through
      default:
        return this.index(kind, items.take());
    }
  }

  /** `table.init $table? $segment`: one index is the segment's. */
  initialization([space, segments], items) {
    const first = items.take();
    const second = this.isIndex(items) ? items.take() : undefined;
    this.index(segments, second === undefined ? first : second);
    this.put(unsigned(second === undefined ? 0 : this.module.indexOf(space, first)));
    if (segments === 'data') this.module.usesData = true;
  }

  address(items, natural) {
    let offset = 0;
    let alignment = natural;
    if (typeof items.next === 'string' && items.next.startsWith('offset=')) offset = number32(items.take().slice(7));
    if (typeof items.next === 'string' && items.next.startsWith('align=')) {
      alignment = Math.log2(number32(items.take().slice(6)));
      if (alignment % 1 !== 0) throw new SyntaxError('an alignment must be a power of two');
    }
    this.put([...unsigned(alignment), ...unsigned(offset)]);
  }
}
