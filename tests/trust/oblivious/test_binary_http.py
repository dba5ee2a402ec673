"""Binary HTTP: the examples of RFC 9292 5, what comes back as it was, and what is refused."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wapo.trust.oblivious.binary_http import (
    Content,
    End,
    Event,
    Fields,
    InvalidBinaryMessage,
    MessageDecoder,
    RequestHead,
    ResponseHead,
    encode_content,
    encode_end,
    encode_request,
    encode_request_head,
    encode_response,
    encode_response_head,
)
from wapo.trust.oblivious.varint import encode_varint

HELLO = b"/hello.txt"
FIELDS: Fields = [
    (b"user-agent", b"curl/7.16.3 libcurl/7.16.3 OpenSSL/0.9.7l zlib/1.2.3"),
    (b"host", b"www.example.com"),
    (b"accept-language", b"en, mi"),
]


def decode(pieces: Sequence[bytes], *, response: bool = False, most: int = 1 << 16, fields: int = 100) -> list[Event]:
    """The events, with the content in one."""
    decoder = MessageDecoder(response=response, max_head_bytes=most, max_fields=fields)
    events = [event for piece in pieces for event in decoder.feed(piece)] + decoder.finish()
    content = b"".join(event.data for event in events if isinstance(event, Content))
    return [events[0], Content(content), events[-1]]


def test_the_request_of_the_rfc() -> None:
    """RFC 9292 5.1, figures 3 and 5."""
    lines = b"".join(encode_varint(len(n)) + n + encode_varint(len(v)) + v for n, v in FIELDS)
    known = bytes.fromhex("000347455405687474707300") + b"\x0a/hello.txt" + b"\x40\x6c" + lines + b"\0\0"
    unknown = bytes.fromhex("020347455405687474707300") + b"\x0a/hello.txt" + lines + b"\0" + bytes(10)
    assert len(lines) == 0x6C
    assert encode_request("GET", b"https", b"", HELLO, FIELDS, b"") == known
    assert decode([known]) == [RequestHead("GET", b"https", b"", HELLO, FIELDS, 0), Content(b""), End()]
    assert decode([unknown]) == [RequestHead("GET", b"https", b"", HELLO, FIELDS), Content(b""), End()]
    # What is empty at the end may be left out.
    for cut in (known[:-1], known[:-2]):
        assert decode([cut]) == decode([known])


def test_the_response_of_the_rfc() -> None:
    """RFC 9292 5.2: informational responses come first, and mean nothing here."""
    response = bytes.fromhex("0340660772756e6e696e670a22736c65657020313522004067046c696e6b") + (
        b"\x23</style.css>; rel=preload; as=style" + b"\x04link\x24</script.js>; rel=preload; as=script" + b"\0"
        b"\x40\xc8\x04date\x1dMon, 27 Jul 2009 12:28:53 GMT" + b"\0"
        b"\x33Hello World! My content includes a trailing CRLF.\r\n" + b"\0\0"
    )  # fmt: skip
    head, content, end = decode([response], response=True)
    assert head == ResponseHead(200, [(b"date", b"Mon, 27 Jul 2009 12:28:53 GMT")])
    assert content == Content(b"Hello World! My content includes a trailing CRLF.\r\n")
    assert end == End()


NAMES = st.text("abcdefgh-1!", min_size=1, max_size=8).map(str.encode)
VALUES = st.text("abc;= \t\xe9", max_size=12).map(lambda text: text.encode("latin-1").strip(b" \t"))
SECTIONS = st.lists(st.tuples(NAMES, VALUES), max_size=4)
BODIES = st.lists(st.binary(max_size=200), max_size=5)


def cut(data: bytes, at: Sequence[int]) -> list[bytes]:
    places = sorted(place % (len(data) + 1) for place in at)
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


@given(SECTIONS, BODIES, SECTIONS, st.lists(st.integers(0, 1 << 20), max_size=6), st.integers(0, 5))
def test_a_response_comes_back_as_it_was(
    fields: Fields, parts: list[bytes], trailers: Fields, cuts: list[int], padding: int
) -> None:
    """In either framing, in any pieces."""
    body = b"".join(parts)
    known = encode_response(404, fields, body, trailers) + bytes(padding)
    assert decode(cut(known, cuts), response=True) == [
        ResponseHead(404, fields, len(body)),
        Content(body),
        End(trailers),
    ]
    head = encode_response_head(404, fields)
    unknown = head + b"".join(map(encode_content, parts)) + encode_end(trailers) + bytes(padding)
    assert decode(cut(unknown, cuts), response=True) == [ResponseHead(404, fields), Content(body), End(trailers)]


@given(SECTIONS, BODIES, st.lists(st.integers(0, 1 << 20), max_size=6))
def test_a_request_comes_back_as_it_was(fields: Fields, parts: list[bytes], cuts: list[int]) -> None:
    body = b"".join(parts)
    known = encode_request("POST", b"http", b"a.example", b"/x?y", fields, body)
    head = RequestHead("POST", b"http", b"a.example", b"/x?y", fields, len(body))
    assert decode(cut(known, cuts)) == [head, Content(body), End()]
    unknown = encode_request_head("POST", b"http", b"a.example", b"/x?y", fields)
    unknown += b"".join(map(encode_content, parts)) + encode_end()
    head = RequestHead("POST", b"http", b"a.example", b"/x?y", fields)
    assert decode(cut(unknown, cuts)) == [head, Content(body), End()]


@given(st.binary(max_size=300), st.booleans(), st.lists(st.integers(0, 1 << 20), max_size=4))
def test_any_bytes_are_a_message_or_none(data: bytes, response: bool, cuts: list[int]) -> None:
    """Whatever the pieces in which they come."""

    def outcome(pieces: list[bytes]) -> list[Event] | None:
        try:
            return decode(pieces, response=response)
        except InvalidBinaryMessage:
            return None

    assert outcome([data]) == outcome(cut(data, cuts))


def request(section: bytes = b"\0", rest: bytes = b"\0\0", control: bytes = b"\x03GET\x05https\x01a\x01/") -> bytes:
    return b"\0" + control + section + rest


def section(*lines: bytes) -> bytes:
    joined = b"".join(lines)
    return encode_varint(len(joined)) + joined


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"", "ends in the middle"),
        (b"\x01" + request()[1:], "begins with 0 or 2"),
        (b"\x04" + request()[1:], "begins with 0 or 2"),
        (request()[:9], "ends in the middle"),
        (request(control=b"\x00\x05https\x01a\x01/"), "the method of the request is none"),
        (request(control=b"\x05GE\r\nT\x05https\x01a\x01/"), "the method of the request is none"),
        (request(section(b"\x04Host\x01a")), "the name of a header is none, or has capitals"),
        (request(section(b"\x05:path\x01a")), "the name of a header is none, or has capitals"),
        (request(section(b"\x03a b\x01a")), "the name of a header is none, or has capitals"),
        (request(section(b"\0\x01a")), "the name of a header is none, or has capitals"),
        (request(section(b"\x01a\x03a\r\n")), "the value of a header has characters that no value has"),
        (request(section(b"\x01a\x01\0")), "the value of a header has characters that no value has"),
        (request(section(b"\x01a\x05abc")), "a header is longer than its section"),
        (request(section(b"\x05abc")), "a header is longer than its section"),
        (request(section(b"\x01a")), "a header is longer than its section"),
        (request(section(*[b"\x01a\x01b"] * 101)), "a message may have 100 headers"),
        (request(section(b"\x01a" + encode_varint(1 << 17) + bytes(1 << 17))), "a message's head may have 65536 bytes"),
        (request(encode_varint(1 << 40)), "a message's head may have 65536 bytes"),
        (request(rest=b"\x05abc"), "ends in the middle"),
        (request(rest=b"\0\x05abc"), "ends in the middle"),
        (request(rest=b"\0\0\0\0\x01"), "something follows the message that is no padding"),
        (b"\x02\x03GET\x05https\x01a\x01/\x01a\x01b", "ends in the middle"),
        (b"\x02\x03GET\x05https\x01a\x01/\0\x03ab", "ends in the middle"),
    ],
)  # fmt: skip
def test_what_is_no_request(message: bytes, why: str) -> None:
    with pytest.raises(InvalidBinaryMessage, match=why):
        decode([message])
    with pytest.raises(InvalidBinaryMessage):
        decode([message[at : at + 1] for at in range(len(message))])


@pytest.mark.parametrize("status", [0, 99, 600, 1000])
def test_what_is_no_status(status: int) -> None:
    with pytest.raises(InvalidBinaryMessage, match="the status of the response is none"):
        decode([b"\x01" + encode_varint(status) + b"\0\0\0"], response=True)


def test_a_head_is_not_collected_for_ever() -> None:
    """Many fields, trailers and informational responses count together."""
    decoder = MessageDecoder(response=True, max_head_bytes=1000, max_fields=100)
    assert decoder.feed(b"\x01" + b"\x40\x64\0" * 333) == []
    with pytest.raises(InvalidBinaryMessage, match="a message's head may have 1000 bytes"):
        decoder.feed(b"\x40\x64\0")


def test_parts_of_content_are_no_head() -> None:
    """However many there are; and they come out joined."""
    message = encode_request_head("POST", b"http", b"a", b"/", []) + encode_content(b"x") * 5000 + encode_end()
    decoder = MessageDecoder(max_head_bytes=100, max_fields=10)
    events = decoder.feed(message) + decoder.finish()
    assert sum(len(event.data) for event in events if isinstance(event, Content)) == 5000
    assert len(events) < 10
