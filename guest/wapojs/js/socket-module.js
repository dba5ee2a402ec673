// What programs import as `cloudflare:sockets` (loader.c).
export { connect } from './socket.js';
