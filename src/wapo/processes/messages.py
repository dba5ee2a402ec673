"""What the processes of one node say to each other, in MessagePack. Descriptors travel beside a message.

A worker may be of a newer version than its supervisor, which a reload does not replace: :data:`PROTOCOL` says whether
they understand each other.
"""

from typing import Final

from msgspec import Struct

__all__ = [
    "COUNTS", "PROTOCOL", "Answers", "AppsEnded", "AppsFailed", "AppsRunning", "Ask", "Asked", "Counted",
    "FromSupervisor", "FromWorker", "ImageGiven", "ImageGivenUp", "ImageMade", "ImageWanted", "Leaving", "Ready",
    "Reply", "Retire", "RunApps", "StopAll",
]  # fmt: skip

#: The question for what everybody has counted; the supervisor answers for workers that have ended.
COUNTS: Final = "counts"

#: Raised by whoever changes a message, or the meaning of one.
PROTOCOL: Final = 1


class _Message(Struct, frozen=True, tag=True, array_like=True):
    pass


# What workers say


class Ready(_Message, frozen=True):
    """I serve."""


class Leaving(_Message, frozen=True):
    """I end by myself: give me nothing more."""


class StopAll(_Message, frozen=True):
    """An operator has told me that the node is to stop."""


class AppsRunning(_Message, frozen=True):
    """The apps that I was given are there, and so are their listeners."""


class AppsEnded(_Message, frozen=True):
    """The apps that I had have stopped."""


class AppsFailed(_Message, frozen=True):
    """The apps that I was given cannot run here."""

    reason: str


class Ask(_Message, frozen=True):
    """A question to all others; ``number`` is the asker's."""

    number: int
    question: str
    text: str


class Counted(_Message, frozen=True):
    """What I have counted by now, which is to outlive me."""

    data: bytes


class Reply(_Message, frozen=True):
    """The answer to an :class:`Asked`."""

    number: int
    data: bytes


class ImageWanted(_Message, frozen=True):
    """Who has the image of that key? ``number`` is the asker's."""

    number: int
    key: str


class ImageMade(_Message, frozen=True):
    """Here it is, sealed, with ``size`` bytes of memory, for all."""

    key: str
    size: int
    about: bytes


class ImageGivenUp(_Message, frozen=True):
    """I do not make the image of that key any more, or there is nothing to share."""

    key: str


# What the supervisor says


class RunApps(_Message, frozen=True):
    """The apps are yours."""


class Retire(_Message, frozen=True):
    """Others have taken your place: finish what you have, and end."""


class Asked(_Message, frozen=True):
    """Somebody asks; ``number`` is the supervisor's."""

    number: int
    question: str
    text: str


class Answers(_Message, frozen=True):
    """What the others have answered to an :class:`Ask`, those that did in time."""

    number: int
    replies: list[bytes]


class ImageGiven(_Message, frozen=True):
    """The answer to an :class:`ImageWanted`: with a descriptor, or, if ``about`` is None, make it yourself and tell."""

    number: int
    about: bytes | None = None


FromWorker = (
    Ready
    | Leaving
    | StopAll
    | AppsRunning
    | AppsEnded
    | AppsFailed
    | Ask
    | Reply
    | Counted
    | ImageWanted
    | ImageMade
    | ImageGivenUp
)
FromSupervisor = RunApps | Retire | Asked | Answers | ImageGiven
