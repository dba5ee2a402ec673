// loro-crdt: Rust, by wasm-bindgen. The module is instantiated at the top level, and so is part of the agent's image.
import { initSync, LoroDoc } from 'loro-crdt/web';
import module from './node_modules/loro-crdt/web/loro_wasm_bg.wasm';

initSync({ module });

export default {
  async fetch() {
    const [first, second] = [new LoroDoc(), new LoroDoc()];
    first.setPeerId('1');
    second.setPeerId('2');
    first.getText('text').insert(0, 'Hello');
    first.getMap('map').set('deep', { list: [1, 2.5, null, 'é'] });
    first.commit();
    second.import(first.export({ mode: 'update' }));
    second.getText('text').insert(5, ' world');
    first.getText('text').insert(0, '> ');
    first.commit();
    second.commit();
    first.import(second.export({ mode: 'update', from: first.version() }));
    second.import(first.export({ mode: 'snapshot' }));
    let refused = 'nothing';
    try {
      first.getText('text').delete(100, 5);
    } catch (error) {
      refused = String(error).split('.')[0];
    }
    return Response.json({ first: first.toJSON(), second: second.toJSON(), refused });
  },
};
