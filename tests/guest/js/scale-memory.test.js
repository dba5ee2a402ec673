// guest/wapojs/c/scale_*.c: what is encoded, decoded or refused leaves nothing behind (in the engine only: Node has no
// Wapo.SCALE)
import * as native from 'wapo:native';
import { assertEquals, test } from './harness.js';

const SCALE = globalThis.Wapo?.SCALE;

const types = SCALE?.parseTypes('E=<A|B:u16|C:[E]> P={n:str,o:Option<u128>,e:E,b:[u8],t:(u8,str)}');
const value = { n: 'aé', o: 2n ** 100n, e: { C: [{ A: null }, { B: 3 }] }, b: '0x01', t: [1, 'x'] };
const bytes = SCALE?.encode(value, 'P', types);
const many = SCALE?.encode(new Array(50).fill(value), '[P]', types);

const CASES = {
  'a value is encoded': () => SCALE.encode(value, 'P', types),
  'and decoded': () => SCALE.decode(bytes, 'P', types),
  'many are encoded': () => SCALE.encode(new Array(50).fill(value), '[P]', types),
  'and decoded, many': () => SCALE.decode(many, '[P]', types),
  'several at once': () => SCALE.decodeAll(SCALE.encodeAll([1, 2n], ['u8', 'u128'], types), ['u8', 'u128'], types),
  'bytes end early': () => SCALE.decode(bytes.subarray(0, -1), 'P', types),
  'bytes end in the middle of a sequence': () => SCALE.decode(many.subarray(0, 1000), '[P]', types),
  'a field is wrong': () => SCALE.encode({ ...value, t: [1, 2] }, 'P', types),
  'the last element is wrong': () => SCALE.encode([...new Array(50).fill(value), 1], '[P]', types),
  'a getter throws': () => SCALE.encode({ get n() { throw new Error(); } }, 'P', types), // prettier-ignore
  'hex is none': () => SCALE.encode('0xzz', '[u8]'),
  'no variant fits': () => SCALE.encode({ x: 1 }, 'E', types),
  'a BigInt is too large': () => SCALE.encode(2n ** 129n, 'u128'),
  'bytes nest too deeply': () => SCALE.decode(new Uint8Array(5000).fill(4), 'T', 'T=[T]'),
  'an object has no length': () => SCALE.encode(new Map(), '[u16]'),
  'a type is unknown': () => SCALE.encode(1, 'Q', types),
  'definitions are parsed and used': () => SCALE.encode([1], 'A<u8>', SCALE.parseTypes('A<T>={length:T}')),
  'definitions are invalid': () => SCALE.parseTypes('A={a:u8,'),
};

if (SCALE === undefined) {
  test('only in the engine', () => {});
} else {
  for (const name in CASES) {
    test(`nothing is left when ${name}`, () => {
      const repeat = () => {
        for (let i = 0; i < 50; i++) {
          try {
            CASES[name]();
          } catch {
            // what is left of errors counts too
          }
        }
        native.gc();
        return native.memoryStats()[0];
      };
      repeat();
      assertEquals(repeat(), repeat());
    });
  }
}
