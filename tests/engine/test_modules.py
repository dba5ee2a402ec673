"""Compiled modules on disk: believed only if they are ours and whole."""

from pathlib import Path

import pytest

from tests.vm.support import wasm
from wapo.engine.engine import Engine
from wapo.engine.errors import InvalidModule
from wapo.engine.modules import Module, ModuleCache

SOURCE = wasm('(module (memory (export "memory") 1) (func (export "wapo_poll") (result i32) (i32.const 1)))')


def entry(cache: ModuleCache, suffix: str) -> Path:
    (path,) = cache.directory.glob(f"*.{suffix}")
    return path


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was really compiled, and not taken from a cache."""
    seen: list[bytes] = []
    import wapo.engine.modules as modules

    original = modules.compile_module

    def counting(engine: Engine, source: bytes) -> Module:
        seen.append(source)
        return original(engine, source)

    monkeypatch.setattr(modules, "compile_module", counting)
    return seen


def test_a_module_is_compiled_once(engine: Engine, tmp_path: Path, compiled: list[bytes]) -> None:
    """The second process finds what the first one has left."""
    for _ in range(3):
        ModuleCache(tmp_path).get(engine, SOURCE).close()
    assert len(compiled) == 1


@pytest.mark.parametrize("offset", [0, 100, -1])
def test_a_damaged_file_is_compiled_anew(engine: Engine, tmp_path: Path, compiled: list[bytes], offset: int) -> None:
    """One changed byte of machine code must never be run."""
    cache = ModuleCache(tmp_path)
    cache.get(engine, SOURCE).close()
    path = entry(cache, "code")
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)
    cache.get(engine, SOURCE).close()
    assert len(compiled) == 2
    cache.get(engine, SOURCE).close()
    assert len(compiled) == 2


def test_a_truncated_file_is_compiled_anew(engine: Engine, tmp_path: Path, compiled: list[bytes]) -> None:
    cache = ModuleCache(tmp_path)
    cache.get(engine, SOURCE).close()
    path = entry(cache, "code")
    path.write_bytes(path.read_bytes()[:-1])
    cache.get(engine, SOURCE).close()
    assert len(compiled) == 2


def test_a_foreign_file_is_compiled_anew(engine: Engine, tmp_path: Path, compiled: list[bytes]) -> None:
    """A planted pair of files, right for another cache's key, is not believed."""
    other, mine = ModuleCache(tmp_path / "other"), ModuleCache(tmp_path / "mine")
    other.get(engine, SOURCE).close()
    for suffix in ("code", "mac"):
        path = entry(other, suffix)
        (mine.directory / path.name).write_bytes(path.read_bytes())
    mine.get(engine, SOURCE).close()
    assert len(compiled) == 2


def test_an_entry_under_another_name_is_compiled_anew(engine: Engine, tmp_path: Path, compiled: list[bytes]) -> None:
    """Code of one module cannot take the place of another's."""
    cache = ModuleCache(tmp_path)
    cache.get(engine, SOURCE).close()
    names = {suffix: entry(cache, suffix) for suffix in ("code", "mac")}
    other = wasm('(module (func (export "f")))')
    cache.get(engine, other).close()
    target = next(path for path in cache.directory.glob("*.code") if path != names["code"])
    target.write_bytes(names["code"].read_bytes())
    target.with_suffix(".mac").write_bytes(names["mac"].read_bytes())
    cache.get(engine, other).close()
    assert len(compiled) == 3


def test_the_key_is_the_owners(tmp_path: Path) -> None:
    cache = ModuleCache(tmp_path)
    assert (cache.directory / "key").stat().st_mode & 0o777 == 0o600


def test_a_read_only_cache_costs_time_only(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full or read-only disk does not keep a node from starting."""
    cache = ModuleCache(tmp_path)

    def full(_data: bytes) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.files, "_write_temporary", full)
    cache.get(engine, SOURCE).close()
    assert list(tmp_path.glob("*.code")) == []


@pytest.mark.parametrize("source", [b"", b"hello", b"\0asm", b"\0asm\1\0\0\0\xff\xff", SOURCE[:-3]])
def test_what_is_no_module_is_refused(engine: Engine, tmp_path: Path, source: bytes) -> None:
    with pytest.raises(InvalidModule):
        ModuleCache(tmp_path).get(engine, source)


@pytest.mark.parametrize(
    "text",
    ["(module (memory i64 1))", "(module (memory 1 2 shared))", "(module (memory 1) (memory 1))"],
    ids=["memory64", "shared", "two memories"],
)
def test_features_that_would_break_a_promise_are_off(engine: Engine, tmp_path: Path, text: str) -> None:
    """64-bit, shared and second memories have no place in images and limits."""
    with pytest.raises(InvalidModule):
        ModuleCache(tmp_path).get(engine, wasm(text))
