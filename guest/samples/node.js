import { Buffer } from 'node:buffer';
import { join } from 'node:path';

export default { fetch: () => new Response(Buffer.from(join('a', 'b')).toString('hex')) };
