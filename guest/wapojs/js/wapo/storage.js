// localStorage: wapojs-api.md 4.3, with the methods of https://html.spec.whatwg.org/#the-storage-interface. It is in
// memory and as short-lived as the machine.

import { defineTag } from '../interfaces.js';
import { requireArguments, toDOMString } from '../webidl.js';

const { Map } = globalThis;

const items = new Map();

export const localStorage = {
  get length() {
    return items.size;
  },
  key(index) {
    return [...items.keys()][index >>> 0] ?? null;
  },
  getItem(name) {
    requireArguments(arguments.length, 1, 'localStorage.getItem');
    return items.get(toDOMString(name)) ?? null;
  },
  setItem(name, value) {
    requireArguments(arguments.length, 2, 'localStorage.setItem');
    items.set(toDOMString(name), toDOMString(value));
  },
  removeItem(name) {
    requireArguments(arguments.length, 1, 'localStorage.removeItem');
    items.delete(toDOMString(name));
  },
  clear() {
    items.clear();
  },
};
defineTag(localStorage, 'Storage');
