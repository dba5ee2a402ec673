// A codec in JavaScript that is made to be fast in an interpreter: types are closures over one growing buffer and one
// cursor, nothing is concatenated, no arrays are made in between. What is left is what the language costs.

let out = new Uint8Array(1 << 16);
let view = new DataView(out.buffer);
let size = 0;
let input;
let inputView;
let at = 0;

function reserve(more) {
  if (size + more <= out.length) return;
  const larger = new Uint8Array(Math.max(out.length * 2, size + more));
  larger.set(out);
  out = larger;
  view = new DataView(out.buffer);
}

const texts = [new TextEncoder(), new TextDecoder()];

export const u8 = [(v) => { reserve(1); out[size++] = v; }, () => input[at++]];
export const u32 = [
  (v) => { reserve(4); view.setUint32(size, v, true); size += 4; },
  () => { at += 4; return inputView.getUint32(at - 4, true); },
];
export const u64 = [
  (v) => { reserve(8); view.setBigUint64(size, v, true); size += 8; },
  () => { at += 8; return inputView.getBigUint64(at - 8, true); },
];
export const u128 = [
  (v) => { reserve(16); view.setBigUint64(size, v, true); view.setBigUint64(size + 8, v >> 64n, true); size += 16; },
  () => { at += 16; return inputView.getBigUint64(at - 16, true) | (inputView.getBigUint64(at - 8, true) << 64n); },
];
export const bool = [(v) => { reserve(1); out[size++] = v ? 1 : 0; }, () => input[at++] === 1];

export const compact = [
  (v) => {
    if (v < 1 << 30) {
      v = Number(v);
      if (v < 64) u8[0](v << 2);
      else if (v < 16384) { reserve(2); view.setUint16(size, (v << 2) | 1, true); size += 2; }
      else u32[0](((v << 2) | 2) >>> 0);
      return;
    }
    v = BigInt(v);
    const start = size;
    u8[0](0);
    let bytes = 0;
    for (; v > 0n || bytes < 4; v >>= 8n, bytes++) u8[0](Number(v & 255n));
    out[start] = ((bytes - 4) << 2) | 3;
  },
  () => {
    const first = input[at];
    const mode = first & 3;
    if (mode === 0) return input[at++] >> 2;
    if (mode === 1) { at += 2; return inputView.getUint16(at - 2, true) >> 2; }
    if (mode === 2) return u32[1]() >>> 2;
    const bytes = (first >> 2) + 4;
    let v = 0n;
    for (let i = bytes; i > 0; i--) v = (v << 8n) | BigInt(input[at + i]);
    at += bytes + 1;
    return v;
  },
];

export const str = [
  (v) => { const data = texts[0].encode(v); compact[0](data.length); reserve(data.length); out.set(data, size); size += data.length; },
  () => { const length = compact[1](); at += length; return texts[1].decode(input.subarray(at - length, at)); },
];
export const bytes = (length) => [
  (v) => { reserve(length); out.set(v, size); size += length; },
  () => { at += length; return input.slice(at - length, at); },
];
export const vector = ([enc, dec]) => [
  (v) => { compact[0](v.length); for (let i = 0; i < v.length; i++) enc(v[i]); },
  () => { const v = []; for (let n = compact[1](); n > 0; n--) v.push(dec()); return v; },
];
export const tuple = (...of) => [
  (v) => { for (let i = 0; i < of.length; i++) of[i][0](v[i]); },
  () => { const v = []; for (let i = 0; i < of.length; i++) v.push(of[i][1]()); return v; },
];
export const option = ([enc, dec]) => [
  (v) => { if (v === null) u8[0](0); else { u8[0](1); enc(v); } },
  () => (input[at++] ? dec() : null),
];
export const struct = (of) => {
  const keys = Object.keys(of);
  return [
    (v) => { for (let i = 0; i < keys.length; i++) of[keys[i]][0](v[keys[i]]); },
    () => { const v = {}; for (let i = 0; i < keys.length; i++) v[keys[i]] = of[keys[i]][1](); return v; },
  ];
};
export const nothing = [() => {}, () => null];
export const variants = (of) => {
  const keys = Object.keys(of);
  return [
    (v) => { const key = Object.keys(v)[0]; u8[0](keys.indexOf(key)); of[key][0](v[key]); },
    () => { const key = keys[input[at++]]; return { [key]: of[key][1]() }; },
  ];
};

export function encode([enc], value) {
  size = 0;
  enc(value);
  return out.slice(0, size);
}

export function decode([, dec], data) {
  input = data;
  inputView = new DataView(data.buffer, data.byteOffset, data.byteLength);
  at = 0;
  return dec();
}
