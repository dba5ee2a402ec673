// https://webidl.spec.whatwg.org/#idl-DOMException
import { DOMException, isDOMException } from '../../../guest/wapojs/js/dom-exception.js';
import { assert, assertEquals, assertInterface, assertSame, assertThrows, test } from './harness.js';

test('DOMException: interface shape', () => {
  assertInterface(DOMException, 'DOMException', {
    attributes: ['name', 'message', 'code'],
    constants: {
      INDEX_SIZE_ERR: 1,
      DOMSTRING_SIZE_ERR: 2,
      HIERARCHY_REQUEST_ERR: 3,
      WRONG_DOCUMENT_ERR: 4,
      INVALID_CHARACTER_ERR: 5,
      NO_DATA_ALLOWED_ERR: 6,
      NO_MODIFICATION_ALLOWED_ERR: 7,
      NOT_FOUND_ERR: 8,
      NOT_SUPPORTED_ERR: 9,
      INUSE_ATTRIBUTE_ERR: 10,
      INVALID_STATE_ERR: 11,
      SYNTAX_ERR: 12,
      INVALID_MODIFICATION_ERR: 13,
      NAMESPACE_ERR: 14,
      INVALID_ACCESS_ERR: 15,
      VALIDATION_ERR: 16,
      TYPE_MISMATCH_ERR: 17,
      SECURITY_ERR: 18,
      NETWORK_ERR: 19,
      ABORT_ERR: 20,
      URL_MISMATCH_ERR: 21,
      QUOTA_EXCEEDED_ERR: 22,
      TIMEOUT_ERR: 23,
      INVALID_NODE_TYPE_ERR: 24,
      DATA_CLONE_ERR: 25,
    },
  });
});

test('the constructor defaults to an empty message and the name Error, code 0', () => {
  const error = new DOMException();
  assertEquals([error.message, error.name, error.code], ['', 'Error', 0]);
});

test('arguments are converted to strings, null included', () => {
  const error = new DOMException(null, undefined);
  assertEquals([error.message, error.name], ['null', 'Error']);
  assertEquals(new DOMException('a', 5).name, '5');
  assertThrows(TypeError, () => new DOMException(Symbol()));
});

test('the message is converted before the name', () => {
  const order = [];
  new DOMException({ toString: () => (order.push('message'), '') }, { toString: () => (order.push('name'), '') });
  assertEquals(order, ['message', 'name']);
});

test('legacy names have a code, other names have 0', () => {
  assertEquals(new DOMException('', 'DataCloneError').code, 25);
  assertEquals(new DOMException('', 'TimeoutError').code, 23);
  assertEquals(new DOMException('', 'OperationError').code, 0);
  assertEquals(new DOMException('', '__proto__').code, 0);
  assertEquals(new DOMException('', 'toString').code, 0);
});

test('an instance is an Error with a stack, but the interface does not inherit from Error', () => {
  const error = new DOMException('m', 'AbortError');
  assert(error instanceof Error);
  assertSame(Object.getPrototypeOf(DOMException.prototype), Error.prototype);
  if (Error.isError) assert(Error.isError(error));
  assertEquals(typeof error.stack, 'string');
  assert(error.stack.includes('dom-exception.test'), error.stack);
  assert(!error.stack.includes('dom-exception.js'), error.stack);
  assertEquals(String(error), 'AbortError: m');
  assertEquals(Object.prototype.toString.call(error), '[object DOMException]');
});

test('message, name and code are not own properties, and cannot be assigned', () => {
  const error = new DOMException('m', 'AbortError');
  for (const key of ['message', 'name', 'code']) assert(!Object.hasOwn(error, key), key);
  assertThrows(TypeError, () => {
    error.name = 'x';
  });
  assertEquals(Object.keys(error), []);
});

test('a subclass works', () => {
  class Mine extends DOMException {
    constructor() {
      super('m', 'NotFoundError');
      this.extra = 1;
    }
  }
  const error = new Mine();
  assert(error instanceof Mine && error instanceof DOMException);
  assertEquals([error.code, error.extra], [8, 1]);
});

test('isDOMException tells the genuine one', () => {
  assert(isDOMException(new DOMException()));
  assert(!isDOMException(Object.create(DOMException.prototype)));
  assert(!isDOMException(new Error()));
  assert(!isDOMException(null));
});
