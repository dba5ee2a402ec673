// jose: tokens that are signed, checked and encrypted
import { base64url, calculateJwkThumbprint, decodeJwt, decodeProtectedHeader } from 'jose';

const token = 'eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIiwiZXhwIjoyfQ.c2ln';
console.log(JSON.stringify([decodeJwt(token), decodeProtectedHeader(token)]), base64url.encode('text'));
console.log(await calculateJwkThumbprint({ kty: 'oct', k: 'AAEC' }));
