"""Taking secrets out of what comes back, however it is cut into pieces, with a bounded amount kept.

What could be the beginning of a secret waits for what comes next. Whether it could is asked of the kind of bytes alone
(a run of visible characters, a line of base64, a row of numbers), never of the secret: by what waits and what does not,
a guest that has a server repeat its guesses would find the secret out. So an event of a stream, which ends with a line,
goes on at once.
"""

import re
from collections.abc import Generator, Iterable
from typing import Final

from wapo.vm.credentials.disguises import Disguises, Span, at_once, looking_for

__all__ = ["PIECE_BYTES", "PLACEHOLDER", "Scrubber"]

#: What is fed at once, so that a step of what it takes is short.
PIECE_BYTES: Final = 4 << 10

#: Stands for what was taken out. Valid wherever it may come to stand: in JSON, HTML, URLs and headers.
PLACEHOLDER: Final = b"*credential*"

_SEPARATOR: Final = re.compile(rb"[^\0!-~]+")
_SEPARATOR_WITH_SPACES: Final = re.compile(rb"[^\0 -~]+")
_BLANK: Final = b" \t\r\n"
#: What may go on after a blank: a line of base64 or of quoted-printable, a number of a row.
_GOES_ON: Final = re.compile(rb"(?:[A-Za-z0-9+/=_-]{40}|=|[0-9A-Fa-f]{2}[,:;-]?|[0-9],)\Z")


class Scrubber:
    """For one body: ``feed`` its pieces, then ``end``. It keeps no more than the longest form of a secret takes."""

    __slots__ = ("_held", "_hidden", "_reach", "_secrets", "_separator", "_shortest")

    def __init__(self, secrets: Iterable[Disguises]) -> None:
        self._secrets = tuple(secrets)
        self._shortest = min((secret.shortest for secret in self._secrets), default=0)
        self._reach = max((secret.reach for secret in self._secrets), default=0)
        blanks = any(secret.has_blanks for secret in self._secrets)
        self._separator = _SEPARATOR_WITH_SPACES if blanks else _SEPARATOR
        self._held = b""
        self._hidden = 0  # so many bytes of it belong to what has been taken out

    def feed(self, data: bytes) -> bytes:
        """What can be given on, of this piece and those before."""
        return at_once(self.feeding(data))

    def feeding(self, data: bytes) -> Generator[None, None, bytes]:
        """As :meth:`feed`, in steps of some milliseconds at most, whatever is fed."""
        data = self._held + data
        spans = self._with_hidden((yield from looking_for(self._secrets, data)))
        until, hidden = self._open_from(data), 0
        for start, end in spans:
            if start < until < end:  # a longer secret may begin with this one, or in a row of them
                until = max(start, len(data) - self._reach)
                hidden = end - until if until > start else 0
        out = self._without([(start, min(end, until)) for start, end in spans if start < until], data[:until])
        self._held, self._hidden = data[until:], hidden
        return out

    def end(self) -> bytes:
        """The rest."""
        return at_once(self.ending())

    def ending(self) -> Generator[None, None, bytes]:
        """As :meth:`end`, in steps."""
        data, self._held = self._held, b""
        spans = self._with_hidden((yield from looking_for(self._secrets, data)))
        return self._without(spans, data)

    def clean(self, data: bytes) -> bytes:
        """A text that is whole, by a scrubber that has been fed nothing."""
        return at_once(self.cleaning(data))

    def cleaning(self, data: bytes) -> Generator[None, None, bytes]:
        """As :meth:`clean`, in steps."""
        if len(data) < self._shortest:
            return data
        parts = []
        for at in range(0, len(data), PIECE_BYTES):
            parts.append((yield from self.feeding(data[at : at + PIECE_BYTES])))
        parts.append((yield from self.ending()))
        return b"".join(parts)

    def _open_from(self, data: bytes) -> int:
        """From where on a secret may have begun that has not ended."""
        low = max(0, len(data) - self._reach)
        for match in reversed(list(self._separator.finditer(data, low))):
            start, end = match.span()
            if match[0].strip(_BLANK) or not _GOES_ON.search(data, max(0, start - 40), start):
                return end
        return low

    def _with_hidden(self, spans: list[Span]) -> list[Span]:
        if not self._hidden:
            return spans
        end = self._hidden
        while spans and spans[0][0] <= end:
            end = max(end, spans.pop(0)[1])
        return [(0, end), *spans]

    def _without(self, spans: list[Span], data: bytes) -> bytes:
        parts: list[bytes] = []
        at = 0
        for start, end in spans:
            # What goes on from before has its placeholder.
            parts += data[at:start], b"" if self._hidden and not start else PLACEHOLDER
            at = end
        return b"".join((*parts, data[at:]))
