"""Messages from JSON: what it costs to read one is in proportion to its length, whoever sends it."""

import time

import pytest

from wapo.gateway.rpc.json_form import UndecodableMessage, from_json


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", b""), ("0x", b""), ("0x0x0x6869", b"hi"), ("6869", b"hi"), ("0x6A6b", b"jk"), ("0x686", None), ("0xzz", None),
        ("68 69", None), ("0x\u0666\u0666", None), ("0X68", None), ("680x68", None),
    ],
)  # fmt: skip
def test_bytes(text: str, expected: bytes | None) -> None:
    encoded = f'{{"payload":"{text}"}}'.encode()
    if expected is None:
        with pytest.raises(UndecodableMessage, match=r"QueryArgs\.payload: expected an even number of hex digits"):
            from_json("QueryArgs", encoded)
    else:
        assert from_json("QueryArgs", encoded).payload == expected


@pytest.mark.parametrize("field", ["payload", "path"])
@pytest.mark.parametrize("unit", ["0x", "00"])
def test_a_long_text_takes_no_time_worth_speaking_of(field: str, unit: str) -> None:
    """As long as a request may be, from anybody. Prefixes alone once took minutes, which the node stood still for."""
    text = f'{{"{field}":"{unit * 5_000_000}"}}'.encode()
    started = time.thread_time()
    from_json("QueryArgs", text)
    assert time.thread_time() - started < 0.15


def test_half_a_surrogate_pair() -> None:
    with pytest.raises(UndecodableMessage, match=r"not a Unicode text|not JSON"):
        from_json("QueryArgs", b'{"path":"\\ud800"}')
