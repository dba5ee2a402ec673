// What Node has and a program here cannot have: it can be imported, and says what it is when it is used.

import { notAvailable } from './errors.js';

/** A function that throws. */
export const missing = (name) => () => {
  throw notAvailable(name);
};

/** A class that can be extended, and whose constructor throws. */
export function missingClass(name) {
  return class {
    constructor() {
      throw notAvailable(name);
    }
  };
}
