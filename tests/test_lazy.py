"""Libraries that are loaded when they are first needed."""

import asyncio
import gc
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

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


async def test_the_first_use_waits_for_a_thread_that_is_loading_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a part of a package could be begun while the package is, and each would wait for the other."""
    package, begun, used = tmp_path / "wapo_test_package", threading.Event(), threading.Event()
    package.mkdir()
    (package / "__init__.py").write_text(
        "import wapo_test_events as events\nevents.begun.set()\nevents.used.wait(0.2)\nwhole = 42\n"
    )
    (package / "part.py").write_text(
        "import sys, wapo_test_events as events\nevents.used.set()\nfound = dir(sys.modules[__package__])\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "wapo_test_events", SimpleNamespace(begun=begun, used=used))
    loading = asyncio.create_task(load(["wapo_test_package"]))
    await asyncio.to_thread(begun.wait, 10)
    assert "whole" in library("wapo_test_package.part").found
    await loading
