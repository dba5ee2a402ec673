// DOMException: https://webidl.spec.whatwg.org/#idl-DOMException
//
// An instance is a genuine Error object (it has a stack, and Error.isError holds), while the interface is no subclass
// of Error: only its prototype inherits from Error.prototype. So the constructor makes an Error with the prototype
// that was asked for, and stamps the private fields onto it.

import { construct } from './primordials.js';
import { defineInterface } from './interfaces.js';
import { toDOMString } from './webidl.js';

const { Error } = globalThis;
const { defineProperty, setPrototypeOf } = Object;
const { captureStackTrace } = Error;

// https://webidl.spec.whatwg.org/#dfn-error-names-table
const CODES = {
  __proto__: null,
  IndexSizeError: 1,
  HierarchyRequestError: 3,
  WrongDocumentError: 4,
  InvalidCharacterError: 5,
  NoModificationAllowedError: 7,
  NotFoundError: 8,
  NotSupportedError: 9,
  InUseAttributeError: 10,
  InvalidStateError: 11,
  SyntaxError: 12,
  InvalidModificationError: 13,
  NamespaceError: 14,
  InvalidAccessError: 15,
  TypeMismatchError: 17,
  SecurityError: 18,
  NetworkError: 19,
  AbortError: 20,
  URLMismatchError: 21,
  QuotaExceededError: 22,
  TimeoutError: 23,
  InvalidNodeTypeError: 24,
  DataCloneError: 25,
};

const CONSTANTS = {
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
};

/** A constructor that returns what it is given, so that a subclass adds its private fields to an existing object. */
class Existing {
  constructor(object) {
    return object;
  }
}

let nameOf;
let messageOf;
/** Whether a value is a genuine DOMException. */
export let isDOMException;

class Slots extends Existing {
  #name;
  #message;

  constructor(error, name, message) {
    super(error);
    this.#name = name;
    this.#message = message;
  }

  static {
    nameOf = (error) => error.#name;
    messageOf = (error) => error.#message;
    isDOMException = (value) => typeof value === 'object' && value !== null && #name in value;
  }
}

export class DOMException {
  constructor(message = '', name = 'Error') {
    message = toDOMString(message);
    name = toDOMString(name);
    const error = construct(Error, [], new.target);
    new Slots(error, name, message);
    // The trace that Error took begins with this constructor.
    if (captureStackTrace) captureStackTrace(error, DOMException);
    return error;
  }

  get name() {
    return nameOf(this);
  }

  get message() {
    return messageOf(this);
  }

  get code() {
    return CODES[nameOf(this)] ?? 0;
  }
}

setPrototypeOf(DOMException.prototype, Error.prototype);
defineInterface(DOMException, CONSTANTS);

/** A copy for structuredClone: same name and message, and the stack of the original. */
export function cloneDOMException(exception) {
  const clone = new DOMException(messageOf(exception), nameOf(exception));
  const { stack } = exception;
  if (typeof stack === 'string') {
    defineProperty(clone, 'stack', { __proto__: null, value: stack, writable: true, configurable: true });
  }
  return clone;
}
