// node:readline/promises: https://nodejs.org/api/readline.html#promises-api; not available here

import { createInterface, Interface } from '../readline.js';

export { createInterface, Interface };
export default { createInterface, Interface };
