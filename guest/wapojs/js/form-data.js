// FormData: https://xhr.spec.whatwg.org/#interface-formdata

import { fileFromBlob, isBlob, isFile } from './blob.js';
import { defineInterface, definePairIterable } from './interfaces.js';
import { isObject, requireArguments, toUSVString } from './webidl.js';

const { TypeError } = globalThis;

/** Whether a value is a genuine FormData. */
export let isFormData;
/** The entry list of a genuine FormData: [name, string or File] in order. */
export let formDataEntries;

/** "Create an entry": https://html.spec.whatwg.org/#create-an-entry */
function toEntry(given, name, value, filename, operation) {
  name = toUSVString(name);
  if (given < 3) return [name, isBlob(value) ? toFile(value, undefined) : toUSVString(value)];
  if (!isBlob(value)) throw new TypeError(`${operation}: a value with a filename must be a Blob`);
  return [name, toFile(value, filename === undefined ? undefined : toUSVString(filename))];
}

function toFile(blob, filename) {
  if (filename === undefined) return isFile(blob) ? blob : fileFromBlob(blob, 'blob');
  return fileFromBlob(blob, filename, isFile(blob) ? blob.lastModified : undefined);
}

export class FormData {
  /** @type {[string, string|File][]} */
  #entries = [];

  constructor(form = undefined, submitter = null) {
    if (form !== undefined) throw new TypeError('new FormData: there are no form elements here');
    if (submitter !== null && submitter !== undefined)
      throw new TypeError('new FormData: there are no form elements here');
  }

  append(name, value, filename = undefined) {
    requireArguments(arguments.length, 2, 'FormData.append');
    const entry = toEntry(arguments.length, name, value, filename, 'FormData.append');
    this.#entries.push(entry);
  }

  delete(name) {
    requireArguments(arguments.length, 1, 'FormData.delete');
    name = toUSVString(name);
    this.#entries = this.#entries.filter((entry) => entry[0] !== name);
  }

  get(name) {
    requireArguments(arguments.length, 1, 'FormData.get');
    name = toUSVString(name);
    const entries = this.#entries;
    for (let i = 0; i < entries.length; i++) if (entries[i][0] === name) return entries[i][1];
    return null;
  }

  getAll(name) {
    requireArguments(arguments.length, 1, 'FormData.getAll');
    name = toUSVString(name);
    const entries = this.#entries;
    const values = [];
    for (let i = 0; i < entries.length; i++) if (entries[i][0] === name) values.push(entries[i][1]);
    return values;
  }

  has(name) {
    requireArguments(arguments.length, 1, 'FormData.has');
    name = toUSVString(name);
    const entries = this.#entries;
    for (let i = 0; i < entries.length; i++) if (entries[i][0] === name) return true;
    return false;
  }

  set(name, value, filename = undefined) {
    requireArguments(arguments.length, 2, 'FormData.set');
    const entry = toEntry(arguments.length, name, value, filename, 'FormData.set');
    const left = [];
    let found = false;
    const entries = this.#entries;
    for (let i = 0; i < entries.length; i++) {
      if (entries[i][0] !== entry[0]) {
        left.push(entries[i]);
      } else if (!found) {
        found = true;
        left.push(entry);
      }
    }
    if (!found) left.push(entry);
    this.#entries = left;
  }

  static {
    isFormData = (value) => isObject(value) && #entries in value;
    formDataEntries = (formData) => formData.#entries;
  }
}

definePairIterable(FormData, (formData) => formDataEntries(formData));
defineInterface(FormData);

/** A FormData of entries [name, string or File] that are right already. */
export function createFormData(entries) {
  const formData = new FormData();
  const list = formDataEntries(formData);
  for (let i = 0; i < entries.length; i++) list.push(entries[i]);
  return formData;
}
