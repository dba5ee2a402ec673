// viem: encoding, signing and recovering; nothing of it needs a chain
import {
  createPublicClient,
  decodeFunctionResult,
  encodeFunctionData,
  formatEther,
  http,
  keccak256,
  parseAbi,
  parseEther,
  toHex,
  verifyMessage,
  verifyTypedData,
  recoverMessageAddress,
  encodeAbiParameters,
  decodeAbiParameters,
  parseAbiParameters,
  getAddress,
  hashMessage,
} from 'viem';
import { mnemonicToAccount, privateKeyToAccount } from 'viem/accounts';
const abi = parseAbi([
  'function balanceOf(address owner) view returns (uint256)',
  'function transfer(address to, uint256 amount) returns (bool)',
]);
console.log(
  encodeFunctionData({
    abi,
    functionName: 'transfer',
    args: ['0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045', parseEther('1.5')],
  }),
);
const account = privateKeyToAccount('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80');
console.log(account.address);
const signature = await account.signMessage({ message: 'hello' });
console.log(
  signature,
  await verifyMessage({ address: account.address, message: 'hello', signature }),
  await recoverMessageAddress({ message: 'hello', signature }),
);
console.log(
  await account.signTransaction({
    to: '0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045',
    value: 1n,
    gas: 21000n,
    maxFeePerGas: 10n,
    maxPriorityFeePerGas: 1n,
    nonce: 0,
    chainId: 1,
    type: 'eip1559',
  }),
);
console.log(
  keccak256(toHex('x')),
  formatEther(10n ** 17n),
  getAddress('0xd8da6bf26964af9d7eed9e03e53415d37aa96045'),
  hashMessage('a'),
);
const encoded = encodeAbiParameters(parseAbiParameters('string x, uint256[] y, (bool b, bytes32 c) z'), [
  'text',
  [1n, 2n],
  { b: true, c: toHex(1, { size: 32 }) },
]);
console.log(
  encoded.length,
  JSON.stringify(
    decodeAbiParameters(parseAbiParameters('string x, uint256[] y, (bool b, bytes32 c) z'), encoded),
    (_, v) => (typeof v === 'bigint' ? String(v) : v),
  ),
);
console.log(
  await account.signTypedData({
    domain: { name: 'D', version: '1', chainId: 1 },
    types: {
      Mail: [
        { name: 'to', type: 'address' },
        { name: 'text', type: 'string' },
      ],
    },
    primaryType: 'Mail',
    message: { to: account.address, text: 'hi' },
  }),
);
