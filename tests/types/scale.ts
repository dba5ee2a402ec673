// SCALE: registries, codecs with a type of their own, numbers as 64 bits want them.
interface Person {
  name: string;
  age: number;
}

const types = Wapo.SCALE.parseTypes('Person = { name: str, age: u32 }', { no_std: false });
Wapo.SCALE.appendTypes(types, 'Pair = (Person, u64)');
const person: Wapo.Codec<Person> = SCALE.codec<Person>('Person', types);

export default {
  fetch(): Response {
    const [tom, big] = SCALE.decode<[Person, number | bigint]>(SCALE.encode([{ name: 'Tom', age: 9 }, 2n ** 63n], 'Pair', types), 'Pair', types);
    const again = person.decode(person.encode(tom));
    const all = SCALE.decodeAll<[number, string]>(SCALE.encodeAll([1, 'x'], ['u8', 'str']), ['u8', 'str']);
    return new Response(`${again.name} ${again.age} ${big} ${all[1]} ${SCALE.builtinTypes().includes('Option')}`);
  },
} satisfies Wapo.Agent;
