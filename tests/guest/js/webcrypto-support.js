// What the tests of WebCrypto share. They use the global `crypto` only, so that Node's can be asked the same questions.

export const { subtle } = globalThis.crypto;

/** Bytes of hexadecimal digits; blanks are ignored. */
export const unhex = (text) =>
  new Uint8Array((text.replaceAll(/\s/g, '').match(/../g) ?? []).map((pair) => parseInt(pair, 16)));

export const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');

export const utf8 = (text) => new TextEncoder().encode(text);

export const text = (bytes) => new TextDecoder().decode(bytes);

/** A key from bytes, extractable. */
export const rawKey = (bytes, algorithm, ...usages) => subtle.importKey('raw', bytes, algorithm, true, usages);

export const HASHES = ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'];
