"""Fetches what a module will import while the modules before it are still on their way.

The engine asks for one module after the other, each a journey to an upstream. What a module's text seems to import is
therefore fetched in advance, several at once, into the library's cache. That is a guess and costs nobody a failure:
what is really imported is asked for, checked and counted all the same.
"""

import asyncio
import re
from itertools import islice
from typing import Final

from wapo.agents.modules import SCHEME, ImportRefused, ImportUnavailable, Modules

__all__ = ["Prefetch"]

_AT_ONCE: Final = 8
_MAX_MODULES: Final = 500
_LOOKED_AT_BYTES: Final = 512 << 10
_LOOKED_AT_IMPORTS: Final = 1000
#: Static imports and re-exports; a dynamic import may never be needed.
_IMPORT: Final = re.compile(rb"""(?:\bfrom|\bimport)[ \t\r\n]{0,8}["']((?:ipfs://|\.\.?/)[^"'\\\n]{1,500})["']""")


class Prefetch:
    """For one run.

    Args:
        max_bytes: when so much has been fetched, nothing more is.
    """

    __slots__ = ("_left", "_modules", "_places", "_seen", "_tasks")

    def __init__(self, modules: Modules, max_bytes: int) -> None:
        self._modules = modules
        self._left = max_bytes
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._seen: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def look(self, importer: str, source: bytes) -> None:
        """Begins to fetch what the module of that name imports."""
        self._seen.add(importer)
        for found in islice(_IMPORT.finditer(source, 0, _LOOKED_AT_BYTES), _LOOKED_AT_IMPORTS):
            if len(self._seen) >= _MAX_MODULES or self._left <= 0:
                return
            try:
                name = self._modules.name(importer, found[1].decode("utf-8", "replace"))
            except ImportRefused:
                continue
            if name.startswith(SCHEME) and name not in self._seen:
                self._seen.add(name)
                task = asyncio.get_running_loop().create_task(self._fetch(name))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _fetch(self, name: str) -> None:
        async with self._places:
            if self._left <= 0:
                return
            try:
                source = await self._modules.read(name)
            except (ImportRefused, ImportUnavailable):
                return
        self._left -= len(source)
        self.look(name, source)

    def close(self) -> None:
        """Gives up what is still on its way. Idempotent."""
        self._left = 0
        for task in list(self._tasks):
            task.cancel()
