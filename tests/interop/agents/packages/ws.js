// ws as it is for browsers, by isomorphic-ws: the platform's WebSocket
import WebSocket from 'isomorphic-ws';

const socket = new WebSocket(`${process.env.SERVER.replace('http', 'ws')}/socket`, ['chat']);
socket.binaryType = 'arraybuffer';
const next = (name) => new Promise((resolve) => socket.addEventListener(name, resolve, { once: true }));
await next('open');
console.log(socket.readyState === WebSocket.OPEN, socket.protocol);
socket.send('gr\u00fc\u00dfe');
console.log((await next('message')).data);
socket.send(new Uint8Array([1, 2, 3]));
console.log(JSON.stringify([...new Uint8Array((await next('message')).data)]));
socket.send('bye');
const { code, reason, wasClean } = await next('close');
console.log(code, reason, wasClean);
console.log(socket.readyState === WebSocket.CLOSED);
