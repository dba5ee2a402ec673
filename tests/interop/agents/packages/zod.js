// zod: parsing, its issues, JSON Schema, asynchronous transforms
import { z } from 'zod';
const User = z.object({
  name: z.string().min(2),
  age: z.number().int().positive().optional(),
  email: z.email(),
  tags: z.array(z.enum(['a', 'b'])).default([]),
});
console.log(JSON.stringify(User.parse({ name: 'Ann', email: 'a@b.co' })));
const bad = User.safeParse({ name: 'A', age: -1, email: 'x', tags: ['c'] });
console.log(JSON.stringify(bad.error.issues.map((i) => [i.path.join('.'), i.code])));
console.log(JSON.stringify(z.toJSONSchema(User).required));
console.log(
  JSON.stringify(
    await z
      .string()
      .transform(async (s) => s.length)
      .parseAsync('four'),
  ),
);
console.log(
  z.coerce.date().parse('2020-01-01').toISOString(),
  z.union([z.string(), z.number()]).parse(5),
  z.discriminatedUnion('t', [z.object({ t: z.literal('x'), v: z.bigint() })]).parse({ t: 'x', v: 5n }).v === 5n,
);
