// The API base URL: https://html.spec.whatwg.org/multipage/webappapis.html#api-base-url
//
// A program has no document, so it has none. One that sets `location` says what its relative URLs are relative to: some
// libraries do, and so does the harness that runs the web-platform-tests.

import { parseToHref } from './url.js';

/** The serialization of a URL string, relative to `location` if there is one; null if it is none. */
export function parseWithBase(input) {
  const href = parseToHref(input);
  if (href !== null) return href;
  const base = globalThis.location?.href;
  return typeof base === 'string' ? parseToHref(input, base) : null;
}
