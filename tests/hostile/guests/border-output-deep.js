// attack: data across the border
// promise: deep, cyclic and strange data are copied, refused, or too much; never a crash
// limit: none
// ends: 500 agent_failed or 500 burst_limit or 200
// log: ERROR
let o = [];
for (let i = 0; i < 5000; i++) o = [o];
scriptOutput = { status: 200, body: o };
