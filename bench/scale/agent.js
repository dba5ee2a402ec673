// Encodes and decodes one large structure with Wapo.SCALE and with scale-ts, which is JavaScript all the way, and
// answers with milliseconds and the bytes. See ../scale.py.
import { bool, Bytes, compact, Enum, Option, str, Struct, Tuple, u128, u32, u64, u8, Vector, _void } from 'scale-ts';

const RECORDS = 2000;
const REPEAT = 7;

const TYPES = `
Kind = <Idle|Transfer:{to:AccountId,amount:@u128}|Batch:[u32]>
Record = {
  id: u32, owner: AccountId, name: str, nonce: @u64, free: u128, reserved: u128, at: u64,
  frozen: bool, parent: Option<u32>, kind: Kind, tags: [str], votes: [(u32,u8)]
}`;

// The same by hand for scale-ts, whose Enum and BigInts are spelled in another way.
const Kind = Enum({ Idle: _void, Transfer: Struct({ to: Bytes(32), amount: compact }), Batch: Vector(u32) });
const Record = Struct({
  id: u32, owner: Bytes(32), name: str, nonce: compact, free: u128, reserved: u128, at: u64,
  frozen: bool, parent: Option(u32), kind: Kind, tags: Vector(str), votes: Vector(Tuple(u32, u8)),
});

const account = (i) => Uint8Array.from({ length: 32 }, (_, k) => (i * 31 + k * 7) & 255);
const kinds = [
  () => ({ Idle: null }),
  (i) => ({ Transfer: { to: account(i + 1), amount: BigInt(i) * 10n ** 10n } }),
  (i) => ({ Batch: [i, i + 1, i + 2] }),
];
const value = Array.from({ length: RECORDS }, (_, i) => ({
  id: i, owner: account(i), name: `account number ${i}`, nonce: i * 3, free: BigInt(i) * 10n ** 12n,
  reserved: i % 10 ? 0n : 10n ** 27n, at: 1_700_000_000_000n + BigInt(i), frozen: i % 7 === 0, parent: i % 3 ? i >> 1 : null,
  kind: kinds[i % 3](i), tags: ['a', 'longer', `t${i}`].slice(0, i % 4), votes: [[i, i & 255], [i + 1, 7]],
}));
const theirs = value.map((record) => {
  const [[tag, payload]] = Object.entries(record.kind);
  return { ...record, parent: record.parent ?? undefined, kind: { tag, value: payload ?? undefined } };
});

/** The fastest of several runs, in milliseconds, and the result of the last. */
function time(work) {
  let best = Infinity;
  let result;
  for (let i = 0; i < REPEAT; i++) {
    const begin = performance.now();
    result = work();
    best = Math.min(best, performance.now() - begin);
  }
  return [best, result];
}

export default {
  fetch() {
    const types = Wapo.SCALE.parseTypes(TYPES);
    const jsCodec = Vector(Record);
    const [encode, bytes] = time(() => Wapo.SCALE.encode(value, '[Record]', types));
    const [jsEncode, jsBytes] = time(() => jsCodec.enc(theirs));
    if (bytes.toHex() !== jsBytes.toHex()) throw new Error('the two do not agree');
    const [decode, decoded] = time(() => Wapo.SCALE.decode(bytes, '[Record]', types));
    const [jsDecode, jsDecoded] = time(() => jsCodec.dec(jsBytes));
    if (Wapo.SCALE.encode(decoded, '[Record]', types).toHex() !== bytes.toHex()) throw new Error('it does not come back');
    if (jsCodec.enc(jsDecoded).length !== bytes.length) throw new Error('scale-ts does not come back');
    return Response.json({ encode, decode, jsEncode, jsDecode, bytes: bytes.toBase64() });
  },
};
