// attack: prototype pollution
// promise: a then that everything has is called, and that it never settles is found
// limit: none
// ends: 500 agent_failed
// log: its promise can never settle
export default { async fetch() {
  Object.prototype.then = function () {};
  return new Response('never');
} };
