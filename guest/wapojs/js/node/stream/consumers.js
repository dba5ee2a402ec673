// node:stream/consumers: https://nodejs.org/api/webstreams.html#utility-consumers

import { Buffer } from '../buffer.js';

/** All chunks of a stream or async iterable; text as its UTF-8. */
async function chunksOf(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return chunks;
}

export async function buffer(stream) {
  return Buffer.concat(await chunksOf(stream));
}
export async function arrayBuffer(stream) {
  const bytes = await buffer(stream);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}
export async function blob(stream) {
  return new Blob(await chunksOf(stream));
}
export async function text(stream) {
  return (await buffer(stream)).toString();
}
export async function json(stream) {
  return JSON.parse(await text(stream));
}

export default { arrayBuffer, blob, buffer, json, text };
