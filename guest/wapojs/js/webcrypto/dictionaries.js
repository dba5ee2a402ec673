// Members of algorithm dictionaries: https://w3c.github.io/webcrypto/#algorithm-dictionary
//
// A dictionary's conversion reads its members in the order of their names; `normalize` copies the bytes when it has.

import { enforceRange, toBytes } from '../webidl.js';

const { TypeError } = globalThis;

/** Throws where a required member is missing. */
export function required(value, name) {
  if (value === undefined) throw new TypeError(`the algorithm's member '${name}' is required`);
  return value;
}

/** A required BufferSource. */
export const bufferSource = (value, name) => toBytes(required(value, name), name);

/** An optional BufferSource; null if it is missing. */
export const optionalBufferSource = (value, name) => (value === undefined ? null : toBytes(value, name));

/** Required [EnforceRange] integers. */
export const octet = (value, name) => enforceRange(required(value, name), name, 0xff);
export const unsignedShort = (value, name) => enforceRange(required(value, name), name, 0xffff);
export const unsignedLong = (value, name) => enforceRange(required(value, name), name, 0xffffffff);

/** The same where they may be missing. */
export const optionalOctet = (value, name) => (value === undefined ? undefined : octet(value, name));
export const optionalUnsignedLong = (value, name) => (value === undefined ? undefined : unsignedLong(value, name));
