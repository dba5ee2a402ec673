"""Taking secrets out of what comes back, however it is cut into pieces, with a bounded amount kept.

What could be the beginning of a secret waits for what comes next. Whether it could is asked of the kind of bytes alone
(a run of visible characters, a line of base64, a row of numbers), never of the secret: by what waits and what does not,
a guest that has a server repeat its guesses would find the secret out. So an event of a stream, which ends with a line,
goes on at once.
"""

import re
from collections.abc import Generator, Iterable
from typing import Final

from wapo.vm.credentials.disguises import Disguises, at_once, looking_for

__all__ = ["PLACEHOLDER", "Scrubber"]

#: Stands for what was taken out. Valid wherever it may come to stand: in JSON, HTML, URLs and headers.
PLACEHOLDER: Final = b"*credential*"

_SEPARATOR: Final = re.compile(rb"[^\0!-~]+")
_SEPARATOR_WITH_SPACES: Final = re.compile(rb"[^\0 -~]+")
_BLANK: Final = b" \t\r\n"
#: What may go on after a blank: a line of base64 or of quoted-printable, a number of a row.
_GOES_ON: Final = re.compile(rb"(?:[A-Za-z0-9+/=_-]{40}|=|[0-9A-Fa-f]{2}[,:;-]?|[0-9],)\Z")


class Scrubber:
    """For one body: ``feed`` its pieces, then ``end``."""

    __slots__ = ("_held", "_reach", "_secrets", "_separator", "_shortest")

    def __init__(self, secrets: Iterable[Disguises]) -> None:
        self._secrets = tuple(secrets)
        self._shortest = min((secret.shortest for secret in self._secrets), default=0)
        self._reach = max((secret.reach for secret in self._secrets), default=0)
        blanks = any(secret.has_blanks for secret in self._secrets)
        self._separator = _SEPARATOR_WITH_SPACES if blanks else _SEPARATOR
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What can be given on, of this piece and those before."""
        return at_once(self.feeding(data))

    def feeding(self, data: bytes) -> Generator[None, None, bytes]:
        """As :meth:`feed`, in steps of some milliseconds at most, whatever is fed."""
        data = self._held + data
        spans = yield from looking_for(self._secrets, data)
        until = self._open_from(data)
        for start, end in spans:
            if start < until < end:  # a longer secret may begin with this one
                until = start
        self._held = data[until:]
        return _without([span for span in spans if span[1] <= until], data[:until])

    def end(self) -> bytes:
        """The rest."""
        return at_once(self.ending())

    def ending(self) -> Generator[None, None, bytes]:
        """As :meth:`end`, in steps."""
        data, self._held = self._held, b""
        return self.cleaning(data)

    def clean(self, data: bytes) -> bytes:
        """A text that is whole."""
        return at_once(self.cleaning(data))

    def cleaning(self, data: bytes) -> Generator[None, None, bytes]:
        """As :meth:`clean`, in steps."""
        if len(data) < self._shortest:
            return data
        return _without((yield from looking_for(self._secrets, data)), data)

    def _open_from(self, data: bytes) -> int:
        """From where on a secret may have begun that has not ended."""
        low = max(0, len(data) - self._reach)
        for match in reversed(list(self._separator.finditer(data, low))):
            start, end = match.span()
            if match[0].strip(_BLANK) or not _GOES_ON.search(data, max(0, start - 40), start):
                return end
        return low


def _without(spans: list[tuple[int, int]], data: bytes) -> bytes:
    if not spans:
        return data
    parts: list[bytes] = []
    at = 0
    for start, end in spans:
        parts += data[at:start], PLACEHOLDER
        at = end
    return b"".join((*parts, data[at:]))
