// web-tree-sitter: C, by Emscripten; a grammar is a side module, which is linked dynamically.
import { Language, Parser } from 'web-tree-sitter';
import grammar from './node_modules/tree-sitter-json/tree-sitter-json.wasm';
import wasmBinary from './node_modules/web-tree-sitter/web-tree-sitter.wasm';

export default {
  async fetch() {
    await Parser.init({ wasmBinary, locateFile: () => 'https://agent.example/not-asked-for.wasm' });
    const parser = new Parser();
    parser.setLanguage(await Language.load(grammar));
    return new Response(parser.parse('[1, true, {"a": null}]').rootNode.toString());
  },
};
