// tls.TLSSocket, the client's: https://nodejs.org/api/tls.html#class-tlstlssocket
//
// The host makes TLS and verifies the server with the roots that its operator chose. So a program can neither trust more
// (`rejectUnauthorized: false`, `ca`) nor show a certificate of its own; whoever asks for that is told.

import { close, read, resolve, startTls } from 'wapo:native';
import { notAvailable, plainError } from './errors.js';
import { attach, detach, expect, proceed, Socket, whenQuiet } from './net-socket.js';
import { connectError, tlsError } from './socket-errors.js';

/** Options about certificates and keys, which are the host's. */
const OF_THE_HOST = ['ca', 'cert', 'checkServerIdentity', 'crl', 'key', 'pfx', 'pskCallback'];

/** The error if options ask for something that only the host decides, or null. */
export function refusedOption(options) {
  const isGiven = (name) => options?.[name] !== undefined && options[name] !== null && options[name].length !== 0;
  const what =
    options?.rejectUnauthorized === false ? 'rejectUnauthorized: false' : OF_THE_HOST.find((name) => isGiven(name));
  if (what === undefined) return null;
  const { message, code } = notAvailable(`tls: ${what}`);
  return plainError(code, `${message}: the node verifies servers itself, and programs have no certificates there`);
}

export class TLSSocket extends Socket {
  #name;
  encrypted = true;
  authorized = false;
  authorizationError = null;
  alpnProtocol = false;
  /** Whether the handshake is still to come. */
  secureConnecting = true;

  constructor(socket, options = {}) {
    if (options.isServer) throw notAvailable('tls: the side of a server');
    if (socket && !(socket instanceof Socket && !(socket instanceof TLSSocket))) {
      throw notAvailable('tls: TLS over a stream that is no net.Socket');
    }
    super(options);
    this.#name = options.servername || options.host || socket?._host || 'localhost';
    if (socket) this.#belongTogether(socket);
    const refused = refusedOption(options) ?? options.secureContext?.refused ?? null;
    // Not thrown: like a certificate that is not valid, it ends both sockets.
    if (refused !== null) process.nextTick(() => this.destroy(refused));
    else if (socket) this.#takeOver(socket);
  }

  #belongTogether(socket) {
    expect(this);
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
    this.on('close', () => socket.destroy());
    this.connecting = socket.connecting;
  }

  #takeOver(socket) {
    whenQuiet(socket, () => {
      if (this.destroyed) return;
      this.connecting = false;
      this.#secure(detach(socket), socket._host ?? this.#name, socket.remotePort);
    });
  }

  _connected() {
    this.emit('connect');
    this.emit('ready');
    if (!this.destroyed) this.#secure(detach(this), this.remoteAddress, this.remotePort);
  }

  /** TLS over a connection, from here on. */
  #secure(plain, host, port) {
    let connector;
    try {
      connector = startTls(plain, this.#name);
    } catch (error) {
      close(plain);
      this.destroy(connectError(error.message, host, port));
      return;
    }
    const fail = (text) => this.destroy(this.destroyed ? null : tlsError(text, this.#name));
    this.#current = connector;
    resolve(connector, (error, resource) => {
      close(connector);
      this.#current = null;
      if (error !== null) {
        fail(error);
        return;
      }
      this.#current = resource;
      // The handshake is the first read, of no bytes.
      read(resource, 0, (failure) => {
        if (failure !== null) {
          fail(failure);
          return;
        }
        this.#current = null;
        this.secureConnecting = false;
        this.authorized = true;
        attach(this, resource, { host, port, halfCloses: false });
        this.emit('secure');
        this.emit('secureConnect');
        proceed(this);
        if (!this.destroyed && !this.isPaused()) this.read(0);
      });
    });
  }

  /** What the handshake is under way on, or null. */
  #current = null;

  _destroy(error, callback) {
    if (this.#current !== null) close(this.#current);
    this.#current = null;
    super._destroy(error, callback);
  }

  get servername() {
    return this.#name;
  }

  // The host knows these, and does not tell.

  getPeerCertificate() {
    return {};
  }

  getCertificate() {
    return {};
  }

  getProtocol() {
    return null;
  }

  getSession() {
    return undefined;
  }

  getTLSTicket() {
    return undefined;
  }

  isSessionReused() {
    return false;
  }

  setServername() {
    throw notAvailable('tls: setServername after the socket was made');
  }

  renegotiate() {
    throw notAvailable('tls: renegotiate');
  }

  exportKeyingMaterial() {
    throw notAvailable('tls: exportKeyingMaterial');
  }

  disableRenegotiation() {}

  enableTrace() {}

  setMaxSendFragment() {
    return false;
  }
}
