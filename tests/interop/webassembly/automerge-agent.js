// Automerge: Rust, by wasm-bindgen, with exceptions.
import * as Automerge from '@automerge/automerge/slim';
import module from './node_modules/@automerge/automerge/dist/automerge.wasm';

const ready = Automerge.initializeWasm(module);

export default {
  async fetch() {
    await ready;
    let first = Automerge.from({ list: [1] });
    const second = Automerge.change(Automerge.clone(first), (document) => {
      document.text = 'é';
    });
    first = Automerge.change(first, (document) => {
      document.list.push(2);
    });
    const merged = Automerge.merge(first, second);
    let refused = 'nothing';
    try {
      Automerge.load(new Uint8Array([1, 2, 3]));
    } catch (error) {
      refused = error.name;
    }
    const again = Automerge.change(merged, (document) => {
      document.list.push(3);
    });
    return Response.json({ merged: Automerge.toJS(merged), refused, again: again.list });
  },
};
