"""Imports point down: a room imports only itself and rooms below it (docs/architecture.md draws the same list)."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "wapo"

#: From low to high. Rooms in one row do not know each other.
FLOORS = (
    ("errors", "lazy", "__init__"),
    ("log",),
    ("scale", "confinement"),
    ("engine", "content", "trust", "store", "processes"),
    ("abi", "verify", "client"),
    ("vm",),
    ("agents",),
    ("node",),
    ("gateway",),
    ("cli",),
    ("__main__",),
)
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
MODULES = sorted(SOURCE.rglob("*.py"))


def room_of(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def rooms_imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
        for name in names:
            parts = name.split(".")
            if parts[0] == "wapo":
                found.add(parts[1] if len(parts) > 1 else "__init__")
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_down(path: Path) -> None:
    """A module imports its own room, or one on a lower floor."""
    own = room_of(path)
    wrong = {room for room in rooms_imported(path) if room != own and LEVEL[room] >= LEVEL[own]}
    assert wrong == set()


def test_only_the_engine_knows_wasmtime() -> None:
    """wasmtime is replaceable: one module knows where its library is, and nobody loads its package."""
    loaded = {
        path
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Import) and any(a.name.split(".")[0] == "wasmtime" for a in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "wasmtime")
    }
    assert loaded == set()
    assert {path.relative_to(SOURCE) for path in MODULES if '"wasmtime"' in path.read_text()} == {
        Path("engine/capi.py")
    }
