// jose before version 5, whose build for Node is made of node:crypto
// Whatever is made with chance in it is not printed, but what comes out of it again.
import * as jose from 'jose4';

const claims = { sub: 'ann' };
const attempt = (promise) => promise.catch((error) => `${error.code}`);
const secret = new Uint8Array(32).fill(7);
const said = await new jose.SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).setIssuedAt(1).sign(secret);
console.log(said, JSON.stringify((await jose.jwtVerify(said, secret)).payload));
for (const alg of ['RS256', 'PS256', 'ES256', 'ES512', 'EdDSA', 'ES256K']) {
  const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true });
  const token = await new jose.SignJWT(claims).setProtectedHeader({ alg }).sign(privateKey);
  const again = await jose.importSPKI(await jose.exportSPKI(publicKey), alg);
  const jwk = await jose.importJWK(await jose.exportJWK(publicKey), alg);
  const pkcs8 = await jose.importPKCS8(await jose.exportPKCS8(privateKey), alg);
  console.log(
    alg,
    JSON.stringify((await jose.jwtVerify(token, again)).payload),
    JSON.stringify((await jose.jwtVerify(token, jwk)).protectedHeader),
    pkcs8.type,
    await attempt(jose.jwtVerify(`${token.slice(0, -8)}AAAAAAAA`, publicKey)),
  );
}
for (const [alg, enc] of [
  ['RSA-OAEP-256', 'A256GCM'],
  ['ECDH-ES+A128KW', 'A128CBC-HS256'],
  ['ECDH-ES', 'A192GCM'],
  ['RSA-OAEP', 'A128CBC-HS256'],
]) {
  const { publicKey, privateKey } = await jose.generateKeyPair(alg);
  const token = await new jose.EncryptJWT(claims).setProtectedHeader({ alg, enc }).encrypt(publicKey);
  console.log(alg, enc, JSON.stringify((await jose.jwtDecrypt(token, privateKey)).payload));
}
for (const [alg, enc, key] of [
  ['dir', 'A256CBC-HS512', 64],
  ['A256KW', 'A256GCM', 32],
  ['A128GCMKW', 'A128GCM', 16],
  ['PBES2-HS256+A128KW', 'A128GCM', 9],
]) {
  const bytes = new Uint8Array(key).fill(5);
  const token = await new jose.EncryptJWT(claims).setProtectedHeader({ alg, enc }).encrypt(bytes);
  const decrypted = await jose.jwtDecrypt(token, bytes, { keyManagementAlgorithms: [alg] });
  console.log(
    alg,
    enc,
    JSON.stringify(decrypted.payload),
    await attempt(jose.jwtDecrypt(`${token.slice(0, -4)}AAAA`, bytes, { keyManagementAlgorithms: [alg] })),
  );
}
