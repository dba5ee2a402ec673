// Numbers of the text format, and the binary format's: https://webassembly.github.io/spec/core/text/values.html

const { ArrayBuffer, BigInt, DataView, Math, Number, SyntaxError } = globalThis;
const { asIntN } = BigInt;
const { fround } = Math;

const INTEGER = /^[+-]?(?:0x[0-9a-fA-F](?:_?[0-9a-fA-F])*|[0-9](?:_?[0-9])*)$/;
const DECIMAL = /^[+-]?[0-9](?:_?[0-9])*(?:\.(?:[0-9](?:_?[0-9])*)?)?(?:[eE][+-]?[0-9](?:_?[0-9])*)?$/;
const HEXADECIMAL = /^0x([0-9a-fA-F]+)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?[0-9]+))?$/;

/** An integer of so many bits, as a BigInt: signed and unsigned ones are taken. */
export function parseInteger(text, bits) {
  if (typeof text !== 'string' || !INTEGER.test(text)) throw new SyntaxError(`'${text}' is no integer`);
  const plain = text.replaceAll('_', '').replace(/^[+-]/, '');
  const value = text[0] === '-' ? -BigInt(plain) : BigInt(plain);
  if (value >= 1n << BigInt(bits) || value < -(1n << BigInt(bits - 1))) {
    throw new SyntaxError(`${text} has more than ${bits} bits`);
  }
  return asIntN(bits, value);
}

function hexadecimal(text) {
  const found = HEXADECIMAL.exec(text);
  if (found === null) return undefined;
  const [, whole, fraction = '', exponent = '0'] = found;
  return Number(BigInt(`0x${whole}${fraction}`)) * 2 ** (Number(exponent) - 4 * fraction.length);
}

/** The bytes of a float of 32 or 64 bits. */
export function parseFloatBytes(text, bits) {
  const view = new DataView(new ArrayBuffer(bits / 8));
  const set = (value) => (bits === 32 ? view.setFloat32(0, fround(value), true) : view.setFloat64(0, value, true));
  const plain = String(text).replaceAll('_', '').replace(/^[+-]/, '');
  const negative = text[0] === '-';
  if (plain === 'nan' || plain.startsWith('nan:')) {
    const fraction = bits === 32 ? 23n : 52n;
    const payload = plain === 'nan' ? 1n << (fraction - 1n) : BigInt(plain.slice(4));
    const sign = negative ? 1n << BigInt(bits - 1) : 0n;
    const exponent = ((1n << (BigInt(bits) - 1n - fraction)) - 1n) << fraction;
    const raw = sign | exponent | payload;
    if (bits === 32) view.setUint32(0, Number(raw), true);
    else view.setBigUint64(0, raw, true);
    return bytesOf(view);
  }
  const value = plain === 'inf' ? Infinity : DECIMAL.test(text) ? Number(plain) : hexadecimal(plain);
  if (value === undefined) throw new SyntaxError(`'${text}' is no number`);
  set(negative ? -value : value);
  return bytesOf(view);
}

function bytesOf(view) {
  const bytes = [];
  for (let i = 0; i < view.byteLength; i++) bytes[i] = view.getUint8(i);
  return bytes;
}

/** Unsigned LEB128 of a number. */
export function unsigned(value) {
  const bytes = [];
  do {
    const low = value % 128;
    value = Math.floor(value / 128);
    bytes[bytes.length] = value > 0 ? low | 0x80 : low;
  } while (value > 0);
  return bytes;
}

/** Signed LEB128 of a BigInt. */
export function signed(value) {
  const bytes = [];
  for (;;) {
    const low = Number(value & 0x7fn);
    value >>= 7n;
    const done = (value === 0n && (low & 0x40) === 0) || (value === -1n && (low & 0x40) !== 0);
    bytes[bytes.length] = done ? low : low | 0x80;
    if (done) return bytes;
  }
}
