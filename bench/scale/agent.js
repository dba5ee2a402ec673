// Encodes and decodes one large structure with Wapo.SCALE and with two codecs that are JavaScript all the way: scale-ts,
// and one that is written for speed: GET ?work=NAME&times=N. Without work the codecs are compared, and the answer is the
// bytes. See ../scale.py.
import * as closures from './closures.js';
import { bool, Bytes, compact, Enum, Option, str, Struct, Tuple, u128, u32, u64, u8, Vector, _void } from 'scale-ts';

const RECORDS = 2000;

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

const { bytes, nothing, option, struct, tuple, variants, vector } = closures;
const byHand = vector(struct({
  id: closures.u32, owner: bytes(32), name: closures.str, nonce: closures.compact, free: closures.u128,
  reserved: closures.u128, at: closures.u64, frozen: closures.bool, parent: option(closures.u32),
  kind: variants({
    Idle: nothing, Transfer: struct({ to: bytes(32), amount: closures.compact }), Batch: vector(closures.u32),
  }),
  tags: vector(closures.str), votes: vector(tuple(closures.u32, closures.u8)),
}));

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

const types = Wapo.SCALE.parseTypes(TYPES);
const scaleTs = Vector(Record);
const data = Wapo.SCALE.encode(value, '[Record]', types);

const WORK = {
  encode: () => Wapo.SCALE.encode(value, '[Record]', types),
  decode: () => Wapo.SCALE.decode(data, '[Record]', types),
  tsEncode: () => scaleTs.enc(theirs),
  tsDecode: () => scaleTs.dec(data),
  handEncode: () => closures.encode(byHand, value),
  handDecode: () => closures.decode(byHand, data),
};

const check = (holds, what) => {
  if (!holds) throw new Error(what);
};

export default {
  fetch(request) {
    const { searchParams } = new URL(request.url);
    const work = WORK[searchParams.get('work')];
    if (work) {
      for (let i = +searchParams.get('times'); i > 0; i--) work();
      return new Response();
    }
    const [encoded, handEncoded, tsEncoded] = [WORK.encode(), WORK.handEncode(), WORK.tsEncode()].map((d) => d.toHex());
    check(encoded === handEncoded && encoded === tsEncoded, 'they do not agree');
    check(Wapo.SCALE.encode(WORK.decode(), '[Record]', types).toHex() === encoded, 'Wapo.SCALE: another value');
    check(scaleTs.enc(WORK.tsDecode()).toHex() === encoded, 'scale-ts: another value');
    check(closures.encode(byHand, WORK.handDecode()).toHex() === encoded, 'by hand: another value');
    return new Response(data);
  },
};
