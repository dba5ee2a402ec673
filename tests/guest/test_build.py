"""The guest's build: the same bytes from the same sources, and quick when nothing has changed."""

import importlib.util
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

GUEST = Path(__file__).parent.parent.parent / "guest"


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("guest_build", GUEST / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["guest_build"] = module
    spec.loader.exec_module(module)
    return module


def test_unchanged_sources_take_seconds(tmp_path: Path) -> None:
    """A second build only hashes files."""
    command = [sys.executable, GUEST / "build.py", tmp_path / "guest.wasm"]
    subprocess.run(command, check=True, capture_output=True)
    first = (tmp_path / "guest.wasm").read_bytes()
    begin = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    assert time.monotonic() - begin < 5
    assert (tmp_path / "guest.wasm").read_bytes() == first


def test_objects_do_not_depend_on_where_they_are_made(build: ModuleType, tmp_path: Path) -> None:
    """Compiled in two folders of other names, our C files give the same bytes."""
    sources = {
        source.name: (source, build.fetch(source, build.cache_directory() / "sources"))
        for source in build.pinned(GUEST / "sources.toml")
    }
    made = []
    for name in ("one", "another-folder"):
        generated = tmp_path / name / "generated"
        objects = tmp_path / name / "objects"
        generated.mkdir(parents=True)
        objects.mkdir()
        build.embed(build.platform_modules(), generated)
        build.write_layout(generated)
        places = {str(folder): key for key, (_, folder) in sources.items()} | {str(generated): "generated"}
        units = [
            u for u in build.units(sources, generated, False) if u.path.parent.name == "c" and u.path.suffix == ".c"
        ]
        made.append({u.path.name: build.compile_unit(u, build.key_of(u, places), objects).read_bytes() for u in units})
    assert made[0] == made[1]
    assert len(made[0]) > 5


def test_a_source_with_another_hash_is_refused(build: ModuleType, tmp_path: Path) -> None:
    """The archive's SHA-256 decides, not the index."""
    from dataclasses import replace

    (quickjs,) = (source for source in build.pinned(GUEST / "sources.toml") if source.name == "quickjs-ng")
    with pytest.raises(SystemExit, match="quickjs-ng"):
        build.fetch(replace(quickjs, sha256="0" * 64), tmp_path)
    assert [path for path in tmp_path.iterdir() if not path.name.startswith("tmp")] == []


def test_an_amendment_must_find_its_place_once(build: ModuleType, tmp_path: Path) -> None:
    """A new version of a source may have changed what we change: better no build than half of one."""
    amendment = sys.modules["sources"].Amendment("file.c", "one", "two", "a reason")
    (tmp_path / "file.c").write_text("one;")
    amendment.apply(tmp_path)
    assert (tmp_path / "file.c").read_text() == "two;"
    for text in ("nothing", "one and one"):
        (tmp_path / "file.c").write_text(text)
        with pytest.raises(SystemExit, match="must be there once: one"):
            amendment.apply(tmp_path)
        assert (tmp_path / "file.c").read_text() == text
