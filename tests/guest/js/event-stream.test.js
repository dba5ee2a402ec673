// https://html.spec.whatwg.org/#event-stream-interpretation: lines, fields and events, however the text was cut
import { EventStreamParser } from '../../../guest/wapojs/js/event-stream.js';
import { assertEquals, test } from './harness.js';

/** What comes out of pieces of a stream: [type, data, id] each. */
function parse(...pieces) {
  const events = [];
  const retries = [];
  const parser = new EventStreamParser(
    'before',
    (type, data, id) => events.push([type, data, id]),
    (ms) => retries.push(ms),
  );
  for (const piece of pieces) parser.push(piece);
  return { events, retries };
}

const CASES = [
  ['data:a\n\n', [['message', 'a', 'before']]],
  ['data: a\n\n', [['message', 'a', 'before']]],
  ['data:  a\n\n', [['message', ' a', 'before']]],
  ['data:a\ndata:b\ndata\ndata:\n\n', [['message', 'a\nb\n\n', 'before']]],
  ['data\n\n', [['message', '', 'before']]],
  ['data:a', []],
  ['data:a\n', []],
  [':comment\ndata:a\n:\n\n', [['message', 'a', 'before']]],
  ['event:x\ndata:a\n\ndata:b\n\n', [['x', 'a', 'before'], ['message', 'b', 'before']]],
  ['event:x\n\ndata:b\n\n', [['x', null, 'before'], ['message', 'b', 'before']]],
  ['event:\ndata:b\n\n', [['message', 'b', 'before']]],
  ['id:1\ndata:a\n\ndata:b\n\n', [['message', 'a', '1'], ['message', 'b', '1']]],
  ['id\ndata:a\n\n', [['message', 'a', '']]],
  ['id:1\nid:a\0b\ndata:a\n\n', [['message', 'a', '1']]],
  ['id:5\n\n', [['message', null, '5']]],
  ['Data:a\ndata :b\n data:c\nfoo:d\ndata:e\n\n', [['message', 'e', 'before']]],
  ['data:a\r\rdata:b\r\n\r\ndata:c\n\r\n', [['message', 'a', 'before'], ['message', 'b', 'before'], ['message', 'c', 'before']]],
  ['data:a:b: c\n\n', [['message', 'a:b: c', 'before']]],
];

test('fields and events', () => {
  for (const [stream, events] of CASES) assertEquals(parse(stream).events, events, stream);
});

test('events do not depend on how the stream was cut', () => {
  for (const [stream, events] of CASES) {
    assertEquals(parse(...stream).events, events, stream);
    for (let at = 1; at < stream.length; at++) {
      assertEquals(parse(stream.slice(0, at), '', stream.slice(at)).events, events, `${stream} at ${at}`);
    }
  }
});

test('retry: digits only', () => {
  assertEquals(parse('retry:10\nretry: 20\nretry:1a\nretry:-1\nretry:1.5\nretry:\nretry:030\n').retries, [10, 20, 30]);
});
