"""Where a secret stands in a text, in whatever form a server repeats what it was sent.

Upper and lower case are one. Found are: the text itself; percent-encoded, escaped as in JSON, JavaScript or C, as HTML
entities, quoted-printable, in UTF-16 or UTF-32, and any two of these one over the other, wholly or here and there; in
each of those, too: hexadecimal (with separators), base64 and base64url (at any offset in what was encoded, wrapped or
not), base32, and numbers in a list.

Only a whole secret is found. If a part were, a guest could try one character after the other, have the server repeat
its guess, and see by what is missing that it was right.
"""

import base64
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, TypeVar

__all__ = ["Disguises", "Span", "at_once", "looking_for", "spans_of"]

Span = tuple[int, int]
_Result = TypeVar("_Result")

#: Of one byte of a secret, the longest form is an escape of which each byte is escaped: ``%5c%75%30%30%37%33``.
_REACH: Final = 20
#: Of a long secret, forms that take more are not looked for across pieces: reading it again and again takes time.
_MAX_REACH: Final = 16 << 10
_NAMED: Final = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'", b"nbsp": b" ", b"sol": b"/"}
_CONTROLS: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")
_BLANK: Final = b" \t\r\n"


class Disguises:
    """One secret (ASCII), and what it may look like, in lower case.

    Attributes:
        shortest, reach: how many bytes one occurrence takes at least, and at most.
        has_blanks: whether there are spaces in it.
    """

    __slots__ = ("_dense", "_hex", "_plain", "has_blanks", "reach", "shortest")

    def __init__(self, secret: str) -> None:
        raw = secret.encode("latin-1")
        self._plain = raw.lower()
        self._hex = raw.hex().encode()
        self._dense = (
            (b",".join(b"%d" % byte for byte in raw), 0, 0),
            *(_core(base64.b64encode(bytes(at) + raw + bytes(3)), at, len(raw), 6) for at in range(3)),
            *(_core(base64.b32encode(bytes(at) + raw + bytes(5)), at, len(raw), 5) for at in range(5)),
        )
        self.shortest = len(raw)
        self.reach = min(_REACH * len(raw) + 64, _MAX_REACH)
        self.has_blanks = b" " in raw

    def find(self, view: "_View", hexadecimal: "_View", dense: "_View") -> Iterator[Span]:
        """Where it is in the text that the views were made from."""
        yield from _found(self._plain, 0, 0, view)
        yield from _found(self._hex, 0, 0, hexadecimal)
        for needle, before, after in self._dense:
            yield from _found(needle, before, after, dense)


def _found(needle: bytes, before: int, after: int, view: "_View") -> Iterator[Span]:
    text, size = view.text, len(needle)
    at = text.find(needle)
    while at >= 0:
        start, end = at, _end_of_row(needle, text, at)
        while 0 <= (at := text.find(needle, end - size + 1)) <= end:  # it may begin again in itself
            end = _end_of_row(needle, text, at)
        yield view.origin(max(0, start - before), min(len(text), end + after))


def _end_of_row(needle: bytes, text: bytes, at: int) -> int:
    """The end of the last of the occurrences from ``at`` on, each of which begins a period after the one before: of a
    secret such as ``aaaaaaaaaaaa`` there may be one at every byte, and to look for each would take long. No byte more:
    it is whole secrets that are found."""
    period, end = _period(needle), at + len(needle)
    run, most = end, len(text)
    while run < most and text[run] == text[run - period]:
        run += 1
    return end + (run - end) // period * period


@lru_cache(1024)
def _period(needle: bytes) -> int:
    """The least distance at which it overlaps itself (from the failure function of Knuth, Morris and Pratt)."""
    borders, length = [0], 0
    for byte in needle[1:]:
        while length and byte != needle[length]:
            length = borders[length - 1]
        length += byte == needle[length]
        borders.append(length)
    return len(needle) - length


def _core(encoded: bytes, offset: int, length: int, bits: int) -> tuple[bytes, int, int]:
    """The characters that depend on the secret alone, whatever stands before and after it; and how many before and
    after these hold some bits of it."""
    first, last = offset * 8, (offset + length) * 8
    core = encoded[-(-first // bits) : last // bits].lower()
    return core, int(first % bits > 0), int(last % bits > 0)


def at_once(steps: Generator[None, None, _Result]) -> _Result:
    """The result of all steps, without a pause."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: _Result = end.value
            return result


def spans_of(secrets: Iterable[Disguises], data: bytes) -> list[Span]:
    """Where any of them stands in ``data``: from, to; in order, none touching another."""
    return at_once(looking_for(tuple(secrets), data))


def looking_for(secrets: Sequence[Disguises], data: bytes) -> Generator[None, None, list[Span]]:
    """As :func:`spans_of`, in steps."""
    found: list[Span] = []
    for view in _views(_View(data.lower())):
        yield
        hexadecimal, dense = view.without_separators(), view.without_blanks()
        for secret in secrets:
            found += secret.find(view, hexadecimal, dense)
            yield
    merged: list[Span] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


class _View:
    """A text, or what it is when it is read in some way; remembers how, to find the way back when that is needed."""

    __slots__ = ("_marks", "_pattern", "_replace", "_source", "text")

    def __init__(
        self,
        text: bytes,
        source: "_View | None" = None,
        pattern: re.Pattern[bytes] | None = None,
        replace: Callable[[re.Match[bytes]], bytes] | None = None,
    ) -> None:
        self.text = text
        self._source = source
        self._pattern = pattern
        self._replace = replace
        self._marks: tuple[list[int], list[int]] | None = None

    def read(self, pattern: re.Pattern[bytes], replace: Callable[[re.Match[bytes]], bytes]) -> "_View":
        return _View(pattern.sub(replace, self.text).lower(), self, pattern, replace)

    def without_separators(self) -> "_View":
        text = self.text.replace(b"0x", b"").translate(None, _BLANK + b":;,-")
        return self if len(text) == len(self.text) else _View(text, self, _SEPARATORS, _nothing)

    def without_blanks(self) -> "_View":
        text = self.text.translate(_URL_SAFE, _BLANK)
        return _View(text, self, _BLANKS, _nothing)

    def origin(self, start: int, end: int) -> Span:
        """Where a part of this text stands in the first one."""
        view: _View | None = self
        while view is not None and view._source is not None:
            here, there = view._trace()
            at = bisect_right(here, start) - 1
            start = there[at] + start - here[at]
            at = bisect_left(here, end)
            if at == len(here) or here[at] != end:
                at -= 1
            end = there[at] + end - here[at]
            view = view._source
        return start, end

    def _trace(self) -> tuple[list[int], list[int]]:
        """Positions here, and there in the source, from which on both go in step."""
        if self._marks is None:
            assert self._source is not None
            assert self._pattern is not None
            assert self._replace is not None
            here, there, shift = [0], [0], 0
            for match in self._pattern.finditer(self._source.text):
                begin = match.start() - shift
                shift += match.end() - match.start() - len(self._replace(match))
                here += begin, match.end() - shift
                there += match.start(), match.end()
            self._marks = here, there
        return self._marks


def _nothing(_match: re.Match[bytes]) -> bytes:
    return b""


def _byte(match: re.Match[bytes]) -> bytes:
    return bytes((int(match[1], 16),))


def _escaped(match: re.Match[bytes]) -> bytes:
    digits, octal, other = match.groups()
    if digits is not None:
        return bytes((int(digits, 16),))
    return bytes((int(octal, 8),)) if octal is not None else _CONTROLS.get(other, other)


def _entity(match: re.Match[bytes]) -> bytes:
    digits, decimal, name = match.groups()
    if name is not None:
        return _NAMED[name]
    value = int(digits, 16) if digits is not None else int(decimal)
    return bytes((value,)) if value < 256 else b""


def _quoted(match: re.Match[bytes]) -> bytes:
    return bytes((int(match[1], 16),)) if match[1] is not None else b""


_SEPARATORS: Final = re.compile(rb"0x|[ \t\r\n:;,-]+")
_BLANKS: Final = re.compile(rb"[ \t\r\n]+")

#: A byte that none of them is without, what they look like in lower case, and what that stands for. Repetitions are
#: bounded: a server may send nothing else.
_READINGS: Final = (
    (b"%", re.compile(rb"%(?:25){0,3}([0-9a-f]{2})"), _byte),
    (b"\\", re.compile(rb"\\(?:(?:u\{?0{0,6}|x)([0-9a-f]{2})\}?|([0-3][0-7]{2})|([^0-9ux]))"), _escaped),
    # Several over one another, and one that follows a backslash by chance.
    (b"\\\\", re.compile(rb"\\{1,8}(?:(?:u\{?0{0,6}|x)([0-9a-f]{2})\}?|([0-3][0-7]{2})|([^0-9ux\\]))"), _escaped),
    (b"&", re.compile(rb"&(?:#x0{0,6}([0-9a-f]{2});?|#0{0,6}([0-9]{2,3});?|(amp|lt|gt|quot|apos|nbsp|sol);)"), _entity),
    (b"=", re.compile(rb"=(?:([0-9a-f]{2})|[ \t]{0,8}\r?\n)"), _quoted),
    (b"\0", re.compile(rb"\0+"), _nothing),
)


def _views(text: _View) -> Iterator[_View]:
    """The text as it is, and read in each way that it allows, one over another."""
    yield text
    seen, level = {text.text}, [text]
    for _ in range(2):
        deeper = []
        for view in level:
            for sign, pattern, replace in _READINGS:
                if sign in view.text and (read := view.read(pattern, replace)).text not in seen:
                    seen.add(read.text)
                    deeper.append(read)
                    yield read
        level = deeper
