// Event streams: https://html.spec.whatwg.org/#event-stream-interpretation

const DIGITS = /^[0-9]+$/;
const LINE_END = /\r\n?|\n/g;

/** Takes text as it comes, and calls `dispatch(type, data, lastEventId)` and `setRetry(milliseconds)`. */
export class EventStreamParser {
  #dispatch;
  #setRetry;
  /** The beginning of a line whose end has not come. */
  #rest = '';
  /** Whether the text so far ended with a CR: a LF that follows belongs to it. */
  #afterReturn = false;
  #type = '';
  #data = '';
  #hasData = false;
  #id;

  /** @param {string} lastEventId of the connection before */
  constructor(lastEventId, dispatch, setRetry) {
    this.#id = lastEventId;
    this.#dispatch = dispatch;
    this.#setRetry = setRetry;
  }

  push(text) {
    if (text === '') return;
    if (this.#afterReturn && text[0] === '\n') text = text.slice(1);
    this.#afterReturn = text[text.length - 1] === '\r';
    let start = 0;
    LINE_END.lastIndex = 0;
    for (let match; (match = LINE_END.exec(text)) !== null; start = LINE_END.lastIndex) {
      const line = this.#rest + text.slice(start, match.index);
      this.#rest = '';
      this.#take(line);
    }
    if (start < text.length) this.#rest += text.slice(start);
  }

  #take(line) {
    if (line === '') {
      this.#end();
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    switch (name) {
      case 'event':
        this.#type = value;
        break;
      case 'data':
        this.#data = this.#hasData ? `${this.#data}\n${value}` : value;
        this.#hasData = true;
        break;
      case 'id':
        if (!value.includes('\0')) this.#id = value;
        break;
      case 'retry':
        if (DIGITS.test(value)) this.#setRetry(+value);
        break;
    }
  }

  /** An event is complete. One without data is none, but its id counts. */
  #end() {
    const type = this.#type === '' ? 'message' : this.#type;
    const data = this.#hasData ? this.#data : null;
    this.#type = this.#data = '';
    this.#hasData = false;
    this.#dispatch(type, data, this.#id);
  }
}
