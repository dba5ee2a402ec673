// What programs import as `cloudflare:sockets` or `wapo:sockets` (loader.c).
export { connect } from './socket.js';
