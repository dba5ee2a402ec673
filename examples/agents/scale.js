// Reads and writes what Substrate chains store and Rust programs send: SCALE, by types that are defined as text.
//   GET  ?data=0x...   an account of the chain's storage, as JSON
//   POST an account as JSON, where large numbers are strings: the bytes, as hex
const types = Wapo.SCALE.parseTypes(`
  Index = u32
  Balance = u128
  Account = { nonce: Index, consumers: u32, providers: u32, sufficients: u32, data: AccountData }
  AccountData = { free: Balance, reserved: Balance, frozen: Balance, flags: Balance }
`);
const account = Wapo.SCALE.codec('Account', types);

const toJSON = (value) => JSON.stringify(value, (key, item) => (typeof item === 'bigint' ? `${item}` : item));
const fromJSON = (text) => JSON.parse(text, (key, item) => (typeof item === 'string' ? BigInt(item) : item));

export default {
  async fetch(request) {
    try {
      if (request.method === 'POST') return new Response(`0x${account.encode(fromJSON(await request.text())).toHex()}\n`);
      const data = new URL(request.url).searchParams.get('data') ?? '';
      return new Response(toJSON(account.decode(Uint8Array.fromHex(data.replace(/^0x/, '')))), {
        headers: { 'content-type': 'application/json' },
      });
    } catch (error) {
      return new Response(`${error.message}\n`, { status: 400 }); // such as: expect u128, got undefined (at data.frozen)
    }
  },
};
