// jsonwebtoken: tokens of every algorithm that it has, with keys as PEM, as KeyObjects and as secrets
import { createPrivateKey, createPublicKey, createSecretKey, generateKeyPairSync } from 'node:crypto';
import { promisify } from 'node:util';
import jwt from 'jsonwebtoken';

const claims = { sub: 'ann', iat: 1_700_000_000 };
const options = { ignoreExpiration: true };
const attempt = (what) => {
  try {
    return what();
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};
for (const algorithm of ['HS256', 'HS384', 'HS512']) {
  const token = jwt.sign(claims, 'secret', { algorithm, keyid: 'k' });
  const object = createSecretKey(Buffer.from('secret'));
  console.log(
    token,
    JSON.stringify(jwt.verify(token, object)),
    token === jwt.sign(claims, object, { algorithm, keyid: 'k' }),
  );
}
const rsa = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
});
for (const algorithm of ['RS256', 'RS512', 'PS256', 'PS384']) {
  const token = jwt.sign(claims, rsa.privateKey, { algorithm });
  const other = jwt.sign(claims, createPrivateKey(rsa.privateKey), { algorithm, expiresIn: 60 });
  console.log(
    algorithm,
    JSON.stringify(jwt.verify(token, rsa.publicKey)),
    JSON.stringify(jwt.verify(other, createPublicKey(rsa.publicKey), options)),
    attempt(() => jwt.verify(`${token.slice(0, -8)}AAAAAAAA`, rsa.publicKey)),
    attempt(() => jwt.verify(token, rsa.publicKey, { algorithms: ['HS256'] })),
  );
}
for (const [algorithm, namedCurve] of [
  ['ES256', 'P-256'],
  ['ES384', 'P-384'],
  ['ES512', 'P-521'],
]) {
  const ec = generateKeyPairSync('ec', {
    namedCurve,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
  });
  const token = jwt.sign(claims, ec.privateKey, { algorithm });
  console.log(
    algorithm,
    JSON.stringify(jwt.verify(token, ec.publicKey, { complete: true }).header),
    attempt(() => jwt.verify(token, rsa.publicKey)),
    attempt(() => jwt.sign(claims, ec.privateKey, { algorithm: 'RS256' })),
  );
}
// What is refused
console.log(attempt(() => jwt.verify(jwt.sign({ exp: 1 }, 'secret'), 'secret')));
console.log(attempt(() => jwt.verify(jwt.sign(claims, 'secret'), 'other')));
console.log(attempt(() => jwt.sign(claims, 'no key', { algorithm: 'RS256' })));
const token = await promisify(jwt.sign)(claims, rsa.privateKey, { algorithm: 'RS256' });
console.log(JSON.stringify(await promisify(jwt.verify)(token, (header, done) => done(null, rsa.publicKey))));
