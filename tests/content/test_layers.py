"""The room's own order: who reads it bottom-up meets nothing that was not explained before."""

import ast
import re
from pathlib import Path

import pytest

import wapo.content

FOLDER = Path(wapo.content.__file__).parent
ORDER = re.findall(r"``(\w+)``", "\n".join(re.findall(r"^(``.*?)  ", wapo.content.__doc__ or "", re.MULTILINE)))
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def imported(module: str) -> set[str]:
    """What of Wapo a module imports."""
    tree = ast.parse((FOLDER / f"{module}.py").read_text())
    return {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} | {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }


def test_the_table_lists_every_module() -> None:
    """A module that is not in it cannot be found by reading."""
    assert sorted(ORDER) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_stands_above_it(module: str) -> None:
    """And of the rest of Wapo only what is below every room."""
    own = {name for name in imported(module) if name.split(".")[0] == "wapo"}
    above = {f"wapo.content.{name}" for name in ORDER[: ORDER.index(module)]}
    assert own <= above | {"wapo.errors", "wapo.lazy"}


@pytest.mark.parametrize("module", MODULES)
def test_public_names_are_listed(module: str) -> None:
    """``__all__`` is what other modules may rely on."""
    tree = ast.parse((FOLDER / f"{module}.py").read_text())
    defined = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_")
    }
    listed = set(__import__(f"wapo.content.{module}", fromlist=["__all__"]).__all__)
    assert defined <= listed
