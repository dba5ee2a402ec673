// attack: header splitting
// promise: a script's output is checked like any response
// limit: none
// ends: 500 agent_failed
// log: header
scriptOutput = { status: 200, headers: { 'x-a': 'a\r\nSet-Cookie: b=c' }, body: 'x' };
