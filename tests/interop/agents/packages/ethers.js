// ethers: encoding, signing, HD wallets, its digests
import {
  AbiCoder,
  Interface,
  Wallet,
  HDNodeWallet,
  formatUnits,
  getBytes,
  hexlify,
  id,
  keccak256,
  parseUnits,
  toUtf8Bytes,
  verifyMessage,
  Transaction,
  TypedDataEncoder,
  solidityPackedKeccak256,
  computeHmac,
  sha256,
  pbkdf2,
  randomBytes,
} from 'ethers';
const wallet = new Wallet('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80');
console.log(wallet.address);
const signature = await wallet.signMessage('hello');
console.log(signature, verifyMessage('hello', signature));
console.log(
  await wallet.signTransaction({
    to: wallet.address,
    value: 1n,
    gasLimit: 21000n,
    maxFeePerGas: 10n,
    maxPriorityFeePerGas: 1n,
    nonce: 0,
    chainId: 1n,
    type: 2,
  }),
);
const face = new Interface([
  'function transfer(address to, uint256 amount) returns (bool)',
  'event Transfer(address indexed from, address indexed to, uint256 value)',
]);
console.log(face.encodeFunctionData('transfer', [wallet.address, parseUnits('1.5', 18)]));
console.log(
  AbiCoder.defaultAbiCoder().encode(['string', 'uint256[]'], ['text', [1, 2]]).length,
  formatUnits(123456789n, 6),
  id('x'),
  keccak256(toUtf8Bytes('x')),
);
console.log(HDNodeWallet.fromPhrase('test test test test test test test test test test test junk').address);
console.log(
  sha256('0x00'),
  computeHmac('sha256', '0x00', '0x01'),
  randomBytes(4).length,
  pbkdf2('0x01', '0x02', 10, 32, 'sha256'),
);
