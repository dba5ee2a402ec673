// A WebSocket connection of the host (docs/abi.md, 1110 to 1114), as who owns it sees it: messages go out in order, with
// the host's back-pressure, and what happens is told.
//
// The owner has the methods `opened(protocol)`, `message(data)`, `closing()` and `closed(code, reason, wasClean, failure)`.
// Each is called in a task of its own; `data` is a string or a Uint8Array.

import { close, taskNumber, utf8Decode, websocketClose, websocketEvent, websocketSend } from 'wapo:native';

// Events of 1111.
const OPEN = 1, TEXT = 2, BINARY = 3, CLOSING = 4, CLOSED = 5, ROOM = 6;
// Opcodes of 1112.
export const SEND_TEXT = 1, SEND_BYTES = 2;
const SEND_REST = 0;

const INVALID_DATA = 1007;
const ABNORMAL = 1006;

export class HostChannel {
  #resource;
  #owner;
  /** Messages that the host has not taken; the first perhaps in part. */
  #queue = [];
  #queued = 0;
  #closing = null;
  #failure = null;
  #over = false;
  #paused = false;
  // What was handed over in this task counts as buffered until it ends, as if it had been sent in parallel.
  #task = -1;
  #sentInTask = 0;

  constructor(resource, owner) {
    this.#resource = resource;
    this.#owner = owner;
  }

  /** From now on the owner is told. */
  listen() {
    this.#paused = false;
    websocketEvent(this.#resource, (error, event) => {
      if (this.#over) return;
      if (error !== null) this.#end(ABNORMAL, '', false, error);
      else this.#take(event[0], event[1]);
      if (!this.#over && !this.#paused) this.listen();
    });
  }

  /** Told of an event, the owner does not want the next one before it calls `listen` again. */
  pause() {
    this.#paused = true;
  }

  #take(kind, data) {
    switch (kind) {
      case OPEN:
        this.#owner.opened(utf8Decode(data, false, true));
        break;
      case TEXT:
        this.#takeText(data);
        break;
      case BINARY:
        if (this.#failure === null) this.#owner.message(data);
        break;
      case CLOSING:
        this.#owner.closing();
        break;
      case CLOSED: {
        const failure = utf8Decode(data.subarray(4 + data[3]), false, true);
        const reason = utf8Decode(data.subarray(4, 4 + data[3]), false, true);
        if (this.#failure !== null) this.#end(ABNORMAL, '', false, this.#failure);
        else this.#end(data[0] | (data[1] << 8), reason, data[2] === 1, failure === '' ? null : failure);
        break;
      }
      case ROOM:
        this.#flush();
        break;
    }
  }

  #takeText(data) {
    if (this.#failure !== null) return;
    let text;
    try {
      text = utf8Decode(data, true, true);
    } catch {
      this.#failure = 'the peer sent a text message that is not UTF-8';
      this.#queue.length = 0;
      websocketClose(this.#resource, INVALID_DATA, '');
      return;
    }
    this.#owner.message(text);
  }

  #end(code, reason, wasClean, failure) {
    this.#over = true;
    close(this.#resource);
    this.#owner.closed(code, reason, wasClean, failure);
  }

  /** Bytes that have been given to `send` and not sent yet. */
  get buffered() {
    return this.#queued + (this.#task === taskNumber() ? this.#sentInTask : 0);
  }

  /** Takes a message. The bytes must not be changed any more. */
  send(opcode, bytes) {
    if (this.#over || this.#closing !== null) return;
    this.#queued += bytes.length;
    this.#queue.push({ opcode, bytes });
    if (this.#queue.length === 1) this.#flush();
  }

  #flush() {
    const task = taskNumber();
    if (this.#task !== task) {
      this.#task = task;
      this.#sentInTask = 0;
    }
    while (this.#queue.length > 0) {
      const message = this.#queue[0];
      const sent = websocketSend(this.#resource, message.opcode, message.bytes);
      if (sent < 0) return;
      this.#queued -= sent;
      this.#sentInTask += sent;
      if (sent < message.bytes.length) {
        message.bytes = message.bytes.subarray(sent);
        message.opcode = SEND_REST;
        return;
      }
      this.#queue.shift();
    }
    if (this.#closing !== null) websocketClose(this.#resource, this.#closing.code, this.#closing.reason);
  }

  /** Begins the closing handshake when everything has been sent; `code` is 0 if there is none. */
  close(code, reason) {
    if (this.#over || this.#closing !== null) return;
    this.#closing = { code, reason };
    this.#flush();
  }

  /** Ends it at once; the owner is not told. */
  abandon() {
    if (this.#over) return;
    this.#over = true;
    close(this.#resource);
  }
}
