// What programs import as `wapo:sockets` (loader.c).
export { connect } from '../socket.js';
export { listen } from './socket-listener.js';
