"""What a server answers to a request that had a credential: whatever it is and however it comes, no secret comes through."""

from tests.fuzz.target import Target, plain
from tests.vm.credentials.test_scrubber import ENCODINGS, PLAIN, SECRET
from wapo.vm.credentials.disguises import Disguises, spans_of
from wapo.vm.credentials.scrubber import Scrubber

__all__ = ["ANSWERS"]

_FORMS = tuple(encode(PLAIN) for encode in ENCODINGS.values())
_DISGUISES = (Disguises(SECRET),)
_SIZES = (1, 2, 3, 7, 20, 100, 1000, 8192)


def _answer(case: bytes) -> None:
    """The first byte says how the rest is cut."""
    size, text = _SIZES[case[0] % len(_SIZES)] if case else 1, case[1:]
    scrubber = Scrubber(_DISGUISES)
    out = b"".join(scrubber.feed(text[at : at + size]) for at in range(0, len(text), size)) + scrubber.end()
    for form in _FORMS:
        assert form not in out
    if not spans_of(_DISGUISES, text):
        assert out == text


ANSWERS: dict[str, Target] = {
    "answers": Target(
        [bytes((at,)) + b'{"a": "' + form + b'", "b": [1, "c"]}\n\n' for at, form in enumerate(_FORMS)],
        plain(_answer),
        (*_FORMS, b"\\", b"%", b"%25", b"&#", b"&#x", b"=\r\n", b"=", b"\0", b"0x", b"73 6b ", b"115, ", b"A" * 60 + b"\n",
         b"\\u00", b"\\x", SECRET[:20].encode(), b" " * 9, b"x" * 700),
    ),
}  # fmt: skip
