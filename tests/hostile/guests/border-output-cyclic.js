// attack: data across the border
// promise: deep, cyclic and strange data are copied, refused, or too much; never a crash
// limit: none
// ends: 500 agent_failed
// log: ERROR
const o = { status: 200 };
o.body = o;
scriptOutput = o;
