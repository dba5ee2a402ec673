// attack: host memory
// promise: long cryptography takes threads that others need not wait for, and the run's time
// limit: time
// ends: 504 time_limit
// log: the time limit of 2 s was reached
export default { async fetch(request, env, ctx) {
  const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']);
  await Promise.all(Array.from({ length: 300 }, () => crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-512', salt: new Uint8Array(8), iterations: 3e5 }, key, 512)));
  return new Response('never');
} };
