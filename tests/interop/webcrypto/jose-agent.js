// JSON Web Tokens, signed and encrypted, as a service does it: everything through crypto.subtle.
import * as jose from 'jose';

const payload = { sub: 'alice', scope: ['read', 'write'] };
const issuer = 'urn:wapo:agent';
const text = new TextEncoder();

const SIGNATURES = [
  'HS256',
  'HS512',
  'RS256',
  'RS512',
  'PS256',
  'PS384',
  'ES256',
  'ES384',
  'ES512',
  'Ed25519',
  'EdDSA',
];

async function keysFor(alg) {
  if (alg.startsWith('HS')) {
    const secret = await jose.generateSecret(alg, { extractable: true });
    return { publicKey: secret, privateKey: secret };
  }
  return jose.generateKeyPair(alg, { extractable: true, modulusLength: 2048 });
}

/** Signs, verifies, and hands out what somebody else needs to verify. */
async function sign(alg) {
  const { publicKey, privateKey } = await keysFor(alg);
  const token = await new jose.SignJWT(payload)
    .setProtectedHeader({ alg, kid: 'one' })
    .setIssuer(issuer)
    .setIssuedAt()
    .setExpirationTime('2h')
    .sign(privateKey);
  const verified = await jose.jwtVerify(token, publicKey, { issuer });
  const jwk = await jose.exportJWK(publicKey);
  const set = jose.createLocalJWKSet({ keys: [{ ...jwk, alg, kid: 'one' }] });
  const [head, body, signature] = token.split('.');
  const changed = `${head}.${jose.base64url.encode('{"sub":"mallory"}')}.${signature}`;
  return {
    token,
    jwk,
    sub: verified.payload.sub,
    thumbprint: await jose.calculateJwkThumbprint(jwk),
    bySet: alg.startsWith('HS') ? null : (await jose.jwtVerify(token, set)).protectedHeader.kid,
    forged: await jose.jwtVerify(changed, publicKey).then(
      () => 'accepted',
      (error) => error.code,
    ),
    spki: alg.startsWith('HS') ? null : await jose.exportSPKI(publicKey),
    body,
  };
}

const ENCRYPTIONS = [
  ['dir', 'A128GCM'],
  ['dir', 'A256CBC-HS512'],
  ['A256KW', 'A256GCM'],
  ['A128GCMKW', 'A128CBC-HS256'],
  ['RSA-OAEP', 'A128GCM'],
  ['RSA-OAEP-256', 'A256GCM'],
  ['ECDH-ES', 'A256GCM'],
  ['ECDH-ES+A256KW', 'A192GCM'],
  ['PBES2-HS256+A128KW', 'A128GCM'],
  ['X25519', 'A256GCM'],
];

async function encrypt(name, enc) {
  const alg = name === 'X25519' ? 'ECDH-ES' : name;
  let keys;
  if (name === 'dir') keys = await jose.generateSecret(enc);
  else if (name.startsWith('PBES2')) keys = text.encode('a password');
  else if (/KW$/.test(name) && !name.startsWith('ECDH')) keys = await jose.generateSecret(name);
  else keys = await jose.generateKeyPair(alg, name === 'X25519' ? { crv: 'X25519' } : { modulusLength: 2048 });
  const jwe = await new jose.EncryptJWT(payload)
    .setProtectedHeader({ alg, enc })
    .setIssuer(issuer)
    .encrypt(keys.publicKey ?? keys);
  const options = { issuer, keyManagementAlgorithms: [alg] };
  return (await jose.jwtDecrypt(jwe, keys.privateKey ?? keys, options)).payload.sub;
}

export default {
  async fetch(request) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case '/sign':
        return Response.json(
          Object.fromEntries(await Promise.all(SIGNATURES.map(async (alg) => [alg, await sign(alg)]))),
        );
      case '/encrypt':
        return Response.json(await Promise.all(ENCRYPTIONS.map(([alg, enc]) => encrypt(alg, enc))));
      default: {
        // a token and a key that somebody else made
        const { token, pem, alg, privatePem } = await request.json();
        const { payload: claims } = await jose.jwtVerify(token, await jose.importSPKI(pem, alg));
        const answer = await new jose.SignJWT({ again: claims.sub })
          .setProtectedHeader({ alg })
          .sign(await jose.importPKCS8(privatePem, alg));
        return Response.json({ sub: claims.sub, answer });
      }
    }
  },
};
