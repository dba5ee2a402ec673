"""Packages from npm that are WebAssembly inside: by wasm-bindgen, by Emscripten, and plain C."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from tests.conftest import Site
from tests.npm_packages import environment, node, workspace

pytestmark = pytest.mark.npm


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agents of tests/interop/webassembly, bundled."""
    folder = workspace(Path(__file__).parent / "webassembly", tmp_path_factory.mktemp("webassembly") / "src")
    done = subprocess.run(
        [node(), "build.mjs"], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "dist"


async def test_a_wasm_bindgen_package(site: Site, bundles: Path) -> None:
    """Two documents changed apart become the same, again in each machine: strings, objects, exceptions cross."""
    path = await site.publish((bundles / "loro-agent.js").read_bytes())
    merged = {"text": "> Hello world", "map": {"deep": {"list": [1, 2.5, None, "é"]}}}
    for _ in range(2):
        answer = await site.client.get(path)
        assert answer.status_code == 200, await site.log(path)
        assert answer.json() == {"first": merged, "second": merged, "refused": "Index out of bound"}


async def test_a_wasm_bindgen_package_that_unwinds(site: Site, bundles: Path) -> None:
    """Rust's panics are exceptions of WebAssembly there: the module has tags, one of them for what JavaScript throws."""
    answer = await site.run((bundles / "automerge-agent.js").read_bytes())
    assert answer.json() == {"merged": {"list": [1, 2], "text": "é"}, "refused": "RangeError", "again": [1, 2, 3]}


async def test_an_emscripten_package(site: Site, bundles: Path) -> None:
    answer = await site.run((bundles / "sql-agent.js").read_bytes())
    sums = [i / 4 for i in range(200) if i % 10 == 7]
    assert answer.json() == {
        "values": [[len(sums), sum(sums), 2 * 198]],
        "refused": 'near "SELEC": syntax error',
        "copied": [[200]],
    }


async def test_modules_that_are_linked_when_they_are_loaded(site: Site, bundles: Path) -> None:
    """A grammar imports the memory, the table and the globals of the parser, and puts its functions into the table."""
    answer = await site.run((bundles / "tree-sitter-agent.js").read_bytes())
    assert (
        answer.text == "(document (array (number) (true) (object (pair key: (string (string_content)) value: (null)))))"
    )


async def test_hashes_in_webassembly(site: Site, bundles: Path) -> None:
    answer = (await site.run((bundles / "hash-agent.js").read_bytes())).json()
    assert answer[0] == hashlib.sha3_256(b"abc").hexdigest()
    assert answer[1] == "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
    assert (
        answer[2]
        == Argon2id(salt=b"somesalt", length=32, iterations=2, lanes=1, memory_cost=64).derive(b"password").hex()
    )
