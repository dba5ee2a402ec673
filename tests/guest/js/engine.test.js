// What guest/sources.toml changes in the engine, against the same written out: lengths around the 16 characters that are
// looked at together, and each character that is treated in its own way.
import { assertEquals, assertThrows, test } from './harness.js';

const LENGTHS = [0, 1, 2, 15, 16, 17, 31, 32, 33, 100];
const SPECIAL = ['"', '\\', '\n', '\t', '\b', '\f', '\r', '\0', '\x1f', ' ', '/', '\x7f', '\x80', '\xe9', '\xff', '\u0100', '\u2028', '\ud800', '\udc00', '\ud83d\ude00'];

const ESCAPES = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\b': '\\b', '\f': '\\f', '\r': '\\r' };
function quoted(text) {
  let result = '"';
  for (const c of text) {
    const code = c.codePointAt(0);
    const lone = code >= 0xd800 && code < 0xe000;
    result += ESCAPES[c] ?? (code < 32 || lone ? `\\u${code.toString(16).padStart(4, '0')}` : c);
  }
  return `${result}"`;
}

function* texts() {
  for (const length of LENGTHS) {
    const plain = 'abcdefghijklmnopqrstuvwxyz'.repeat(4).slice(0, length);
    yield plain;
    for (const c of SPECIAL) for (const at of [0, length >> 1, length]) yield plain.slice(0, at) + c + plain.slice(at);
  }
}

test('JSON.stringify escapes what must be, wherever it is', () => {
  for (const text of texts()) {
    assertEquals(JSON.stringify(text), quoted(text));
    assertEquals(JSON.stringify({ [text]: [text] }), `{${quoted(text)}:[${quoted(text)}]}`);
    assertEquals(JSON.stringify(new String(text)), quoted(text));
    let rope = text;
    for (let i = 0; i < 40; i++) rope += text + 'a long piece, so that it is a rope of pieces and no flat string';
    assertEquals(JSON.stringify(rope), quoted(rope));
  }
});

test('JSON.parse gives back what was written', () => {
  for (const text of texts()) {
    assertEquals(JSON.parse(quoted(text)), text);
    const object = JSON.parse(`{${quoted(text)}:${quoted(text)},"next":1}`);
    assertEquals(object[text], text);
    assertEquals(object.next, 1);
  }
  assertEquals(JSON.parse('""'), '');
  for (const bad of ['"', '"abc', '"abcdefghijklmnopqrst', '"a\nb"', '"abcdefghijklmnop\x01"', '"\\x"', '"a""b"']) {
    assertThrows(SyntaxError, () => JSON.parse(bad));
  }
});

test('JSON.parse reads numbers', () => {
  const good = ['0', '-0', '7', '-7', '10', '123456789', '999999999', '1234567890', '2147483648', '-2147483648', '1.5', '1e3', '12E-2', '0.1', '0e5', '9007199254740993'];
  for (const text of good) for (const around of [`${text}`, ` ${text} `, `[${text},${text}]`]) {
    const value = JSON.parse(around);
    assertEquals(Object.is(Array.isArray(value) ? value[1] : value, Number(text)), true, text);
  }
  assertEquals(Object.is(JSON.parse('-0'), -0), true);
  assertEquals(JSON.parse('[12,3]').map((n) => n + 1).join(), '13,4');
  for (const bad of ['01', '1.', '.5', '+1', '1e', '-', '1a', '00', '1 2']) assertThrows(SyntaxError, () => JSON.parse(bad));
  const seen = [];
  JSON.parse('{"a":12,"b":[345,6.5]}', (key, value, { source } = {}) => { if (source) seen.push(source); return value; });
  assertEquals(seen.join(), '12,345,6.5');
});

test('strings are searched as one character after the other would be', () => {
  const indexOf = (text, part, from) => {
    for (let i = from; i + part.length <= text.length; i++) if (text.slice(i, i + part.length) === part) return i;
    return -1;
  };
  for (const text of texts()) {
    for (const part of ['a', 'q', 'z', 'pq', 'xyz', '"', '\xff', '\u0100', 'klmnopqrstuvwxyzabc', 'zb']) {
      for (const from of [0, 1, 16]) if (from <= text.length) assertEquals(text.indexOf(part, from), indexOf(text, part, from));
      assertEquals(text.split(part).join(part), text);
      assertEquals(text.includes(part), indexOf(text, part, 0) >= 0);
    }
  }
  assertEquals('aXbXc'.replaceAll('X', '-'), 'a-b-c');
  assertEquals('\u0100abc\u0100abd'.indexOf('abd'), 5);
  assertEquals('abcabd'.lastIndexOf('ab'), 3);
});

test('case is changed in ASCII and beyond', () => {
  const all = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)).join('');
  const changed = (first, by) => [...all].map((c) => (c >= first && c < String.fromCharCode(first.charCodeAt(0) + 26) ? String.fromCharCode(c.charCodeAt(0) + by) : c)).join('');
  assertEquals(all.toUpperCase(), changed('a', -32));
  assertEquals(all.toLowerCase(), changed('A', 32));
  assertEquals('stra\xdfe \xe9 \xff \u03a3'.toUpperCase(), 'STRASSE \xc9 \u0178 \u03a3');
  assertEquals('\xc9 \u039f\u03a3'.toLowerCase(), '\xe9 \u03bf\u03c2');
  assertEquals(''.toUpperCase(), '');
});

test('a regular expression matches in narrow and in wide text', () => {
  for (const tail of ['', '\u0100']) {
    const text = `On 2026-11-27, alice@example.org; ${tail}`;
    assertEquals(/(\d{4})-(\d\d)-(\d\d)/.exec(text).slice(1).join(), '2026,11,27');
    assertEquals(/[\w.]+@[\w.]+\.\w+/.exec(text).index, 15);
    assertEquals(/(?<=alice)@(?!home)/.test(text), true);
    assertEquals(text.replace(/\b[a-z](\w*)/g, '<$1>'), `On 2026-11-27, <lice>@<xample>.<rg>; ${tail}`);
  }
  assertEquals(/^.$/u.test('\ud83d\ude00'), true);
  assertEquals(/^.$/.test('\ud83d\ude00'), false);
});

test('blocks of one size come and go', () => {
  let kept = [];
  for (let round = 0; round < 200; round++) {
    const made = Array.from({ length: (round * 37) % 300 }, (_, i) => ({ i, text: `text ${i} of ${round}` }));
    kept = made.filter((item) => item.i % 7 === round % 7);
    for (const item of kept) assertEquals(item.text, `text ${item.i} of ${round}`);
  }
});
