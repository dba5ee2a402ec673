"""Libraries that are loaded when they are first needed."""

import gc
import sys
from pathlib import Path

import pytest

from wapo.lazy import library, load


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that can be imported and has not been."""
    name = "wapo_test_library"
    (tmp_path / f"{name}.py").write_text("class Broken(Exception): pass\nanswer = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


def test_it_is_loaded_by_the_first_use(module: str) -> None:
    declared = library(module)
    assert module not in sys.modules
    assert declared.answer == 42
    assert module in sys.modules


def test_its_classes_are_the_modules(module: str) -> None:
    assert library(module).Broken is sys.modules[module].Broken


def test_what_it_has_not_is_an_error(module: str) -> None:
    with pytest.raises(AttributeError, match="question"):
        getattr(library(module), "question")  # noqa: B009


async def test_it_can_be_loaded_beforehand(module: str) -> None:
    interval = sys.getswitchinterval()
    await load([module])
    assert module in sys.modules
    assert sys.getswitchinterval() == interval
    assert gc.isenabled()
