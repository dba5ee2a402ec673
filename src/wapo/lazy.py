"""Libraries that are loaded when something of them is first needed.

Loading them all takes longer than everything else that a node does until its first answer. So a library that a node
*may* need is declared, where it would have been imported::

    if TYPE_CHECKING:
        import aiohttp
    else:
        aiohttp = library("aiohttp")

and is the library from its first use on. What every command or every answer needs is imported as usual.
``tests/test_start.py`` has the list of what a node may not load before it listens. A node that has been up for a moment
loads the rest in a thread (:func:`load_declared`), so that no request waits for that.
"""

import asyncio
import gc
import importlib
import sys
import threading
from collections.abc import Iterable
from typing import Any, Final

__all__ = ["library", "load", "load_declared"]

#: How long loading in a thread may keep the interpreter while the event loop wants it.
_SWITCH_S: Final = 0.0005
_USUAL_SWITCH_S: Final = sys.getswitchinterval()

_declared: Final[list["_Library"]] = []

#: One thread loads at a time. A package whose parts import one another, as those of prometheus_client do, does not
#: survive two: each waits for what the other has begun, Python sees that, and gives one of them a module that is half
#: there.
_loading: Final = threading.RLock()
_loaded: Final[set[str]] = set()


def _load(name: str) -> Any:
    """The module. Whoever wants one that is there does not wait for another that is being loaded."""
    if name in _loaded and name in sys.modules:
        return sys.modules[name]
    with _loading:
        module = importlib.import_module(name)
    _loaded.add(name)
    return module


class _Library:
    """Stands for a module. What is looked at is kept, so that the next look is an ordinary one."""

    def __init__(self, name: str) -> None:
        self.__name__ = name
        _declared.append(self)

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(_load(self.__name__), attribute)
        setattr(self, attribute, value)
        return value

    def __repr__(self) -> str:
        return f"<library {self.__name__}>"


def library(name: str) -> Any:
    """The module of that name, loaded at its first use."""
    return _Library(name)


async def load(names: Iterable[str]) -> None:
    """Loads modules in a thread, which makes way for the event loop within half a millisecond."""

    def work() -> None:
        for name in names:
            _load(name)

    collects = gc.isenabled()
    gc.disable()
    sys.setswitchinterval(_SWITCH_S)
    try:
        await asyncio.to_thread(work)
    finally:
        sys.setswitchinterval(_USUAL_SWITCH_S)
        if collects:  # what was loaded stays: looking at all of it takes the collector 30 ms
            gc.freeze()
            gc.enable()


async def load_declared() -> None:
    """Loads every library that has been declared so far."""
    await load([declared.__name__ for declared in _declared])
