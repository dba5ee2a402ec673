"""Messages of input channels: the byte strings of wapo-abi.md 2.9 and 4.5."""

import pytest

from wapo.abi.messages import HttpResponseHead, encode_http_request, encode_query_request
from wapo.scale.primitives import ScaleError


def test_a_query_is_the_documented_bytes() -> None:
    assert encode_query_request(None, "/echo", b"hi", 2).hex() == "00142f6563686f08686902000000"
    assert encode_query_request(bytes(32), "/echo", b"hi", 2)[:33] == b"\x01" + bytes(32)


def test_an_http_request_is_the_documented_bytes() -> None:
    encoded = encode_http_request("GET", "http://h/", [("a", "b")], 4, 5)
    assert encoded.hex() == "0c474554" + "24687474703a2f2f682f" + "0404610462" + "04000000" + "05000000"


def test_a_response_head_is_read() -> None:
    encoded = bytes.fromhex("c80004") + b"\x30content-type" + b"\x28text/plain"
    assert HttpResponseHead.decode(encoded) == HttpResponseHead(200, [("content-type", "text/plain")])


@pytest.mark.parametrize("data", [b"", b"\xc8", b"\xc8\0\x08\x04a", b"\xc8\0\x04\x04\xff\x04a"])
def test_a_bad_response_head_is_refused(data: bytes) -> None:
    with pytest.raises(ScaleError):
        HttpResponseHead.decode(data)
