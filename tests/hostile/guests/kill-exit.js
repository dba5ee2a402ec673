// attack: killing the worker
// promise: nothing that a guest does ends the process
// limit: none
// ends: 500 agent_failed
export default { async fetch(request, env, ctx) {
  try { process.abort?.(); } catch {}
  try { process.kill(process.pid, 9); } catch {}
  try { process.kill(1, 9); } catch {}
  process.exit(139);
} };
