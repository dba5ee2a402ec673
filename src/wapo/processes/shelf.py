"""Images that one worker has made, for all: kept in the supervisor, which outlives workers and runs no guest.

A key names exactly one content, so an image is right for whoever asks for its key. Who asks first makes it; who asks
meanwhile waits, and makes it if the first one gives up or dies. What is kept is a descriptor of a sealed memory file:
whoever has it can map it, and nobody can change it.
"""

import os
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

__all__ = ["ImageShelf"]

#: A supervisor's descriptors are for other things, too.
_MAX_IMAGES: Final = 20_000

#: Called with what is known of an image and its descriptor, which stays the shelf's; or None: make it.
Answer = Callable[[bytes | None, int], None]


@dataclass(slots=True)
class _Kept:
    descriptor: int
    size: int
    about: bytes


@dataclass(slots=True)
class _Making:
    maker: object
    waiting: deque[tuple[object, Answer]] = field(default_factory=deque)


class ImageShelf:
    """Images by key, the least recently asked for forgotten first.

    Args:
        max_bytes: memory of all images together. One that is forgotten here lives on in those who have it.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._making: dict[str, _Making] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def want(self, who: object, key: str, answer: Answer) -> None:
        """Answers now or later: with the image, or that ``who`` is to make it."""
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            answer(kept.about, kept.descriptor)
            return
        making = self._making.get(key)
        if making is None:
            self._making[key] = _Making(who)
            answer(None, -1)
        else:
            making.waiting.append((who, answer))

    def put(self, key: str, descriptor: int, size: int, about: bytes) -> None:
        """An image that was made. The descriptor is the shelf's from now on."""
        making = self._making.pop(key, None)
        before = self._kept.pop(key, None)
        if before is not None:
            self._drop(before)
        self._kept[key] = _Kept(descriptor, size, about)
        self._bytes += size
        if making is not None:
            for _, answer in making.waiting:
                answer(about, descriptor)
        while len(self._kept) > 1 and (self._bytes > self._max_bytes or len(self._kept) > _MAX_IMAGES):
            self._drop(self._kept.popitem(last=False)[1])

    def _drop(self, kept: _Kept) -> None:
        self._bytes -= kept.size
        os.close(kept.descriptor)
        kept.descriptor = -1

    def give_up(self, who: object, key: str) -> None:
        """``who`` does not make it any more: who waits longest does."""
        making = self._making.get(key)
        if making is None or making.maker is not who:
            return
        if not making.waiting:
            del self._making[key]
            return
        making.maker, answer = making.waiting.popleft()
        answer(None, -1)

    def gone(self, who: object) -> None:
        """``who`` waits for nothing and makes nothing any more."""
        for making in self._making.values():
            making.waiting = deque(item for item in making.waiting if item[0] is not who)
        for key in [key for key, making in self._making.items() if making.maker is who]:
            self.give_up(who, key)

    def close(self) -> None:
        """Idempotent."""
        for kept in self._kept.values():
            os.close(kept.descriptor)
        self._kept.clear()
        self._bytes = 0
