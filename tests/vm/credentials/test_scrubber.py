"""Secrets in what comes back: found in every form, however it is cut, without telling where one begins."""

import base64
import html
import json
import quopri
import urllib.parse
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wapo.vm.credentials.disguises import Disguises
from wapo.vm.credentials.scrubber import PLACEHOLDER, Scrubber

SECRET = "sk-Proj_4f/8+K=z\"q\\&<7'%tail"
PLAIN = SECRET.encode()


def wrapped(data: bytes, width: int, end: bytes) -> bytes:
    return end.join(data[at : at + width] for at in range(0, len(data), width))


def around(data: bytes) -> bytes:
    """It stands in something larger that is encoded as a whole."""
    return b'{"headers": {"authorization": "Bearer ' + data + b'", "accept": "*/*"}}'


ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "upper case": bytes.upper,
    "lower case": bytes.lower,
    "percent": lambda data: urllib.parse.quote(data, safe="").encode(),
    "percent, all": lambda data: b"".join(b"%%%02x" % byte for byte in data),
    "percent, twice": lambda data: urllib.parse.quote(urllib.parse.quote(data, safe=""), safe="").encode(),
    "json": lambda data: json.dumps(data.decode()).encode(),
    "json in json": lambda data: json.dumps(json.dumps(data.decode())).encode(),
    "json, slashes escaped": lambda data: json.dumps(data.decode()).replace("/", "\\/").encode(),
    "json, all escaped": lambda data: b"".join(b"\\u%04X" % byte for byte in data),
    "javascript": lambda data: b"".join(b"\\x%02x" % byte for byte in data),
    "javascript, code points": lambda data: b"".join(b"\\u{%x}" % byte for byte in data),
    "c": lambda data: b"".join(b"\\%03o" % byte for byte in data),
    "html": lambda data: html.escape(data.decode()).encode(),
    "html, hexadecimal": lambda data: b"".join(b"&#x%X;" % byte for byte in data),
    "html, decimal": lambda data: b"".join(b"&#%d;" % byte for byte in data),
    "quoted-printable": lambda data: quopri.encodestring(around(data)),
    "utf-16": lambda data: around(data).decode().encode("utf-16-le"),
    "utf-16 with a mark": lambda data: around(data).decode().encode("utf-16"),
    "utf-32": lambda data: around(data).decode().encode("utf-32-be"),
    "hexadecimal": lambda data: data.hex().encode(),
    "hexadecimal, colons": lambda data: data.hex(":").upper().encode(),
    "hexadecimal, a dump": lambda data: wrapped(around(data).hex(" ").encode(), 48, b"\n"),
    "hexadecimal, a C array": lambda data: b", ".join(b"0x%02x" % byte for byte in data),
    "numbers": lambda data: json.dumps(list(data)).encode(),
    "numbers, dense": lambda data: ",".join(map(str, data)).encode(),
    "base64": base64.b64encode,
    "base64, in something": lambda data: base64.b64encode(around(data)),
    "base64, one more": lambda data: base64.b64encode(b"x" + around(data)),
    "base64, two more": lambda data: base64.b64encode(b"xy" + around(data)),
    "base64url": lambda data: base64.urlsafe_b64encode(b"?>" + around(data)).rstrip(b"="),
    "base64, wrapped": lambda data: base64.encodebytes(b"a" * 80 + around(data)),
    "base64, wrapped for mail": lambda data: wrapped(base64.b64encode(b"a" * 80 + around(data)), 76, b"\r\n"),
    "base64, percent": lambda data: urllib.parse.quote(base64.b64encode(around(data)), safe="").encode(),
    "base64, wrapped, in json": lambda data: json.dumps(base64.encodebytes(b"a" * 80 + data).decode()).encode(),
    "base64 in utf-16": lambda data: base64.b64encode(around(data)).decode().encode("utf-16-le"),
    "base32": base64.b32encode,
    "base32, in something": lambda data: base64.b32encode(b"abc" + around(data)).lower(),
}  # fmt: skip


def readable(data: bytes) -> str:
    """Letters and digits alone, as somebody would look for what is left."""
    return "".join(c for c in data.decode("latin-1") if c.isalnum()).lower()


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_secret_is_found_in_every_encoding(name: str) -> None:
    encode = ENCODINGS[name]
    hidden = encode(PLAIN)
    out = Scrubber([Disguises(SECRET)]).clean(b"before " + hidden + b" after")
    assert PLACEHOLDER in out
    assert out.startswith(b"before ")
    assert out.endswith(b" after")
    kept = encode(b"?" * len(PLAIN))
    assert len(out) <= len(kept) + len(PLACEHOLDER) + 15
    middle = readable(hidden)[len(readable(hidden)) // 2 - 6 :][:12]
    assert middle not in readable(out) or middle in readable(kept)


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_it_does_not_depend_on_how_it_is_cut(name: str, size: int) -> None:
    text = b"data: " + ENCODINGS[name](PLAIN) + b"\n\nmore text, and \xff\x00 bytes"
    whole = Scrubber([Disguises(SECRET)]).clean(text)
    scrubber = Scrubber([Disguises(SECRET)])
    out = b"".join(scrubber.feed(text[at : at + size]) for at in range(0, len(text), size)) + scrubber.end()
    assert out == whole
    assert PLACEHOLDER in out


@given(st.lists(st.binary(max_size=60) | st.sampled_from([e(PLAIN) for e in ENCODINGS.values()])), st.data())
def test_any_text_comes_through_and_no_secret(parts: list[bytes], data: st.DataObject) -> None:
    text = b"".join(parts)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    scrubber = Scrubber([Disguises(SECRET)])
    out = b"".join(scrubber.feed(text[a:b]) for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True))
    out += scrubber.end()
    assert PLAIN.lower() not in out.lower()
    if not any(encode(PLAIN) in text for encode in ENCODINGS.values()):
        assert out == text


def test_several_secrets_of_which_one_begins_another() -> None:
    long, short = "token-one-and-two", "token-one"
    text = b"a token-one, a token-one-and-two, TOKEN-ONE-AND-TWOtoken-one"
    for size in range(1, 20):
        scrubber = Scrubber(map(Disguises, (short, long)))
        out = b"".join(scrubber.feed(text[at : at + size]) for at in range(0, len(text), size)) + scrubber.end()
        assert out == b"a *credential*, a *credential*, *credential*"


def test_a_secret_with_spaces_in_it() -> None:
    scrubber = Scrubber([Disguises("correct horse battery")])
    assert scrubber.feed(b"it is correct hor") + scrubber.feed(b"se battery staple") + scrubber.end() == (
        b"it is *credential* staple"
    )


class TestWaiting:
    def test_an_event_of_a_stream_goes_on_at_once(self) -> None:
        scrubber = Scrubber([Disguises(SECRET)])
        for event in (b'data: {"delta":"Hel"}\n\n', b"data: [DONE]\n\n", b'{"a": 1}\n', b": comment\n\n", b"a word "):
            assert scrubber.feed(event) == event

    def test_what_waits_says_nothing_about_the_secret(self) -> None:
        """Or a server that repeats guesses would tell which of them is right so far."""
        wrong = "".join(chr((ord(c) - 33 + 7) % 94 + 33) for c in SECRET)
        for length in range(1, len(SECRET)):
            right, other = Scrubber([Disguises(SECRET)]), Scrubber([Disguises(SECRET)])
            for scrubber, guess in ((right, SECRET), (other, wrong)):
                scrubber.feed(b"you said: " + guess[:length].encode())
            assert len(right._held) == len(other._held)
            assert right.end() == SECRET[:length].encode()

    def test_a_part_of_a_secret_is_left(self) -> None:
        """For the same reason."""
        for text in (SECRET[:-1], SECRET[1:], SECRET[:8]):
            assert Scrubber([Disguises(SECRET)]).clean(text.encode()) == text.encode()

    def test_what_waits_is_bounded(self) -> None:
        scrubber = Scrubber([Disguises(SECRET)])
        most = 0
        for _ in range(200):
            scrubber.feed(b"x" * 10_000)
            most = max(most, len(scrubber._held))
        assert most <= 20 * len(SECRET) + 64


@given(st.text("ab", min_size=1, max_size=6), st.data())
def test_a_secret_that_begins_again_in_itself(part: str, data: st.DataObject) -> None:
    """Every byte that belongs to an occurrence is taken out, and no other."""
    secret = (part * 12)[:12]
    text = "".join(data.draw(st.lists(st.sampled_from(["a", "b", "c", part, secret]), max_size=12)))
    inside = {byte for at in range(len(text)) if text.startswith(secret, at) for byte in range(at, at + 12)}
    left = "".join(c for at, c in enumerate(text) if at not in inside)
    assert Scrubber([Disguises(secret)]).clean(text.encode()).replace(PLACEHOLDER, b"").decode() == left


def test_a_secret_that_is_everywhere_takes_no_longer() -> None:
    """Whoever makes an item can have the server, too; quadratic, this would take a minute."""
    scrubber, most = Scrubber([Disguises("a" * 2048)]), 0
    out = b"<"
    for _ in range(64):
        out += scrubber.feed(b"a" * 4096)
        most = max(most, len(scrubber._held))
    assert out + scrubber.feed(b">\n") + scrubber.end() == b"<*credential*>\n"
    assert most <= 16 << 10


@given(st.text("ab", min_size=1, max_size=6), st.data())
def test_rows_of_secrets_of_which_some_begin_others(part: str, data: st.DataObject) -> None:
    """However they are cut: what belongs to one is gone, and what belongs to none is there."""
    secrets = [(part * 12)[:12], (part * 12)[:12] + "c", "c" * 12]
    pieces = data.draw(st.lists(st.sampled_from(["a", "b", "c", "\n", part, *secrets, secrets[0] * 100]), max_size=12))
    text = "".join(pieces)
    inside: set[int] = set()
    for secret in secrets:
        for at in range(len(text)):
            if text.startswith(secret, at):
                inside.update(range(at, at + len(secret)))
    scrubber = Scrubber(map(Disguises, secrets))
    out = b"".join(scrubber.feed(piece.encode()) for piece in pieces) + scrubber.end()
    assert out.replace(PLACEHOLDER, b"").decode() == "".join(c for at, c in enumerate(text) if at not in inside)


@pytest.mark.parametrize("piece", [b"\\", b"%25", b"&#0", b"=", b"\0", b"%5c", b"\\u00", b"0x,", b"a1 ", b"%u{0"])
def test_a_hostile_body_takes_a_bounded_number_of_steps(piece: bytes) -> None:
    """A quarter of a megabyte of what each reading is slowest with; quadratic, it would take minutes."""
    scrubber = Scrubber([Disguises(SECRET)])
    text = piece * (4096 // len(piece))
    for _ in range(64):
        scrubber.feed(text)
    scrubber.end()
