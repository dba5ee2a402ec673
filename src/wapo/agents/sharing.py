"""Images that several processes of one machine share: made once, mapped by all.

What is passed on is the descriptor of a sealed memory file, with a few words about it. A guest has no way to such a
file: it sees a private mapping, and the seals hold against everybody, its own process included. A key names the exact
content, and the versions of guest and engine are part of it: processes of before and after an upgrade do not share.
"""

import os
from typing import Protocol

import msgspec

from wapo import __version__
from wapo.agents.image import AgentImage, ImageKind
from wapo.agents.modules import Modules
from wapo.agents.profile import JavaScriptProfile
from wapo.engine.image import MemoryImage

__all__ = ["Others", "SharedImages"]

_BASE = "base"


class Others(Protocol):
    """The other processes, as far as images go (``wapo.processes.member``)."""

    async def want_image(self, key: str) -> tuple[bytes, int] | None:
        """An image's words and its descriptor; None: make it, and tell."""

    def share_image(self, key: str, descriptor: int, size: int, about: bytes) -> None:
        """Tells that it is made; the descriptor stays the caller's."""

    def give_image_up(self, key: str) -> None:
        """Tells that there is nothing to share."""


class _About(msgspec.Struct, frozen=True, array_like=True):
    """What is known of an image beside its memory."""

    stored_bytes: int
    kind: str = ""
    convention: str = ""
    touched: list[str] = []
    memory_limit: int = 0


class SharedImages:
    """Takes images from others, and gives them; with nobody there, neither."""

    def __init__(self, others: Others | None, profile: JavaScriptProfile) -> None:
        self._others = others
        self._version = f"{__version__}/{profile.module_hash}/{profile.engine.settings.fingerprint()}"

    def _name(self, key: str) -> str:
        return f"{self._version}/{key}"

    async def base(self) -> MemoryImage | None:
        """The base image, if somebody has it; else it is to be made: then :meth:`give_base` or :meth:`give_up`."""
        found = await self._take(_BASE)
        return found[1] if found is not None else None

    def give_base(self, image: MemoryImage) -> None:
        self._give(_BASE, image, _About(image.stored_bytes))

    async def agent(self, key: str, modules: Modules | None) -> AgentImage | None:
        """A program's image, if somebody has it; else it is to be made: then :meth:`give_agent` or :meth:`give_up`.
        What its top level logged is in the log already."""
        found = await self._take(key)
        if found is None:
            return None
        about, memory = found
        return AgentImage(
            ImageKind(about.kind), about.convention, frozenset(about.touched), memory=memory,
            memory_limit=about.memory_limit, modules=modules,
        )  # fmt: skip

    def give_agent(self, key: str, image: AgentImage) -> None:
        """Of a broken program there is nothing to give: whoever wants it sees for himself."""
        if image.memory is None:
            self.give_up(key)
            return
        about = _About(
            image.stored_bytes, image.kind.value, image.convention, sorted(image.touched), image.memory_limit
        )
        self._give(key, image.memory, about)

    def give_up(self, key: str = _BASE) -> None:
        """It is not made after all."""
        if self._others is not None:
            self._others.give_image_up(self._name(key))

    async def _take(self, key: str) -> tuple[_About, MemoryImage] | None:
        found = await self._others.want_image(self._name(key)) if self._others is not None else None
        if found is None:
            return None
        about = msgspec.msgpack.decode(found[0], type=_About)
        try:
            return about, MemoryImage.sealed(found[1], about.stored_bytes)
        except ValueError:  # no image: then it is made here, and takes its place
            os.close(found[1])
            return None

    def _give(self, key: str, image: MemoryImage, about: _About) -> None:
        if self._others is not None:
            encoded = msgspec.msgpack.encode(about)
            self._others.share_image(self._name(key), image.descriptor, image.stored_bytes, encoded)
